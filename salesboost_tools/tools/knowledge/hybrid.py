"""Search by words and by meaning at once: two rankings made one."""

from collections import Counter
from collections.abc import Mapping, Sequence

from salesboost_tools.tools.knowledge.filters import KnowledgeFilters
from salesboost_tools.tools.knowledge.search import MOST_PER_DOCUMENT, Passage, Search

RANK_OFFSET = 60
"""Of the paper: how little it matters whether a passage is first or second in one ranking."""

DEPTH = 50
"""Passages asked of each search: what stands below in both changes the first 20 hardly ever."""


class HybridSearch:
    """Fuses the rankings of several searches by reciprocal rank fusion.

    A passage at rank r of a ranking earns 1 / (60 + r) there; the sums make the order (Cormack, Clarke and Büttcher,
    "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009). Ranks say nothing
    of how good an answer is, so what is shown and held against `min_score` is the best score a search itself gave.

    Args:
        searches: Over the same documents; asked one after another. A passage is the same to all if its document,
            section and text are.
    """

    kind = "hybrid"

    def __init__(self, searches: Sequence[Search]) -> None:
        self._searches = tuple(searches)
        each = "; ".join(f"{search.kind}: {search.score_meaning}" for search in self._searches)
        self.score_meaning = f"the best of those that single searches give ({each})"

    def search(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> list[Passage]:
        """Return the best passages, best first by rank; see `Search.search`.

        Raises:
            sqlite3.Error: An index is gone, damaged or locked. No question can cause it.
        """
        rankings = [search.search(query, max(top_k, DEPTH), kb, 0.0, filters) for search in self._searches]
        shown: list[Passage] = []
        of_document: Counter[str] = Counter()
        for passage in fused(rankings):
            if passage.score >= min_score and of_document[passage.document] < MOST_PER_DOCUMENT:
                of_document[passage.document] += 1
                shown.append(passage)
        return shown[:top_k]

    def knowledge_bases(self) -> Mapping[str, int | None]:
        """Return the knowledge bases that hold anything, with their number of documents."""
        return self._searches[0].knowledge_bases()

    def known_values(self, name: str) -> Sequence[str]:
        """Return values that documents can be filtered by under a name."""
        return self._searches[0].known_values(name)

    def probe(self) -> Mapping[str, int]:
        """Probe every search; return their sizes."""
        return {name: size for search in self._searches for name, size in search.probe().items()}

    def close(self) -> None:
        """Close every search; a later one opens them again."""
        for search in self._searches:
            search.close()


def fused(rankings: Sequence[Sequence[Passage]]) -> list[Passage]:
    """Return the passages of several rankings, each once with its best score, by the sum of 1 / (60 + rank).

    What is equal in that keeps the order of the first ranking that has it.
    """
    earned: dict[tuple[str, str, str], float] = {}
    best: dict[tuple[str, str, str], Passage] = {}
    for ranking in rankings:
        for rank, passage in enumerate(ranking, 1):
            key = (passage.document, passage.section, passage.text)
            earned[key] = earned.get(key, 0.0) + 1 / (RANK_OFFSET + rank)
            if key not in best or passage.score > best[key].score:
                best[key] = passage
    return [best[key] for key in sorted(best, key=lambda key: -earned[key])]
