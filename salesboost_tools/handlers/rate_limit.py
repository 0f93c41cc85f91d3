"""Keep each tool within its rate."""

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError, RateLimitError, StateUnavailableError, UncountedCallError
from salesboost_tools.core.rate import RateLimit, seconds_to_wait
from salesboost_tools.core.rate_windows import GivenRateLimits, RateLimits, as_rate_limits, shown
from salesboost_tools.core.spec import ToolSpec
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.rate_claims import Per, claims_on, key_function
from salesboost_tools.state import LimitClaim, MemoryLimits, MemoryState, State, WhenDown
from salesboost_tools.state.at_once import waits_for_nothing
from salesboost_tools.state.fallback import share_of

DEFAULT_RATE_LIMIT = RateLimit("10/minute")

_OF_WHOM = {"tenant": " per tenant", "user": " per user"}


@dataclass(frozen=True, slots=True)
class Headroom:
    """How much of a tool's rate is left."""

    limit: str
    """The limit, or the limits, as people write them."""
    capacity: int
    """How many calls the tightest one admits at once."""
    left: int | None
    """How many calls would pass now; None if every tenant, user or key has a bucket of its own."""


class RateLimitHandler(ToolHandler):
    """Refuses a call when a token bucket of the tool is empty, and says exactly when it will not be.

    One token per attempt: the provider counts attempts. Sync and async calls draw from one bucket. Of several limits
    each has a bucket, and a call takes a token of every one or of none.

    While the state does not answer, reads are counted in this process, at this worker's share of the limit (local), and
    writes are refused with `UncountedCallError` (closed), unless `when_down` says otherwise. Such calls are counted and
    reported as `store_failed`; the state is asked again each time.

    Args:
        state: Where the buckets are; by default in this process.
        limits: Limit or limits by tool name, before the tool's own `rate_limit`.
        default: For tools that state none.
        per: Who shares a bucket: "tool" (all its callers), "tenant", "user", or a function of the call whose text names
            the bucket.
        max_wait_s: Seconds a call may wait for its turn in all. One that would have to wait longer is refused at once.
        when_down: What to do while the state does not answer: `local`, `closed` or `open`, for all tools or by name.
        workers: How many processes share the limits, for `local`.
        clock: Monotonic seconds, for `local`.
        sleep: Waits in sync calls; seconds.
        asleep: Waits in async calls; seconds.

    Raises:
        ConfigurationError: A limit cannot be read, or another argument makes no sense.
    """

    order = 70

    def __init__(
        self,
        state: State | None = None,
        *,
        limits: Mapping[str, GivenRateLimits] | None = None,
        default: GivenRateLimits = DEFAULT_RATE_LIMIT,
        per: Per = "tool",
        max_wait_s: float = 0.0,
        when_down: WhenDown | str | Mapping[str, WhenDown | str] | None = None,
        workers: int = 1,
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
        asleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not max_wait_s >= 0:
            raise ConfigurationError(f"max_wait_s is seconds, 0 or more; got {max_wait_s!r}")
        if workers < 1:
            raise ConfigurationError(f"workers is how many processes share the limits, 1 or more; got {workers!r}")
        self._store = (state or MemoryState()).limits
        self._at_once = waits_for_nothing(self._store.atake, self._store.atake_all)
        self._limits = {name: as_rate_limits(limit) for name, limit in (limits or {}).items()}
        self._default = as_rate_limits(default)
        self._key_of = key_function(per)
        self._has_one_bucket_per_tool = per == "tool"
        self._of_whom = " per key" if callable(per) else _OF_WHOM.get(per, "")
        self._max_wait_s = max_wait_s
        by_name = isinstance(when_down, Mapping)
        self._when_down = {name: _as_when_down(what) for name, what in when_down.items()} if by_name else {}
        self._when_down_else = None if by_name or when_down is None else _as_when_down(when_down)
        self._workers = workers
        self._local = MemoryLimits(clock)
        self._sleep = sleep
        self._asleep = asleep
        self._lock = threading.Lock()
        self.calls_without_store = 0
        """Checks that the state did not answer, since the start."""

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Take a token, wait for one, or refuse."""
        limits, key = self.limit_of(call), self._key_of(call)
        waited_s = 0.0
        while wait_ns := self._take(call, key, limits):
            wait_s = self._turn_comes_in_s(call, limits, wait_ns, waited_s)
            self._sleep(wait_s)
            waited_s += wait_s
            note_wait(call, wait_s)
        return proceed(call)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Take a token, wait for one, or refuse."""
        limits, key = self.limit_of(call), self._key_of(call)
        waited_s = 0.0
        while wait_ns := self._take(call, key, limits) if self._at_once else await self._atake(call, key, limits):
            wait_s = self._turn_comes_in_s(call, limits, wait_ns, waited_s)
            await self._asleep(wait_s)
            waited_s += wait_s
            note_wait(call, wait_s)
        return await proceed(call)

    def limit_of(self, call: ToolCall) -> RateLimits:
        """Return the limit that holds for a call, or the limits."""
        return self._limits_for(call.name, call.spec)

    async def aheadroom(self, tool: str, spec: ToolSpec) -> Headroom:
        """Return how much of a tool's rate is left, without taking any of it.

        Raises:
            StateUnavailableError: The state did not answer.
        """
        limits = self._limits_for(tool, spec)
        tightest = limits if isinstance(limits, RateLimit) else min(limits, key=lambda limit: limit.calls)
        left = None
        if self._has_one_bucket_per_tool:
            claims = claims_on(tool, limits)
            left = min([await self._store.aleft(key, bucket) for key, bucket, _ in claims])
        return Headroom(shown(limits), tightest.calls, left)

    def _limits_for(self, tool: str, spec: ToolSpec) -> RateLimits:
        return self._limits.get(tool) or spec.rate_limit or self._default

    # ------------------------------------------------------------ the store

    def _take(self, call: ToolCall, key: str, limits: RateLimits) -> int:
        try:
            if isinstance(limits, RateLimit):
                return self._store.take(key, limits.bucket)
            return self._store.take_all(claims_on(key, limits))
        except StateUnavailableError as error:
            return self._take_without_store(call, claims_on(key, limits), error)

    async def _atake(self, call: ToolCall, key: str, limits: RateLimits) -> int:
        try:
            if isinstance(limits, RateLimit):
                return await self._store.atake(key, limits.bucket)
            return await self._store.atake_all(claims_on(key, limits))
        except StateUnavailableError as error:
            return self._take_without_store(call, claims_on(key, limits), error)

    def _take_without_store(self, call: ToolCall, claims: tuple[LimitClaim, ...], error: StateUnavailableError) -> int:
        when_down = self.when_down(call)
        with self._lock:
            self.calls_without_store += 1
        call.emit("store_failed", store="limits", when_down=when_down.value)
        if when_down is WhenDown.CLOSED:
            raise UncountedCallError(
                f"`{call.name}` was not run, for its rate could not be checked: {error}",
                for_model=f"`{call.name}` is not possible at the moment and was not done. Try again later.",
                retryable=True,
            ) from error
        if when_down is WhenDown.OPEN:
            return 0
        return self._local.take_all([LimitClaim(key, share_of(bucket, self._workers)) for key, bucket, _ in claims])

    # ------------------------------------------------------------ rules

    def when_down(self, call: ToolCall) -> WhenDown:
        """Return what is done with a call that the state cannot count."""
        chosen = self._when_down.get(call.name, self._when_down_else)
        if chosen is not None:
            return chosen
        return WhenDown.LOCAL if call.changes_nothing else WhenDown.CLOSED

    def _turn_comes_in_s(self, call: ToolCall, limits: RateLimits, wait_ns: int, waited_s: float) -> float:
        """Return the seconds to wait; refuse a call that would wait too long."""
        wait_s = seconds_to_wait(wait_ns)
        if waited_s + wait_s > self._max_wait_s:
            refuse(call, limits, wait_s, self._of_whom)
        return wait_s


def refuse(call: ToolCall, limits: RateLimits, retry_after: float, of_whom: str = "") -> None:
    """Raise RateLimitError with the wait that is exactly enough."""
    call.emit("rate_limited", retry_after=retry_after)
    many = "" if isinstance(limits, RateLimit) else "s"
    raise RateLimitError(
        f"`{call.name}` is over its limit{many} of {shown(limits)}{of_whom}; "
        f"free again in {retry_after:.1f} s (setting TOOL_RATE_LIMITS)",
        for_model=f"`{call.name}` is busy. Continue without it, or call it again in {math.ceil(retry_after)} seconds.",
        retry_after=retry_after,
    )


def note_wait(call: ToolCall, wait_s: float) -> None:
    """Say that a call waited for its turn."""
    call.record.waited_s += wait_s
    call.emit("waited", wait_s=wait_s)


def _as_when_down(what: WhenDown | str) -> WhenDown:
    try:
        return WhenDown(what)
    except ValueError:
        allowed = [choice.value for choice in WhenDown]
        raise ConfigurationError(f"when_down is one of {allowed}; got {what!r}") from None
