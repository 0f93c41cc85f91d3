"""How a Redis cluster is reached, from threads and from event loops."""

import threading
from collections.abc import Callable
from typing import Any

from salesboost_tools.state.loop_timeout import LoopTimeout
from salesboost_tools.state.per_loop import PerLoop
from salesboost_tools.state.redis_address import RedisAddress
from salesboost_tools.state.redis_client import (
    KEYS_PER_SCAN,
    AsyncClusterNode,
    ClusterNode,
    aredis,
    never_again,
    read_url,
    redis,
    sconnection,
    without_address,
)
from salesboost_tools.state.redis_lane import Command


class ClusterServers:
    """A Redis cluster. redis-py follows redirections, where the command was not run, and repeats nothing else.

    The first call from a thread, and from an event loop, also learns which node serves what.

    Args:
        address: Where.
        connect_timeout_s: Seconds to reach a node.
        operation_timeout_s: Seconds for a command and its reply.
    """

    def __init__(self, address: RedisAddress, connect_timeout_s: float, operation_timeout_s: float) -> None:
        self._address = address
        self._connect_timeout_s = connect_timeout_s
        self._operation_timeout_s = operation_timeout_s
        self._all_s = connect_timeout_s + operation_timeout_s
        self._lock = threading.Lock()
        self._client: Any = None
        self._clients = PerLoop(self._new_async_client)

    def send(self, command: Command) -> Any:
        """Return the reply to a command."""
        return self._connected().execute_command(*command)

    async def asend(self, command: Command) -> Any:
        """Return the reply to a command."""
        client = self._clients.mine() or await self._clients.open()
        async with LoopTimeout(self._all_s):
            return await client.execute_command(*command)

    def delete_matching(self, pattern: bytes) -> int:
        """Delete the keys that match a glob pattern; return how many."""
        client = self._connected()
        return sum(client.unlink(key) for key in client.scan_iter(match=pattern, count=KEYS_PER_SCAN))

    async def adelete_matching(self, pattern: bytes) -> int:
        """Do what `delete_matching` does."""
        client = self._clients.mine() or await self._clients.open()
        deleted = 0
        async for key in client.scan_iter(match=pattern, count=KEYS_PER_SCAN):
            deleted += await client.unlink(key)
        return deleted

    def close(self) -> None:
        """Close the connections of threads."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        await self._clients.close_mine()

    def _connected(self) -> Any:
        if self._client is not None:
            return self._client
        if not self._lock.acquire(timeout=self._all_s):
            raise TimeoutError("another thread is still connecting")
        try:
            if self._client is None:
                self._client = redis.RedisCluster(
                    startup_nodes=[ClusterNode(host, port) for host, port in self._address.nodes],
                    retry=never_again(on_loop=False),
                    **self._settings(),
                )
            return self._client
        finally:
            self._lock.release()

    def _new_async_client(self) -> tuple[Any, Callable[[], Any]]:
        client = aredis.RedisCluster(
            startup_nodes=[AsyncClusterNode(host, port) for host, port in self._address.nodes],
            retry=never_again(on_loop=True),
            **self._settings(),
        )
        return client, client.aclose

    def _settings(self) -> dict[str, Any]:
        node = read_url(sconnection, self._address)
        secured = node.pop("connection_class", None) is redis.SSLConnection
        return {
            "socket_connect_timeout": self._connect_timeout_s,
            "socket_timeout": self._operation_timeout_s,
            "protocol": 2,
            "require_full_coverage": False,
            "ssl": secured,
            **without_address(node),
        }
