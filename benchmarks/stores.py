"""The stores alone, beside the least that does the same: `python -m benchmarks stores`.

`limiter` and `cache` give the stores the shape that benches of rate limiters and caches ask for:
`limiter(backend, mode, limit, period, burst, url)` an object with `check(key)` or `acheck(key)`, which return (allowed,
seconds to wait), or None for a backend that is not measured here; `cache(maxsize, ttl)` one with `get` (None for
nothing), `set`, `size` and `stats`.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import Block, Figure, compare
from salesboost_tools.core.rate import Bucket, RateLimit, seconds_to_wait
from salesboost_tools.state import MISSING, MemoryCache, MemoryLimits

ENTRIES = 1000
TIMES = 20_000
KEYS = [f"tool:{number:032x}" for number in range(ENTRIES)]


class Limiter:
    """Checks one limit; a bench's burst is the capacity, its limit and period the refill."""

    def __init__(self, limit: int, period_s: float, burst: int):
        self._bucket = Bucket(burst, RateLimit(calls=limit, per_s=period_s).bucket.interval_ns)
        store = MemoryLimits()
        self._take, self._atake = store.take, store.atake

    def check(self, key: str, cost: int = 1) -> tuple[bool, float]:
        """Take tokens; return whether they were there, and if not the seconds to wait."""
        wait_ns = self._take(key, self._bucket, cost)
        return (False, seconds_to_wait(wait_ns)) if wait_ns else (True, 0.0)

    async def acheck(self, key: str, cost: int = 1) -> tuple[bool, float]:
        """Do what `check` does."""
        wait_ns = await self._atake(key, self._bucket, cost)
        return (False, seconds_to_wait(wait_ns)) if wait_ns else (True, 0.0)


def limiter(backend: str, mode: str, limit: int, period: float, burst: int, url: str) -> Limiter | None:  # noqa: PLR0917  (a bench calls it so)
    return Limiter(limit, period, burst) if backend == "memory" else None


class Cache:
    """A cache store with one time to live for everything."""

    def __init__(self, max_entries: int, ttl_s: float):
        self._store = MemoryCache(max_entries=max_entries)
        self._ttl_s = ttl_s

    def get(self, key: str) -> Any:
        """Return what is stored, None for nothing."""
        value = self._store.get(key)
        return None if value is MISSING else value

    def set(self, key: str, value: Any) -> None:
        """Store a value."""
        self._store.put(key, value, self._ttl_s)

    def size(self) -> int:
        """Return how many are stored."""
        return len(self._store)

    def stats(self) -> None:
        """Have none: the handler counts, not the store."""


def cache(maxsize: int, ttl: float) -> Cache:
    return Cache(maxsize, ttl)


# ---------------------------------------------------------------- the floors


class LeastLimiter:
    """A token bucket in one method: a dict, a lock, integers. It forgets no key and knows no wait in seconds."""

    def __init__(self, interval_ns: int, burst: int):
        self._interval_ns, self._tolerance_ns = interval_ns, interval_ns * burst
        self._due_at_ns: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, key: str, now: Callable[[], int] = time.monotonic_ns) -> int:
        """Take one token; return 0, or the ns to wait."""
        with self._lock:
            now_ns = now()
            due_ns = self._due_at_ns.get(key, now_ns)
            due_ns = (due_ns if due_ns > now_ns else now_ns) + self._interval_ns  # noqa: FURB136  (`max` is a call)
            wait_ns = due_ns - self._tolerance_ns - now_ns
            if wait_ns > 0:
                return wait_ns
            self._due_at_ns[key] = due_ns
            return 0

    async def atake(self, key: str) -> int:
        """Do what `take` does."""
        return self.take(key)


class LeastCache:
    """Least recently used and time to live in two methods. It counts no reads."""

    def __init__(self, max_entries: int):
        self._max_entries = max_entries
        self._entries: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, now: Callable[[], float] = time.monotonic) -> Any:
        """Return what is stored and fresh."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return MISSING
            if entry[0] <= now():
                del self._entries[key]
                return MISSING
            self._entries.move_to_end(key)
            return entry[1]

    def put(self, key: str, value: Any, ttl_s: float, now: Callable[[], float] = time.monotonic) -> None:
        """Store a value; the least recently used may have to go."""
        with self._lock:
            self._entries[key] = (now() + ttl_s, value)
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)


# ---------------------------------------------------------------- the figures


def figures() -> Iterator[Figure]:
    yield from _limit_figures()
    yield from _cache_figures()


def _limit_figures() -> Iterator[Figure]:
    loop = asyncio.new_event_loop()

    def taken(take: Callable[..., int], *arguments: Any) -> Block:
        def block(times: int) -> None:
            for _ in range(times):
                take("crm_integration", *arguments)

        return block

    def awaited(take: Callable[..., Any], *arguments: Any) -> Block:
        async def block(times: int) -> None:
            for _ in range(times):
                await take("crm_integration", *arguments)

        return lambda times: loop.run_until_complete(block(times))

    for name, burst, target in (("admitted", 100_000_000, 1.25), ("refused", 1, 1.35)):
        bucket = Bucket(burst, 3600 * 10**9 // burst)
        least, ours = LeastLimiter(bucket.interval_ns, burst), MemoryLimits()
        yield compare(
            f"rate check in memory, {name}",
            "least limiter",
            taken(least.take),
            taken(ours.take, bucket),
            times=TIMES,
            target=target,
        )
        yield compare(
            f"rate check in memory, async, {name}",
            "least limiter",
            awaited(least.atake),
            awaited(ours.atake, bucket),
            times=TIMES,
            target=1.35,
        )
    loop.close()


def _cache_figures() -> Iterator[Figure]:
    least, ours = LeastCache(ENTRIES), MemoryCache(max_entries=ENTRIES)
    for store in (least, ours):
        for key in KEYS:
            store.put(key, {"answer": key}, 3600.0)

    def got(get: Callable[[str], Any], prefix: str = "") -> Block:
        keys = [prefix + key for key in KEYS]

        def block(times: int) -> None:
            for _ in range(times // ENTRIES):
                for key in keys:
                    get(key)

        return block

    def stored(put: Callable[[str, Any, float], Any]) -> Block:
        def block(times: int) -> None:
            for number in range(times):
                put(f"tool:{number}", None, 3600.0)

        return block

    for name, target, peer, mine in (
        ("hit", 1.35, got(least.get), got(ours.get)),
        ("miss", 1.35, got(least.get, "other "), got(ours.get, "other ")),
        ("set, evicting", None, stored(least.put), stored(ours.put)),
    ):
        yield compare(f"cache in memory, {name}", "least cache", peer, mine, times=TIMES, target=target)


def main() -> int:
    """Print every figure; return how many miss their target."""
    missed = 0
    for figure in figures():
        missed += not figure.met
        target = "" if figure.target is None else f"target {figure.target:.2f} {'met' if figure.met else 'MISSED'}"
        print(f"{figure.name:40s} {figure.peer_us:6.2f} us  {figure.ours_us:6.2f} us  {figure.ratio:5.2f}  {target}")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
