"""The connections of a database: a sync door, and an async door for every event loop."""

import asyncio
import threading
import weakref
from typing import NamedTuple

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from salesboost_tools.tools.database.driver import driver_urls, engine_options, set_up


class SyncEngines(NamedTuple):
    """The sync door. An index works too: False reads, True writes."""

    reading: Engine
    writing: Engine


class AsyncEngines(NamedTuple):
    """The async door of one event loop. An index works too: False reads, True writes."""

    reading: AsyncEngine
    writing: AsyncEngine


Loops = dict[asyncio.AbstractEventLoop, AsyncEngines]


class Engines:
    """Engines of one database.

    An async connection belongs to its event loop, so every loop has engines of its own. Those of loops that are closed
    are given back when the next loop comes; all of them by `close`, or when this object is forgotten.

    Args:
        url: An SQLAlchemy URL; its driver is chosen here, for each door.

    Raises:
        ConfigurationError: The URL names no database there is a driver for.
    """

    def __init__(self, url: str | URL) -> None:
        sync_url, self._async_url = driver_urls(url)
        self.sync = SyncEngines(_engine(sync_url, writes=False), _engine(sync_url, writes=True))
        self._loops: Loops = {}
        self._lock = threading.Lock()
        weakref.finalize(self, _give_back, self.sync, self._loops).atexit = False

    def of_this_loop(self) -> AsyncEngines:
        """Return the engines of the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            engines = self._loops.get(loop)
            if engines is None:
                self._forget_closed_loops()
                url = self._async_url
                engines = AsyncEngines(_async_engine(url, writes=False), _async_engine(url, writes=True))
                self._loops[loop] = engines
            return engines

    def close(self) -> None:
        """Give back all connections, those of other event loops too. The engines can be used again."""
        with self._lock:
            thread = _give_back(self.sync, self._loops)
        if thread is not None:
            thread.join()

    async def aclose(self) -> None:
        """Give back all connections, this loop's without leaving it. The engines can be used again."""
        with self._lock:
            own = self._loops.pop(asyncio.get_running_loop(), None)
        for engine in own or ():
            await engine.dispose()
        await asyncio.to_thread(self.close)

    def _forget_closed_loops(self) -> None:
        closed = [loop for loop in self._loops if loop.is_closed()]
        _dispose_elsewhere([engine for loop in closed for engine in self._loops.pop(loop)])


def _engine(url: URL, *, writes: bool) -> Engine:
    engine = create_engine(url, **engine_options(url, writes=writes))
    set_up(engine, writes=writes)
    return engine


def _async_engine(url: URL, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(url, **engine_options(url, writes=writes))
    set_up(engine.sync_engine, writes=writes)
    return engine


def _give_back(engines: SyncEngines, loops: Loops) -> threading.Thread | None:
    """Close all connections; those of event loops in the thread that is returned."""
    for engine in engines:
        engine.dispose()
    others = [engine for pair in loops.values() for engine in pair]
    loops.clear()
    return _dispose_elsewhere(others)


def _dispose_elsewhere(engines: list[AsyncEngine]) -> threading.Thread | None:
    """Close async engines in a thread with an event loop of its own; None if there are none.

    Their own loop may be closed already, and whoever calls may be inside another one. Nobody waits here: this also runs
    when the garbage collector finds a forgotten database, in whatever thread that happens to be.
    """
    if not engines:
        return None

    async def dispose() -> None:
        for engine in engines:
            await engine.dispose()

    thread = threading.Thread(target=lambda: asyncio.run(dispose()), name="database-close", daemon=True)
    thread.start()
    return thread
