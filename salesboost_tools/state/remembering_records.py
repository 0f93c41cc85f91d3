"""Writes that this process has begun, for a store that may lose what it was told, or never hear of it."""

import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from salesboost_tools.core.clock import Clock
from salesboost_tools.state.claim import Claim, ClaimState, fingerprint_of
from salesboost_tools.state.missing import MISSING
from salesboost_tools.state.protocols import RecordStore

WRITES_REMEMBERED = 2000
_SHORTEST_LEASE_S = 0.001


@dataclass(frozen=True, slots=True)
class _Own:
    """A write of this process."""

    state: ClaimState
    """RUNNING, DONE or UNKNOWN."""
    token: str
    """What its owner here shows."""
    stored_token: str
    """What the store knows it by: another one if it was lost there and claimed anew."""
    gone_at_s: float
    """When the store would forget it; no sooner, and no later here."""
    lease_until_s: float = 0.0
    value: Any = MISSING


class RememberingRecords:
    """A `RecordStore` over another one that other processes share.

    That one decides, but for the last writes that this process has begun: one that the store calls new, because it was
    emptied or started again, is written down there again and not repeated; one that is done is done, even if the store
    never heard how it ended. What other processes did is lost with the store.

    Args:
        records: The store.
        keep_unknown_s: Seconds for which it keeps the record of a write whose owner is never heard of again.
        clock: Monotonic seconds.
    """

    def __init__(self, records: RecordStore, *, keep_unknown_s: float, clock: Clock | None = None) -> None:
        self._records = records
        self._keep_unknown_s = keep_unknown_s
        self._now = clock or time.monotonic
        self._own: dict[str, _Own] = {}
        self._lock = threading.Lock()

    def begin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Claim a write, or learn what became of it."""
        asked_at_s = self._now()
        claim = self._records.begin(key, fingerprint, lease_s)
        own = self._known_better(key, fingerprint, claim, asked_at_s, lease_s)
        if own is None:
            return claim
        if claim.token is not None and fingerprint_of(own.token) != fingerprint:
            self._records.release(key, claim.token)
            return Claim(ClaimState.MISMATCH)
        if own.state is ClaimState.DONE:
            self._records.finish(key, own.stored_token, own.value, self._left_s(own))
        elif own.state is ClaimState.UNKNOWN:
            self._records.leave_unknown(key, own.stored_token, self._left_s(own))
        return self._claim_of(own)

    def finish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Keep the value of a write that happened; False if the write is somebody else's by now."""
        return self._records.finish(key, self._ended(key, token, ClaimState.DONE, ttl_s, value), value, ttl_s)

    def release(self, key: str, token: str) -> bool:
        """Forget a write of which nothing happened; False if it is not the token's, or is done."""
        return self._records.release(key, self._released(key, token))

    def leave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Keep that a write may have happened; False if it is not the token's, or is done."""
        return self._records.leave_unknown(key, self._ended(key, token, ClaimState.UNKNOWN, ttl_s), ttl_s)

    async def abegin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Do what `begin` does."""
        asked_at_s = self._now()
        claim = await self._records.abegin(key, fingerprint, lease_s)
        own = self._known_better(key, fingerprint, claim, asked_at_s, lease_s)
        if own is None:
            return claim
        if claim.token is not None and fingerprint_of(own.token) != fingerprint:
            await self._records.arelease(key, claim.token)
            return Claim(ClaimState.MISMATCH)
        if own.state is ClaimState.DONE:
            await self._records.afinish(key, own.stored_token, own.value, self._left_s(own))
        elif own.state is ClaimState.UNKNOWN:
            await self._records.aleave_unknown(key, own.stored_token, self._left_s(own))
        return self._claim_of(own)

    async def afinish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Do what `finish` does."""
        return await self._records.afinish(key, self._ended(key, token, ClaimState.DONE, ttl_s, value), value, ttl_s)

    async def arelease(self, key: str, token: str) -> bool:
        """Do what `release` does."""
        return await self._records.arelease(key, self._released(key, token))

    async def aleave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Do what `leave_unknown` does."""
        return await self._records.aleave_unknown(key, self._ended(key, token, ClaimState.UNKNOWN, ttl_s), ttl_s)

    # ------------------------------------------------------------ what is remembered

    def _known_better(self, key: str, fingerprint: str, claim: Claim, asked_at_s: float, lease_s: float) -> _Own | None:
        """Return the write if more is known of it here than the store says; remember it if it is new."""
        if claim.state in {ClaimState.DONE, ClaimState.MISMATCH}:
            return None
        with self._lock:
            now_s, own = self._now(), self._own.get(key)
            if own is None or own.gone_at_s <= now_s:
                if claim.token is not None:
                    until_s = asked_at_s + lease_s
                    gone_at_s = until_s + self._keep_unknown_s
                    self._keep(key, _Own(ClaimState.RUNNING, claim.token, claim.token, gone_at_s, until_s))
                return None
            is_the_same = fingerprint_of(own.token) == fingerprint
            if claim.token is None:
                return own if is_the_same and own.state is ClaimState.DONE else None
            if is_the_same:
                own = self._own[key] = replace(own, stored_token=claim.token)
            if own.state is ClaimState.RUNNING and own.lease_until_s <= now_s:
                return replace(own, state=ClaimState.UNKNOWN)
            return own

    def _ended(self, key: str, token: str, state: ClaimState, ttl_s: float, value: Any = MISSING) -> str:
        """Remember how a write ended; return what the store knows it by."""
        with self._lock:
            own = self._own.get(key)
            if own is None or own.token != token:
                return token
            now_s = self._now()
            if own.state is not ClaimState.DONE or own.gone_at_s <= now_s:
                self._keep(key, replace(own, state=state, gone_at_s=now_s + ttl_s, value=value))
            return own.stored_token

    def _released(self, key: str, token: str) -> str:
        """Forget a write, unless it is done; return what the store knows it by."""
        with self._lock:
            own = self._own.get(key)
            if own is None or own.token != token:
                return token
            if own.state is not ClaimState.DONE:
                del self._own[key]
            return own.stored_token

    def _keep(self, key: str, own: _Own) -> None:
        self._own.pop(key, None)
        self._own[key] = own
        if len(self._own) > WRITES_REMEMBERED:
            del self._own[next(iter(self._own))]

    def _left_s(self, own: _Own) -> float:
        return max(own.gone_at_s - self._now(), _SHORTEST_LEASE_S)

    def _claim_of(self, own: _Own) -> Claim:
        if own.state is ClaimState.RUNNING:
            return Claim(own.state, lease_left_s=max(own.lease_until_s - self._now(), _SHORTEST_LEASE_S))
        return Claim(own.state, value=own.value)
