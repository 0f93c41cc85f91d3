"""A time limit that does not blame a server for an event loop that was busy elsewhere."""

import asyncio
from types import TracebackType

_LATE_S = 0.01
_GRACE_AT_MOST_S = 0.2


class LoopTimeout:
    """Raises TimeoutError inside the `async with` block when the limit is over.

    `asyncio.timeout` also fires when the answer has long arrived and the loop, blocked by somebody's slow code, has not
    come round to reading it. Here a timer that the loop runs late is set again, by as much as it was late: the loop's
    own time is not the server's. That adds 0.2 s at most, and nothing if the loop is on time.

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
        late_s = now_s - set_for_s
        again_s = min(now_s + late_s, self._end_s + _GRACE_AT_MOST_S)
        if late_s > _LATE_S and again_s > now_s:
            self._timer = self._loop.call_at(again_s, self._expire, again_s)
        else:
            self._limit.reschedule(now_s)
