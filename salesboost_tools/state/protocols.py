"""What handlers need of a state backend, one role each. Every backend passes the role's contract tests.

Each method has an `a` twin for event loops; both work on the same state. A backend that does not answer raises
`StateUnavailableError` and nothing else.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from salesboost_tools.core.rate import Bucket
from salesboost_tools.state.claim import Claim
from salesboost_tools.state.health import StateHealth
from salesboost_tools.state.ledger import Ledger
from salesboost_tools.state.missing import MISSING, Missing

__all__ = [
    "MISSING",
    "CacheEntry",
    "CacheStore",
    "LeaseStore",
    "LimitClaim",
    "LimitStore",
    "Missing",
    "RecordStore",
    "State",
]


class LimitClaim(NamedTuple):
    """Tokens wanted of one bucket."""

    key: str
    """Which bucket. In a cluster, keys taken together begin with the same text up to their first colon."""
    bucket: Bucket
    """Capacity and refill interval."""
    tokens: int = 1
    """How many, 1 to the capacity."""


class LimitStore(Protocol):
    """Token buckets by key."""

    def take(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Take tokens if they are there.

        Returns:
            0 if admitted; else the ns to wait until the same call would pass.
        """
        ...

    def take_all(self, claims: Sequence[LimitClaim]) -> int:
        """Take the tokens of every claim, or none at all.

        Args:
            claims: Any number, each of another key.

        Returns:
            0 if admitted; else the ns to wait until all of them would pass.

        Raises:
            ConfigurationError: Two claims name one key, or a claim asks for more than its bucket holds.
        """
        ...

    def left(self, key: str, bucket: Bucket) -> int:
        """Return how many tokens could be taken now, 0 to the capacity; takes none."""
        ...

    async def atake(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Do what `take` does."""
        ...

    async def atake_all(self, claims: Sequence[LimitClaim]) -> int:
        """Do what `take_all` does."""
        ...

    async def aleft(self, key: str, bucket: Bucket) -> int:
        """Do what `left` does."""
        ...


class CacheEntry(NamedTuple):
    """A stored result and how old it is."""

    value: Any
    age_s: float
    """Seconds since it was stored."""
    is_fresh: bool
    """False: past its time, kept a little longer so that it can be served while it is fetched again."""


class CacheStore(Protocol):
    """Results by key, each for its time."""

    def get(self, key: str) -> Any:
        """Return what is stored and fresh, else `MISSING`."""
        ...

    def get_entry(self, key: str) -> CacheEntry | Missing:
        """Return what is stored, fresh or stale, with its age; else `MISSING`."""
        ...

    def put(self, key: str, value: Any, ttl_s: float, *, stale_s: float = 0.0) -> bool:
        """Store a value; something else may have to go.

        Args:
            key: Where.
            value: What.
            ttl_s: Seconds for which it is fresh, above 0.
            stale_s: Seconds for which it is kept after that, for `get_entry` alone.

        Returns:
            False if this store cannot hand out the value exactly as it is; then it keeps nothing.
        """
        ...

    def clear(self, prefix: str = "") -> int:
        """Forget every entry whose key starts with `prefix`; return how many."""
        ...

    def top(self, count: int) -> list[tuple[str, int]]:
        """Return the keys this process read most, with how often, most read first. Waits for nothing."""
        ...

    async def aget(self, key: str) -> Any:
        """Do what `get` does."""
        ...

    async def aget_entry(self, key: str) -> CacheEntry | Missing:
        """Do what `get_entry` does."""
        ...

    async def aput(self, key: str, value: Any, ttl_s: float, *, stale_s: float = 0.0) -> bool:
        """Do what `put` does."""
        ...

    async def aclear(self, prefix: str = "") -> int:
        """Do what `clear` does."""
        ...


class LeaseStore(Protocol):
    """Who may do something alone, each for a time. A lease ends by itself, so a dead holder holds up nobody."""

    def acquire(self, key: str, ttl_s: float) -> str | None:
        """Return a token if nobody holds the lease, which is then the caller's for `ttl_s` seconds; else None."""
        ...

    def renew(self, key: str, token: str, ttl_s: float) -> bool:
        """Prolong a lease to `ttl_s` seconds from now; False if it is the token's no longer."""
        ...

    def release(self, key: str, token: str) -> bool:
        """Give a lease back; False if it was the token's no longer."""
        ...

    async def aacquire(self, key: str, ttl_s: float) -> str | None:
        """Do what `acquire` does."""
        ...

    async def arenew(self, key: str, token: str, ttl_s: float) -> bool:
        """Do what `renew` does."""
        ...

    async def arelease(self, key: str, token: str) -> bool:
        """Do what `release` does."""
        ...


class RecordStore(Protocol):
    """What became of writes, by idempotency key.

    A write is begun by exactly one caller. If its owner's lease ends without an outcome, the record says unknown; only
    the owner can still say what happened, by its token, however late.
    """

    def begin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Claim a write, or learn what became of it.

        Args:
            key: Which write.
            fingerprint: Stands for its arguments: the same key with another one is a `MISMATCH`.
            lease_s: Seconds within which the owner will report the outcome, above 0.
        """
        ...

    def finish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Keep the value of a write that happened, for `ttl_s` seconds.

        Returns:
            True if this outcome stands; False if the write is somebody else's by now. What is done is never changed.
        """
        ...

    def release(self, key: str, token: str) -> bool:
        """Forget a write of which nothing happened, for certain; the next caller begins it anew.

        Returns:
            False if it is not the token's, or is done.
        """
        ...

    def leave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Keep for `ttl_s` seconds that a write may have happened. Its owner can still `finish` or `release` it.

        Returns:
            False if it is not the token's, or is done.
        """
        ...

    async def abegin(self, key: str, fingerprint: str, lease_s: float) -> Claim:
        """Do what `begin` does."""
        ...

    async def afinish(self, key: str, token: str, value: Any, ttl_s: float) -> bool:
        """Do what `finish` does."""
        ...

    async def arelease(self, key: str, token: str) -> bool:
        """Do what `release` does."""
        ...

    async def aleave_unknown(self, key: str, token: str, ttl_s: float) -> bool:
        """Do what `leave_unknown` does."""
        ...


class State(Protocol):
    """A backend: one store per need."""

    @property
    def health(self) -> StateHealth:
        """Whether it answers, from what is known already: a health check may read it as often as it likes."""
        ...

    @property
    def limits(self) -> LimitStore:
        """Token buckets."""
        ...

    @property
    def cache(self) -> CacheStore:
        """Stored results."""
        ...

    @property
    def leases(self) -> LeaseStore:
        """Who may do something alone."""
        ...

    @property
    def records(self) -> RecordStore:
        """What became of writes."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Sums that workers add to, for what they learn together."""
        ...
