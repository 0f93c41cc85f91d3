"""Leases in this process."""

import secrets
import threading
import time

from salesboost_tools.core.clock import Clock

_LEASES_BEFORE_FIRST_SWEEP = 1024


class MemoryLeases:
    """A `LeaseStore` in a dict.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._now = clock or time.monotonic
        self._held: dict[str, tuple[str, float]] = {}  # key -> token, ends at
        self._lock = threading.Lock()
        self._sweep_at = _LEASES_BEFORE_FIRST_SWEEP

    def acquire(self, key: str, ttl_s: float) -> str | None:
        """Return a token if nobody holds the lease; else None."""
        with self._lock:
            now_s = self._now()
            held = self._held.get(key)
            if held is not None and held[1] > now_s:
                return None
            token = secrets.token_hex(16)
            self._held[key] = (token, now_s + ttl_s)
            if len(self._held) > self._sweep_at:
                self._sweep(now_s)
            return token

    def renew(self, key: str, token: str, ttl_s: float) -> bool:
        """Prolong a lease; False if it is the token's no longer."""
        with self._lock:
            if not self._holds(key, token):
                return False
            self._held[key] = (token, self._now() + ttl_s)
            return True

    def release(self, key: str, token: str) -> bool:
        """Give a lease back; False if it was the token's no longer."""
        with self._lock:
            if not self._holds(key, token):
                return False
            del self._held[key]
            return True

    async def aacquire(self, key: str, ttl_s: float) -> str | None:
        """Do what `acquire` does; there is nothing to wait for."""
        return self.acquire(key, ttl_s)

    async def arenew(self, key: str, token: str, ttl_s: float) -> bool:
        """Do what `renew` does; there is nothing to wait for."""
        return self.renew(key, token, ttl_s)

    async def arelease(self, key: str, token: str) -> bool:
        """Do what `release` does; there is nothing to wait for."""
        return self.release(key, token)

    def __len__(self) -> int:
        return len(self._held)

    def _holds(self, key: str, token: str) -> bool:
        held = self._held.get(key)
        return held is not None and held[0] == token and held[1] > self._now()

    def _sweep(self, now_s: float) -> None:
        self._held = {key: held for key, held in self._held.items() if held[1] > now_s}
        self._sweep_at = max(_LEASES_BEFORE_FIRST_SWEEP, 2 * len(self._held))
