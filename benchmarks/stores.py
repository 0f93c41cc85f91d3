"""The stores alone, beside the least that does the same: `python -m benchmarks stores`.

`redis_stores` gives them the shape that benches of rate limiters and caches ask for.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.measure import Block, Figure, compare
from salesboost_tools.core.rate import Bucket
from salesboost_tools.state import MISSING, MemoryCache, MemoryLimits

ENTRIES = 1000
TIMES = 20_000
KEYS = [f"tool:{number:032x}" for number in range(ENTRIES)]


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
