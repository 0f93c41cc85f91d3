"""Equal calls that are under way at once become one call.

The first one in leads and runs inline; a future is made only when somebody follows. Leaders and followers may be
threads or coroutines of any event loop, mixed.
"""

import threading
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from enum import Enum, auto
from types import TracebackType
from typing import Any, Self

from salesboost_tools.handlers.outcome import is_failure

_NOT_FOR_FUTURES = (StopIteration, CancelledError)
"""Failures that a future cannot carry: it refuses the first, and turns the second into a cancellation of followers."""

_led_here: ContextVar[tuple["Flight", ...]] = ContextVar("salesboost_flights_led", default=())


class Landing(Enum):
    """What followers do when a flight brings no answer to share."""

    AGAIN = auto()
    """The leader was cancelled; one of them may lead now."""
    ALONE = auto()
    """The answer belongs to the leader alone; everybody asks for himself."""


class Flight:
    """One call under way. Its leader holds it with `with`; leaving lands it, whatever happened.

    Attributes:
        landing: What followers get: the answer, or a `Landing`.
        stale: What it brings is out of date: nobody joins it any more, and its answer is not to be kept.
    """

    __slots__ = ("_flights", "_future", "_key", "_loop_thread", "landing", "stale")

    def __init__(self, flights: "Flights", key: str, loop_thread: int | None) -> None:
        self._flights = flights
        self._key = key
        self._loop_thread = loop_thread
        self._future: Future[Any] | None = None
        self.landing: Any = Landing.ALONE
        self.stale = False

    def join(self) -> Future[Any] | None:
        """Return what a follower waits for; None if this one must not wait, for the flight would wait for it.

        That is so inside a call that leads the flight, and for a thread that waits while it ought to run the leader's
        event loop.
        """
        if self in _led_here.get():
            return None
        if self._future is None:
            self._future = Future()
            self._future.set_running_or_notify_cancel()  # a follower that is cancelled must not cancel the others
        return self._future

    def holds_up(self) -> bool:
        """True if this thread runs the leader's event loop."""
        return self._loop_thread == threading.get_ident()

    def __enter__(self) -> Self:
        _led_here.set((*_led_here.get(), self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        future = self._flights.take_down(self._key, self)
        # No token is reset: a coroutine that is thrown away ends in another context, and must land all the same.
        _led_here.set(tuple(flight for flight in _led_here.get() if flight is not self))
        if future is None:
            return
        if error is None:
            future.set_result(self.landing)
        elif is_failure(error) and not isinstance(error, _NOT_FOR_FUTURES):
            future.set_exception(error)
        else:
            future.set_result(Landing.ALONE if isinstance(error, Exception) else Landing.AGAIN)


class Flights:
    """The calls under way, by key."""

    def __init__(self) -> None:
        self._under_way: dict[str, Flight] = {}
        self._lock = threading.Lock()
        self.landed = 0
        """How many have landed so far: if it has not changed, nothing came between looking and boarding."""

    def board(self, key: str, *, on_loop: bool) -> tuple[Flight, Future[Any] | None, bool]:
        """Lead a flight or join one.

        Args:
            key: What makes calls equal.
            on_loop: The caller is a coroutine; it may wait without holding up its event loop.

        Returns:
            The flight; the future to wait for (None for a leader and for one that must go alone); whether one leads.
        """
        with self._lock:
            flight = self._under_way.get(key)
            if flight is None:
                flight = self._under_way[key] = Flight(self, key, threading.get_ident() if on_loop else None)
                return flight, None, True
            if not on_loop and flight.holds_up():
                return flight, None, False
            return flight, flight.join(), False

    def take_down(self, key: str, flight: Flight) -> Future[Any] | None:
        """End a flight; return the future of its followers, if there are any."""
        with self._lock:
            self.landed += 1
            if not flight.stale:
                del self._under_way[key]
            return flight._future  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    def outdate(self, prefix: str) -> None:
        """Let nobody join the flights under way whose key starts with `prefix`."""
        with self._lock:
            for key in [key for key in self._under_way if key.startswith(prefix)]:
                self._under_way.pop(key).stale = True

    def __len__(self) -> int:
        return len(self._under_way)
