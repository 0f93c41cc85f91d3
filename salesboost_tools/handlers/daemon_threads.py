"""Threads for calls that may never come back.

A pool's threads are joined when the interpreter ends, so one that hangs would hang the program. These are daemons: idle
ones are used again, one that hangs is left alone.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

_IDLE_KEPT = 32
_IDLE_KEPT_AT_MOST = 128  # each has a pipe, and a process may have but a thousand file descriptors


class Outcome:
    """What becomes of a call in another thread. The call sees the context variables of whoever made this."""

    __slots__ = ("_call", "_context", "_done", "_error", "_result")

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call: tuple[Any, ...] = (function, *arguments)
        self._context = copy_context()
        self._done = threading.Lock()
        self._done.acquire()
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
        self._done.release()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is there; False if time ran out. True but once."""
        return self._done.acquire(timeout=min(timeout_s, threading.TIMEOUT_MAX))

    def get(self) -> Any:
        """Return the result or raise the error."""
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # a frame that holds its own error is kept by it


class PipeInbox:
    """Hands one outcome at a time to the thread that waits for it, through a pipe.

    A thread that waits for a lock or a queue is woken while the waker still holds the interpreter, often on another
    core; it goes back to sleep until it is let go, and wakes a second time. A write to a pipe lets go first. In a
    governed call the thread then costs 16 us of CPU instead of 26.

    Raises:
        OSError: No file descriptors are left; it takes two.
    """

    def __init__(self) -> None:
        self._ends: tuple[int, ...] = ()
        self._ends = self._read_end, self._write_end = os.pipe()
        self._outcome: Any = None

    def put(self, outcome: Outcome) -> None:
        """Send an outcome to the thread, which must be waiting or about to."""
        self._outcome = outcome
        os.write(self._write_end, b"!")

    def get(self) -> Outcome:
        """Wait for an outcome."""
        os.read(self._read_end, 1)
        outcome, self._outcome = self._outcome, None
        return outcome

    def __del__(self) -> None:
        for end in self._ends:
            os.close(end)


Inbox = PipeInbox | SimpleQueue[Outcome]


class DaemonThreads:
    """Starts calls in daemon threads and keeps some idle ones for the next calls.

    Args:
        idle_kept: How many threads at most wait for work; those above it end when their call does.
    """

    def __init__(self, idle_kept: int = _IDLE_KEPT) -> None:
        self._idle_kept = idle_kept
        self._idle: list[Inbox] = []
        self._process_id = os.getpid()

    def start(self, function: Callable[..., Any], *arguments: Any) -> Outcome:
        """Start a call in a thread that sees the caller's context variables."""
        outcome = Outcome(function, *arguments)
        self.run(outcome)
        return outcome

    def run(self, outcome: Outcome) -> None:
        """Run an outcome's call in a thread; once that thread is idle again, the outcome tells."""
        if self._process_id != os.getpid():  # a process that forked has none of its parent's threads
            self._idle, self._process_id = [], os.getpid()
        try:
            self._idle.pop().put(outcome)
        except IndexError:
            inbox = _make_inbox()
            inbox.put(outcome)
            threading.Thread(target=self._work, args=(inbox,), name="salesboost-timed", daemon=True).start()

    def keep(self, idle_kept: int) -> None:
        """Keep so many idle threads from now on, up to 128; those who run more calls at once never ask for fewer."""
        self._idle_kept = max(self._idle_kept, min(idle_kept, _IDLE_KEPT_AT_MOST))

    @property
    def idle(self) -> int:
        """How many threads wait for work."""
        return len(self._idle)

    def _work(self, inbox: Inbox) -> None:
        stays = True
        while stays:
            outcome = inbox.get()
            outcome.run()
            stays = self._rest(inbox)  # before anybody is told, so that the very next call finds this thread idle
            outcome.tell()
            del outcome  # an idle thread holds on to nothing

    def _rest(self, inbox: Inbox) -> bool:
        """Wait for more work unless enough others do; no lock, for a fork might find it taken."""
        self._idle.append(inbox)
        if len(self._idle) > self._idle_kept:
            with suppress(ValueError):  # somebody has just sent work to this very inbox
                # Of several that come to rest at once only those too many leave.
                if self._idle.index(inbox) >= self._idle_kept:
                    self._idle.remove(inbox)
                    return False
        return True


def _make_inbox() -> Inbox:
    with suppress(OSError):
        return PipeInbox()
    return SimpleQueue()


THREADS = DaemonThreads()
"""For whoever needs such threads: one pool for the process, so that handlers may come and go."""
