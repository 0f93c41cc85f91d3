"""Answer equal reads from memory, and make equal reads that are under way at once one call."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from salesboost_tools.core.aftermath import may_have_happened
from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import Effect
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.shareable import is_shareable, own_copy, says_nothing_found
from salesboost_tools.handlers.single_flight import Flight, Flights, Landing
from salesboost_tools.handlers.stored_reads import Standing, StoredReads, prefix_of
from salesboost_tools.state import MemoryState, State

DEFAULT_TTL_S = 60.0


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
    stale: int = 0
    """Of the hits, those that were past their time while an equal call was fetching them anew."""
    store_failed: int = 0
    """Times the store did not answer."""

    @property
    def hit_rate(self) -> float:
        """Share of cacheable calls answered without the tool, in [0, 1]; 0 before the first."""
        asked = self.hits + self.shared + self.misses
        return (self.hits + self.shared) / asked if asked else 0.0


_COUNTED = tuple(field.name for field in fields(CacheStatistics) if field.name != "store_failed")


class CacheHandler(ToolHandler):
    """Answers equal reads from memory. Writes go on, and make their tool's stored reads forgotten.

    Two requests are equal if tool, tenant, user (unless the tool's results are shared) and validated arguments are. Raw
    results are stored, content and artifact; messages and commands carry ids and never are. Callers get copies of what
    can be changed. What the store could not hand out exactly as it is belongs to its caller alone.

    A tool that both reads and writes never answers with what it read before its own write, unless it is certain that
    the write did not happen. Other processes over one state may, for the time of a call that was under way meanwhile.

    With `stale_s`, one caller fetches what is past its time, inline, and is answered when it has come; the others are
    answered at once with the old result. There is no background refresh: it would outlive the run it belongs to, and
    its children would begin in a trace that has ended.

    While the state does not answer, reads go on to the tool (open), once. What a write made out of date is then not
    answered by this process until it is forgotten.

    Args:
        state: Where results are kept; by default in this process.
        default_ttl_s: Seconds a result stays fresh if the tool's spec does not say.
        stale_s: Seconds for which a result may be answered after that, while it is fetched anew.
        empty_ttl_s: Seconds at most for a result that says that nothing was found; None treats it like any other, 0
            does not keep it. It is never answered stale.
        is_empty: Whether a result says so.

    Raises:
        ConfigurationError: A number is out of range.
    """

    order = 40

    def __init__(
        self,
        state: State | None = None,
        *,
        default_ttl_s: float = DEFAULT_TTL_S,
        stale_s: float = 0.0,
        empty_ttl_s: float | None = None,
        is_empty: Callable[[Any], bool] = says_nothing_found,
    ) -> None:
        for name, value in (("default_ttl_s", default_ttl_s), ("stale_s", stale_s), ("empty_ttl_s", empty_ttl_s or 0)):
            if not value >= 0:
                raise ConfigurationError(f"{name} is seconds, 0 or more; got {value!r}")
        self._store = (state or MemoryState()).cache
        self._reads = StoredReads(self._store, stale_s)
        self._default_ttl_s = default_ttl_s
        self._stale_s = stale_s
        self._empty_ttl_s = empty_ttl_s
        self._is_empty = is_empty
        self._flights = Flights()
        self._counts: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Answer from memory or go on."""
        is_read = call.changes_nothing
        ttl_s, key = self._terms(call, is_read=is_read)
        if key is not None:
            return self._read(call, proceed, key, ttl_s)
        forgets = not is_read and may_have_stored_reads(call, ttl_s)
        return self._write(call, proceed) if forgets else proceed(call)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Answer from memory or go on."""
        is_read = call.changes_nothing
        ttl_s, key = self._terms(call, is_read=is_read)
        if key is not None:
            return await self._aread(call, proceed, key, ttl_s)
        forgets = not is_read and may_have_stored_reads(call, ttl_s)
        return await (self._awrite(call, proceed) if forgets else proceed(call))

    # ------------------------------------------------------------ reads

    def _read(self, call: ToolCall, proceed: Proceed, key: str, ttl_s: float) -> Any:
        while True:
            landed = self._flights.landed
            value, standing = self._reads.find(call, key)
            if standing is Standing.FRESH:
                return self._found(call, "hits", value)
            flight, ahead, leads = self._flights.board(key, on_loop=False)
            if leads:
                with flight:
                    if standing is not Standing.UNKNOWN and landed != self._flights.landed:  # maybe an equal call's
                        value, standing = self._reads.find(call, key)
                        if standing is Standing.FRESH:
                            flight.landing = value
                            return self._found(call, "hits", value)
                    return self._fetch(call, proceed, key, ttl_s, flight, standing=standing)
            if standing is Standing.STALE:
                return self._found(call, "hits", value, is_stale=True)
            landing = ahead.result() if ahead else Landing.ALONE
            if not isinstance(landing, Landing):
                return self._found(call, "shared", landing)
            if landing is Landing.ALONE:
                self._missed(call)
                return proceed(call)

    async def _aread(self, call: ToolCall, proceed: AsyncProceed, key: str, ttl_s: float) -> Any:
        at_once = self._reads.at_once
        while True:
            landed = self._flights.landed
            value, standing = self._reads.find(call, key) if at_once else await self._reads.afind(call, key)
            if standing is Standing.FRESH:
                return self._found(call, "hits", value)
            flight, ahead, leads = self._flights.board(key, on_loop=True)
            if leads:
                with flight:
                    if standing is not Standing.UNKNOWN and landed != self._flights.landed:  # maybe an equal call's
                        value, standing = self._reads.find(call, key) if at_once else await self._reads.afind(call, key)
                        if standing is Standing.FRESH:
                            flight.landing = value
                            return self._found(call, "hits", value)
                    return await self._afetch(call, proceed, key, ttl_s, flight, standing=standing)
            if standing is Standing.STALE:
                return self._found(call, "hits", value, is_stale=True)
            landing = await asyncio.wrap_future(ahead) if ahead else Landing.ALONE
            if not isinstance(landing, Landing):
                return self._found(call, "shared", landing)
            if landing is Landing.ALONE:
                self._missed(call)
                return await proceed(call)

    def _fetch(
        self, call: ToolCall, proceed: Proceed, key: str, ttl_s: float, flight: Flight, *, standing: Standing
    ) -> Any:
        self._missed(call)
        result = proceed(call)
        terms = self._keeps(flight, result, ttl_s, standing)
        if terms:
            kept = self._reads.keep(call, key, flight.landing, *terms)
            if self._is_outdated(call, flight, kept=kept):
                self._reads.forget(call)
        return result

    async def _afetch(
        self, call: ToolCall, proceed: AsyncProceed, key: str, ttl_s: float, flight: Flight, *, standing: Standing
    ) -> Any:
        self._missed(call)
        result = await proceed(call)
        terms = self._keeps(flight, result, ttl_s, standing)
        if terms:
            value, (fresh_s, stale_s) = flight.landing, terms
            if self._reads.at_once:
                kept = self._reads.keep(call, key, value, fresh_s, stale_s)
            else:
                kept = await self._reads.akeep(call, key, value, fresh_s, stale_s)
            if self._is_outdated(call, flight, kept=kept):
                await self._reads.aforget(call)
        return result

    # ------------------------------------------------------------ for operators

    def statistics(self) -> dict[str, CacheStatistics]:
        """Return what was done so far, by tool name."""
        failures = self._reads.failures
        with self._lock:
            return {
                tool: CacheStatistics(**counts, store_failed=failures[tool]) for tool, counts in self._counts.items()
            }

    def top_accessed(self, count: int = 10) -> list[tuple[str, int]]:
        """Return the `count` stored results read most: key (`tool:` and a hash, no arguments) and how often."""
        return self._store.top(count)

    def clear(self, tool: str | None = None) -> int:
        """Forget the results of one tool, or of all; return how many were stored. Calls under way are not stored.

        Raises:
            StateUnavailableError: The state did not answer; what it holds is answered until its time is up.
        """
        prefix = "" if tool is None else prefix_of(tool)
        self._flights.outdate(prefix)
        return self._store.clear(prefix)

    async def aclear(self, tool: str | None = None) -> int:
        """Do what `clear` does."""
        prefix = "" if tool is None else prefix_of(tool)
        self._flights.outdate(prefix)
        return await self._store.aclear(prefix)

    # ------------------------------------------------------------ writes

    def _write(self, call: ToolCall, proceed: Proceed) -> Any:
        try:
            result = proceed(call)
        except BaseException as error:
            if may_have_happened(error):
                self._outdate(call)
                self._reads.forget(call)
            raise
        self._outdate(call)
        self._reads.forget(call)
        return result

    async def _awrite(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        try:
            result = await proceed(call)
        except GeneratorExit:  # thrown away: nothing can be awaited any more
            self._outdate(call)
            raise
        except BaseException as error:
            if may_have_happened(error):
                self._outdate(call)
                await self._reads.aforget(call)
            raise
        self._outdate(call)
        await self._reads.aforget(call)
        return result

    def _outdate(self, call: ToolCall) -> None:
        self._flights.outdate(prefix_of(call.name))
        self._reads.owe(call.name)

    # ------------------------------------------------------------ rules

    def _terms(self, call: ToolCall, *, is_read: bool) -> tuple[float, str | None]:
        """Return for how many seconds the answer may be kept, and its key; no key: the call passes."""
        spec = call.spec
        ttl_s = self._default_ttl_s if spec.cache_ttl_s is None else spec.cache_ttl_s
        if is_read and ttl_s > 0:
            user_id = None if spec.results_shared else call.caller.user_id
            key = cache_key(call.name, call.caller.tenant_id, user_id, call.args)
            if key is not None:
                return ttl_s, key if call.form == "result" else f"{key}/{call.form}"
        self._count(call.name, "passed")
        return ttl_s, None

    def _found(self, call: ToolCall, how: str, stored: Any, *, is_stale: bool = False) -> Any:
        self._count(call.name, how)
        call.record.cached = True
        if is_stale:
            self._count(call.name, "stale")
            call.emit("cached", how=how, is_stale=True)
        else:
            call.emit("cached", how=how)
        return own_copy(stored)

    def _missed(self, call: ToolCall) -> None:
        self._count(call.name, "misses")
        call.emit("cache_miss")

    def _keeps(self, flight: Flight, result: Any, ttl_s: float, standing: Standing) -> tuple[float, float] | None:
        """Land a result; return for how many seconds to keep it fresh and stale, or None for not at all."""
        if not is_shareable(result):
            return None
        try:
            flight.landing = own_copy(result)
        except Exception:  # noqa: BLE001  (whatever cannot be copied, a generator or an open file, belongs to its caller)
            return None
        if flight.stale or standing is Standing.UNKNOWN:
            return None
        if self._empty_ttl_s is None or not self._is_empty(result):
            return ttl_s, self._stale_s
        ttl_s = min(ttl_s, self._empty_ttl_s)
        return (ttl_s, 0.0) if ttl_s > 0 else None

    def _is_outdated(self, call: ToolCall, flight: Flight, *, kept: bool | None) -> bool:
        """Note what became of a result that was to be kept; return whether a write made it out of date meanwhile."""
        if kept:
            self._count(call.name, "stored")
        elif kept is False:
            flight.landing = Landing.ALONE
        return kept is not False and flight.stale

    def _count(self, tool: str, what: str) -> None:
        with self._lock:
            counts = self._counts.get(tool)
            if counts is None:
                counts = self._counts[tool] = dict.fromkeys(_COUNTED, 0)
            counts[what] += 1


def may_have_stored_reads(call: ToolCall, ttl_s: float) -> bool:
    """Return whether reads of a write's tool may be stored: only a tool that does both has any."""
    return ttl_s > 0 and not isinstance(call.spec.effect, Effect)
