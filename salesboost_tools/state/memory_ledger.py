"""A ledger in this process: for several selectors in it, and the yardstick of shared ones."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping

from salesboost_tools.core.clock import Clock
from salesboost_tools.state.ledger import MOST_BATCHES, Amounts, Batch, News, Row, Told, added


class MemoryLedger:
    """A `Ledger` in a dict.

    Args:
        clock: Monotonic seconds, for `keep`.
        most_batches: How many are remembered.
    """

    def __init__(self, clock: Clock | None = None, *, most_batches: int = MOST_BATCHES) -> None:
        self._now = clock or time.monotonic
        self._epoch = secrets.token_hex(8)
        self._sums: dict[Row, Amounts] = {}
        self._batches: deque[tuple[Told, frozenset[Row]]] = deque(maxlen=most_batches)
        self._place = 0
        self._seen: dict[str, int] = {}
        self._kept: dict[str, tuple[str, float]] = {}
        self._restored = True
        self._lock = threading.Lock()

    def exchange(self, batch: Batch | None, *, epoch: str | None, place: int | None) -> News:
        """Add a batch, and return what has happened since a place."""
        with self._lock:
            accepted = True
            if batch is not None and epoch in {None, self._epoch}:
                accepted = self._add(batch)
            missed = None if place is None or epoch != self._epoch else self._place - place
            complete = missed is not None and 0 <= missed <= len(self._batches)
            since = list(self._batches)[len(self._batches) - missed :] if missed is not None and complete else []
            rows = {row for _, touched in since for row in touched} if complete else self._sums.keys()
            sums = {row: self._sums[row] for row in rows}
            return News(self._epoch, self._place, [told for told, _ in since], complete, sums, accepted)

    def restore(self, sums: Mapping[Row, Amounts], *, epoch: str) -> bool:
        """Add sums that were known before everything was lost, once."""
        with self._lock:
            if epoch != self._epoch or self._restored:
                return False
            self._restored = True
            for row, amounts in sums.items():
                self._sums[row] = added(self._sums.get(row), amounts)
            return True

    def keep(self, name: str, text: str, *, at_most_every_s: float) -> bool:
        """Keep a text for new workers."""
        with self._lock:
            now_s = self._now()
            before = self._kept.get(name)
            if before is not None and now_s < before[1] + at_most_every_s:
                return False
            self._kept[name] = text, now_s
            return True

    def kept(self, name: str) -> str | None:
        """Return the text kept under a name."""
        found = self._kept.get(name)
        return found and found[0]

    def lose_everything(self) -> None:
        """Forget all, as a server does that is started anew."""
        with self._lock:
            self._epoch = secrets.token_hex(8)
            self._sums, self._seen, self._kept, self._place, self._restored = {}, {}, {}, 0, False
            self._batches.clear()

    def _add(self, batch: Batch) -> bool:
        seen = self._seen.get(batch.worker, 0)
        if batch.number <= seen:
            return True
        if batch.number != seen + 1:
            return False
        self._seen[batch.worker] = batch.number
        self._place += 1
        self._batches.append((Told(batch.worker, batch.number, batch.told), frozenset(batch.amounts)))
        for row, amounts in batch.amounts.items():
            self._sums[row] = added(self._sums.get(row), amounts)
        return True
