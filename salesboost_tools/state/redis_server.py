"""How one Redis server, or the master that Sentinels name, is reached, from threads and from event loops.

redis-py's own defaults would let a hung server block a call for a minute and send a command twice; here nothing is sent
a second time, and an exchange ends when its time is up.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from salesboost_tools.state.deadline_socket import DeadlineSocket
from salesboost_tools.state.loop_timeout import LoopTimeout
from salesboost_tools.state.per_loop import PerLoop
from salesboost_tools.state.redis_address import RedisAddress, RedisKind
from salesboost_tools.state.redis_client import (
    KEYS_PER_SCAN,
    SILENT,
    aconnection,
    aredis,
    asentinel,
    never_again,
    read_url,
    redis,
    sconnection,
    sentinel,
    without_address,
)
from salesboost_tools.state.redis_lane import Command, Lane

_THREADS_AT_MOST: Final = 1000
_CONNECTIONS_PER_LOOP: Final = 4


class SingleServer:
    """One server, or the master the Sentinels name at the moment.

    Args:
        address: Where.
        connect_timeout_s: Seconds to reach it.
        operation_timeout_s: Seconds for a command and its reply.
    """

    def __init__(self, address: RedisAddress, connect_timeout_s: float, operation_timeout_s: float) -> None:
        self._address = address
        self._connect_timeout_s = connect_timeout_s
        self._operation_timeout_s = operation_timeout_s
        self._all_s = connect_timeout_s + operation_timeout_s
        self._pool = self._new_pool()
        self._process = os.getpid()
        self._idle: deque[Any] = deque()
        self._lanes = PerLoop(self._new_lane)

    def send(self, command: Command) -> Any:
        """Return the reply to a command."""
        give_up_at_s = time.monotonic() + self._all_s
        connection = self._take_connection()
        try:
            connection.end_by(min(time.monotonic() + self._operation_timeout_s, give_up_at_s))
            connection.send_command(*command, check_health=False)
            reply = connection.read_response()
        except redis.ReadOnlyError:  # no master any more: look for the new one
            self._drop(connection)
            raise
        except redis.ResponseError:
            self._idle.append(connection)
            raise
        except BaseException:
            self._drop(connection)
            raise
        self._idle.append(connection)
        return reply

    async def asend(self, command: Command) -> Any:
        """Return the reply to a command."""
        lane = self._lanes.mine() or await self._lanes.open()
        return await lane.run(command)

    def delete_matching(self, pattern: bytes) -> int:
        """Delete the keys that match a glob pattern; return how many."""
        deleted, cursor = 0, b"0"
        while True:
            cursor, keys = self.send(("SCAN", cursor, "MATCH", pattern, "COUNT", KEYS_PER_SCAN))
            deleted += self.send(("UNLINK", *keys)) if keys else 0
            if cursor == b"0":
                return deleted

    async def adelete_matching(self, pattern: bytes) -> int:
        """Do what `delete_matching` does."""
        deleted, cursor = 0, b"0"
        while True:
            cursor, keys = await self.asend(("SCAN", cursor, "MATCH", pattern, "COUNT", KEYS_PER_SCAN))
            deleted += await self.asend(("UNLINK", *keys)) if keys else 0
            if cursor == b"0":
                return deleted

    def close(self) -> None:
        """Close the connections of threads."""
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread was quicker
                self._drop(self._idle.pop())

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._lanes.close_mine()

    # Idle connections are kept here and not in the pool: to ask the pool twice per call would cost a third of the call.

    def _take_connection(self) -> Any:
        if self._process != os.getpid():  # a fork: those connections are the parent's
            self._process, self._idle = os.getpid(), deque()
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if _is_quiet(connection):
                return connection
            self._drop(connection)
        return self._pool.get_connection()

    def _drop(self, connection: Any) -> None:
        connection.disconnect()
        self._pool.release(connection)

    def _new_pool(self) -> Any:
        node = read_url(sconnection, self._address)
        connection_class: Any = node.pop("connection_class", redis.Connection)
        secured = connection_class is redis.SSLConnection
        settings: dict[str, Any] = {
            "socket_connect_timeout": self._connect_timeout_s,
            "socket_timeout": self._operation_timeout_s,
            "retry": never_again(on_loop=False),
            "protocol": 2,  # the third would cost a round trip per connection, and brings nothing here
            # A TLS server sends session tickets after the greeting. Somebody has to read them, or redis-py takes them
            # for a reply that nobody asked for and refuses the connection: so an introduction there is.
            **({} if secured else SILENT),
        }
        if self._address.kind is RedisKind.SINGLE:
            return redis.ConnectionPool(
                connection_class=_bounded(connection_class), max_connections=_THREADS_AT_MOST, **node, **settings
            )
        managed = sentinel.SentinelManagedSSLConnection if secured else sentinel.SentinelManagedConnection
        sentinels = sentinel.Sentinel(
            self._address.nodes, sentinel_kwargs=_for_sentinels(self._address, node, settings, secured=secured)
        )
        return sentinel.SentinelConnectionPool(
            self._address.master_name,
            sentinels,
            connection_class=_bounded(managed),
            max_connections=_THREADS_AT_MOST,
            **without_address(node),
            **settings,
        )

    def _new_lane(self) -> tuple[Lane, Callable[[], Any]]:
        settings: dict[str, Any] = {
            "socket_connect_timeout": None,  # the whole exchange has one time limit, connecting included
            "socket_timeout": None,
            "retry": never_again(on_loop=True),
            "protocol": 2,
            **SILENT,
        }
        node = read_url(aconnection, self._address)
        sentinels: Any = None
        if self._address.kind is RedisKind.SINGLE:
            pool: Any = aredis.ConnectionPool(**node, **settings)
        else:
            secured = node.pop("connection_class", None) is aredis.SSLConnection
            sentinels = asentinel.Sentinel(
                self._address.nodes, sentinel_kwargs=_for_sentinels(self._address, node, settings, secured=secured)
            )
            pool = asentinel.SentinelConnectionPool(
                self._address.master_name, sentinels, ssl=secured, **without_address(node), **settings
            )

        async def close() -> None:
            await pool.disconnect()
            for watcher in sentinels.sentinels if sentinels else ():
                await watcher.aclose()

        exchange = _Exchange(pool, self._operation_timeout_s, self._all_s)
        return Lane(exchange, connections=_CONNECTIONS_PER_LOOP), close


class _Exchange:
    """One batch of commands on one connection of an event loop, within one time limit."""

    def __init__(self, pool: Any, operation_timeout_s: float, all_s: float) -> None:
        self._pool = pool
        self._operation_timeout_s = operation_timeout_s
        self._all_s = all_s
        self._connected = False

    async def __call__(self, commands: Sequence[Command], waited_s: float) -> list[Any]:
        limit_s = self._operation_timeout_s if self._connected else self._all_s - waited_s
        try:
            async with LoopTimeout(limit_s):
                replies = await self._replies(commands)
        except BaseException:
            self._connected = False
            raise
        self._connected = True
        return replies

    async def _replies(self, commands: Sequence[Command]) -> list[Any]:
        connection = await self._pool.get_connection()
        try:
            await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
            return [await self._reply(connection) for _ in commands]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await self._pool.release(connection)

    @staticmethod
    async def _reply(connection: Any) -> Any:
        try:
            return await connection.read_response()
        except redis.ReadOnlyError:  # no master any more: look for the new one
            raise
        except redis.ResponseError as refusal:
            return refusal


def _bounded(connection_class: Any) -> Any:
    """Return a connection class whose exchanges end at a moment in time, however slowly the pieces arrive."""

    class Bounded(connection_class):
        def _connect(self) -> DeadlineSocket:
            deadline_s = time.monotonic() + self.socket_connect_timeout + self.socket_timeout
            connected = cast("Any", super()._connect())  # pyright: ignore[reportUnknownMemberType]
            return DeadlineSocket(connected, deadline_s)  # until told otherwise: greetings included

        def end_by(self, deadline_s: float) -> None:
            self._sock.deadline_s = deadline_s

    return Bounded


def _is_quiet(connection: Any) -> bool:
    """True if a connection is open and nothing waits to be read: a server that has closed it has said so."""
    try:
        return not connection.can_read()
    except (redis.RedisError, OSError):
        return False


def _for_sentinels(
    address: RedisAddress, node: dict[str, Any], settings: dict[str, Any], *, secured: bool
) -> dict[str, Any]:
    kept = {name: value for name, value in node.items() if name.startswith("ssl_")}
    if secured:
        kept["ssl"] = True
    credentials = {"username": address.sentinel_username, "password": address.sentinel_password}
    return settings | kept | credentials
