"""A reader's place in a feed: a bounded queue between whoever publishes, in any thread, and one event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from salesboost_tools.core.errors import ConfigurationError

T = TypeVar("T")


class Subscription(Generic[T]):
    """Iterates over what is published from the moment it was made: `async for event in subscription`.

    Whoever publishes never waits for a reader: when `max_pending` events wait, the oldest is dropped and counted.
    One reader at a time; it may change its event loop between two events.

    Args:
        max_pending: How many events may wait, at least 1.

    Attributes:
        dropped: How many events the reader has missed because it was too slow.

    Raises:
        ConfigurationError: `max_pending` is below 1.
    """

    def __init__(self, max_pending: int) -> None:
        if max_pending < 1:
            raise ConfigurationError(f"max_pending is a number of events, 1 or more; got {max_pending!r}")
        self.dropped = 0
        self._pending: deque[T] = deque(maxlen=max_pending)
        self._reader: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._on_close: Callable[[], object] | None = None

    def when_closed(self, leave: Callable[[], object]) -> None:
        """Call `leave` when the reader closes."""
        self._on_close = leave

    def put(self, event: T) -> None:
        """Hand over an event, from any thread; never blocks."""
        with self._lock:
            if self._closed:
                return
            if len(self._pending) == self._pending.maxlen:
                self.dropped += 1
            self._pending.append(event)
            self._wake()

    def close(self) -> None:
        """Take no more events, from any thread. Those that wait can still be read; then the iteration ends."""
        with self._lock:
            self._closed = True
            self._wake()
        if self._on_close is not None:
            self._on_close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            with self._lock:
                if self._pending:
                    return self._pending.popleft()
                if self._closed:
                    raise StopAsyncIteration
                if self._reader is not None:
                    raise RuntimeError(
                        "somebody else is waiting for this subscription; subscribe again for a second one"
                    )
                loop = asyncio.get_running_loop()
                called = loop.create_future()
                self._reader = loop, called
            try:
                await called
            finally:
                with self._lock:
                    self._reader = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _wake(self) -> None:
        """Call the reader, if there is one. It clears its place itself, when it has come."""
        if self._reader is None:
            return
        loop, called = self._reader
        if loop.is_closed():  # it left without a word; its events wait for whoever reads next
            self._reader = None
        else:
            loop.call_soon_threadsafe(_call, called)


def _call(reader: asyncio.Future[None]) -> None:
    if not reader.done():
        reader.set_result(None)
