"""The tables of a knowledge index, and what is read from them and written to them."""

import hashlib
import sqlite3
from collections.abc import Sequence

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.knowledge.article import Article
from salesboost_tools.tools.knowledge.search import Passage
from salesboost_tools.tools.knowledge.words import TOKENIZER

FORMAT = "2"
"""Raised when tables or tokenizer change; a file of another format is built anew."""

TABLES = f"""
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE document (
    id INTEGER PRIMARY KEY, collection TEXT NOT NULL, path TEXT NOT NULL, content_hash TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, kb TEXT NOT NULL, version TEXT NOT NULL, updated TEXT,
    UNIQUE (collection, path)
);
CREATE TABLE label (
    name TEXT NOT NULL COLLATE NOCASE, value TEXT NOT NULL COLLATE NOCASE,
    document_id INTEGER NOT NULL REFERENCES document (id), PRIMARY KEY (name, value, document_id)
) WITHOUT ROWID;
CREATE INDEX label_of_document ON label (document_id);
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
            or `passages` (how many).
    """
    row = connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def passage_count(connection: sqlite3.Connection) -> int:
    """Return how many passages there are."""
    return int(read_fact(connection, "passages"))


def read_passages(connection: sqlite3.Connection, chosen: Sequence[tuple[int, float]]) -> list[Passage]:
    """Return the passages with these ids and scores, in the same order."""
    return [Passage(*connection.execute(_PASSAGE, (passage,)).fetchone(), score=score) for passage, score in chosen]


def hashes_of(connection: sqlite3.Connection, collection: str) -> dict[str, str]:
    """Return the hash of each document of a collection by its path."""
    return dict(connection.execute("SELECT path, content_hash FROM document WHERE collection = ?", (collection,)))


def _content_hash(connection: sqlite3.Connection) -> str:
    rows = sorted(connection.execute("SELECT path, content_hash FROM document"))
    return hashlib.sha256("".join(f"{path}\0{digest}\n" for path, digest in rows).encode()).hexdigest()


def _layout_hash(connection: sqlite3.Connection) -> str:
    rows = connection.execute(
        "SELECT passage.id, document.collection, document.path, document.content_hash FROM passage "
        "JOIN document ON document.id = passage.document_id ORDER BY passage.id"
    )
    digest = hashlib.sha256()
    for row in rows:
        digest.update("\0".join(map(str, row)).encode() + b"\n")
    return digest.hexdigest()


def delete(connection: sqlite3.Connection, collection: str, path: str) -> None:
    """Forget the document that came from a file."""
    [(document,)] = connection.execute(
        "SELECT id FROM document WHERE collection = ? AND path = ?", (collection, path)
    ).fetchall()
    connection.execute("DELETE FROM words WHERE rowid IN (SELECT id FROM passage WHERE document_id = ?)", (document,))
    connection.execute("DELETE FROM passage WHERE document_id = ?", (document,))
    connection.execute("DELETE FROM label WHERE document_id = ?", (document,))
    connection.execute("DELETE FROM document WHERE id = ?", (document,))


def insert(connection: sqlite3.Connection, collection: str, article: Article) -> None:
    """Put in an article whose path is new to its collection.

    Raises:
        ConfigurationError: It has the id of another one; nothing was put in.
    """
    head = article.head
    taken = connection.execute("SELECT path FROM document WHERE name = ?", (head.id,)).fetchone()
    if taken is not None:
        raise ConfigurationError(f"{article.path}: id: another article is already called {head.id!r}: {taken[0]}")
    updated = head.updated.isoformat() if head.updated else None
    document = connection.execute(
        "INSERT INTO document (collection, path, content_hash, name, title, kb, version, updated) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (collection, article.path, article.content_hash, head.id, head.title, head.kb, head.version, updated),
    ).lastrowid
    connection.executemany(
        "INSERT OR IGNORE INTO label VALUES (?, ?, ?)", [(name, value, document) for name, value in article.labels]
    )
    for block in article.passages:
        passage = connection.execute("INSERT INTO passage (document_id, kb) VALUES (?, ?)", (document, head.kb))
        connection.execute(
            "INSERT INTO words (rowid, title, section, tags, body) VALUES (?, ?, ?, ?, ?)",
            (passage.lastrowid, head.title, block.heading, " ".join(head.tags), block.text),
        )


def note_what_is_held(connection: sqlite3.Connection) -> None:
    """Write down what follows from the documents: hashes, numbers, how words are spread."""
    [(passages,)] = connection.execute("SELECT count(*) FROM passage")
    facts = {
        "content_hash": _content_hash(connection),
        "layout_hash": _layout_hash(connection),
        "passages": str(passages),
    }
    connection.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", facts.items())
    connection.execute("DELETE FROM spread")
    connection.execute("INSERT INTO spread SELECT term, doc FROM word_counts")
