"""State in this process. One object serves threads and event loops alike, so a tool used both ways has one bucket."""

import threading
import time
from collections import OrderedDict
from typing import Any

from salesboost_tools.core.clock import Clock, nanoseconds
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import Bucket, fit, take
from salesboost_tools.state.protocols import MISSING

_BUCKETS_BEFORE_FIRST_SWEEP = 1024


class MemoryLimits:
    """Token buckets in a dict.

    A bucket that has filled up again is the same as one never seen, so it may be dropped; a bucket in use never is.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._now_ns = time.monotonic_ns if clock is None else lambda: nanoseconds(clock())
        self._due_at_ns: dict[str, int] = {}
        self._lock = threading.Lock()
        self._sweep_at = _BUCKETS_BEFORE_FIRST_SWEEP

    def take(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Take tokens if they are there; return 0, or the ns to wait."""
        if tokens != 1:
            fit(bucket, tokens)
        with self._lock:
            now_ns = self._now_ns()
            wait_ns, due_at_ns = take(bucket, self._due_at_ns.get(key), now_ns, tokens)
            if not wait_ns:
                self._due_at_ns[key] = due_at_ns
                if len(self._due_at_ns) > self._sweep_at:
                    self._sweep(now_ns)
            return wait_ns

    async def atake(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Do what `take` does; there is nothing to wait for."""
        return self.take(key, bucket, tokens)

    def _sweep(self, now_ns: int) -> None:
        self._due_at_ns = {key: due for key, due in self._due_at_ns.items() if due > now_ns}
        self._sweep_at = max(_BUCKETS_BEFORE_FIRST_SWEEP, 2 * len(self._due_at_ns))

    def __len__(self) -> int:
        return len(self._due_at_ns)


class MemoryCache:
    """Results in a dict, each for its time, the least recently used leaving first.

    Args:
        clock: Monotonic seconds.
        max_entries: How many are kept, at least 1.
        least_recently_used_first: False lets the oldest leave first, whoever was read of late.
    """

    def __init__(
        self, clock: Clock | None = None, *, max_entries: int = 1000, least_recently_used_first: bool = True
    ) -> None:
        if max_entries < 1:
            raise ConfigurationError(f"a cache holds at least 1 entry; max_entries is {max_entries}")
        self._now = clock or time.monotonic
        self._max_entries = max_entries
        self._reorder = least_recently_used_first
        self._entries: OrderedDict[str, list[Any]] = OrderedDict()  # key -> [expires at, value, times read]
        self._lock = threading.Lock()
        self.evictions = 0
        """How many entries have left for want of room."""

    def get(self, key: str) -> Any:
        """Return what is stored and fresh, else `MISSING`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return MISSING
            if entry[0] <= self._now():
                del self._entries[key]
                return MISSING
            if self._reorder:
                self._entries.move_to_end(key)
            entry[2] += 1
            return entry[1]

    def put(self, key: str, value: Any, ttl_s: float) -> None:
        """Store a value for `ttl_s` seconds."""
        with self._lock:
            self._entries[key] = [self._now() + ttl_s, value, 0]
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
                self.evictions += 1

    def clear(self, prefix: str = "") -> int:
        """Forget every entry whose key starts with `prefix`; return how many."""
        with self._lock:
            gone = [key for key in self._entries if key.startswith(prefix)]
            for key in gone:
                del self._entries[key]
            return len(gone)

    def top(self, count: int) -> list[tuple[str, int]]:
        """Return the keys read most, with how often, most read first."""
        with self._lock:
            read = [(key, entry[2]) for key, entry in self._entries.items() if entry[2]]
        return sorted(read, key=lambda pair: (-pair[1], pair[0]))[:count]

    async def aget(self, key: str) -> Any:
        """Do what `get` does; there is nothing to wait for."""
        return self.get(key)

    async def aput(self, key: str, value: Any, ttl_s: float) -> None:
        """Do what `put` does; there is nothing to wait for."""
        self.put(key, value, ttl_s)

    def __len__(self) -> int:
        return len(self._entries)


class MemoryState:
    """The default state: everything in this process, gone with it.

    Args:
        clock: Monotonic seconds; a fake one in tests.
        max_cached: How many results the cache keeps.
        least_recently_used_first: False lets the oldest result leave the cache first.
    """

    def __init__(
        self, clock: Clock | None = None, *, max_cached: int = 1000, least_recently_used_first: bool = True
    ) -> None:
        self.limits = MemoryLimits(clock)
        self.cache = MemoryCache(clock, max_entries=max_cached, least_recently_used_first=least_recently_used_first)
