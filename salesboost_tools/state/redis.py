"""State shared by many processes through Redis: one round trip per need, bounded in time, never repeated blindly."""

import contextlib
import threading
from typing import Any

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.state.circuit import Circuit
from salesboost_tools.state.health import StateHealth
from salesboost_tools.state.memory_records import DEFAULT_KEEP_UNKNOWN_S
from salesboost_tools.state.redis_address import RedisKind, parse_redis_url
from salesboost_tools.state.redis_cache import RedisCache
from salesboost_tools.state.redis_client import FAILURES, TIMEOUTS, is_unknown_script, is_wrong_type
from salesboost_tools.state.redis_cluster import ClusterServers
from salesboost_tools.state.redis_leases import RedisLeases
from salesboost_tools.state.redis_ledger import RedisLedger
from salesboost_tools.state.redis_limits import RedisLimits
from salesboost_tools.state.redis_records import RedisRecords
from salesboost_tools.state.redis_scripts import Script
from salesboost_tools.state.redis_server import SingleServer
from salesboost_tools.state.remembering_records import RememberingRecords


class _UnknownScriptError(StateUnavailableError):
    """The server has forgotten the script; it has not been run."""


class RedisState:
    """Limits, cache, leases, records and a ledger on one Redis, for threads and event loops alike.

    Every key carries a prefix and a time to live. Give limits, leases and records a server with `maxmemory-policy
    noeviction`, and one that is not emptied: a lost record is a write that may happen twice, unless the process that is
    asked for it again is the one that began it.

    Args:
        url: `redis://`, `rediss://`, `unix://`, `redis+sentinel://` or `redis+cluster://`; see `parse_redis_url`.
        prefix: Stands before every key, so that several applications can share a server.
        connect_timeout_s: Seconds to reach the server, above 0. In sync code the look-up of a host name and Sentinels
            that do not answer come on top.
        operation_timeout_s: Seconds for a command and its reply, above 0.
        probe_every_s: Seconds between two probes while the server does not answer. They are sent from a thread of their
            own, so no call waits for one: it fails at once until a probe has been answered.
        keep_unknown_s: Seconds for which the record of a write is kept whose owner is never heard of again.
        max_cached_bytes: Results that take more are not shared.
        clock: Monotonic seconds, for `probe_every_s`, for showing what is read most, and for how long this process
            remembers the writes it has begun; the rest goes by the server's.

    Raises:
        ConfigurationError: The URL or a number makes no sense. Whether the server answers is for `ping` to say.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "salesboost",
        connect_timeout_s: float = 0.05,
        operation_timeout_s: float = 0.1,
        probe_every_s: float = 2.0,
        keep_unknown_s: float = DEFAULT_KEEP_UNKNOWN_S,
        max_cached_bytes: int = 1_000_000,
        clock: Clock | None = None,
    ) -> None:
        if not (connect_timeout_s > 0 and operation_timeout_s > 0 and keep_unknown_s > 0):
            raise ConfigurationError("connect_timeout_s, operation_timeout_s and keep_unknown_s are seconds, above 0")
        address = parse_redis_url(url)
        self.shown = address.shown
        """Where the server is, for messages: no user, no password."""
        self.in_cluster = address.kind is RedisKind.CLUSTER
        self.circuit = Circuit(probe_every_s=probe_every_s, clock=clock)
        """Whether the server is asked at all, and how often it failed to answer."""
        servers = ClusterServers if self.in_cluster else SingleServer
        self._servers: SingleServer | ClusterServers = servers(address, connect_timeout_s, operation_timeout_s)
        self.limits = RedisLimits(self, prefix)
        self.cache = RedisCache(self, prefix, max_value_bytes=max_cached_bytes, clock=clock)
        self.leases = RedisLeases(self, prefix)
        self.ledger = RedisLedger(self, prefix)
        self.records = RememberingRecords(
            RedisRecords(self, prefix, keep_unknown_s=keep_unknown_s), keep_unknown_s=keep_unknown_s, clock=clock
        )

    # ------------------------------------------------------------ for operators

    @property
    def healthy(self) -> bool:
        """Whether calls go to the server: False from a time limit that ran out, or a few failures, to a success."""
        return not self.circuit.is_open

    @property
    def health(self) -> StateHealth:
        """What is known of the server, without asking it."""
        circuit = self.circuit
        down_for_s = circuit.open_for_s
        return StateHealth(
            where=f"Redis at {self.shown}",
            answers=down_for_s is None,
            down_for_s=down_for_s,
            unanswered=circuit.failures + circuit.spared,
            last_failure=circuit.last_failure,
        )

    def ping(self) -> bool:
        """Ask the server now, whatever happened before; return whether it answered."""
        try:
            self._exchanged(("PING",))
        except StateUnavailableError:
            return False
        return True

    async def aping(self) -> bool:
        """Do what `ping` does."""
        try:
            await self._aexchanged(("PING",))
        except StateUnavailableError:
            return False
        return True

    def close(self) -> None:
        """Close the connections of threads; they are opened again when needed."""
        self._servers.close()

    async def aclose(self) -> None:
        """Close the connections of threads and of this event loop. A loop that is shut down closes its own anyway."""
        self._servers.close()
        await self._servers.aclose()

    # ------------------------------------------------------------ for the stores

    def run(self, script: Script, keys: tuple[bytes, ...], *arguments: Any) -> Any:
        """Run a script in one round trip; in two if the server does not know it yet."""
        try:
            return self.send("EVALSHA", script.sha1, len(keys), *keys, *arguments)
        except _UnknownScriptError:
            return self.send("EVAL", script.text, len(keys), *keys, *arguments)

    async def arun(self, script: Script, keys: tuple[bytes, ...], *arguments: Any) -> Any:
        """Do what `run` does."""
        try:
            return await self.asend("EVALSHA", script.sha1, len(keys), *keys, *arguments)
        except _UnknownScriptError:
            return await self.asend("EVAL", script.text, len(keys), *keys, *arguments)

    def send(self, *command: Any) -> Any:
        """Run one command.

        Raises:
            StateUnavailableError: The server did not answer in time or refused, or is not asked because it just did so.
        """
        self._admit()
        return self._exchanged(command)

    async def asend(self, *command: Any) -> Any:
        """Do what `send` does."""
        self._admit()
        return await self._aexchanged(command)

    def delete_matching(self, pattern: bytes) -> int:
        """Delete the keys that match a glob pattern; return how many. Each trip is bounded, their number is not."""
        self._admit()
        try:
            return self._servers.delete_matching(pattern)
        except FAILURES as error:
            raise self._unavailable(error) from error

    async def adelete_matching(self, pattern: bytes) -> int:
        """Do what `delete_matching` does."""
        self._admit()
        try:
            return await self._servers.adelete_matching(pattern)
        except FAILURES as error:
            raise self._unavailable(error) from error

    # ------------------------------------------------------------ rules

    def _exchanged(self, command: tuple[Any, ...]) -> Any:
        try:
            reply = self._servers.send(command)
        except FAILURES as error:
            raise self._unavailable(error) from error
        self.circuit.succeeded()
        return reply

    async def _aexchanged(self, command: tuple[Any, ...]) -> Any:
        try:
            reply = await self._servers.asend(command)
        except FAILURES as error:
            raise self._unavailable(error) from error
        self.circuit.succeeded()
        return reply

    def _admit(self) -> None:
        if self.circuit.may_try():
            return
        if self.circuit.take_probe():
            with contextlib.suppress(RuntimeError):  # no thread to be had: another probe will come
                threading.Thread(target=self.ping, name="salesboost-redis-probe", daemon=True).start()
        raise StateUnavailableError(
            f"Redis at {self.shown} is not asked for a while: {self.circuit.last_failure} (setting TOOL_REDIS_URL)"
        )

    def _unavailable(self, error: BaseException) -> StateUnavailableError:
        what = f"{type(error).__name__}: {error}"
        if is_unknown_script(error):
            self.circuit.succeeded()
            return _UnknownScriptError(what)
        if is_wrong_type(error):
            self.circuit.succeeded()
            return StateUnavailableError(f"Redis at {self.shown} holds something else under this key: {what}")
        self.circuit.failed(what, took_all_its_time=isinstance(error, TIMEOUTS))
        return StateUnavailableError(f"Redis at {self.shown} did not answer: {what} (setting TOOL_REDIS_URL)")
