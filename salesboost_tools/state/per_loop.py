"""One client per event loop: a client does not survive the loop it was made in."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any
from weakref import WeakKeyDictionary


class PerLoop:
    """One client per event loop, closed when its loop is shut down: a client does not survive its loop.

    Args:
        new: Makes a client and the coroutine function that closes it.
    """

    def __init__(self, new: Callable[[], tuple[Any, Callable[[], Any]]]) -> None:
        self._new = new
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Any, AsyncGenerator[None, None]]]
        self._clients = WeakKeyDictionary()

    def mine(self) -> Any:
        """Return the running loop's client, None before `open`."""
        held = self._clients.get(asyncio.get_running_loop())
        return held and held[0]

    async def open(self) -> Any:
        """Make the running loop's client."""
        client, close = self._new()
        closing = self._closing_with_the_loop(close)
        self._clients[asyncio.get_running_loop()] = client, closing
        await anext(closing)
        return client

    async def close_mine(self) -> None:
        """Close the running loop's client, if there is one."""
        held = self._clients.get(asyncio.get_running_loop())
        if held is not None:
            await held[1].aclose()

    async def _closing_with_the_loop(self, close: Callable[[], Any]) -> AsyncGenerator[None, None]:
        """Close when closed: a loop that is shut down closes the asynchronous generators begun in it."""
        try:
            yield
        finally:
            del self._clients[asyncio.get_running_loop()]  # a client may hold its loop, which would never go otherwise
            await close()
