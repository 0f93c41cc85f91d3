"""What handlers need of a state backend, one role each. Every backend passes the role's contract tests."""

from typing import Any, Final, Protocol

from salesboost_tools.core.rate import Bucket


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""Nothing is stored; any value may be stored, None too."""


class LimitStore(Protocol):
    """Token buckets by key."""

    def take(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Take tokens if they are there.

        Returns:
            0 if admitted; else the ns to wait until the same call would pass.
        """
        ...

    async def atake(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Do what `take` does."""
        ...


class CacheStore(Protocol):
    """Results by key, each for its time."""

    def get(self, key: str) -> Any:
        """Return what is stored and fresh, else `MISSING`."""
        ...

    def put(self, key: str, value: Any, ttl_s: float) -> None:
        """Store a value for `ttl_s` seconds; something else may have to go."""
        ...

    def clear(self, prefix: str = "") -> int:
        """Forget every entry whose key starts with `prefix`; return how many."""
        ...

    def top(self, count: int) -> list[tuple[str, int]]:
        """Return the keys read most, with how often, most read first."""
        ...

    async def aget(self, key: str) -> Any:
        """Do what `get` does."""
        ...

    async def aput(self, key: str, value: Any, ttl_s: float) -> None:
        """Do what `put` does."""
        ...


class State(Protocol):
    """A backend: one store per need."""

    @property
    def limits(self) -> LimitStore:
        """Token buckets."""
        ...

    @property
    def cache(self) -> CacheStore:
        """Stored results."""
        ...
