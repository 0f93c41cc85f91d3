"""Where Redis is: one server, a Sentinel's master or a cluster, as a URL."""

from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from salesboost_tools.core.errors import ConfigurationError

_FORMS: Final = (
    "redis://[user:password@]host[:6379][/db], rediss://... (TLS), unix:///path/to/socket[?db=0], "
    "redis+sentinel://[user:password@]host:26379[,host:26379]/master-name[/db], "
    "redis+cluster://[user:password@]host[:6379][,host[:6379]]; rediss+sentinel:// and rediss+cluster:// for TLS"
)
_DEFAULT_PORT_BY_KIND: Final = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_OPTIONS: Final[frozenset[str]] = frozenset({"db", "username", "password", "client_name"})
_SENTINEL_OPTIONS: Final[frozenset[str]] = frozenset({"sentinel_username", "sentinel_password"})


class RedisKind(Enum):
    """How the servers behind a URL belong together."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A URL taken apart no further than needed: everything about one server stays a URL of redis-py's."""

    kind: RedisKind
    server_url: str
    """For a single server, the URL as it came. Otherwise user, password, database and options as the URL of the first
    node: redis-py reads them."""
    nodes: tuple[tuple[str, int], ...] = ()
    """Host and port of each Sentinel, or of each cluster node named."""
    master_name: str = ""
    """What the Sentinels call the master."""
    sentinel_username: str | None = None
    sentinel_password: str | None = None

    @property
    def shown(self) -> str:
        """The address for messages: no user, no password, no options."""
        parts = urlsplit(self.server_url)
        if self.kind is RedisKind.SINGLE:
            return parts.path if parts.scheme == "unix" else parts.netloc.rpartition("@")[2]
        hosts = ",".join(f"{host}:{port}" for host, port in self.nodes)
        return f"{self.kind.value} {hosts}" + (f"/{self.master_name}" if self.master_name else "")


def parse_redis_url(url: str) -> RedisAddress:
    """Return the address a URL stands for.

    Query options are those of redis-py whose names begin with `ssl_`, and `db`, `username`, `password`, `client_name`;
    time limits and retries are ours to set. Sentinels that want a password take `sentinel_username` and
    `sentinel_password`.

    Raises:
        ConfigurationError: The URL is none of the supported forms. The message does not repeat it, for it may hold a
            password.
    """
    scheme, separator, rest = url.partition("://")
    base, plus, name = scheme.partition("+")
    if not separator or (plus and name not in {"sentinel", "cluster"}) or base not in {"redis", "rediss", "unix"}:
        raise ConfigurationError(f"a Redis URL is one of: {_FORMS} (setting TOOL_REDIS_URL)")
    kind = RedisKind(name or "single")
    try:
        parts = urlsplit(f"{base}://{rest}")
    except ValueError as error:
        raise ConfigurationError(f"the Redis URL cannot be read: {error}; it is one of: {_FORMS}") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    _refuse_other_options(options, kind)
    if kind is RedisKind.SINGLE:
        if base != "unix":
            _port_of(parts.netloc.rpartition("@")[2], 6379)
        return RedisAddress(kind, url)
    credentials, at, hosts = parts.netloc.rpartition("@")
    nodes = tuple(_port_of(host, _DEFAULT_PORT_BY_KIND[kind.value]) for host in hosts.split(","))
    path = [piece for piece in parts.path.split("/") if piece]
    if kind is RedisKind.SENTINEL and not path:
        raise ConfigurationError(f"the Sentinel URL names no master; it is one of: {_FORMS}")
    if kind is RedisKind.CLUSTER and (path or options.get("db", "0") != "0"):
        raise ConfigurationError("a Redis cluster has database 0 alone; leave the path of the URL empty")
    first = hosts.split(",")[0]
    database = "/" + "/".join(path[1:]) if kind is RedisKind.SENTINEL else ""
    query = "&".join(part for part in parts.query.split("&") if part and not part.startswith("sentinel_"))
    return RedisAddress(
        kind,
        f"{base}://{credentials}{at}{first}{database}" + (f"?{query}" if query else ""),
        nodes,
        path[0] if path else "",
        options.get("sentinel_username"),
        options.get("sentinel_password"),
    )


def _refuse_other_options(options: dict[str, str], kind: RedisKind) -> None:
    allowed = _OPTIONS | (_SENTINEL_OPTIONS if kind is RedisKind.SENTINEL else frozenset[str]())
    for name in options:
        if name not in allowed and not name.startswith("ssl_"):
            raise ConfigurationError(
                f"the Redis URL may not set {name!r}; it may set {sorted(allowed)} and ssl_... "
                "(time limits are arguments of RedisState)"
            )


def _port_of(host_and_port: str, default_port: int) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{host_and_port}")
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"the Redis URL cannot be read: {error}") from None
    if not parts.hostname:
        raise ConfigurationError("the Redis URL leaves out the name of a host")
    return parts.hostname, default_port if port is None else port
