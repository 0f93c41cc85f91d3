"""From the scores of all passages to the nearest ones."""

import sqlite3
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Places(NamedTuple):
    """Whose passages they are: in the order of the passages' ids."""

    documents: list[int]
    kbs: list[str]

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> "Places":
        """Read them from an index."""
        rows = connection.execute("SELECT document_id, kb FROM passage ORDER BY id").fetchall()
        return cls([document for document, _ in rows], [kb for _, kb in rows])


def nearest_first(
    scores: "NDArray[np.float32]",
    passages: "NDArray[Any]",
    places: Places,
    *,
    at_least: float,
    kb: str | None,
    documents: Collection[int] | None,
) -> Iterator[tuple[int, int, float]]:
    """Yield `(passage, document, score)`, best first.

    Args:
        scores: Of the passages, shape (n,).
        passages: Their ids, shape (n,).
        places: Whose they are.
        at_least: What scores less is left out.
        kb: Only this knowledge base; None for all.
        documents: Only these documents; None for all.
    """
    [near] = (scores >= at_least).nonzero()
    order: list[int] = near[(-scores[near]).argsort(kind="stable")].tolist()
    for place in order:
        document = places.documents[place]
        if (kb is None or places.kbs[place] == kb) and (documents is None or document in documents):
            yield int(passages[place]), document, min(1.0, float(scores[place]))
