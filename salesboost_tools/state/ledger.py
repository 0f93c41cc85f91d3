"""Sums that many workers add to, and who added what, in order: what workers need to learn from each other.

A worker keeps what it has to add until it has enough for a batch, sends the batch, and is told what others have added
since it last asked. One exchange does both, atomically; sent again after a reply that never came, it changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

Row = str
"""Names what is added up: any text without line breaks."""
Amounts = tuple[float, ...]

MOST_BATCHES: Final = 1000
"""Batches a ledger remembers; who has been away for longer is told the sums alone."""

KEEP_S: Final = 30 * 86_400.0
"""Seconds for which a ledger nobody adds to is kept, and for which a worker's last batch is known."""


class Batch(NamedTuple):
    """What one worker adds at once."""

    worker: str
    """Whose; never used by two."""
    number: int
    """1, 2, 3, ...: a batch is added once, however often it is sent."""
    amounts: Mapping[Row, Amounts]
    """What is added to each row; all of one length."""
    told: str
    """Anything the other workers are to be told."""


class Told(NamedTuple):
    """What a batch told."""

    worker: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class News:
    """What has happened since a place."""

    epoch: str
    """Another one than before: the ledger has lost everything, and starts anew."""
    place: int
    """How many batches there have been: where to go on from."""
    told: Sequence[Told]
    """The batches since then, in order, one's own included; empty if they are not all known any more."""
    complete: bool
    """Whether `told` is all there was. If not, `sums` holds every row."""
    sums: Mapping[Row, Amounts]
    """The rows that have changed since, as they stand now."""
    accepted: bool
    """False: the batch may or may not have been added long ago, and was not added now. Never send it again."""


class Ledger(Protocol):
    """Sums shared by workers. Raises `StateUnavailableError` where it does not answer, and nothing else."""

    def exchange(self, batch: Batch | None, *, epoch: str | None, place: int | None) -> News:
        """Add a batch, and return what has happened since a place.

        Args:
            batch: What to add; None for nothing.
            epoch: That of the last news; None if there were none. If the ledger's is another, nothing is added.
            place: That of the last news; None to be told the sums alone.
        """
        ...

    def restore(self, sums: Mapping[Row, Amounts], *, epoch: str) -> bool:
        """Add sums that were known before everything was lost; once per epoch, whoever comes first.

        Returns:
            False if another worker was quicker, or everything was lost again.
        """
        ...

    def keep(self, name: str, text: str, *, at_most_every_s: float) -> bool:
        """Keep a text for new workers; False if somebody has done so within that time."""
        ...

    def kept(self, name: str) -> str | None:
        """Return the text kept under a name."""
        ...


def added(left: Amounts | None, right: Amounts) -> Amounts:
    """Return the sum of two rows."""
    return right if left is None else tuple([one + other for one, other in zip(left, right, strict=True)])
