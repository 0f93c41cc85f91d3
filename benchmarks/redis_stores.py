"""The stores in the shape that benches of rate limiters and caches ask for.

`limiter(backend, mode, calls, period_s, burst, url)` gives an object with `check(key)` and `acheck(key)`, which return
(allowed, seconds to wait); `cache(max_entries, ttl_s)` and `redis_cache(...)` have `get`, `set`, `size`, `stats`.
"""

import os
from typing import Any

from salesboost_tools.core.rate import Bucket, seconds_to_wait
from salesboost_tools.state import MISSING, MemoryCache, MemoryLimits
from salesboost_tools.state.at_once import waits_for_nothing
from salesboost_tools.state.protocols import LimitStore
from salesboost_tools.state.redis import RedisState

_OPERATION_TIMEOUT_S = 0.5
"""As benches give the others; 0.1 s by default, which a busy machine may overrun."""
_CACHE_URL = os.environ.get("BENCH_REDIS_URL", "redis://127.0.0.1:6399/1")


class Limiter:
    """Checks one limit. A rate of `calls` per `period_s` and a burst of its own, as benches have them."""

    __slots__ = ("_at_once", "_atake", "_bucket", "_take")

    def __init__(self, store: LimitStore, bucket: Bucket):
        self._take = store.take
        self._atake = store.atake
        self._at_once = waits_for_nothing(store.atake)
        self._bucket = bucket

    def check(self, key: str, cost: int = 1) -> tuple[bool, float]:
        """Take tokens if they are there."""
        wait_ns = self._take(key, self._bucket, cost)
        return (False, seconds_to_wait(wait_ns)) if wait_ns else (True, 0.0)

    async def acheck(self, key: str, cost: int = 1) -> tuple[bool, float]:
        """Take tokens if they are there, as `RateLimitHandler` does: a store that never waits is asked at once."""
        bucket = self._bucket
        wait_ns = self._take(key, bucket, cost) if self._at_once else await self._atake(key, bucket, cost)
        return (False, seconds_to_wait(wait_ns)) if wait_ns else (True, 0.0)


def limiter(  # noqa: PLR0917  (the shape benches ask for)
    backend: str, mode: str, calls: int, period_s: float, burst: int, url: str
) -> Limiter:
    bucket = Bucket(burst, -(-int(period_s * 1_000_000_000) // calls))
    store = MemoryLimits() if backend == "memory" else RedisState(url, operation_timeout_s=_OPERATION_TIMEOUT_S).limits
    return Limiter(store, bucket)


class Cache:
    """A cache store with a time to live of its own."""

    def __init__(self, store: Any, ttl_s: float):
        self._store = store
        self._ttl_s = ttl_s

    def get(self, key: str) -> Any:
        """Return what is stored, or None."""
        value = self._store.get(key)
        return None if value is MISSING else value

    def set(self, key: str, value: Any) -> None:
        """Store a value."""
        self._store.put(key, value, self._ttl_s)

    def size(self) -> int:
        """Return how many are stored, -1 if nobody counts."""
        return len(self._store) if isinstance(self._store, MemoryCache) else -1

    def stats(self) -> None:
        """Return nothing: the handler keeps statistics, not the store."""
        return


def cache(max_entries: int, ttl_s: float) -> Cache:
    return Cache(MemoryCache(max_entries=max_entries), ttl_s)


def redis_cache(max_entries: int, ttl_s: float) -> Cache:
    return Cache(RedisState(_CACHE_URL, operation_timeout_s=_OPERATION_TIMEOUT_S).cache, ttl_s)
