"""When to ask a second variant beside the first: after the time that 95 of 100 answers took."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from langgraph.errors import GraphBubbleUp

from salesboost_tools.handlers.outcome import is_error_answer

KEPT: Final = 200
"""Answers of a variant whose time is remembered."""

NEEDED: Final = 20
"""Answers needed before anything is said of their 95th percentile."""


class Latencies:
    """How long a variant's last answers took, in seconds; of one that was overtaken, how long it had taken by then.

    Without those the slowest would be missing each time, and the 95th percentile fall towards the fastest answer.
    """

    __slots__ = ("_last_s",)

    def __init__(self) -> None:
        self._last_s: deque[float] = deque(maxlen=KEPT)

    def add(self, latency_s: float) -> None:
        """Remember an answer's time."""
        self._last_s.append(latency_s)

    def p95_s(self) -> float | None:
        """Return the 95th percentile (nearest rank) in seconds; None if too few are known."""
        if len(self._last_s) < NEEDED:
            return None
        return sorted(self._last_s)[-(-95 * len(self._last_s) // 100) - 1]


async def first_answer(
    first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any] | None], after_s: float
) -> tuple[bool, Any]:
    """Start `first`, and `second` if there is no answer after a time. The first answer wins, the loser is cancelled.

    A failure is no answer as long as the other one may still bring one. Nobody keeps running.

    Args:
        first: Starts the first.
        second: Starts the second; returns None if there is none to be had.
        after_s: Seconds to wait before that.

    Returns:
        Whether the second one won, and its result.

    Raises:
        BaseException: What the first one raised, if neither brought an answer.
    """
    racers = [asyncio.ensure_future(first())]
    try:
        done, _ = await asyncio.wait(racers, timeout=after_s)
        if not done and (started := second()) is not None:
            racers.append(asyncio.ensure_future(started))
            waiting: set[asyncio.Future[Any]] = set(racers)
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for racer in racers:
                    if racer in done and _ends_the_race(racer):
                        return racer is racers[-1], racer.result()
        return False, await racers[0]
    finally:
        for racer in racers:
            racer.cancel()
        await asyncio.gather(*racers, return_exceptions=True)


def _ends_the_race(racer: asyncio.Future[Any]) -> bool:
    if racer.cancelled():
        return False
    error = racer.exception()
    return isinstance(error, GraphBubbleUp) if error is not None else not is_error_answer(racer.result())
