"""What a search is, and what it finds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from salesboost_tools.tools.knowledge.filters import KnowledgeFilters

MOST_PER_DOCUMENT = 3
"""A long document may not fill a whole answer by itself."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A section of an article that answers a question, with all that is needed to cite it.

    Attributes:
        text: The section, at most 2,000 characters.
        title: The title of its document.
        section: Its heading; empty for text before the first one.
        document: The id of its document.
        kb: The knowledge base of its document.
        version: The version of its document.
        updated: The day its document was last changed, ISO 8601; None if it does not say.
        score: In [0, 1], comparable between the passages of one kind of search; the search says what it means.
    """

    text: str
    title: str
    section: str
    document: str
    kb: str
    version: str
    updated: str | None
    score: float

    def as_dict(self) -> dict[str, Any]:
        """Return the passage as plain JSON values, the score to four decimals."""
        return asdict(self) | {"score": round(self.score, 4)}


class Search(Protocol):
    """Finds passages. Safe to use from several threads at once."""

    @property
    def kind(self) -> str:
        """A word for how it finds them, which becomes part of the tool's name: lexical, semantic, hybrid."""
        ...

    @property
    def score_meaning(self) -> str:
        """A sentence on what a score says."""
        ...

    def search(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> list[Passage]:
        """Return the best passages, best first.

        Args:
            query: Any text.
            top_k: How many at most.
            kb: Only this knowledge base; None for all.
            min_score: Leave out what scores less, in [0, 1].
            filters: Only documents of which this is true; None for all.
        """
        ...

    def knowledge_bases(self) -> Mapping[str, int | None]:
        """Return the knowledge bases that hold anything, with their number of documents; None if nobody knows."""
        ...

    def known_values(self, name: str) -> Sequence[str]:
        """Return values that documents can be filtered by under a name, at most 20; none if it is not known."""
        ...

    def probe(self) -> Mapping[str, int]:
        """Touch what a search needs and return its sizes; raise whatever a search would raise."""
        ...

    def close(self) -> None:
        """Give back files and memory."""
        ...


def best_passages(ranked: Iterable[tuple[int, int, float]], *, top_k: int, min_score: float) -> list[tuple[int, float]]:
    """Choose from a ranking what is shown.

    Args:
        ranked: `(passage, document, score)`, best first.
        top_k: How many at most.
        min_score: The ranking is left where scores fall below it.

    Returns:
        `(passage, score)`, best first, at most MOST_PER_DOCUMENT of a document.
    """
    chosen: list[tuple[int, float]] = []
    seen: dict[int, int] = {}
    for passage, document, score in ranked:
        if score < min_score or len(chosen) == top_k:
            break
        seen[document] = seen.get(document, 0) + 1
        if seen[document] <= MOST_PER_DOCUMENT:
            chosen.append((passage, score))
    return chosen
