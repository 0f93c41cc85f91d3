"""Make an index equal to a folder: read what is new or changed, forget what is gone, pass by what cannot be read."""

import sqlite3
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Protocol

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import Article, parse_article
from salesboost_tools.tools.knowledge.files import found_files
from salesboost_tools.tools.knowledge.tables import delete, hashes_of, insert, note_what_is_held

Progress = Callable[[int, int, str], None]
"""Called with how many files are done, how many there are, and the path of the next one."""


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file that was passed by.

    Attributes:
        path: Relative to its folder.
        problem: What is wrong with it, and where it can be said what to do.
    """

    path: str
    problem: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingestion did, in documents."""

    added: int
    updated: int
    deleted: int
    unchanged: int
    broken: tuple[BrokenFile, ...] = ()
    """Files passed by. What was read of one earlier stays, unless its id is now another document's."""

    @property
    def changed(self) -> bool:
        """True if the index is no longer what it was."""
        return bool(self.added or self.updated or self.deleted)


class Store(Protocol):
    """An index as ingestion needs it."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a connection to read from."""
        ...

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a connection for one transaction."""
        ...


def silent(done: int, total: int, path: str) -> None:
    """Say nothing of progress."""


def ingest(
    store: Store,
    folder: Traversable,
    *,
    collection: str | None = None,
    kb: str | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """Make a collection of the index equal to a folder: add new files, renew changed ones, delete what is gone.

    Only files whose bytes have changed are parsed, one at a time and before anything is written; the writing is one
    transaction. Other collections are left alone.

    Args:
        store: Where to.
        folder: Documents, sub-folders included.
        collection: What to call what comes from this folder; by default `kb`, else the folder's own path.
        kb: The knowledge base all of it belongs to, whatever the files say.
        progress: Told of each file.

    Raises:
        ConfigurationError: The folder is missing.
        sqlite3.OperationalError: Another writer held the file for longer than 5 seconds.
    """
    name = collection or kb or (str(folder.resolve()) if isinstance(folder, Path) else str(folder))
    files = list(found_files(folder))
    with store.reading() as connection:
        known = hashes_of(connection, name)
    articles, broken = list[Article](), list[BrokenFile]()
    for done, found in enumerate(files):
        progress(done, len(files), found.path)
        try:
            file = found.read()
            if known.get(found.path) != file.content_hash:
                articles.append(parse_article(file, kb))
        except ConfigurationError as error:
            broken.append(_broken(found.path, error))
    progress(len(files), len(files), "")
    with store.writing() as connection:
        return _write(connection, name, {found.path for found in files}, articles, broken)


def _write(
    connection: sqlite3.Connection,
    collection: str,
    present: Collection[str],
    articles: Iterable[Article],
    broken: list[BrokenFile],
) -> IngestReport:
    known = hashes_of(connection, collection)  # again: another ingestion may have come first
    articles = [article for article in articles if known.get(article.path) != article.content_hash]
    gone = known.keys() - present
    renewed = {article.path for article in articles} & known.keys()
    for path in gone | renewed:
        delete(connection, collection, path)
    refused = set[str]()
    for article in articles:
        try:
            insert(connection, collection, article)
        except ConfigurationError as error:
            refused.add(article.path)
            broken.append(_broken(article.path, error))
    if gone or articles:
        note_what_is_held(connection)
    added = {article.path for article in articles} - known.keys() - refused
    updated, untouched = renewed - refused, known.keys() - gone - renewed - {file.path for file in broken}
    deleted = len(gone) + len(renewed & refused)
    return IngestReport(len(added), len(updated), deleted, len(untouched), tuple(sorted(broken, key=_path_of)))


def _broken(path: str, error: ConfigurationError) -> BrokenFile:
    return BrokenFile(path, str(error).removeprefix(f"{path}: "))


def _path_of(file: BrokenFile) -> str:
    return file.path
