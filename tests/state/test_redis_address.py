"""A Redis URL is taken as it is, or refused with what is allowed."""

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.state.redis_address import RedisKind, parse_redis_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "localhost"),
        ("redis://localhost:6380/3", "localhost:6380"),
        (
            "rediss://user:p%40ss%2F@cache.example:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/ca.pem",
            "cache.example:6379",
        ),
        ("redis://:p@[::1]:6379/1", "[::1]:6379"),
        ("unix:///run/redis.sock?db=2", "/run/redis.sock"),
        ("unix://user:secret@/run/redis.sock", "/run/redis.sock"),
    ],
)
def test_a_single_servers_url_is_kept_whole_and_shown_without_secrets(url, shown):
    address = parse_redis_url(url)
    assert (address.kind, address.server_url, address.shown) == (RedisKind.SINGLE, url, shown)


def test_a_sentinel_url():
    address = parse_redis_url(
        "rediss+sentinel://user:p%40ss@a.example:26379,b.example,[::1]:5/sales/3"
        "?ssl_ca_certs=/ca.pem&sentinel_password=s%20t&sentinel_username=watch"
    )
    assert address.kind is RedisKind.SENTINEL
    assert address.nodes == (("a.example", 26379), ("b.example", 26379), ("::1", 5))
    assert address.master_name == "sales"
    assert address.server_url == "rediss://user:p%40ss@a.example:26379/3?ssl_ca_certs=/ca.pem"
    assert (address.sentinel_username, address.sentinel_password) == ("watch", "s t")
    assert address.shown == "sentinel a.example:26379,b.example:26379,::1:5/sales"


def test_a_cluster_url():
    address = parse_redis_url("redis+cluster://user:pass@a.example:7000,b.example")
    assert address.kind is RedisKind.CLUSTER
    assert address.nodes == (("a.example", 7000), ("b.example", 6379))
    assert address.server_url == "redis://user:pass@a.example:7000"
    assert "pass" not in address.shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis:/localhost",
        "redis://",
        "redis://:secret@:6379",
        "redis://host:port/0",
        "redis://host:99999/0",
        "redis+proxy://host",
        "unix+cluster:///run/redis.sock",
        "redis+sentinel://host:26379",
        "redis+sentinel://host:26379/",
        "redis+cluster://host:7000/1",
        "redis+cluster://host:7000?db=1",
        "redis+cluster://host:7000,:7001",
        "redis+cluster://host:7000,,other:1",
        "redis://host?socket_timeout=60",
        "redis://host?retry_on_timeout=true",
        "redis://host?decode_responses=true",
        "redis+cluster://host?sentinel_password=x",
    ],
)
def test_anything_else_is_refused_without_repeating_what_may_be_secret(url):
    with pytest.raises(ConfigurationError) as caught:
        parse_redis_url(url)
    assert "secret" not in str(caught.value)
    assert "redis" in str(caught.value).lower()
