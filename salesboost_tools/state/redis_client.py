"""The one place that imports redis-py: its parts, its errors, its options, its reading of URLs."""

import inspect
from typing import Any, Final

from salesboost_tools.core.errors import MissingExtraError
from salesboost_tools.state.redis_address import RedisAddress

try:
    import redis
    from redis import asyncio as aredis
    from redis import connection as sconnection
    from redis import sentinel
    from redis.asyncio import connection as aconnection
    from redis.asyncio import sentinel as asentinel
    from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
    from redis.asyncio.retry import Retry as AsyncRetry
    from redis.backoff import NoBackoff
    from redis.cluster import ClusterNode
    from redis.exceptions import NoScriptError, RedisClusterException
    from redis.retry import Retry
except ImportError as missing:
    raise MissingExtraError("shared state on Redis", "redis") from missing

__all__ = [
    "FAILURES",
    "KEYS_PER_SCAN",
    "SILENT",
    "TIMEOUTS",
    "AsyncClusterNode",
    "ClusterNode",
    "aconnection",
    "aredis",
    "asentinel",
    "is_unknown_script",
    "is_wrong_type",
    "never_again",
    "read_url",
    "redis",
    "sconnection",
    "sentinel",
    "without_address",
]

FAILURES: Final[tuple[type[Exception], ...]] = (redis.RedisError, RedisClusterException, OSError, EOFError)
"""What may be raised instead of a reply; a timeout is an OSError."""

TIMEOUTS: Final[tuple[type[Exception], ...]] = (redis.TimeoutError, TimeoutError)
"""Of these, what says that a time limit ran out."""

KEYS_PER_SCAN: Final = 1000
_INTRODUCTION = inspect.signature(sconnection.AbstractConnection.__init__).parameters.keys() & {"driver_info"}
SILENT: Final[dict[str, Any]] = dict.fromkeys(_INTRODUCTION or ("lib_name", "lib_version"))
"""No introduction: it would cost two round trips per connection."""


def never_again(*, on_loop: bool) -> Any:
    """Return the retry policy that sends nothing twice."""
    return AsyncRetry(NoBackoff(), 0) if on_loop else Retry(NoBackoff(), 0)


def is_unknown_script(error: BaseException) -> bool:
    """True if the server does not know a script; then it has not been run."""
    return isinstance(error, NoScriptError)


def is_wrong_type(error: BaseException) -> bool:
    """True if something else stands under a key; then the server is well."""
    return isinstance(error, redis.ResponseError) and "WRONGTYPE" in str(error)


def read_url(reader: Any, address: RedisAddress) -> dict[str, Any]:
    """Return what redis-py reads in a URL, as arguments of its connections; sync and async have a reader each."""
    return dict(reader.parse_url(address.server_url))


def without_address(node: dict[str, Any]) -> dict[str, Any]:
    """Return what was read but for host and port: whom it holds for is known otherwise."""
    return {name: value for name, value in node.items() if name not in {"host", "port", "connection_class"}}
