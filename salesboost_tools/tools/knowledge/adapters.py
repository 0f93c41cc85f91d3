"""Any LangChain retriever or vector store as a search: the same passages, the same citations."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from salesboost_tools.tools.knowledge.article import PASSAGE_CHARS, bounded_pieces
from salesboost_tools.tools.knowledge.filters import KnowledgeFilters
from salesboost_tools.tools.knowledge.search import MOST_PER_DOCUMENT, Passage

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.vectorstores import VectorStore

WHEN_FILTERED = 100
"""Documents asked for if a filter will leave some out. Filters look among these: stores differ in how they filter."""

_SINGULAR = {"product_lines": "product_line", "tags": "tag"}


class DocumentSearch:
    """A search that LangChain documents come from.

    Citations come from a document's metadata (`title`, `section`, `document` or `source`, `version`, `updated`, `kb`);
    what it lacks is said by its text's hash.

    Args:
        kind: A word for it, which becomes part of the tool's name.
        kb: The knowledge base of documents that name none.
    """

    def __init__(self, kind: str, kb: str) -> None:
        self.kind = kind
        self._kb = kb

    def search(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> list[Passage]:
        """Return documents as passages, in the order in which they were found; see `Search.search`.

        Raises:
            Exception: Whatever the retriever or store raises.
        """
        wanted = _Wanted(kb, min_score, filters)
        return _shown(self.found(query, top_k, wanted), self._kb, top_k, wanted)

    def found(self, query: str, top_k: int, wanted: "_Wanted") -> Iterable[tuple["Document", float]]:
        """Return documents with their scores, more than `top_k` if some may have to be left out."""
        raise NotImplementedError

    def knowledge_bases(self) -> Mapping[str, int | None]:
        """Return the one that is known; how many documents it has nobody says."""
        return {self._kb: None}

    def known_values(self, name: str) -> Sequence[str]:  # noqa: ARG002  (part of Search)
        """Return nothing: nobody tells what it holds."""
        return ()

    def close(self) -> None:
        """Nothing is held open here."""


class RetrieverSearch(DocumentSearch):
    """A LangChain retriever as a search. It decides by itself how many documents it finds.

    Args:
        retriever: Any `BaseRetriever`.
        kind: A word for it, which becomes part of the tool's name.
        kb: The knowledge base of documents that name none.
    """

    score_meaning = "the retriever's own if it gives one in [0, 1], else 1 divided by the passage's place"

    def __init__(self, retriever: "BaseRetriever", kind: str = "retriever", *, kb: str = "documents") -> None:
        super().__init__(kind, kb)
        self._retriever = retriever

    def found(self, query: str, top_k: int, wanted: "_Wanted") -> Iterable[tuple["Document", float]]:  # noqa: ARG002
        """Return what the retriever finds, in its order."""
        for place, document in enumerate(self._retriever.invoke(query), 1):
            yield document, _own_score(document, 1 / place)

    def probe(self) -> Mapping[str, int]:
        """Ask it something."""
        return {"documents_found": len(self._retriever.invoke("probe"))}


class VectorStoreSearch(DocumentSearch):
    """A LangChain vector store as a search, nearest documents first.

    Args:
        store: Any `VectorStore`.
        kind: A word for it, which becomes part of the tool's name.
        kb: The knowledge base of documents that name none.
    """

    score_meaning = "the vector store's measure of nearness, brought to [0, 1]: 1 means the same"

    def __init__(self, store: "VectorStore", kind: str = "vectors", *, kb: str = "documents") -> None:
        super().__init__(kind, kb)
        self._store = store

    def found(self, query: str, top_k: int, wanted: "_Wanted") -> Iterable[tuple["Document", float]]:
        """Return the nearest documents."""
        many = WHEN_FILTERED if wanted.filters_anything else max(2, top_k * MOST_PER_DOCUMENT)
        try:
            return self._store.similarity_search_with_relevance_scores(query, k=many)
        except NotImplementedError:  # it does not know what its scores are worth
            scored = self._store.similarity_search_with_score(query, k=many)
        distances = any(before < after for before, after in pairwise(score for _, score in scored))
        return [(document, 1 / (1 + max(0.0, score)) if distances else score) for document, score in scored]

    def probe(self) -> Mapping[str, int]:
        """Ask it something."""
        return {"documents_found": len(self._store.similarity_search("probe", k=1))}


class _Wanted(NamedTuple):
    """What has to be true of a passage that is shown."""

    kb: str | None
    min_score: float
    filters: KnowledgeFilters | None

    @property
    def filters_anything(self) -> bool:
        return self.kb is not None or (self.filters is not None and bool(self.filters.given()))

    def is_met_by(self, document: "Document", passage: Passage) -> bool:
        return (
            passage.score >= self.min_score
            and self.kb in {None, passage.kb}
            and (self.filters is None or _meets(document, passage, self.filters))
        )


def _shown(scored: Iterable[tuple["Document", float]], usual_kb: str, top_k: int, wanted: _Wanted) -> list[Passage]:
    shown: list[Passage] = []
    of_document: Counter[str] = Counter()
    for document, score in scored:
        passage = passage_of(document, min(1.0, max(0.0, float(score))), usual_kb)
        if not wanted.is_met_by(document, passage) or of_document[passage.document] == MOST_PER_DOCUMENT:
            continue
        of_document[passage.document] += 1
        shown.append(passage)
        if len(shown) == top_k:
            break
    return shown


def passage_of(document: "Document", score: float, kb: str) -> Passage:
    """Return a LangChain document as a passage to cite.

    Args:
        document: Its metadata name what is cited.
        score: In [0, 1].
        kb: Its knowledge base if it names none.
    """
    told = cast("Mapping[str, Any]", document.metadata)
    digest = f"sha256:{hashlib.sha256(document.page_content.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    name = _first(told, "document", "document_id", "source") or document.id or digest
    page = _first(told, "page_label", "page")
    return Passage(
        text=next(iter(bounded_pieces(document.page_content, PASSAGE_CHARS)), ""),
        title=_first(told, "title") or name,
        section=_first(told, "section", "heading") or (f"Page {page}" if page else ""),
        document=name,
        kb=_first(told, "kb") or kb,
        version=_first(told, "version") or digest,
        updated=(_first(told, "updated", "last_modified", "date") or "")[:10] or None,
        score=score,
    )


def _first(told: Mapping[str, Any], *names: str) -> str:
    return next((str(told[name]) for name in names if told.get(name) not in (None, "")), "")


def _own_score(document: "Document", otherwise: float) -> float:
    told = cast("Mapping[str, Any]", document.metadata)
    own = next((told[name] for name in ("score", "relevance_score") if name in told), None)
    return float(own) if isinstance(own, int | float) and 0 <= own <= 1 else otherwise


def _meets(document: "Document", passage: Passage, filters: KnowledgeFilters) -> bool:
    labels = {
        (_SINGULAR.get(name, name).casefold(), str(each).casefold())
        for name, value in cast("Mapping[str, Any]", document.metadata).items()
        for each in (cast("Sequence[Any]", value) if isinstance(value, list | tuple) else [value])
    }
    since = filters.updated_since
    return (
        (filters.document is None or passage.document.casefold() == filters.document.casefold())
        and (since is None or (passage.updated or "") >= since.isoformat())
        and all((name.casefold(), value.casefold()) in labels for name, value in filters.labels())
    )
