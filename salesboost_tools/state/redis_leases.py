"""Leases shared through Redis."""

import secrets

from salesboost_tools.state.redis_scripts import Commands, encoded, load_script, milliseconds


class RedisLeases:
    """A `LeaseStore` on Redis: the server counts the time.

    Args:
        commands: The connection.
        prefix: Stands before every key.
    """

    def __init__(self, commands: Commands, prefix: str) -> None:
        self._commands = commands
        self._prefix = prefix
        self._renew = load_script("lease_renew")
        self._release = load_script("lease_release")

    def acquire(self, key: str, ttl_s: float) -> str | None:
        """Return a token if nobody holds the lease; else None."""
        token = secrets.token_hex(16)
        taken = self._commands.send("SET", self._stored_under(key), token, "NX", "PX", milliseconds(ttl_s))
        return token if taken else None

    def renew(self, key: str, token: str, ttl_s: float) -> bool:
        """Prolong a lease; False if it is the token's no longer."""
        return bool(self._commands.run(self._renew, (self._stored_under(key),), token, milliseconds(ttl_s)))

    def release(self, key: str, token: str) -> bool:
        """Give a lease back; False if it was the token's no longer."""
        return bool(self._commands.run(self._release, (self._stored_under(key),), token))

    async def aacquire(self, key: str, ttl_s: float) -> str | None:
        """Do what `acquire` does."""
        token = secrets.token_hex(16)
        taken = await self._commands.asend("SET", self._stored_under(key), token, "NX", "PX", milliseconds(ttl_s))
        return token if taken else None

    async def arenew(self, key: str, token: str, ttl_s: float) -> bool:
        """Do what `renew` does."""
        return bool(await self._commands.arun(self._renew, (self._stored_under(key),), token, milliseconds(ttl_s)))

    async def arelease(self, key: str, token: str) -> bool:
        """Do what `release` does."""
        return bool(await self._commands.arun(self._release, (self._stored_under(key),), token))

    def _stored_under(self, key: str) -> bytes:
        return encoded(f"{self._prefix}:lease:{key}")
