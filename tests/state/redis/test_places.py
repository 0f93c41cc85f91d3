"""One server, a Sentinel's master, a cluster; in the clear or not."""

import asyncio
import gc
import time

import pytest

from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.state import ClaimState, LimitClaim
from salesboost_tools.state.redis import RedisState
from tests.services import Certificate, redis_server
from tests.state.redis.conftest import PATIENT

TWO = RateLimit("2/hour").bucket


async def all_needs(state):
    """Use every need, both ways."""
    claims = [LimitClaim("sms:hour", TWO), LimitClaim("sms:day", RateLimit("3/day").bucket)]
    assert [state.limits.take_all(claims) == 0, await state.limits.atake_all(claims) == 0] == [True, True]
    assert await state.limits.atake_all(claims) > 0
    assert state.cache.put("tool:1", (1, "a"), 60)
    assert await state.cache.aget("tool:1") == (1, "a")
    assert await state.cache.aput("tool:2", None, 60)
    assert state.cache.clear("tool:") == 2
    assert await state.cache.aput("tool:3", None, 60)
    assert await state.cache.aclear("tool:") == 1
    token = await state.leases.aacquire("job", 60)
    assert state.leases.acquire("job", 60) is None
    assert state.leases.renew("job", token, 60)
    assert await state.leases.arelease("job", token)
    token = state.records.begin("write", "f", 60).token
    assert (await state.records.abegin("write", "f", 60)).state is ClaimState.RUNNING
    assert await state.records.afinish("write", token, {"sent": 1}, 60)
    assert state.records.begin("write", "f", 60).value == {"sent": 1}
    assert state.ping()
    assert await state.aping()
    await state.aclose()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("cluster"), "cluster-enabled", "yes") as node:
        start_cluster(node)
        yield node


async def test_a_cluster(cluster):
    await all_needs(RedisState(f"redis+cluster://127.0.0.1:{cluster.port}", **PATIENT))


async def test_in_a_cluster_windows_of_different_tools_cannot_be_taken_together(cluster):
    state = RedisState(f"redis+cluster://127.0.0.1:{cluster.port}", **PATIENT)
    with pytest.raises(ConfigurationError, match="first colon"):
        state.limits.take_all([LimitClaim("sms:hour", TWO), LimitClaim("tenant:a", TWO)])
    await state.aclose()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_cluster_that_does_not_answer(cluster):
    state = RedisState(f"redis+cluster://127.0.0.1:{cluster.port}", probe_every_s=0.05)
    assert state.limits.take("k", TWO) == 0
    assert await state.limits.atake("k", TWO) == 0
    cluster.hang()
    for _ in range(3):
        begin_s = time.monotonic()
        with pytest.raises(StateUnavailableError):
            state.limits.take("k", TWO)
        with pytest.raises(StateUnavailableError):
            await state.limits.atake("k", TWO)
        assert time.monotonic() - begin_s < 2 * 0.15 + 0.2
    cluster.go_on()
    await asyncio.sleep(0.06)
    while True:
        try:
            assert state.limits.take("k", TWO) > 0
        except StateUnavailableError:
            await asyncio.sleep(0.02)
        else:
            break
    await state.aclose()
    gc.collect()  # redis-py's cluster client leaves nodes unclosed when it is cut short while it looks for them


@pytest.fixture
def sentinel(tmp_path):
    with redis_server(tmp_path, "requirepass", "secret") as master:
        lines = f"sentinel monitor sales 127.0.0.1 {master.port} 1\nsentinel auth-pass sales secret\n"
        with redis_server(tmp_path, sentinel=lines) as sentinel:
            yield sentinel


async def test_a_master_that_sentinels_name(sentinel):
    url = f"redis+sentinel://:secret@127.0.0.1:{sentinel.port}/sales/2"
    await all_needs(RedisState(url, **PATIENT))


async def test_a_master_that_no_sentinel_knows(sentinel):
    state = RedisState(f"redis+sentinel://127.0.0.1:{sentinel.port}/unknown", **PATIENT)
    with pytest.raises(StateUnavailableError):
        state.limits.take("k", TWO)
    with pytest.raises(StateUnavailableError):
        await state.limits.atake("k", TWO)
    await state.aclose()


async def test_a_socket_in_the_file_system(tmp_path):
    with redis_server(tmp_path, "unixsocket", str(tmp_path / "redis.sock")):
        await all_needs(RedisState(f"unix://{tmp_path}/redis.sock?db=1", **PATIENT))


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("certificate"))


USER = "sales:p%40ss%2Fw%3Ard"
RULES = ("on", ">p@ss/w:rd", "~*", "+@all")


def start_cluster(node):
    node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
    while b"cluster_state:ok" not in node.command("CLUSTER", "INFO"):
        time.sleep(0.01)


async def test_a_server_that_speaks_tls_alone_to_a_user_of_its_own(certificate, tmp_path):
    with redis_server(tmp_path, certificate=certificate) as server:
        server.command("ACL", "SETUSER", "sales", *RULES)
        url = f"rediss://{USER}@localhost:{server.port}/3?ssl_ca_certs={certificate.file}"
        await all_needs(RedisState(url, **PATIENT))


async def test_a_server_that_speaks_tls_alone_and_asks_for_no_password(certificate, tmp_path):
    """The session tickets of TLS 1.3 are no replies, and no reason to open a connection anew for every call."""
    with redis_server(tmp_path, certificate=certificate) as server:
        state = RedisState(f"rediss://localhost:{server.port}/0?ssl_ca_certs={certificate.file}", **PATIENT)
        for number in range(20):
            assert state.limits.take(f"k{number}", TWO) == 0
        before = connections_received(server)
        for number in range(20):
            assert state.limits.take(f"k{number}", TWO) == 0
        assert connections_received(server) == before + 1  # the question itself comes on one
        await all_needs(state)


def connections_received(server):
    (line,) = (
        line for line in server.command("INFO", "stats").split() if line.startswith(b"total_connections_received")
    )
    return int(line.partition(b":")[2])


async def test_a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to(certificate, tmp_path):
    with redis_server(tmp_path, certificate=certificate) as server:
        for url in (f"rediss://localhost:{server.port}/0", f"redis://localhost:{server.port}/0"):
            state = RedisState(url, **PATIENT)
            with pytest.raises(StateUnavailableError):
                state.limits.take("k", TWO)
            with pytest.raises(StateUnavailableError):
                await state.limits.atake("k", TWO)
            assert (state.ping(), await state.aping()) == (False, False)
            await state.aclose()


async def test_a_cluster_that_speaks_tls_to_a_user_of_its_own(certificate, tmp_path):
    with redis_server(tmp_path, "cluster-enabled", "yes", certificate=certificate) as node:
        start_cluster(node)
        node.command("ACL", "SETUSER", "sales", *RULES)
        options = f"ssl_ca_certs={certificate.file}&ssl_check_hostname=false"  # the nodes name each other by number
        await all_needs(RedisState(f"rediss+cluster://{USER}@127.0.0.1:{node.port}?{options}", **PATIENT))


async def test_sentinels_and_a_master_that_speak_tls(certificate, tmp_path):
    with redis_server(tmp_path, certificate=certificate) as master:
        master.command("ACL", "SETUSER", "sales", *RULES)
        lines = f"sentinel monitor sales 127.0.0.1 {master.port} 1\n"
        with redis_server(tmp_path, sentinel=lines, certificate=certificate) as sentinel:
            options = f"ssl_ca_certs={certificate.file}&ssl_check_hostname=false"
            url = f"rediss+sentinel://{USER}@127.0.0.1:{sentinel.port}/sales/2?{options}"
            await all_needs(RedisState(url, **PATIENT))
