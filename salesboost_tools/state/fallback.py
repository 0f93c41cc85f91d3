"""What a rate limit does while its store does not answer."""

import threading
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.core.rate import Bucket
from salesboost_tools.state.memory import MemoryLimits
from salesboost_tools.state.protocols import LimitClaim, LimitStore


class WhenDown(Enum):
    """What to do with calls that cannot be counted where they should be."""

    LOCAL = "local"
    """Count them in this process, at this worker's share of the limit."""
    CLOSED = "closed"
    """Let none through: `StateUnavailableError`."""
    OPEN = "open"
    """Let all through."""


class FallbackLimits:
    """A `LimitStore` before another one that may not answer. Goes back to it by itself.

    Args:
        store: The shared buckets.
        when_down: What to do when they do not answer; a `WhenDown` or its value.
        workers: How many processes share the limit: while the store is down each allows its share. A limit of fewer
            calls than workers still lets one call of each worker through, and then keeps to the rate.
        clock: Monotonic seconds, for the local buckets.

    Raises:
        ConfigurationError: `when_down` or `workers` makes no sense.
    """

    def __init__(
        self,
        store: LimitStore,
        when_down: WhenDown | str = WhenDown.LOCAL,
        *,
        workers: int = 1,
        clock: Clock | None = None,
    ) -> None:
        if workers < 1:
            raise ConfigurationError(f"workers is how many processes share the limits, 1 or more; got {workers!r}")
        try:
            self.when_down = WhenDown(when_down)
        except ValueError:
            allowed = [choice.value for choice in WhenDown]
            raise ConfigurationError(f"when_down is one of {allowed}; got {when_down!r}") from None
        self._store = store
        self._workers = workers
        self._local = MemoryLimits(clock)
        self._lock = threading.Lock()
        self.calls_without_store = 0
        """Checks the store did not answer, since the start."""
        self.healthy = True
        """Whether the store answered the latest check."""

    def take(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Take tokens if they are there; return 0, or the ns to wait."""
        try:
            wait_ns = self._store.take(key, bucket, tokens)
        except StateUnavailableError as error:
            return self._without_store(error, [LimitClaim(key, bucket, tokens)])
        self.healthy = True
        return wait_ns

    def take_all(self, claims: Sequence[LimitClaim]) -> int:
        """Take the tokens of every claim, or none; return 0, or the ns to wait until all would pass."""
        try:
            wait_ns = self._store.take_all(claims)
        except StateUnavailableError as error:
            return self._without_store(error, claims)
        self.healthy = True
        return wait_ns

    def left(self, key: str, bucket: Bucket) -> int:
        """Return how many tokens could be taken now; takes none."""
        try:
            return self._store.left(key, bucket)
        except StateUnavailableError as error:
            return self._left_without_store(error, key, bucket)

    async def atake(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Do what `take` does."""
        try:
            wait_ns = await self._store.atake(key, bucket, tokens)
        except StateUnavailableError as error:
            return self._without_store(error, [LimitClaim(key, bucket, tokens)])
        self.healthy = True
        return wait_ns

    async def atake_all(self, claims: Sequence[LimitClaim]) -> int:
        """Do what `take_all` does."""
        try:
            wait_ns = await self._store.atake_all(claims)
        except StateUnavailableError as error:
            return self._without_store(error, claims)
        self.healthy = True
        return wait_ns

    async def aleft(self, key: str, bucket: Bucket) -> int:
        """Do what `left` does."""
        try:
            return await self._store.aleft(key, bucket)
        except StateUnavailableError as error:
            return self._left_without_store(error, key, bucket)

    def _left_without_store(self, error: StateUnavailableError, key: str, bucket: Bucket) -> int:
        if self.when_down is WhenDown.CLOSED:
            raise error
        if self.when_down is WhenDown.OPEN:
            return bucket.capacity
        return self._local.left(key, share_of(bucket, self._workers))

    def _without_store(self, error: StateUnavailableError, claims: Sequence[LimitClaim]) -> int:
        with self._lock:
            self.calls_without_store += 1
            self.healthy = False
        if self.when_down is WhenDown.CLOSED:
            raise error
        if self.when_down is WhenDown.OPEN:
            return 0
        return self._local.take_all(
            [
                LimitClaim(claim.key, share_of(claim.bucket, self._workers, claim.tokens), claim.tokens)
                for claim in claims
            ]
        )


@lru_cache(maxsize=1024)
def share_of(bucket: Bucket, workers: int, tokens: int = 1) -> Bucket:
    """Return one worker's share of a bucket: rounded down, but never less than one call takes."""
    return Bucket(max(tokens, bucket.capacity // workers), bucket.interval_ns * workers)
