"""What an article is, and how one is made of a file."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from salesboost_tools.tools.knowledge.documents import Document, read_document
from salesboost_tools.tools.knowledge.files import ArticleFile
from salesboost_tools.tools.knowledge.markdown import Block, blocks, validate

KB_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""What a knowledge base may be called: nothing that could be taken for a path, a word of SQL, or markup."""

DEFAULT_KB = "documents"
"""The knowledge base of files that stand at the top of their folder and do not say."""

KbName = Annotated[str, Field(max_length=64, pattern=KB_PATTERN)]

PASSAGE_CHARS = 2000
"""A section longer than this is cut into several passages, so that one answer never floods a prompt."""

JOIN_CHARS = 600
"""Neighbouring sections are joined as long as they stay below this together: about a hundred words. A passage of two
sentences would be found by its document's title alone, before the section that says something."""

_MOST_ID_CHARS = 100
_TITLE = re.compile(r"^# +(.+?) *#* *$", re.MULTILINE)
_SEAMS = ((re.compile(r"\n\s*\n"), "\n\n"), (re.compile(r"(?<=[.!?])\s+"), " "), (re.compile(r"\s+"), " "))
"""Where a text may be cut, and what stood there: between paragraphs, sentences, words."""


def _as_texts(value: Any) -> Any:
    """Take `a, b` for a list, as many heads write it."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]


class ArticleHead(BaseModel):
    """What is known of an article: from its YAML head, from its file, or guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        min_length=1, max_length=_MOST_ID_CHARS, description="What the article is cited by, for example KB-0001."
    )
    title: str = Field(min_length=1, max_length=300)
    kb: KbName
    product_lines: Texts = ()
    version: str = Field(min_length=1, max_length=100)
    updated: date | None = None
    tags: Texts = ()
    metadata: dict[str, tuple[str, ...]] = {}


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

    @property
    def labels(self) -> frozenset[tuple[str, str]]:
        """What it can be filtered by: names with values."""
        head = self.head
        own = {(name, value) for name, values in head.metadata.items() for value in values}
        return frozenset(
            {("product_line", line) for line in head.product_lines} | {("tag", tag) for tag in head.tags} | own
        )


def parse_article(file: ArticleFile, kb: str | None = None) -> Article:
    """Return the article in a file.

    What a file does not say of itself is guessed: it is cited by its path, titled by its first `#` heading or its name,
    in the knowledge base that its topmost folder is called after, and its version is the beginning of its hash. Fields
    of a head that mean nothing here are kept as metadata, to filter by.

    Args:
        file: Markdown, text, HTML or PDF.
        kb: The knowledge base it belongs to, whatever it says.

    Raises:
        ConfigurationError: Names the file and the field that is wrong.
    """
    document = read_document(file)
    head = validate(ArticleHead, _head(file, document, kb), file.path)
    pieces = [
        Block(block.heading, piece)
        for block in blocks(document.body)
        for piece in bounded_pieces(block.text, PASSAGE_CHARS)
    ]
    return Article(file.path, file.content_hash, head, tuple(_joined(pieces)) or (Block("", head.title),))


def _head(file: ArticleFile, document: Document, kb: str | None) -> dict[str, Any]:
    place = PurePosixPath(file.path)
    said = {name: value for name, value in document.head.items() if name in ArticleHead.model_fields}
    said.pop("metadata", None)
    title = _TITLE.search(document.body)
    guessed: dict[str, Any] = {
        "id": (f"{kb}/{place}" if kb else str(place))[-_MOST_ID_CHARS:],
        "title": (title[1] if title else place.stem.replace("-", " ").replace("_", " "))[:300],
        "kb": _as_kb(place.parts[0]) if len(place.parts) > 1 else DEFAULT_KB,
        "version": f"sha256:{file.content_hash[:8]}",
    }
    chosen = {**guessed, **said, **({"kb": kb} if kb else {})}
    return {**chosen, "metadata": dict(_metadata(document.head))}


def _metadata(head: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the fields that are texts or lists of texts and mean nothing here."""
    for name, value in head.items():
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        texts = tuple(text for text in values if isinstance(text, str) and text)
        if name not in ArticleHead.model_fields and texts:
            yield name[:100], texts


def _as_kb(folder: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", folder.lower()).strip("-_")[:64] or DEFAULT_KB


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
