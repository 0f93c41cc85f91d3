"""Search by meaning: passages that are about the same as the question, even if they use other words."""

import logging
import sqlite3
import threading
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from salesboost_tools.tools.knowledge.filters import KnowledgeFilters, matching_documents
from salesboost_tools.tools.knowledge.index import KnowledgeIndex
from salesboost_tools.tools.knowledge.nearness import Places, nearest_first
from salesboost_tools.tools.knowledge.search import Passage, best_passages
from salesboost_tools.tools.knowledge.tables import read_fact, read_passages
from salesboost_tools.tools.knowledge.words import Stemmer, question_words

if TYPE_CHECKING:
    from salesboost_tools.tools.knowledge.latent import LatentSemanticIndex

_logger = logging.getLogger(__name__)

_BY_CHANCE = 0.07
"""1 / sqrt(200), the usual cosine of two directions drawn at random from 200."""

_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


class _Space(NamedTuple):
    layout_hash: str
    latent: "LatentSemanticIndex"
    places: Places


class SemanticSearch:
    """Finds passages near the question in a latent semantic space of at most 200 directions.

    The space is learnt from the index on the first search and kept beside it, in a file named after the state of the
    texts; when they change, it is learnt again. (`prepare` does it beforehand.) If the folder cannot be written, the
    space lives in memory.

    Args:
        index: The articles.
    """

    kind = "semantic"
    score_meaning = (
        "how near the passage is in meaning to the whole question (a cosine, unknown words counting against it): 0 "
        "means unrelated, 0.2 to 0.5 is usual for a passage that answers it"
    )

    def __init__(self, index: KnowledgeIndex) -> None:
        self._index = index
        self._stemmer = Stemmer()
        self._space: _Space | None = None
        self._learning = threading.Lock()

    def search(
        self,
        query: str,
        top_k: int = 5,
        kb: str | None = None,
        min_score: float = 0.0,
        filters: KnowledgeFilters | None = None,
    ) -> list[Passage]:
        """Return the nearest passages, nearest first; see `Search.search`.

        What scores below 0.07 is left out: so near are unrelated texts by chance.

        Raises:
            sqlite3.Error: The index is gone, damaged or locked. No question can cause it.
        """
        stems = [stem for stems in self._stemmer.stems(question_words(query)) for stem in stems]
        with self._index.reading() as connection:
            space = self._current(connection)
            if not stems or not space.places.documents:
                return []
            near = nearest_first(
                space.latent.scores(stems),
                space.latent.passages,
                space.places,
                at_least=max(min_score, _BY_CHANCE),
                kb=kb,
                documents=matching_documents(connection, filters),
            )
            return read_passages(connection, best_passages(near, top_k=top_k, min_score=min_score))

    def prepare(self) -> None:
        """Learn or load the space now, so that the first question does not wait for it (0.5 s for 1,400 passages)."""
        with self._index.reading() as connection:
            self._current(connection)

    def knowledge_bases(self) -> Mapping[str, int]:
        """Return the knowledge bases that hold anything, with their number of documents."""
        return self._index.knowledge_bases()

    def known_values(self, name: str) -> Sequence[str]:
        """Return values that documents can be filtered by under a name."""
        return self._index.known_values(name)

    def probe(self) -> Mapping[str, int]:
        """Read the index and make sure of the space; return the sizes of both."""
        with self._index.reading() as connection:
            directions = self._current(connection).latent.directions.shape[1]
        return {**self._index.probe(), "directions": directions}

    def close(self) -> None:
        """Close the index's file and the tokenizer and forget the space; a later search opens them again."""
        self._space = None
        self._stemmer.close()
        self._index.close()

    def _current(self, connection: sqlite3.Connection) -> _Space:
        layout_hash = read_fact(connection, "layout_hash")
        space = self._space
        if space is None or space.layout_hash != layout_hash:
            with self._learning:
                space = self._space
                if space is None or space.layout_hash != layout_hash:
                    space = self._space = self._load_or_learn(connection, layout_hash)
        return space

    def _load_or_learn(self, connection: sqlite3.Connection, layout_hash: str) -> _Space:
        from salesboost_tools.tools.knowledge.latent import LatentSemanticIndex, count_terms  # noqa: PLC0415  (numpy)

        path = self._index.path.with_name(f"{self._index.path.stem}.{layout_hash[:16]}.npz")
        try:
            latent = LatentSemanticIndex.load(path)
        except _UNREADABLE:
            latent = LatentSemanticIndex.fit(count_terms(connection, self._stemmer))
            self._keep(latent, path)
        return _Space(layout_hash, latent, Places.read(connection))

    def _keep(self, latent: "LatentSemanticIndex", path: Path) -> None:
        try:
            latent.save(path)
            for older in path.parent.glob(f"{self._index.path.stem}.*.npz"):
                if older != path:
                    older.unlink(missing_ok=True)
        except OSError:
            _logger.warning("cannot keep the semantic space at %s; it is learnt again next time", path, exc_info=True)
