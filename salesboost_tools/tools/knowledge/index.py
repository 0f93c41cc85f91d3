"""The knowledge index: articles in one SQLite file, searchable by FTS5.

The unit that is found is the passage: a section of an article, at most 2,000 characters, short neighbours joined up to
600. Every passage is indexed with its document's title and tags and its own heading beside its text, because a section
such as "Limits" says nothing about what is limited. Measured, that finds documents better than indexing whole ones
(nDCG@10 .90 against .86 on the shipped questions), and the answer is short enough to quote. A document without
headings, up to that length, is one passage.
"""

import os
import sqlite3
import tempfile
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager, suppress
from importlib.resources.abc import Traversable
from pathlib import Path

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import Article
from salesboost_tools.tools.knowledge.connections import BUSY_S, ReadOnlyPool
from salesboost_tools.tools.knowledge.filters import known_values
from salesboost_tools.tools.knowledge.ingestion import IngestReport, Progress, ingest, silent
from salesboost_tools.tools.knowledge.tables import (
    FORMAT,
    TABLES,
    delete,
    hashes_of,
    insert,
    note_what_is_held,
    passage_count,
    read_fact,
)


class KnowledgeIndex:
    """Articles in one SQLite file. Safe to use from several threads and processes at once.

    Reading goes through read-only connections. Writing is one transaction: others see the old state or the new one,
    and a failure leaves the old one.

    Args:
        path: The file. `create` makes one; `open_knowledge` finds or makes one.

    Raises:
        ConfigurationError: There is no such file, or it is not an index of this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pool = ReadOnlyPool(path)
        try:
            found = self._fact("format")
        except sqlite3.Error as error:
            self.close()
            raise ConfigurationError(
                f"{path} is not a knowledge index ({error}); delete it, it will be built"
            ) from error
        if found != FORMAT:
            self.close()
            raise ConfigurationError(f"{path} has format {found}, not {FORMAT}; delete it, it will be built anew")

    @classmethod
    def create(
        cls, path: Path, articles: Iterable[Article] = (), *, collection: str = "", replace: bool = True
    ) -> "KnowledgeIndex":
        """Build an index beside `path` and put it there in one step, so that no half-built file is ever seen.

        Args:
            path: Where.
            articles: What goes in.
            collection: What to call them together, for `ingest`.
            replace: Whether a file that is there is replaced; else it stays, and is returned.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        try:
            with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                connection.executescript(TABLES)
                connection.execute("BEGIN")
                connection.execute("INSERT INTO fact VALUES ('format', ?)", (FORMAT,))
                for article in articles:
                    insert(connection, collection, article)
                note_what_is_held(connection)
                connection.execute("COMMIT")
            if replace:
                # The journal of a writer that died over the old file would be played back into the new one.
                path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
                Path(temporary).replace(path)
            else:
                with suppress(FileExistsError):
                    path.hardlink_to(temporary)
        finally:
            Path(temporary).unlink(missing_ok=True)
        return cls(path)

    def ingest(
        self, folder: Traversable, *, collection: str | None = None, kb: str | None = None, progress: Progress = silent
    ) -> IngestReport:
        """Make a collection equal to a folder; see `ingestion.ingest`."""
        return ingest(self, folder, collection=collection, kb=kb, progress=progress)

    def forget(self, collection: str) -> int:
        """Delete a collection and return how many documents it had."""
        with self.writing() as connection:
            paths = hashes_of(connection, collection)
            for path in paths:
                delete(connection, collection, path)
            if paths:
                note_what_is_held(connection)
        return len(paths)

    def collections(self) -> dict[str, int]:
        """Return what was ingested, with the number of documents, by name."""
        with self.reading() as connection:
            return dict(connection.execute("SELECT collection, count(*) FROM document GROUP BY 1 ORDER BY 1"))

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """Lend a read-only connection in which everything read is of one moment."""
        with self._pool.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """Lend a connection for one transaction: all or nothing of it is seen by others.

        Raises:
            sqlite3.OperationalError: Another writer held the file for longer than BUSY_S seconds.
        """
        with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @property
    def content_hash(self) -> str:
        """SHA-256 over all documents' paths and hashes: equal exactly if the texts are."""
        return self._fact("content_hash")

    def knowledge_bases(self) -> dict[str, int]:
        """Return the knowledge bases that hold anything, with their number of documents, by name."""
        with self.reading() as connection:
            return dict(connection.execute("SELECT kb, count(*) FROM document GROUP BY kb ORDER BY kb"))

    def known_values(self, name: str) -> list[str]:
        """Return values that documents can be filtered by under a name, the commonest first, at most 20."""
        with self.reading() as connection:
            return known_values(connection, name)

    def probe(self) -> dict[str, int]:
        """Read from every table a search needs and return how many documents and passages there are.

        Raises:
            sqlite3.Error: The file is gone or damaged.
        """
        with self.reading() as connection:
            [(documents,)] = connection.execute("SELECT count(*) FROM document")
            passages = passage_count(connection)
            connection.execute("SELECT rowid FROM words WHERE words MATCH '\"probe\"' LIMIT 1").fetchall()
        return {"documents": documents, "passages": passages}

    def close(self) -> None:
        """Close the file; reading opens it again."""
        self._pool.close()

    def _fact(self, name: str) -> str:
        with self.reading() as connection:
            return read_fact(connection, name)
