"""Idempotency records in this process."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from salesboost_tools.core.clock import Clock
from salesboost_tools.state.claim import Claim, ClaimState, fingerprint_of, new_token
from salesboost_tools.state.missing import MISSING

DEFAULT_KEEP_UNKNOWN_S = 86_400.0
_RECORDS_BEFORE_FIRST_SWEEP = 1024


@dataclass(frozen=True, slots=True)
class _Record:
    state: ClaimState
    """RUNNING, DONE or UNKNOWN."""
    fingerprint: str
    token: str
    gone_at_s: float
    lease_until_s: float = 0.0
    value: Any = MISSING


class MemoryRecords:
    """A `RecordStore` in a dict. Values are handed out as they came in, not as copies.

    A record leaves when its time is up and never for want of room: a write forgotten is a write repeated.

    Args:
        clock: Monotonic seconds.
        keep_unknown_s: Seconds for which the record of a write is kept whose owner is never heard of again.
    """

    def __init__(self, clock: Clock | None = None, *, keep_unknown_s: float = DEFAULT_KEEP_UNKNOWN_S) -> None:
        self._now = clock or time.monotonic
        self._keep_unknown_s = keep_unknown_s
        self._records: dict[str, _Record] = {}
        self._lock = threading.Lock()
        self._sweep_at = _RECORDS_BEFORE_FIRST_SWEEP

    def begin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Claim a write, or learn what became of it."""
        with self._lock:
            now_s = self._now()
            record = self._find(key, now_s)
            if record is None:
                token = new_token(fingerprint)
                until_s = now_s + lease_s
                gone_at_s = until_s + self._keep_unknown_s
                self._records[key] = _Record(ClaimState.RUNNING, fingerprint, token, gone_at_s, until_s)
                if len(self._records) > self._sweep_at:
                    self._sweep(now_s)
                return Claim(ClaimState.NEW, token=token)
        if record.fingerprint != fingerprint:
            return Claim(ClaimState.MISMATCH)
        if record.state is ClaimState.DONE:
            return Claim(ClaimState.DONE, value=record.value)
        if record.state is ClaimState.RUNNING and record.lease_until_s > now_s:
            return Claim(ClaimState.RUNNING, lease_left_s=record.lease_until_s - now_s)
        return Claim(ClaimState.UNKNOWN)

    def finish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Keep the value of a write that happened; False if the write is somebody else's by now."""
        with self._lock:
            now_s = self._now()
            record = self._find(key, now_s)
            if record is not None and record.token != token:
                return False
            if record is None or record.state is not ClaimState.DONE:
                self._records[key] = _Record(ClaimState.DONE, fingerprint_of(token), token, now_s + ttl_s, value=value)
            return True

    def release(self, key: str, token: str) -> bool:
        """Forget a write of which nothing happened; False if it is not the token's, or is done."""
        with self._lock:
            record = self._find(key, self._now())
            if record is None or record.token != token or record.state is ClaimState.DONE:
                return False
            del self._records[key]
            return True

    def leave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Keep that a write may have happened; False if it is not the token's, or is done."""
        with self._lock:
            now_s = self._now()
            record = self._find(key, now_s)
            if record is not None and (record.token != token or record.state is ClaimState.DONE):
                return False
            self._records[key] = _Record(ClaimState.UNKNOWN, fingerprint_of(token), token, now_s + ttl_s)
            return True

    async def abegin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Do what `begin` does; there is nothing to wait for."""
        return self.begin(key, fingerprint, lease_s)

    async def afinish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Do what `finish` does; there is nothing to wait for."""
        return self.finish(key, token, value, ttl_s)

    async def arelease(self, key: str, token: str) -> bool:
        """Do what `release` does; there is nothing to wait for."""
        return self.release(key, token)

    async def aleave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Do what `leave_unknown` does; there is nothing to wait for."""
        return self.leave_unknown(key, token, ttl_s)

    def __len__(self) -> int:
        return len(self._records)

    def _find(self, key: str, now_s: float) -> _Record | None:
        record = self._records.get(key)
        return record if record is not None and record.gone_at_s > now_s else None

    def _sweep(self, now_s: float) -> None:
        self._records = {key: record for key, record in self._records.items() if record.gone_at_s > now_s}
        self._sweep_at = max(_RECORDS_BEFORE_FIRST_SWEEP, 2 * len(self._records))
