"""The same token buckets in front of a chat model."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from langchain_core.rate_limiters import BaseRateLimiter

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.rate import seconds_to_wait
from salesboost_tools.core.rate_windows import GivenRateLimits, as_rate_limits
from salesboost_tools.handlers.rate_claims import claims_on
from salesboost_tools.state import FallbackLimits, MemoryState, State, WhenDown


class ChatRateLimiter(BaseRateLimiter):
    """Keeps whatever asks it within a rate, one token per request; `ChatOpenAI(rate_limiter=ChatRateLimiter(...))`.

    Limiters of one key over one state draw from one bucket, in whatever process, sync or async. A key that is a tool's
    name shares that tool's bucket.

    While the state does not answer, requests are counted in this process, at this worker's share (local), unless
    `when_down` says otherwise.

    Args:
        limit: A `RateLimit` or its text, or several that hold at once.
        state: Where the bucket is; by default in this process.
        key: Names the bucket.
        when_down: What to do while the state does not answer: `local`, `closed` (`StateUnavailableError`) or `open`.
        workers: How many processes share the limit, for `local`.
        clock: Monotonic seconds, for `local`.
        sleep: Waits in sync calls; seconds.
        asleep: Waits in async calls; seconds.

    Raises:
        ConfigurationError: The limit cannot be read, or another argument makes no sense.
    """

    def __init__(
        self,
        limit: GivenRateLimits,
        state: State | None = None,
        key: str = "chat_model",
        *,
        when_down: WhenDown | str = WhenDown.LOCAL,
        workers: int = 1,
        clock: Clock | None = None,
        sleep: Callable[[float], None] = time.sleep,
        asleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._claims = claims_on(key, as_rate_limits(limit))
        self.store = FallbackLimits((state or MemoryState()).limits, when_down, workers=workers, clock=clock)
        """Where the buckets are; it counts the requests that the state did not answer."""
        self._sleep = sleep
        self._asleep = asleep

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take a token; wait for one, or return False if there is none and `blocking` is off."""
        while wait_ns := self.store.take_all(self._claims):
            if not blocking:
                return False
            self._sleep(seconds_to_wait(wait_ns))
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Do what `acquire` does."""
        while wait_ns := await self.store.atake_all(self._claims):
            if not blocking:
                return False
            await self._asleep(seconds_to_wait(wait_ns))
        return True
