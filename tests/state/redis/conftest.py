"""One private Redis for most tests, and one more for those that break it."""

import itertools
import os
from types import SimpleNamespace

import pytest

pytest.importorskip("redis", reason="the extra `redis` is not installed")

from salesboost_tools.state.redis import RedisState
from tests.services import RedisServer, redis_server, slow_proxy
from tests.state.shared_contracts import way

__all__ = ["way"]

_NUMBERS = itertools.count()
PATIENT = {"connect_timeout_s": 1.0, "operation_timeout_s": 2.0}
"""For tests about what is answered, not about how fast: the machine may be busy."""


def new_prefix() -> str:
    return f"t{os.getpid()}-{next(_NUMBERS)}"


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    """A Redis that nobody breaks; keys of other tests are in it."""
    if url := os.environ.get("TOOL_TEST_REDIS_URL"):
        yield SimpleNamespace(url=url)
    else:
        with redis_server(tmp_path_factory.mktemp("redis")) as server:
            yield server


@pytest.fixture
def server(tmp_path) -> RedisServer:
    """A Redis of this test's own, to be hung, killed or filled with nonsense."""
    with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def proxy(server):
    with slow_proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def new_state(shared_server):
    """Makes states with a prefix of their own on the shared server."""
    made = []

    def make(**options):
        made.append(RedisState(shared_server.url, **{"prefix": new_prefix(), **PATIENT, **options}))
        return made[-1]

    yield make
    for state in made:
        state.close()
