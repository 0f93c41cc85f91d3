"""What rate limiters get wrong, and ours do not."""

import asyncio
import os
import threading
import time

import pytest
from langchain_core.rate_limiters import InMemoryRateLimiter

from salesboost_tools import (
    ChatRateLimiter,
    ConfigurationError,
    MemoryState,
    RateLimit,
    RateLimitError,
    RateLimitHandler,
)
from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.core.rate import Bucket
from salesboost_tools.governed import govern
from salesboost_tools.state.redis import RedisState
from tests.doubles import ScriptedTool
from tests.peers.conftest import ours_and
from tests.services import process_context
from tests.state.redis.conftest import PATIENT

TEN_A_MINUTE = RateLimit("10/minute").bucket
TWO_AN_HOUR = RateLimit("2/hour").bucket


@pytest.fixture(params=["memory", "redis"])
def limits(request):
    """The stores of both backends; on Redis the server's clock decides."""
    return MemoryState().limits if request.param == "memory" else request.getfixturevalue("new_state")().limits


def admitted(limits, key, bucket, times):
    return sum(limits.take(key, bucket) == 0 for _ in range(times))


def test_a_bucket_that_fills_up_in_a_fraction_of_a_second_is_not_forgotten(limits):
    """A time to live in whole seconds makes `EXPIRE 0` of it: the bucket is deleted and everything passes."""
    fast = Bucket(capacity=2, interval_ns=200_000_000)
    begin_s = time.monotonic()
    passed = admitted(limits, "k", fast, 100)
    assert 2 <= passed <= 2 + (time.monotonic() - begin_s) / 0.2 + 1


def test_no_fraction_of_a_token_is_lost_by_asking_often(clock):
    """Rounding the refill down at every question costs a quarter of the rate at 10 a minute, asked every 4 s."""
    limits = MemoryState(clock).limits
    passed = 0
    for _ in range(15 * 60):  # an hour
        clock.advance(4)
        passed += limits.take("k", TEN_A_MINUTE) == 0
    assert passed >= 10 * 60


async def test_sync_and_async_callers_share_one_bucket(limits):
    """A limiter that keeps a bucket per kind of caller admits twice as much."""
    passed = [limits.take("k", TWO_AN_HOUR) == 0, await limits.atake("k", TWO_AN_HOUR) == 0]
    assert passed == [True, True]
    assert await limits.atake("k", TWO_AN_HOUR) > 0
    assert limits.take("k", TWO_AN_HOUR) > 0


def test_however_many_keys_there_are_no_bucket_in_use_is_evicted():
    """A bounded table of buckets forgets the 1,025th caller's first refusal."""
    limits = MemoryState().limits
    assert admitted(limits, "first", TWO_AN_HOUR, 5) == 2
    for number in range(5000):
        limits.take(f"k{number}", TWO_AN_HOUR)
    assert admitted(limits, "first", TWO_AN_HOUR, 5) == 0


def test_a_server_that_forgot_its_scripts_is_taught_them_again(server):
    """A limiter that loads its script once is broken by SCRIPT FLUSH, a failover, a restart."""
    limits = RedisState(server.url).limits
    assert limits.take("k", TWO_AN_HOUR) == 0
    server.command("SCRIPT", "FLUSH")
    assert limits.take("k", TWO_AN_HOUR) == 0
    assert limits.take("k", TWO_AN_HOUR) > 0


def test_a_worker_whose_clock_runs_ahead_starves_nobody(new_state, monkeypatch):
    """Where the client's clock counts, one that is 30 s ahead writes a time the others have to wait for."""
    ahead, others = new_state(prefix=(prefix := f"clocks-{os.getpid()}")), new_state(prefix=prefix)
    bucket = RateLimit("10/second").bucket
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 30)
    for _ in range(20):
        ahead.limits.take("k", bucket)
    monkeypatch.undo()
    assert others.limits.take("k", bucket) <= bucket.interval_ns


@pytest.mark.parametrize("tokens", [-1, 0, 3])
def test_no_tokens_are_minted_and_no_wait_is_promised_that_is_never_enough(limits, tokens):
    """A negative cost fills the bucket; one above the capacity promises a finite wait, again and again."""
    with pytest.raises(ConfigurationError):
        limits.take("k", TWO_AN_HOUR, tokens)
    assert admitted(limits, "k", TWO_AN_HOUR, 5) == 2


@ours_and(langchain=InMemoryRateLimiter)
def test_a_limiter_starts_full(kind):
    """LangChain's starts empty, so the first request of a program waits or is refused."""
    limiter = (
        ChatRateLimiter("10/minute")
        if kind == "ours"
        else kind(requests_per_second=10 / 60, max_bucket_size=10, check_every_n_seconds=0.01)
    )
    assert [limiter.acquire(blocking=False) for _ in range(11)] == [True] * 10 + [False]


async def test_a_refusal_says_when_the_same_call_passes_and_that_is_exact(clock):
    """LangChain's says only no."""
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), default="7/minute"))
    for _ in range(7):
        await governed.ainvoke({})
    for _ in range(100):
        with pytest.raises(RateLimitError) as refused:
            await governed.ainvoke({})
        clock.advance(refused.value.retry_after - 0.001)
        with pytest.raises(RateLimitError):
            await governed.ainvoke({})
        clock.advance(0.001)
        assert await governed.ainvoke({}) == "answer"


def test_threads_together_get_no_token_too_many():
    """Reading, deciding and writing in three steps admits 15 % too many under threads."""
    limits, bucket = MemoryState().limits, RateLimit("50/day").bucket
    passed, begin = [], threading.Barrier(8)

    def work():
        begin.wait(10)
        passed.append(admitted(limits, "k", bucket, 50))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(passed) == 50


async def test_a_hung_server_is_given_up_and_a_command_sent_once(server):
    """A client library's usual retries hold a caller for a minute and run the command again when the server wakes."""
    state = RedisState(server.url)
    assert state.limits.take("k", TWO_AN_HOUR) == 0
    server.hang()
    for _ in range(20):
        with pytest.raises(StateUnavailableError):
            state.limits.take("k", TWO_AN_HOUR)
        with pytest.raises(StateUnavailableError):
            await state.limits.atake("k", TWO_AN_HOUR)
    assert state.circuit.failures < 5  # of forty calls one waited for its answer; the rest are probes
    server.go_on()
    for _ in range(500):
        if state.ping():
            break
        await asyncio.sleep(0.01)
    statistics = server.command("INFO", "commandstats").decode()
    (line,) = (line for line in statistics.splitlines() if line.startswith("cmdstat_evalsha:"))
    assert int(line.split("calls=")[1].split(",")[0]) <= 3  # NOSCRIPT, the first call, the one that was given up
    await state.aclose()


def takes_ten(url, prefix, results):
    limits = RedisState(url, prefix=prefix, **PATIENT).limits
    results.put(admitted(limits, "k", RateLimit("10/day").bucket, 10))


def test_processes_together_get_no_token_too_many(shared_server):
    """A store that is read and written in two commands admits 81 % too many over four processes."""
    context = process_context()
    results = context.Queue()
    place = shared_server.url, f"processes-{os.getpid()}", results
    workers = [context.Process(target=takes_ten, args=place) for _ in range(4)]
    for worker in workers:
        worker.start()
    assert sum(results.get(timeout=50) for _ in workers) == 10
    for worker in workers:
        worker.join(10)
