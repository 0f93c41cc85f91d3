"""How things are compared: in turn, in short blocks, and by the median of the blocks' ratios."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Block = Callable[[int], object]
"""Does something a number of times."""


@dataclass(frozen=True)
class Figure:
    """A measured ratio beside its target."""

    name: str
    peer: str
    peer_us: float
    ours_us: float
    ratio: float
    target: float | None
    kind: str = "CPU"

    @property
    def met(self) -> bool:
        """True if there is no target or the ratio is within it."""
        return self.target is None or self.ratio <= self.target


def compare(
    name: str,
    peer_name: str,
    peer: Block,
    ours: Block,
    *,
    times: int,
    target: float | None,
    blocks: int = 9,
    per: int = 1,
    wall: bool = False,
) -> Figure:
    """Measure both in turn; `per` is how many calls one time holds.

    The ratio is the median over the blocks, so that a burst of foreign load does not decide. Each block pays for the
    collection of its own garbage, and not for what the one before it has left.
    """
    clock = time.perf_counter if wall else time.process_time
    peer(max(1, times // 10))
    ours(max(1, times // 10))
    peer_s, ours_s = [], []
    for _ in range(blocks):
        for block, spent in ((peer, peer_s), (ours, ours_s)):
            gc.collect()
            started = clock()
            block(times)
            spent.append((clock() - started) / times / per)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours_s, peer_s, strict=True))
    return Figure(
        name,
        peer_name,
        statistics.median(peer_s) * 1e6,
        statistics.median(ours_s) * 1e6,
        ratio,
        target,
        "wall" if wall else "CPU",
    )
