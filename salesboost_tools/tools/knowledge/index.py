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
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import Article, ArticleFile, article_files, parse_article
from salesboost_tools.tools.knowledge.connections import BUSY_S, ReadOnlyPool
from salesboost_tools.tools.knowledge.tables import FORMAT, TABLES, delete, passage_count, put, read_fact


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What an ingestion did, in documents."""

    added: int
    updated: int
    deleted: int
    unchanged: int

    @property
    def changed(self) -> bool:
        """True if the index is no longer what it was."""
        return bool(self.added or self.updated or self.deleted)


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
    def create(cls, path: Path, articles: Iterable[Article] = (), *, source: str = "") -> "KnowledgeIndex":
        """Build an index beside `path` and put it there in one step, so that no half-built file is ever seen.

        Args:
            path: Where; a file that is there is replaced.
            articles: What goes in.
            source: Where they come from, for `source`.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(descriptor)
        try:
            with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                connection.executescript(TABLES)
                connection.execute("BEGIN")
                connection.execute("INSERT INTO fact VALUES ('format', ?)", (FORMAT,))
                put(connection, articles, source)
                connection.execute("COMMIT")
            # The journal of a writer that died over the old file would be played back into the new one.
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return cls(path)

    def ingest(self, folder: Traversable, *, source: str | None = None) -> IngestCounts:
        """Make the index equal to a folder: add new files, renew changed ones, delete what is gone.

        Only files whose bytes have changed are read. All or nothing: a file that cannot be read leaves the index as
        it was.

        Args:
            folder: Markdown and text files, sub-folders included.
            source: What to remember as `source`; the folder's own path if None.

        Raises:
            ConfigurationError: The folder is missing, or files are wrong; the message names each file and field.
            sqlite3.OperationalError: Another writer held the file for longer than BUSY_S seconds.
        """
        files = {file.path: file for file in article_files(folder)}
        with self._writing() as connection:
            known: dict[str, str] = dict(connection.execute("SELECT path, content_hash FROM document"))
            gone = known.keys() - files.keys()
            renewed = {
                path for path, known_hash in known.items() if path in files and files[path].content_hash != known_hash
            }
            added = files.keys() - known.keys()
            counts = IngestCounts(len(added), len(renewed), len(gone), len(known) - len(renewed) - len(gone))
            source = str(folder) if source is None else source
            if not counts.changed and source == read_fact(connection, "source"):
                return counts
            articles = _parse_all(files[path] for path in sorted(added | renewed))
            for path in gone | renewed:
                delete(connection, path)
            put(connection, articles, source)
        return counts

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """Lend a read-only connection in which everything read is of one moment."""
        with self._pool.reading() as connection:
            yield connection

    @property
    def content_hash(self) -> str:
        """SHA-256 over all documents' paths and hashes: equal exactly if the texts are."""
        return self._fact("content_hash")

    @property
    def source(self) -> str:
        """Where the articles came from."""
        return self._fact("source")

    def knowledge_bases(self) -> dict[str, int]:
        """Return the knowledge bases that hold anything, with their number of documents, by name."""
        with self.reading() as connection:
            return dict(connection.execute("SELECT kb, count(*) FROM document GROUP BY kb ORDER BY kb"))

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

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection, None, None]:
        with closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def _parse_all(files: Iterable[ArticleFile]) -> list[Article]:
    articles, wrong = list[Article](), list[str]()
    for file in files:
        try:
            articles.append(parse_article(file))
        except ConfigurationError as error:
            wrong.append(str(error))
    if wrong:
        more = f"\n… and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        raise ConfigurationError("articles cannot be read:\n" + "\n".join(wrong[:10]) + more)
    return articles
