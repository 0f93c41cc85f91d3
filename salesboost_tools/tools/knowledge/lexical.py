"""Search by words: SQLite FTS5 with Porter stemming, stop words dropped from questions, heads weighted double."""

import json
import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing

from salesboost_tools.tools.knowledge.filters import KnowledgeFilters, matching_documents
from salesboost_tools.tools.knowledge.index import KnowledgeIndex
from salesboost_tools.tools.knowledge.search import Passage, best_passages
from salesboost_tools.tools.knowledge.tables import passage_count, read_passages
from salesboost_tools.tools.knowledge.words import Stemmer, match_expression, question_words

_K1 = 1.2
"""FTS5's own saturation constant: a word found often counts at most 1 + k1 times its weight."""

_MANY = 1000
"""With fewer passages it costs nothing to look for words that stand in most of them."""

Stem = tuple[str, ...]

_RANKING = """
SELECT words.rowid, passage.document_id, bm25(words, 2.0, 2.0, 2.0, 1.0) AS cost
FROM words JOIN passage ON passage.id = words.rowid
WHERE words MATCH :expression AND (:kb IS NULL OR passage.kb = :kb)
    AND (:documents IS NULL OR passage.document_id IN (SELECT value FROM json_each(:documents)))
ORDER BY cost, words.rowid
"""


class LexicalSearch:
    """Finds passages that hold the words of the question, rare words counting more (BM25, Robertson et al. 1994).

    A word in the title, the heading or the tags counts double.
    """

    kind = "lexical"
    score_meaning = (
        "the share of the highest word-match score (BM25) any passage could reach for this question: 0 means no word "
        "of it was found, about 0.45 every word once in a passage of average length"
    )

    def __init__(self, index: KnowledgeIndex) -> None:
        self._index = index
        self._stemmer = Stemmer()

    def search(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> list[Passage]:
        """Return the best passages, best first; see `Search.search`.

        Raises:
            sqlite3.Error: The index is gone, damaged or locked. No question can cause it.
        """
        words = question_words(query)
        stems = self._stemmer.stems(words)
        different = {stem: word for word, stem in zip(reversed(words), reversed(stems), strict=True) if stem}
        if not different:
            return []
        with self._index.reading() as connection:
            passages, holding = _spread(connection, {part for stem in different for part in stem})
            weights = [sum(inverse_frequency(passages, holding.get(part, 0)) for part in stem) for stem in different]
            wanted = different if passages < _MANY else _telling(different, passages, holding)
            allowed = matching_documents(connection, filters)
            documents = None if allowed is None else json.dumps(sorted(allowed))
            values = {"expression": match_expression(wanted.values()), "kb": kb, "documents": documents}
            highest = (1 + _K1) * sum(weights)
            with closing(connection.execute(_RANKING, values)) as ranked:
                scored = ((passage, document, min(1.0, -cost / highest)) for passage, document, cost in ranked)
                chosen = best_passages(scored, top_k=top_k, min_score=min_score)
            return read_passages(connection, chosen)

    def knowledge_bases(self) -> Mapping[str, int]:
        """Return the knowledge bases that hold anything, with their number of documents."""
        return self._index.knowledge_bases()

    def known_values(self, name: str) -> Sequence[str]:
        """Return values that documents can be filtered by under a name."""
        return self._index.known_values(name)

    def probe(self) -> Mapping[str, int]:
        """Read from every table a search needs; return how many documents and passages there are."""
        return self._index.probe()

    def close(self) -> None:
        """Close the index's file and the tokenizer; a later search opens them again."""
        self._stemmer.close()
        self._index.close()


def _telling(words: dict[Stem, str], passages: int, holding: Mapping[str, int]) -> dict[Stem, str]:
    """Leave out words that stand in most passages: to FTS5's score they add nothing, to its work the most."""
    telling = {stem: word for stem, word in words.items() if 0 < 2 * holding.get(stem[0], 0) <= passages}
    return telling or words


def _spread(connection: sqlite3.Connection, stems: Iterable[str]) -> tuple[int, dict[str, int]]:
    """Return how many passages there are, and how many of them hold each stem (a stem never seen is left out)."""
    wanted = list(stems)
    rows = connection.execute(
        f"SELECT term, passages FROM spread WHERE term IN ({','.join('?' * len(wanted))})",  # noqa: S608  (question marks)
        wanted,
    )
    return passage_count(connection), dict(rows)


def inverse_frequency(passages: int, holding: int) -> float:
    """Return log(1 + (N - n + 0.5) / (n + 0.5)) for a word in n of N passages.

    FTS5 leaves out the 1 and stops at 1e-6. The difference is small for telling words; for words that stand nearly
    everywhere it makes a score of FTS5 small beside this weight, as it should be: they tell nothing.
    """
    return math.log1p((passages - holding + 0.5) / (holding + 0.5))
