"""The files of a folder of documents: which there are, and what is in them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from salesboost_tools.core.errors import ConfigurationError

SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".pdf")
"""Kinds of files that are read; others are passed by."""

MOST_BYTES = 50_000_000
"""A larger file is refused: it is hardly a document, and would take the memory of everything else."""


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """A file before its text is read: enough to tell whether it has changed."""

    path: str
    raw: bytes

    @property
    def content_hash(self) -> str:
        """SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that stands in a folder and was not opened yet.

    Attributes:
        path: Where, relative to the folder, with slashes.
        entry: The file itself.
    """

    path: str
    entry: Traversable

    def read(self) -> ArticleFile:
        """Return what is in it.

        Raises:
            ConfigurationError: It cannot be opened, or is larger than MOST_BYTES.
        """
        try:
            if isinstance(self.entry, Path) and (size := self.entry.stat().st_size) > MOST_BYTES:
                raise ConfigurationError(f"{self.path}: has {size:,} bytes, more than {MOST_BYTES:,}; split it")
            return ArticleFile(self.path, self.entry.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{self.path}: cannot be opened ({error.strerror or error})") from error


def found_files(folder: Traversable) -> Iterator[FoundFile]:
    """Yield the documents under `folder`, in the order of their names.

    Hidden files and folders are passed by, and so is what is linked from elsewhere: a linked folder could lead in a
    circle, a linked file out of the folder.

    Raises:
        ConfigurationError: There is no such folder. (Taking it for an empty one would delete what was ingested.)
    """
    if not folder.is_dir():
        raise ConfigurationError(f"no folder with articles at {folder}; give a folder of {', '.join(SUFFIXES)} files")
    yield from _found(folder, PurePosixPath())


def article_files(folder: Traversable) -> Iterator[ArticleFile]:
    """Yield the same files with what is in them."""
    return (found.read() for found in found_files(folder))


def _found(folder: Traversable, under: PurePosixPath) -> Iterator[FoundFile]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.startswith(".") or (isinstance(entry, Path) and entry.is_symlink()):
            continue
        if entry.is_dir():
            yield from _found(entry, under / entry.name)
        elif entry.name.lower().endswith(SUFFIXES):
            yield FoundFile(str(under / entry.name), entry)
