"""Threads for calls that may never come back.

A pool's threads are joined when the interpreter ends, so one that hangs would hang the program. These are daemons: idle
ones are used again, one that hangs is left alone.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

from salesboost_tools.handlers.bell import Bell, own_bell

_IDLE_KEPT = 32


class Outcome:
    """What becomes of a call in another thread. The call sees the context variables of whoever made this."""

    __slots__ = ("_bell", "_call", "_context", "_error", "_is_over", "_result")

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call: tuple[Any, ...] = (function, *arguments)
        self._context = copy_context()
        self._is_over = False
        self._bell: Bell | None = None
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Make the call and keep what it returns or raises; nobody is told yet."""
        try:
            self._result = self._context.run(*self._call)
        except BaseException as error:  # noqa: BLE001  (raised again where the outcome is asked for)
            self._error = error
        self._call = ()

    def tell(self) -> None:
        """Wake whoever waits."""
        self._is_over = True
        bell = self._bell  # looked at after the line above: whoever comes too late for the bell sees that it is over
        if bell is not None:
            bell.ring()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is there; False if time ran out. One thread at a time may wait."""
        ends_s = time.monotonic() + timeout_s
        bell = self._bell = own_bell()
        while not self._is_over:
            left_s = ends_s - time.monotonic()
            if left_s <= 0:
                return False
            bell.wait(left_s)  # it may ring for an outcome that this thread no longer waits for
        return True

    def get(self) -> Any:
        """Return the result or raise the error."""
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # a frame that holds its own error is kept by it


class DaemonThreads:
    """Starts calls in daemon threads and keeps some idle ones for the next calls.

    Args:
        idle_kept: How many threads at most wait for work; those above it end when their call does.
    """

    def __init__(self, idle_kept: int = _IDLE_KEPT) -> None:
        self._idle_kept = idle_kept
        self._idle: list[SimpleQueue[Outcome]] = []
        self._process_id = os.getpid()

    def start(self, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """Start a call in a thread that sees the caller's context variables."""
        outcome = Outcome(function, *arguments)
        if self._process_id != os.getpid():  # a process that forked has none of its parent's threads
            self._idle, self._process_id = [], os.getpid()
        try:
            self._idle.pop().put(outcome)
        except IndexError:
            inbox: SimpleQueue[Outcome] = SimpleQueue()
            inbox.put(outcome)
            threading.Thread(target=self._work, args=(inbox,), name="salesboost-timed", daemon=True).start()
        return outcome

    @property
    def idle(self) -> int:
        """How many threads wait for work."""
        return len(self._idle)

    def _work(self, inbox: "SimpleQueue[Outcome]") -> None:
        stays = True
        while stays:
            outcome = inbox.get()
            outcome.run()
            stays = self._rest(inbox)  # before anybody is told, so that the very next call finds this thread idle
            outcome.tell()
            del outcome  # an idle thread holds on to nothing

    def _rest(self, inbox: "SimpleQueue[Outcome]") -> bool:
        """Wait for more work unless enough others do; no lock, for a fork might find it taken."""
        self._idle.append(inbox)
        if len(self._idle) > self._idle_kept:
            with suppress(ValueError):  # somebody has just sent work to this very inbox
                self._idle.remove(inbox)
                return False
        return True


THREADS = DaemonThreads()
"""For whoever needs such threads: one pool for the process, so that handlers may come and go."""
