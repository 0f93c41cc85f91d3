"""Stored results of reads, whether or not the store answers: a read never fails because its result cannot be shared."""

import threading
from collections import Counter
from enum import Enum, auto
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.state import MISSING, CacheEntry, CacheStore
from salesboost_tools.state.at_once import waits_for_nothing


class Standing(Enum):
    """What the store says of a read."""

    FRESH = auto()
    """Here is its result."""
    STALE = auto()
    """Here is a result that is out of date, but not by much."""
    MISSING = auto()
    """There is none."""
    UNKNOWN = auto()
    """It did not answer, and is not to be asked again for this call: one time limit is enough."""


Look = tuple[Any, Standing]
"""A result, if there is one, and what the store says of it."""

_MISSING: Look = (None, Standing.MISSING)
_UNKNOWN: Look = (None, Standing.UNKNOWN)


class StoredReads:
    """A cache store that may fail, and a promise that its tools' writes are seen.

    What could not be forgotten is not answered by this process any more: the store is told again before the next read
    of that tool.

    Args:
        store: Where results are.
        stale_s: Seconds for which a result is of use after its time.
    """

    def __init__(self, store: CacheStore, stale_s: float) -> None:
        self._store = store
        self._stale_s = stale_s
        self.at_once = waits_for_nothing(store.aget, store.aget_entry, store.aput, store.aclear)
        """The store waits for nothing, so `find` and `keep` do for event loops too."""
        self._unforgotten: dict[str, object] = {}
        self._lock = threading.Lock()
        self.failures: Counter[str] = Counter()
        """How often the store did not answer, by tool."""

    # ------------------------------------------------------------ sync

    def find(self, call: ToolCall, key: str) -> Look:
        """Look for a result."""
        try:
            if call.name in self._unforgotten:
                self._clear(call.name)
            if self._stale_s:
                return _look(self._store.get_entry(key))
            found = self._store.get(key)
        except StateUnavailableError:
            return self._unanswered(call)
        return _MISSING if found is MISSING else (found, Standing.FRESH)

    def keep(self, call: ToolCall, key: str, value: Any, ttl_s: float, stale_s: float) -> bool | None:
        """Store a result; False if the store cannot hold it, None if it did not answer."""
        try:
            return self._store.put(key, value, ttl_s, stale_s=stale_s)
        except StateUnavailableError:
            self._unanswered(call)
            return None

    def forget(self, call: ToolCall) -> None:
        """Forget what is stored of the call's tool now; if the store does not answer, before the next read."""
        self.owe(call.name)
        try:
            self._clear(call.name)
        except StateUnavailableError:
            self._unanswered(call)

    def _clear(self, tool: str) -> None:
        owed = self._unforgotten.get(tool)
        self._store.clear(prefix_of(tool))
        self._settle(tool, owed)

    # ------------------------------------------------------------ async

    async def afind(self, call: ToolCall, key: str) -> Look:
        """Do what `find` does."""
        try:
            if call.name in self._unforgotten:
                await self._aclear(call.name)
            if self._stale_s:
                return _look(await self._store.aget_entry(key))
            found = await self._store.aget(key)
        except StateUnavailableError:
            return self._unanswered(call)
        return _MISSING if found is MISSING else (found, Standing.FRESH)

    async def akeep(self, call: ToolCall, key: str, value: Any, ttl_s: float, stale_s: float) -> bool | None:
        """Do what `keep` does."""
        try:
            return await self._store.aput(key, value, ttl_s, stale_s=stale_s)
        except StateUnavailableError:
            self._unanswered(call)
            return None

    async def aforget(self, call: ToolCall) -> None:
        """Do what `forget` does."""
        self.owe(call.name)
        try:
            await self._aclear(call.name)
        except StateUnavailableError:
            self._unanswered(call)

    async def _aclear(self, tool: str) -> None:
        owed = self._unforgotten.get(tool)
        await self._store.aclear(prefix_of(tool))
        self._settle(tool, owed)

    # ------------------------------------------------------------ rules

    def owe(self, tool: str) -> None:
        """Note that what is stored of a tool is out of date, to be forgotten before its next read."""
        with self._lock:
            self._unforgotten[tool] = object()

    def _settle(self, tool: str, owed: object) -> None:
        with self._lock:
            if self._unforgotten.get(tool) is owed:  # else another write has come since
                self._unforgotten.pop(tool, None)

    def _unanswered(self, call: ToolCall) -> Look:
        with self._lock:
            self.failures[call.name] += 1
        call.emit("store_failed", store="cache")
        return _UNKNOWN


def prefix_of(tool: str) -> str:
    """Return how the keys of a tool's results begin."""
    return f"{tool}:"


def _look(entry: Any) -> Look:
    if not isinstance(entry, CacheEntry):
        return _MISSING
    return entry.value, Standing.FRESH if entry.is_fresh else Standing.STALE
