"""Many coroutines, few connections: whoever finds none free goes with the next batch."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

Command = tuple[Any, ...]
Exchange = Callable[[Sequence[Command], float], Awaitable[list[Any]]]
"""Sends commands on one connection in one go and returns their replies, in order; a refusal is an exception among them.
It is told for how many seconds at most they have been waiting, and is bounded in time."""

_AT_MOST_IN_A_BATCH = 256
_LONGEST_WAIT_S = 0.01


class Lane:
    """Commands of one event loop.

    A caller who finds a connection free uses it at once. The others leave together when one comes free, so a thousand
    callers make a few round trips, not a thousand connections. If the server is too slow for that, they leave anyway
    after 10 ms, on a connection more: a slow reply delays its caller, not the others.

    Args:
        exchange: Talks to the server.
        connections: How many exchanges are under way at once unless the server is slow.
    """

    def __init__(self, exchange: Exchange, *, connections: int) -> None:
        self._exchange = exchange
        self._connections = connections
        self._under_way = 0
        self._waiting: list[tuple[Command, asyncio.Future[Any]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, command: Command) -> Any:
        """Return the reply to one command.

        Raises:
            Exception: What `exchange` raised, or the server's refusal.
        """
        if self._under_way >= self._connections:
            return await self._wait(command)
        self._under_way += 1
        try:
            (reply,) = await self._exchange((command,), 0.0)
        finally:
            self._under_way -= 1
            self._send_waiting()
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _wait(self, command: Command) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((command, future))
        if self._timer is None:
            self._timer = loop.call_later(_LONGEST_WAIT_S, self._send_waiting, _LONGEST_WAIT_S)
        return await future

    def _send_waiting(self, waited_s: float = 0.0) -> None:
        if not waited_s and (not self._waiting or self._under_way >= self._connections):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting = [passenger for passenger in self._waiting if not passenger[1].done()]
        self._waiting = []
        for start in range(0, len(waiting), _AT_MOST_IN_A_BATCH):
            self._under_way += 1
            batch = waiting[start : start + _AT_MOST_IN_A_BATCH]
            task = asyncio.get_running_loop().create_task(self._carry(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, batch: list[tuple[Command, asyncio.Future[Any]]]) -> None:
        outcomes: list[Any]
        try:
            outcomes = await self._exchange([command for command, _ in batch], _LONGEST_WAIT_S)
        except asyncio.CancelledError:  # the loop is being shut down
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001  (each passenger raises it)
            failure: Any = error
            outcomes = [failure] * len(batch)
        finally:
            self._under_way -= 1
            self._send_waiting()
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
