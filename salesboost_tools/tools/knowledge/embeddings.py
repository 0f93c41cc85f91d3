"""Search by meaning with any LangChain `Embeddings`: every passage is embedded once and its vector kept."""

import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from langchain_core.embeddings import Embeddings

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.tools.knowledge.filters import KnowledgeFilters, matching_documents
from salesboost_tools.tools.knowledge.index import KnowledgeIndex
from salesboost_tools.tools.knowledge.nearness import Places, nearest_first
from salesboost_tools.tools.knowledge.search import Passage, best_passages
from salesboost_tools.tools.knowledge.tables import read_fact, read_passages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from salesboost_tools.tools.knowledge.vectors import KeptVectors, Vectors

_AT_ONCE = 64
"""Texts handed to the model in one call."""

_TEXTS = """
SELECT passage.id, words.title, words.section, words.body
FROM passage JOIN words ON words.rowid = passage.id ORDER BY passage.id
"""

_logger = logging.getLogger(__name__)


class _Space(NamedTuple):
    layout_hash: str
    passages: "NDArray[np.int64]"
    vectors: "Vectors"
    places: Places


class EmbeddingSearch:
    """Finds passages whose vectors lie near the question's.

    A passage is embedded with its title and heading, once: vectors are kept beside the index under a hash of the text,
    so that after an ingestion only new texts go to the model. While texts are embedded nothing of the index is locked.

    Args:
        index: The documents.
        embeddings: Any LangChain `Embeddings`.
        model: What tells this model's vectors from another's; by default its class and its `model`, if it names one.
    """

    kind = "semantic"
    score_meaning = (
        "how near the passage is in meaning to the question (a cosine of embeddings): 1 means the same; what is usual "
        "for an unrelated passage depends on the model"
    )

    def __init__(self, index: KnowledgeIndex, embeddings: Embeddings, *, model: str | None = None) -> None:
        self._index = index
        self._embeddings = embeddings
        name = re.sub(r"[^A-Za-z0-9-]+", "-", model or _name_of(embeddings))[:80]
        self._path = index.path.with_name(f"{index.path.stem}.{name}.vectors")
        self._space: _Space | None = None
        self._embedding = threading.Lock()

    def search(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> list[Passage]:
        """Return the nearest passages, nearest first; see `Search.search`. What scores 0 or less is left out.

        Raises:
            sqlite3.Error: The index is gone, damaged or locked.
            Exception: Whatever the model raises.
        """
        if not query.strip():
            return []
        question = self._embeddings.embed_query(query)
        while True:
            space = self.prepare()
            with self._index.reading() as connection:
                if read_fact(connection, "layout_hash") != space.layout_hash:
                    continue  # an ingestion came in between
                near = nearest_first(
                    space.vectors.cosines(question),
                    space.passages,
                    space.places,
                    at_least=max(min_score, 1e-6),
                    kb=kb,
                    documents=matching_documents(connection, filters),
                )
                return read_passages(connection, best_passages(near, top_k=top_k, min_score=min_score))

    def prepare(self, progress: Callable[[int, int], None] | None = None) -> _Space:
        """Embed now what has not been embedded yet, so that no question waits for it.

        Args:
            progress: Called with how many texts are done, and how many there are to do.
        """
        with self._index.reading() as connection:
            layout_hash = read_fact(connection, "layout_hash")
        space = self._space
        if space is None or space.layout_hash != layout_hash:
            with self._embedding:
                space = self._space
                if space is None or space.layout_hash != layout_hash:
                    space = self._space = self._embedded(progress)
        return space

    def knowledge_bases(self) -> Mapping[str, int]:
        """Return the knowledge bases that hold anything, with their number of documents."""
        return self._index.knowledge_bases()

    def known_values(self, name: str) -> Sequence[str]:
        """Return values that documents can be filtered by under a name."""
        return self._index.known_values(name)

    def probe(self) -> Mapping[str, int]:
        """Read the index and make sure of the vectors; return the sizes of both."""
        return {**self._index.probe(), "dimensions": self.prepare().vectors.dimensions}

    def close(self) -> None:
        """Close the index's file and forget the vectors; a later search opens them again."""
        self._space = None
        self._index.close()

    def _embedded(self, progress: Callable[[int, int], None] | None) -> _Space:
        from salesboost_tools.tools.knowledge.vectors import KeptVectors, ids_of, text_hash  # noqa: PLC0415  (numpy)

        with self._index.reading() as connection:
            layout_hash, places = read_fact(connection, "layout_hash"), Places.read(connection)
            rows: list[tuple[int, str, str, str]] = connection.execute(_TEXTS).fetchall()
        texts = ["\n".join(filter(None, row[1:])) for row in rows]
        hashes = [text_hash(text) for text in texts]
        kept = KeptVectors.load(self._path)
        new = {digest: text for digest, text in zip(hashes, texts, strict=True) if digest not in kept}
        waiting = list(new.items())
        try:
            for first in range(0, len(waiting), _AT_ONCE):
                if progress is not None:
                    progress(first, len(waiting))
                some = waiting[first : first + _AT_ONCE]
                vectors = self._embeddings.embed_documents([text for _, text in some])
                if len(vectors) != len(some) or not kept.fit(vectors):
                    lengths = sorted({*map(len, vectors)})
                    raise UpstreamError(
                        f"{_name_of(self._embeddings)} gave {len(vectors)} vectors of {lengths} numbers for "
                        f"{len(some)} texts, where those in {self._path} have {kept.dimensions}; if the model has "
                        "changed, delete that file",
                        retryable=False,
                    )
                kept.add([digest for digest, _ in some], vectors)
            if progress is not None:
                progress(len(waiting), len(waiting))
        finally:  # what was embedded was paid for, also if the model failed in between
            if new:
                self._keep(kept)
        return _Space(layout_hash, ids_of(row[0] for row in rows), kept.of(hashes), places)

    def _keep(self, kept: "KeptVectors") -> None:
        try:
            kept.save(self._path)
        except OSError:
            _logger.warning("cannot keep vectors at %s; they are made again next time", self._path, exc_info=True)


def _name_of(embeddings: Embeddings) -> str:
    model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", None)
    return f"{type(embeddings).__name__}-{model}" if isinstance(model, str) else type(embeddings).__name__
