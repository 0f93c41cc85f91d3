"""Keep each tool within its rate."""

import math
from collections.abc import Mapping
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import RateLimitError
from salesboost_tools.core.rate import RateLimit, as_rate_limit, seconds_to_wait
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.state import MemoryState, State

DEFAULT_RATE_LIMIT = RateLimit("10/minute")


class RateLimitHandler(ToolHandler):
    """Refuses a call when the tool's token bucket is empty, and says exactly when it will not be.

    One token per attempt: the provider counts attempts. Sync and async calls draw from one bucket.

    Args:
        state: Where the buckets are; by default in this process.
        limits: Limit by tool name, before the tool's own `rate_limit`.
        default: For tools that state none.

    Raises:
        ConfigurationError: A limit cannot be read.
    """

    order = 70

    def __init__(
        self,
        state: State | None = None,
        *,
        limits: Mapping[str, RateLimit | str] | None = None,
        default: RateLimit | str = DEFAULT_RATE_LIMIT,
    ) -> None:
        self._store = (state or MemoryState()).limits
        self._limits = {name: as_rate_limit(limit) for name, limit in (limits or {}).items()}
        self._default = as_rate_limit(default)

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Take a token or refuse."""
        limit = self.limit_of(call)
        wait_ns = self._store.take(call.name, limit.bucket)
        if wait_ns:
            refuse(call, limit, wait_ns)
        return proceed(call)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Take a token or refuse."""
        limit = self.limit_of(call)
        wait_ns = await self._store.atake(call.name, limit.bucket)
        if wait_ns:
            refuse(call, limit, wait_ns)
        return await proceed(call)

    def limit_of(self, call: ToolCall) -> RateLimit:
        """Return the limit that holds for a call."""
        return self._limits.get(call.name) or call.spec.rate_limit or self._default


def refuse(call: ToolCall, limit: RateLimit, wait_ns: int) -> None:
    """Raise RateLimitError with the wait that is exactly enough."""
    retry_after = seconds_to_wait(wait_ns)
    call.emit("rate_limited", retry_after=retry_after)
    raise RateLimitError(
        f"`{call.name}` is over its limit of {limit}; free again in {retry_after:.1f} s (setting TOOL_RATE_LIMITS)",
        for_model=f"`{call.name}` is busy. Continue without it, or call it again in {math.ceil(retry_after)} seconds.",
        retry_after=retry_after,
    )
