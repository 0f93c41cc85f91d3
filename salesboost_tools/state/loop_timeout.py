"""A time limit that does not blame a server for an event loop that was busy elsewhere."""

import asyncio
from types import TracebackType

_LATE_S = 0.01
_GRACE_S = 0.05
_GRACE_AT_MOST_S = 1.0


class LoopTimeout:
    """Raises TimeoutError inside the `async with` block when the limit is over.

    `asyncio.timeout` also fires when the answer has long arrived and the loop, blocked by somebody's slow code, has not
    come round to reading it. Here a timer that the loop runs late is set again, to read what is there; for a second at
    most, and not at all if the loop is on time.

    Args:
        limit_s: Seconds.
    """

    __slots__ = ("_end_s", "_limit", "_limit_s", "_loop", "_timer")

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    async def __aenter__(self) -> None:
        self._limit = asyncio.timeout(None)
        await self._limit.__aenter__()
        self._loop = asyncio.get_running_loop()
        self._end_s = self._loop.time() + self._limit_s
        self._timer = self._loop.call_at(self._end_s, self._expire, self._end_s)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._timer.cancel()
        return await self._limit.__aexit__(kind, error, trace)

    def _expire(self, set_for_s: float) -> None:
        now_s = self._loop.time()
        if now_s - set_for_s > _LATE_S and now_s - self._end_s < _GRACE_AT_MOST_S:
            again_s = now_s + _GRACE_S
            self._timer = self._loop.call_at(again_s, self._expire, again_s)
        else:
            self._limit.reschedule(now_s)
