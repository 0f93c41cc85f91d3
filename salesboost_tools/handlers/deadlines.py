"""Time limits of many calls that share one timer.

`asyncio.timeout` sets a timer for every call and takes it back, which is most of what it costs. Limits of one length
end in the order in which they began: one timer, set for the oldest, does for all of them, and is set anew only when it
has gone off.
"""

import asyncio
from collections import OrderedDict
from typing import Final
from weakref import WeakKeyDictionary


class Deadline:
    """A limit on what the current task does from now on until `end`.

    Attributes:
        has_passed: Whether the task was cancelled because the time was up.
    """

    __slots__ = ("_asked", "_queue", "at_s", "has_passed", "task")

    def __init__(self, queue: "OrderedDict[Deadline, None]", task: asyncio.Task[object], at_s: float) -> None:
        self._queue = queue
        self._asked = task.cancelling()
        self.task = task
        self.at_s = at_s
        self.has_passed = False
        queue[self] = None

    def end(self) -> None:
        """Lift the limit; what ends with a result has ended in time."""
        self._queue.pop(self, None)
        if self.has_passed:
            self.task.uncancel()

    def ended(self, error: BaseException) -> bool:
        """Lift the limit; return whether the cancellation that reached here as `error` was its own."""
        self._queue.pop(self, None)
        return self.has_passed and self.task.uncancel() <= self._asked and isinstance(error, asyncio.CancelledError)


class Deadlines:
    """The limits of one handler, in any number of event loops."""

    def __init__(self) -> None:
        self._timers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, _Timer]] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type["Deadlines"], tuple[()]]:
        return Deadlines, ()  # limits under way stay with the one they began with

    def begin(self, limit_s: float) -> Deadline:
        """Give the current task a limit, in seconds."""
        loop = asyncio.get_running_loop()
        timers = self._timers.get(loop)
        if timers is None:
            timers = self._timers[loop] = {}
        timer = timers.get(limit_s)
        if timer is None:
            timer = timers[limit_s] = _Timer()
        task = asyncio.current_task()
        assert task is not None, "whoever awaits is in a task"
        deadline = Deadline(timer.queue, task, loop.time() + limit_s)
        if not timer.is_set:
            timer.set(loop, deadline.at_s)
        return deadline


class _Timer:
    """One length of limit in one event loop, to which it holds no reference: the loop must be free to go."""

    __slots__ = ("is_set", "queue")

    def __init__(self) -> None:
        self.queue: Final[OrderedDict[Deadline, None]] = OrderedDict()
        """The oldest first; not a dict, which is slow to find its first item when many before it have gone."""
        self.is_set = False

    def set(self, loop: asyncio.AbstractEventLoop, at_s: float) -> None:
        self.is_set = True
        loop.call_at(at_s, self._go_off, loop)

    def _go_off(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_set = False
        now_s = loop.time()
        while (oldest := next(iter(self.queue), None)) is not None:
            if oldest.at_s > now_s:
                self.set(loop, oldest.at_s)
                return
            self.queue.pop(oldest, None)
            oldest.has_passed = True
            oldest.task.cancel()
