"""The tables of a knowledge index, and what is read from them and written to them."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import Article
from salesboost_tools.tools.knowledge.search import Passage
from salesboost_tools.tools.knowledge.words import TOKENIZER

FORMAT = "1"
"""Raised when tables or tokenizer change; a file of another format is built anew."""

TABLES = f"""
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE document (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, content_hash TEXT NOT NULL, name TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL, kb TEXT NOT NULL, version TEXT NOT NULL, updated TEXT
);
CREATE TABLE passage (id INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES document (id), kb TEXT NOT NULL);
CREATE INDEX passage_of_document ON passage (document_id);
CREATE VIRTUAL TABLE words USING fts5(title, section, tags, body, tokenize='{TOKENIZER}');
CREATE VIRTUAL TABLE word_counts USING fts5vocab(words, 'row');
CREATE VIRTUAL TABLE word_places USING fts5vocab(words, 'instance');
CREATE TABLE spread (term TEXT PRIMARY KEY, passages INTEGER NOT NULL) WITHOUT ROWID;
"""

_PASSAGE = """
SELECT words.body, document.title, words.section, document.name, document.kb, document.version, document.updated
FROM words JOIN passage ON passage.id = words.rowid JOIN document ON document.id = passage.document_id
WHERE words.rowid = ?
"""


def read_fact(connection: sqlite3.Connection, name: str) -> str:
    """Return what is noted about the whole index; empty if nothing is.

    Args:
        connection: To the index.
        name: `format`, `content_hash` (of the texts), `layout_hash` (of the texts and the numbers of their passages),
            `source` or `passages` (how many).
    """
    row = connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def passage_count(connection: sqlite3.Connection) -> int:
    """Return how many passages there are."""
    return int(read_fact(connection, "passages"))


def read_passages(connection: sqlite3.Connection, chosen: Sequence[tuple[int, float]]) -> list[Passage]:
    """Return the passages with these ids and scores, in the same order."""
    return [Passage(*connection.execute(_PASSAGE, (passage,)).fetchone(), score=score) for passage, score in chosen]


def content_hash_of(hashes: Mapping[str, str]) -> str:
    """Return one hash for a set of documents, given the hash of each by path."""
    lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _layout_hash(connection: sqlite3.Connection) -> str:
    rows = connection.execute(
        "SELECT passage.id, document.path, document.content_hash FROM passage "
        "JOIN document ON document.id = passage.document_id ORDER BY passage.id"
    )
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\0".join(map(str, row)).encode() + b"\n")
    return digest.hexdigest()


def delete(connection: sqlite3.Connection, path: str) -> None:
    """Forget the document that came from a file."""
    [(document,)] = connection.execute("SELECT id FROM document WHERE path = ?", (path,))
    connection.execute("DELETE FROM words WHERE rowid IN (SELECT id FROM passage WHERE document_id = ?)", (document,))
    connection.execute("DELETE FROM passage WHERE document_id = ?", (document,))
    connection.execute("DELETE FROM document WHERE id = ?", (document,))


def put(connection: sqlite3.Connection, articles: Iterable[Article], source: str) -> None:
    """Insert articles and note what the index now holds.

    Raises:
        ConfigurationError: An article has the id of another one.
    """
    for article in articles:
        _insert(connection, article)
    hashes: dict[str, str] = dict(connection.execute("SELECT path, content_hash FROM document"))
    [(passages,)] = connection.execute("SELECT count(*) FROM passage")
    facts = {
        "content_hash": content_hash_of(hashes),
        "layout_hash": _layout_hash(connection),
        "source": source,
        "passages": str(passages),
    }
    connection.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", facts.items())
    connection.execute("DELETE FROM spread")
    connection.execute("INSERT INTO spread SELECT term, doc FROM word_counts")


def _insert(connection: sqlite3.Connection, article: Article) -> None:
    head = article.head
    try:
        cursor = connection.execute(
            "INSERT INTO document (path, content_hash, name, title, kb, version, updated) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                article.path,
                article.content_hash,
                head.id,
                head.title,
                head.kb,
                head.version,
                head.updated.isoformat() if head.updated else None,
            ),
        )
    except sqlite3.IntegrityError as error:
        raise ConfigurationError(f"{article.path}: id: another article is already called {head.id!r}") from error
    for block in article.passages:
        passage = connection.execute(
            "INSERT INTO passage (document_id, kb) VALUES (?, ?)", (cursor.lastrowid, head.kb)
        ).lastrowid
        connection.execute(
            "INSERT INTO words (rowid, title, section, tags, body) VALUES (?, ?, ?, ?, ?)",
            (passage, head.title, block.heading, " ".join(head.tags), block.text),
        )
