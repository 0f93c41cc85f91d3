"""Token buckets shared through Redis: the server's clock, one command per check."""

from collections.abc import Sequence

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import Bucket, fit
from salesboost_tools.state.limit_claims import fit_together
from salesboost_tools.state.protocols import LimitClaim
from salesboost_tools.state.redis_scripts import Commands, encoded, load_script


class RedisLimits:
    """A `LimitStore` on Redis, exact to the microsecond; intervals are rounded up, so never a token too many.

    Args:
        commands: The connection.
        prefix: Stands before every key.
    """

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._prefix = prefix
        self._script = load_script("take")
        self._left_script = load_script("left")

    def take(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Take tokens if they are there; return 0, or the ns to wait."""
        if tokens != 1:
            fit(bucket, tokens)
        interval_us = -(-bucket.interval_ns // 1000)
        wait_us = self._commands.run(
            self._script, (self._stored_under(key),), interval_us * tokens, interval_us * bucket.capacity
        )
        return wait_us * 1000

    def take_all(self, claims: Sequence[LimitClaim]) -> int:
        """Take the tokens of every claim, or none; return 0, or the ns to wait until all would pass."""
        keys, arguments = self._together(claims)
        return self._commands.run(self._script, keys, *arguments) * 1000 if keys else 0

    def left(self, key: str, bucket: Bucket) -> int:
        """Return how many tokens could be taken now; takes none."""
        return self._commands.run(self._left_script, (self._stored_under(key),), *_times_us(bucket))

    async def atake(self, key: str, bucket: Bucket, tokens: int = 1) -> int:
        """Do what `take` does."""
        if tokens != 1:
            fit(bucket, tokens)
        interval_us = -(-bucket.interval_ns // 1000)
        wait_us = await self._commands.arun(
            self._script, (self._stored_under(key),), interval_us * tokens, interval_us * bucket.capacity
        )
        return wait_us * 1000

    async def atake_all(self, claims: Sequence[LimitClaim]) -> int:
        """Do what `take_all` does."""
        keys, arguments = self._together(claims)
        return await self._commands.arun(self._script, keys, *arguments) * 1000 if keys else 0

    async def aleft(self, key: str, bucket: Bucket) -> int:
        """Do what `left` does."""
        return await self._commands.arun(self._left_script, (self._stored_under(key),), *_times_us(bucket))

    def _together(self, claims: Sequence[LimitClaim]) -> tuple[tuple[bytes, ...], list[int]]:
        fit_together(claims)
        if self._commands.in_cluster and len({_slot_name(claim.key) for claim in claims}) > 1:
            keys = [claim.key for claim in claims]
            raise ConfigurationError(
                f"in a Redis cluster, keys taken together begin with the same text up to their first colon; got {keys}"
            )
        arguments: list[int] = []
        for _, bucket, tokens in claims:
            interval_us = -(-bucket.interval_ns // 1000)
            arguments += (interval_us * tokens, interval_us * bucket.capacity)
        return tuple(self._stored_under(claim.key) for claim in claims), arguments

    def _stored_under(self, key: str) -> bytes:
        """Return a key whose part in braces, which decides the cluster slot, is that of every window of one tool."""
        name, colon, rest = key.partition(":")
        return encoded(f"{self._prefix}:{{limit:{name}}}{colon}{rest}")


def _slot_name(key: str) -> str:
    return key.partition(":")[0]


def _times_us(bucket: Bucket) -> tuple[int, int]:
    """Return how long a token takes to come back, and an empty bucket to fill up."""
    interval_us = -(-bucket.interval_ns // 1000)
    return interval_us, interval_us * bucket.capacity
