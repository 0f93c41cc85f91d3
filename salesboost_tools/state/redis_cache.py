"""Results shared through Redis."""

import threading
import time
from typing import Any, Final, NamedTuple

from salesboost_tools.core.clock import Clock
from salesboost_tools.state.envelope import NotStorableError, seal, unseal
from salesboost_tools.state.missing import MISSING, Missing
from salesboost_tools.state.protocols import CacheEntry
from salesboost_tools.state.redis_scripts import Commands, encoded, load_script, milliseconds

_KIND: Final = "cache"
_KEYS_COUNTED = 1000
_GLOB = {ord(mark): f"\\{mark}" for mark in "*?[]\\^"}


class RedisCache:
    """A `CacheStore` on Redis. How many entries are kept is the server's `maxmemory` to decide.

    Args:
        commands: The connection.
        prefix: Stands before every key.
        max_value_bytes: A value that takes more is not kept: it would not arrive in time anyway.
        clock: Monotonic seconds, for `top` alone.
    """

    def __init__(self, commands: Commands, prefix: str, *, max_value_bytes: int, clock: Clock | None = None) -> None:
        self._commands = commands
        self._prefix = prefix
        self._max_value_bytes = max_value_bytes
        self._read = load_script("cache_get")
        self._now = clock or time.monotonic
        self._reads: dict[str, tuple[int, float]] = {}  # key -> how often, fresh until
        self._lock = threading.Lock()

    def get(self, key: str) -> Any:
        """Return what is stored and fresh, else `MISSING`."""
        return self._fresh(key, self._commands.run(self._read, (self._stored_under(key),)))

    def get_entry(self, key: str) -> CacheEntry | Missing:
        """Return what is stored, fresh or stale, with its age; else `MISSING`."""
        return self._found(key, self._commands.run(self._read, (self._stored_under(key),)))

    def put(self, key: str, value: Any, ttl_s: float, *, stale_s: float = 0.0) -> bool:
        """Store a value, fresh for `ttl_s` seconds and kept for `stale_s` more; False if it does not survive that."""
        command = self._set(key, value, ttl_s, stale_s)
        return command is not None and bool(self._commands.send(*command))

    def clear(self, prefix: str = "") -> int:
        """Forget every entry whose key starts with `prefix`; return how many. Walks through the server's keys."""
        self._forget_reads(prefix)
        return self._commands.delete_matching(self._pattern(prefix))

    def top(self, count: int) -> list[tuple[str, int]]:
        """Return the keys this process read most, with how often, most read first."""
        with self._lock:
            now_s = self._now()
            read = [(key, times) for key, (times, fresh_until_s) in self._reads.items() if fresh_until_s > now_s]
        return sorted(read, key=lambda pair: (-pair[1], pair[0]))[:count]

    async def aget(self, key: str) -> Any:
        """Do what `get` does."""
        return self._fresh(key, await self._commands.arun(self._read, (self._stored_under(key),)))

    async def aget_entry(self, key: str) -> CacheEntry | Missing:
        """Do what `get_entry` does."""
        return self._found(key, await self._commands.arun(self._read, (self._stored_under(key),)))

    async def aput(self, key: str, value: Any, ttl_s: float, *, stale_s: float = 0.0) -> bool:
        """Do what `put` does."""
        command = self._set(key, value, ttl_s, stale_s)
        return command is not None and bool(await self._commands.asend(*command))

    async def aclear(self, prefix: str = "") -> int:
        """Do what `clear` does."""
        self._forget_reads(prefix)
        return await self._commands.adelete_matching(self._pattern(prefix))

    def _stored_under(self, key: str) -> bytes:
        return encoded(f"{self._prefix}:cache:{key}")

    def _pattern(self, prefix: str) -> bytes:
        return encoded(f"{self._prefix}:cache:{prefix}".translate(_GLOB) + "*")

    def _set(self, key: str, value: Any, ttl_s: float, stale_s: float) -> tuple[Any, ...] | None:
        ttl_ms = milliseconds(ttl_s)
        stale_ms = milliseconds(stale_s) if stale_s > 0 else 0
        try:
            sealed = seal(value, _KIND, notes=(ttl_ms, stale_ms))
        except NotStorableError:
            return None
        if len(sealed) > self._max_value_bytes:
            return None
        return "SET", self._stored_under(key), sealed, "PX", ttl_ms + stale_ms

    def _fresh(self, key: str, reply: list[Any] | None) -> Any:
        entry = _entry(reply)
        return self._counted(key, entry).value if entry and entry.is_fresh else MISSING

    def _found(self, key: str, reply: list[Any] | None) -> CacheEntry | Missing:
        entry = _entry(reply)
        return self._counted(key, entry) if entry else MISSING

    def _counted(self, key: str, entry: "_Entry") -> CacheEntry:
        with self._lock:
            times, _ = self._reads.get(key, (0, 0.0))
            self._reads[key] = times + 1, self._now() + entry.fresh_for_s
            if len(self._reads) > 2 * _KEYS_COUNTED:
                by_times = sorted(self._reads.items(), key=lambda pair: -pair[1][0])
                self._reads = dict(by_times[:_KEYS_COUNTED])
        return CacheEntry(entry.value, entry.age_s, entry.is_fresh)

    def _forget_reads(self, prefix: str) -> None:
        with self._lock:
            self._reads = {key: read for key, read in self._reads.items() if not key.startswith(prefix)}


class _Entry(NamedTuple):
    value: Any
    age_s: float
    fresh_for_s: float
    """Below 0 if stale."""

    @property
    def is_fresh(self) -> bool:
        return self.fresh_for_s > 0


def _entry(reply: list[Any] | None) -> _Entry | None:
    sealed = unseal(reply[0], _KIND) if reply else None
    if reply is None or sealed is None or len(sealed.notes) != 2:
        return None
    ttl_ms, stale_ms = sealed.notes
    fresh_for_ms = reply[1] - stale_ms
    return _Entry(sealed.value, (ttl_ms - fresh_for_ms) / 1000, fresh_for_ms / 1000)
