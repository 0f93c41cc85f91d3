"""Threads for calls that may never come back.

A pool's threads are joined when the interpreter ends, so one that hangs would hang the program. These are daemons: idle
ones are used again, one that hangs is left alone.
"""

import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

_IDLE_KEPT = 32


class Outcome:
    """What becomes of a call in another thread."""

    __slots__ = ("_done", "_error", "_result")

    def __init__(self) -> None:
        self._done = threading.Lock()
        self._done.acquire()
        self._result: Any = None
        self._error: BaseException | None = None

    def run(self, function: Callable[[], Any]) -> None:
        """Call the function and keep what it returns or raises."""
        try:
            self._result = function()
        except BaseException as error:  # noqa: BLE001  (raised again where the outcome is asked for)
            self._error = error
        self._done.release()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is there; False if time ran out."""
        return self._done.acquire(timeout=min(timeout_s, threading.TIMEOUT_MAX))

    def get(self) -> Any:
        """Return the result or raise the error."""
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # a frame that holds its own error is kept by it


class DaemonThreads:
    """Starts calls in daemon threads and keeps some idle ones for the next call."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[tuple[Outcome, Callable[[], Any]]]] = []

    def start(self, function: Callable[[], Any]) -> Outcome:
        """Start a call in a thread that sees the caller's context variables."""
        context = copy_context()
        outcome = Outcome()
        job = (outcome, lambda: context.run(function))
        try:
            self._idle.pop().put(job)
        except IndexError:
            inbox: SimpleQueue[tuple[Outcome, Callable[[], Any]]] = SimpleQueue()
            inbox.put(job)
            threading.Thread(target=self._work, args=(inbox,), name="salesboost-timed", daemon=True).start()
        return outcome

    def _work(self, inbox: "SimpleQueue[tuple[Outcome, Callable[[], Any]]]") -> None:
        while True:
            outcome, function = inbox.get()
            outcome.run(function)
            del outcome, function  # an idle thread holds on to nothing
            if len(self._idle) >= _IDLE_KEPT:
                return
            self._idle.append(inbox)
