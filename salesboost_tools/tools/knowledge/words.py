"""From a question to the words to look for, and to a search expression that no question can break."""

import re
import sqlite3
import threading
import unicodedata
import weakref
from collections.abc import Iterable, Sequence

TOKENIZER = "porter unicode61 remove_diacritics 2"
"""How SQLite cuts texts and questions into words: case and accents dropped, endings removed (Porter 1980)."""

MOST_WORDS = 64
"""A question is cut here. SQLite refuses expressions with more than 256 parts, and no honest question is as long."""

_STOP_WORDS = """
    a about above after again against all almost also although always am among an and another any anybody anyone
    anything are aren as at be became because become been before being below between both but by came can cannot come
    could couldn d did didn do does doesn doing don done down during each either else enough ever every everybody
    everyone everything few for from further gave get gets getting give given gives go goes going gone got had hadn
    has hasn have haven having he hence her here hers herself him himself his how however i if in indeed instead into
    is isn it its itself just least less let like ll made make makes many may maybe me might mine more most mostly
    much must mustn my myself near need neither never no nobody none nor not nothing now of off often on once one only
    onto or other others otherwise our ours ourselves out over own per perhaps please put quite rather re really s
    same say says see seem seems shall she should shouldn since so some somebody someone something still such t take
    taken takes tell than that the their theirs them themselves then there therefore these they thing things this
    those though through thus to together too took toward towards under until up upon us use used uses using ve very
    via want wants was wasn we went were weren what whatever when whenever where whether which while who whoever whole
    whom whose why will with within without won would wouldn yes yet you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that carry no subject. They are dropped from questions only, never from the index."""

_WORD = re.compile(r"[^\W_]+")
_KNOWN_STEMS = 20_000


def question_words(question: str) -> list[str]:
    """Return the words of a question that say what it is about, each once, in order, at most MOST_WORDS.

    A question made of stop words only keeps them: "who are we" may be a title.
    """
    words = list(dict.fromkeys(_WORD.findall(unicodedata.normalize("NFKC", question).lower())))
    telling = [word for word in words if word not in STOP_WORDS]
    return (telling or words)[:MOST_WORDS]


def match_expression(words: Iterable[str]) -> str:
    """Return an FTS5 expression that matches passages with any of the words.

    Words consist of letters and digits (`question_words`), so that nothing in them can end the quotation; quoted,
    words such as AND and NEAR are words.
    """
    return " OR ".join(f'"{word}"' for word in words)


class Stemmer:
    """SQLite's own tokenizer for single words, so that a question is cut exactly as the texts were. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, ...]] = {}
        self._sqlite: sqlite3.Connection | None = None

    def stems(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the stems of each word: mostly one; none for a word that the tokenizer takes for punctuation."""
        known = self._known
        if any(word not in known for word in words):
            with self._lock:
                if len(known) > _KNOWN_STEMS:
                    known = self._known = {}
                known.update(self._cut(words))
        return [known[word] for word in words]

    def close(self) -> None:
        """Close the tokenizer's own database; it is opened again when needed."""
        with self._lock:
            if self._sqlite is not None:
                self._sqlite.close()
                self._sqlite = None

    def _cut(self, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        if self._sqlite is None:
            self._sqlite = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
            weakref.finalize(self, self._sqlite.close).atexit = False
            self._sqlite.execute(f"CREATE VIRTUAL TABLE word USING fts5(text, tokenize='{TOKENIZER}')")
            self._sqlite.execute("CREATE VIRTUAL TABLE stem USING fts5vocab(word, 'instance')")
        self._sqlite.execute("DELETE FROM word")
        self._sqlite.executemany("INSERT INTO word(rowid, text) VALUES (?, ?)", enumerate(words))
        found: dict[int, list[str]] = {}
        for position, stem in self._sqlite.execute("SELECT doc, term FROM stem ORDER BY doc, offset"):
            found.setdefault(position, []).append(stem)
        return {word: tuple(found.get(position, ())) for position, word in enumerate(words)}
