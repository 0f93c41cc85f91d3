"""State in this process. One object serves threads and event loops alike, so a tool used both ways has one bucket."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from salesboost_tools.core.clock import Clock, nanoseconds
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import Bucket, due_after, fit, tokens_left
from salesboost_tools.state.at_once import at_once
from salesboost_tools.state.health import StateHealth
from salesboost_tools.state.limit_claims import fit_together
from salesboost_tools.state.memory_leases import MemoryLeases
from salesboost_tools.state.memory_ledger import MemoryLedger
from salesboost_tools.state.memory_records import MemoryRecords
from salesboost_tools.state.missing import MISSING, Missing
from salesboost_tools.state.protocols import CacheEntry, LimitClaim

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
        cost_ns = bucket.interval_ns
        if tokens != 1:
            fit(bucket, tokens)
            cost_ns *= tokens
        with self._lock:
            now_ns = self._now_ns()
            due_at_ns = self._due_at_ns.get(key, now_ns)
            # `due_after`, written out, and no `max`: a call would be a tenth of the check
            due_ns = (due_at_ns if due_at_ns > now_ns else now_ns) + cost_ns  # noqa: FURB136
            owed_ns = due_ns - now_ns
            if owed_ns > bucket.tolerance_ns:
                return owed_ns - bucket.tolerance_ns
            self._due_at_ns[key] = due_ns
            if due_at_ns is now_ns and len(self._due_at_ns) > self._sweep_at:  # a new key
                self._sweep(now_ns)
            return 0

    def take_all(self, claims: Sequence[LimitClaim]) -> int:
        """Take the tokens of every claim, or none; return 0, or the ns to wait until all would pass."""
        fit_together(claims)
        with self._lock:
            now_ns = self._now_ns()
            longest_wait_ns = 0
            due_ns_by_key: dict[str, int] = {}
            for key, bucket, tokens in claims:
                due_ns = due_after(bucket, self._due_at_ns.get(key), now_ns, tokens)
                longest_wait_ns = max(longest_wait_ns, due_ns - bucket.tolerance_ns - now_ns)
                due_ns_by_key[key] = due_ns
            if longest_wait_ns:
                return longest_wait_ns
            self._due_at_ns.update(due_ns_by_key)
            if len(self._due_at_ns) > self._sweep_at:
                self._sweep(now_ns)
            return 0

    def left(self, key: str, bucket: Bucket) -> int:
        """Return how many tokens could be taken now; takes none."""
        with self._lock:
            return tokens_left(bucket, self._due_at_ns.get(key), self._now_ns())

    @at_once
    async def atake(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Do what `take` does; there is nothing to wait for."""
        return self.take(key, bucket, tokens)

    @at_once
    async def atake_all(self, claims: Sequence[LimitClaim]) -> int:
        """Do what `take_all` does; there is nothing to wait for."""
        return self.take_all(claims)

    async def aleft(self, key: str, bucket: Bucket) -> int:
        """Do what `left` does; there is nothing to wait for."""
        return self.left(key, bucket)

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
        count_reads: Count how often each entry is read, for `top`.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        max_entries: int = 1000,
        least_recently_used_first: bool = True,
        count_reads: bool = True,
    ) -> None:
        if max_entries < 1:
            raise ConfigurationError(f"a cache holds at least 1 entry; max_entries is {max_entries}")
        self._now = clock or time.monotonic
        self._max_entries = max_entries
        self._reorder = least_recently_used_first
        self._one_read = int(count_reads)
        self._entries: OrderedDict[str, list[Any]] = (
            OrderedDict()
        )  # key -> [fresh until, value, times read, fresh for, stale for]
        self._lock = threading.Lock()
        self.evictions = 0
        """How many entries have left for want of room."""

    def get(self, key: str) -> Any:
        """Return what is stored and fresh, else `MISSING`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return MISSING
            now_s = self._now()
            if entry[0] <= now_s:
                if entry[0] + entry[4] <= now_s:
                    del self._entries[key]
                return MISSING
            if self._reorder:
                self._entries.move_to_end(key)
            entry[2] += self._one_read
            return entry[1]

    def get_entry(self, key: str) -> CacheEntry | Missing:
        """Return what is stored, fresh or stale, with its age; else `MISSING`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return MISSING
            now_s = self._now()
            left_s = entry[0] - now_s
            if left_s + entry[4] <= 0:
                del self._entries[key]
                return MISSING
            if self._reorder:
                self._entries.move_to_end(key)
            entry[2] += self._one_read
            return CacheEntry(entry[1], entry[3] - left_s, left_s > 0)

    def put(self, key: str, value: Any, ttl_s: float, *, stale_s: float = 0.0) -> bool:
        """Store a value, fresh for `ttl_s` seconds and kept for `stale_s` more; always True."""
        with self._lock:
            self._entries[key] = [self._now() + ttl_s, value, 0, ttl_s, stale_s]
            self._entries.move_to_end(key)
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
                self.evictions += 1
            return True

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
            now = self._now()
            read = [(key, entry[2]) for key, entry in self._entries.items() if entry[2] and entry[0] > now]
        return sorted(read, key=lambda pair: (-pair[1], pair[0]))[:count]

    @at_once
    async def aget(self, key: str) -> Any:
        """Do what `get` does; there is nothing to wait for."""
        return self.get(key)

    @at_once
    async def aget_entry(self, key: str) -> CacheEntry | Missing:
        """Do what `get_entry` does; there is nothing to wait for."""
        return self.get_entry(key)

    @at_once
    async def aput(self, key: str, value: Any, ttl_s: float, *, stale_s: float = 0.0) -> bool:
        """Do what `put` does; there is nothing to wait for."""
        return self.put(key, value, ttl_s, stale_s=stale_s)

    @at_once
    async def aclear(self, prefix: str = "") -> int:
        """Do what `clear` does; there is nothing to wait for."""
        return self.clear(prefix)

    def __len__(self) -> int:
        return len(self._entries)


class MemoryState:
    """The default state: everything in this process, gone with it.

    Args:
        clock: Monotonic seconds; a fake one in tests.
        max_cached: How many results the cache keeps.
        least_recently_used_first: False lets the oldest result leave the cache first.
        count_reads: Count how often each result is read, for `top`.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        max_cached: int = 1000,
        least_recently_used_first: bool = True,
        count_reads: bool = True,
    ) -> None:
        self.limits = MemoryLimits(clock)
        self.cache = MemoryCache(
            clock,
            max_entries=max_cached,
            least_recently_used_first=least_recently_used_first,
            count_reads=count_reads,
        )
        self.leases = MemoryLeases(clock)
        self.ledger = MemoryLedger(clock)
        self.records = MemoryRecords(clock)

    @property
    def health(self) -> StateHealth:
        """Memory always answers."""
        return StateHealth(where="this process")
