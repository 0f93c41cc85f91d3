"""What an article is, and how one is read from a file."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.markdown import Block, blocks, decode, split_head, validate

KnowledgeBase = Literal["product", "objections", "security", "pricing", "process", "case_studies"]
"""The knowledge bases an article may belong to."""

KNOWLEDGE_BASES: tuple[str, ...] = get_args(KnowledgeBase)

PASSAGE_CHARS = 2000
"""A section longer than this is cut into several passages, so that one answer never floods a prompt."""

JOIN_CHARS = 600
"""Neighbouring sections are joined as long as they stay below this together: about a hundred words. A passage of two
sentences would be found by its document's title alone, before the section that says something."""

_SUFFIXES = (".md", ".markdown", ".txt")
_TITLE = re.compile(r"^# +(.+?) *#* *$", re.MULTILINE)
_SEAMS = ((re.compile(r"\n\s*\n"), "\n\n"), (re.compile(r"(?<=[.!?])\s+"), " "), (re.compile(r"\s+"), " "))
"""Where a text may be cut, and what stood there: between paragraphs, sentences, words."""


class ArticleHead(BaseModel):
    """The YAML head of an article."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1, max_length=100, description="What the article is cited by, for example KB-0001.")
    title: str = Field(min_length=1, max_length=300)
    kb: KnowledgeBase
    product_lines: tuple[str, ...] = ()
    version: str = "1"
    updated: date | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Article:
    """One document: its head, and its text as passages.

    Attributes:
        path: Where it came from, relative to its folder, with slashes.
        content_hash: SHA-256 of the file, in hex.
        head: Title, knowledge base, version, …
        passages: Sections in reading order, short neighbours joined, none longer than PASSAGE_CHARS.
    """

    path: str
    content_hash: str
    head: ArticleHead
    passages: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """A file before it is read: enough to tell whether it has changed."""

    path: str
    raw: bytes

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.raw).hexdigest()


def article_files(folder: Traversable) -> Iterator[ArticleFile]:
    """Yield the Markdown and text files under `folder`, in the order of their names.

    Hidden files and folders are passed by, and so are linked folders, which could lead in a circle.

    Raises:
        ConfigurationError: There is no such folder. (Taking it for an empty one would delete what was ingested.)
    """
    if not folder.is_dir():
        raise ConfigurationError(f"no folder with articles at {folder}; give a folder of {', '.join(_SUFFIXES)} files")
    yield from _files(folder, PurePosixPath())


def _files(folder: Traversable, under: PurePosixPath) -> Iterator[ArticleFile]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not (isinstance(entry, Path) and entry.is_symlink()):
                yield from _files(entry, under / entry.name)
        elif entry.name.lower().endswith(_SUFFIXES):
            yield ArticleFile(str(under / entry.name), entry.read_bytes())


def parse_article(file: ArticleFile) -> Article:
    """Return the article in a file.

    A file without a YAML head is taken as it is: cited by its path, titled by its first `#` heading or its name, and
    in the knowledge base that its folder is called after.

    Raises:
        ConfigurationError: Names the file and the field that is wrong.
    """
    values, body = split_head(decode(file.raw), file.path)
    head = validate(ArticleHead, _guessed_head(file.path, body) if values is None else values, file.path)
    pieces = [
        Block(block.heading, piece) for block in blocks(body) for piece in bounded_pieces(block.text, PASSAGE_CHARS)
    ]
    return Article(file.path, file.content_hash, head, tuple(_joined(pieces)) or (Block("", head.title),))


def _guessed_head(path: str, body: str) -> dict[str, Any]:
    place = PurePosixPath(path)
    if place.parent.name not in KNOWLEDGE_BASES:
        raise ConfigurationError(
            f"{path}: kb: the file has no YAML head, so it must stand in a folder named after its knowledge base: "
            f"{', '.join(KNOWLEDGE_BASES)}"
        )
    title = _TITLE.search(body)
    name = title[1] if title else place.stem.replace("-", " ").replace("_", " ")
    return {"id": path[-100:], "title": name[:300], "kb": place.parent.name}


def _joined(pieces: Iterable[Block]) -> list[Block]:
    """Join short neighbours: the headings become "One / Two", the second one also stands in the text."""
    joined: list[Block] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and len(last.text) + len(piece.text) <= JOIN_CHARS:
            heading = f"{last.heading} / {piece.heading}" if last.heading else piece.heading
            joined[-1] = Block(heading, f"{last.text}\n\n## {piece.heading}\n\n{piece.text}")
        else:
            joined.append(piece)
    return joined


def bounded_pieces(text: str, limit: int) -> list[str]:
    """Cut a text into pieces of at most `limit` characters: between paragraphs, else sentences, else words."""
    return [piece for piece in _cut(text.strip(), limit, _SEAMS) if piece]


def _cut(text: str, limit: int, seams: tuple[tuple[re.Pattern[str], str], ...]) -> list[str]:
    if len(text) <= limit:
        return [text]
    if not seams:
        return [text[start : start + limit] for start in range(0, len(text), limit)]
    (seam, glue), *finer = seams
    pieces: list[str] = []
    for unit in seam.split(text):
        if pieces and len(pieces[-1]) + len(glue) + len(unit) <= limit:
            pieces[-1] += glue + unit
        else:
            pieces.append(unit)
    return [small for piece in pieces for small in _cut(piece, limit, tuple(finer))]
