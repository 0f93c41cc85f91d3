"""Answer equal reads from memory, and make equal reads that are under way at once one call."""

import asyncio
import copy
import threading
from dataclasses import dataclass, fields
from typing import Any

from langchain_core.messages.tool import ToolOutputMixin

from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.single_flight import Flight, Flights, Landing
from salesboost_tools.state import MISSING, MemoryState, State

DEFAULT_TTL_S = 60.0

_IMMUTABLE = (str, int, float, bool, bytes, type(None))


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What the cache did for one tool."""

    hits: int = 0
    """Answers from memory."""
    misses: int = 0
    """Calls that went on to the tool."""
    shared: int = 0
    """Answers taken from an equal call that was under way."""
    stored: int = 0
    """Results kept."""
    passed: int = 0
    """Calls that may not be cached: writes, a time to live of 0, arguments without a canonical form."""

    @property
    def hit_rate(self) -> float:
        """Share of cacheable calls answered without the tool, in [0, 1]; 0 before the first."""
        asked = self.hits + self.shared + self.misses
        return (self.hits + self.shared) / asked if asked else 0.0


_COUNTED = tuple(field.name for field in fields(CacheStatistics))


class CacheHandler(ToolHandler):
    """Answers equal reads from memory. Writes pass untouched.

    Two requests are equal if tool, tenant, user (unless the tool's results are shared) and validated arguments are. Raw
    results are stored, content and artifact; messages and commands carry ids and never are. Callers get copies of what
    can be changed.

    Args:
        state: Where results are kept; by default in this process.
        default_ttl_s: Seconds a result stays fresh if the tool's spec does not say.
    """

    order = 40

    def __init__(self, state: State | None = None, *, default_ttl_s: float = DEFAULT_TTL_S) -> None:
        if not default_ttl_s >= 0:
            raise ConfigurationError(f"default_ttl_s is seconds, 0 or more; got {default_ttl_s!r}")
        self._store = (state or MemoryState()).cache
        self._default_ttl_s = default_ttl_s
        self._flights = Flights()
        self._counts: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Answer from memory or go on."""
        ttl_s, key = self._terms(call)
        if key is None:
            return proceed(call)
        while True:
            found = self._store.get(key)
            if found is not MISSING:
                return self._found(call, "hits", found)
            flight, ahead, leads = self._flights.board(key, on_loop=False)
            if leads:
                break
            landing = ahead.result() if ahead else Landing.ALONE
            if not isinstance(landing, Landing):
                return self._found(call, "shared", landing)
            if landing is Landing.ALONE:
                self._missed(call)
                return proceed(call)
        with flight:
            found = self._store.get(key)  # an equal call may have landed between looking and boarding
            if found is not MISSING:
                flight.landing = found
                return self._found(call, "hits", found)
            self._missed(call)
            result = proceed(call)
            if self._keeps(call, flight, result):
                self._store.put(key, flight.landing, ttl_s)
            return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Answer from memory or go on."""
        ttl_s, key = self._terms(call)
        if key is None:
            return await proceed(call)
        while True:
            found = await self._store.aget(key)
            if found is not MISSING:
                return self._found(call, "hits", found)
            flight, ahead, leads = self._flights.board(key, on_loop=True)
            if leads:
                break
            landing = await asyncio.wrap_future(ahead) if ahead else Landing.ALONE
            if not isinstance(landing, Landing):
                return self._found(call, "shared", landing)
            if landing is Landing.ALONE:
                self._missed(call)
                return await proceed(call)
        with flight:
            found = await self._store.aget(key)
            if found is not MISSING:
                flight.landing = found
                return self._found(call, "hits", found)
            self._missed(call)
            result = await proceed(call)
            if self._keeps(call, flight, result):
                await self._store.aput(key, flight.landing, ttl_s)
            return result

    # ------------------------------------------------------------ for operators

    def statistics(self) -> dict[str, CacheStatistics]:
        """Return what was done so far, by tool name."""
        with self._lock:
            return {tool: CacheStatistics(**counts) for tool, counts in self._counts.items()}

    def top_accessed(self, count: int = 10) -> list[tuple[str, int]]:
        """Return the `count` stored results read most: key (`tool:` and a hash, no arguments) and how often."""
        return self._store.top(count)

    def clear(self, tool: str | None = None) -> int:
        """Forget the results of one tool, or of all; return how many were stored. Calls under way are not stored."""
        prefix = "" if tool is None else f"{tool}:"
        self._flights.outdate(prefix)
        return self._store.clear(prefix)

    # ------------------------------------------------------------ rules

    def _terms(self, call: ToolCall) -> tuple[float, str | None]:
        """Return for how many seconds the answer may be kept, and its key; no key: the call passes."""
        spec = call.spec
        ttl_s = self._default_ttl_s if spec.cache_ttl_s is None else spec.cache_ttl_s
        if ttl_s > 0 and call.changes_nothing:
            user_id = None if spec.results_shared else call.caller.user_id
            key = cache_key(call.name, call.caller.tenant_id, user_id, call.args)
            if key is not None:
                return ttl_s, key if call.form == "result" else f"{key}/{call.form}"
        self._count(call.name, "passed")
        return ttl_s, None

    def _found(self, call: ToolCall, how: str, stored: Any) -> Any:
        self._count(call.name, how)
        call.record.cached = True
        call.emit("cached", how=how)
        return own_copy(stored)

    def _missed(self, call: ToolCall) -> None:
        self._count(call.name, "misses")
        call.emit("cache_miss")

    def _keeps(self, call: ToolCall, flight: Flight, result: Any) -> bool:
        if not is_shareable(result):
            return False
        try:
            flight.landing = own_copy(result)
        except Exception:  # noqa: BLE001  (whatever cannot be copied, a generator or an open file, belongs to its caller)
            return False
        if flight.stale:
            return False
        self._count(call.name, "stored")
        return True

    def _count(self, tool: str, what: str) -> None:
        with self._lock:
            counts = self._counts.get(tool)
            if counts is None:
                counts = self._counts[tool] = dict.fromkeys(_COUNTED, 0)
            counts[what] += 1


def is_shareable(result: Any) -> bool:
    """True unless a result carries the id of one call: messages and commands do."""
    parts = result if isinstance(result, list | tuple) else (result,)  # pyright: ignore[reportUnknownVariableType]
    return not any(isinstance(part, ToolOutputMixin) for part in parts)  # pyright: ignore[reportUnknownVariableType]


def own_copy(value: Any) -> Any:
    """Return a value the receiver may change without changing what others hold."""
    return value if type(value) in _IMMUTABLE else copy.deepcopy(value)
