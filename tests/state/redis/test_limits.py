"""A limit shared by processes holds to the token, whatever their clocks say."""

import os
import time

import pytest

from salesboost_tools.core.rate import Bucket, RateLimit, seconds_to_wait
from salesboost_tools.state import LimitClaim
from salesboost_tools.state.redis import RedisState
from tests.services import process_context
from tests.state.redis.conftest import PATIENT, new_prefix

PROCESSES = 4


def worst_excess(admitted, bucket):
    """Return by how many tokens a window held more than capacity and refill.

    Each admission is (before, after); a window reaches from before its first to after its last, so none is blamed
    wrongly.
    """
    per_token_s = bucket.interval_ns / 1e9
    worst, lowest = 0.0, float("inf")
    admitted = sorted(admitted, key=lambda pair: pair[1])
    starts_s = sorted(before_s for before_s, _ in admitted)
    for count, (_, end_s) in enumerate(admitted):
        lowest = min(lowest, count - starts_s[count] / per_token_s)
        worst = max(worst, count + 1 - end_s / per_token_s - lowest - bucket.capacity)
    return worst


def hammer(place, bucket, begin, seconds, results):
    url, prefix = place
    limits = RedisState(url, prefix=prefix, **PATIENT).limits
    limits.take("warm", bucket)
    begin.wait(30)
    ends_s = time.monotonic() + seconds
    admitted = []
    while (before_s := time.monotonic()) < ends_s:
        if limits.take("k", bucket) == 0:
            admitted.append((before_s, time.monotonic()))
    results.put(admitted)


def hammered(url, bucket, seconds):
    context = process_context()
    begin, results, prefix = context.Barrier(PROCESSES), context.Queue(), new_prefix()
    processes = [
        context.Process(target=hammer, args=((url, prefix), bucket, begin, seconds, results)) for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    admitted = [pair for _ in processes for pair in results.get(timeout=60)]
    for process in processes:
        process.join(10)
    return admitted


@pytest.mark.parametrize(
    "seconds", [1.5, pytest.param(30, marks=[pytest.mark.soak, pytest.mark.timeout(120)])], ids=["short", "soak"]
)
def test_four_processes_never_get_a_token_too_many_and_miss_at_most_one(shared_server, seconds):
    bucket = RateLimit("50/second").bucket
    admitted = hammered(shared_server.url, bucket, seconds)
    assert worst_excess(admitted, bucket) <= 0
    first_s, last_s = min(before for before, _ in admitted), max(after for _, after in admitted)
    due = bucket.capacity + (last_s - first_s) * 1e9 / bucket.interval_ns
    # A window a little wider than the admissions themselves: what it may miss beside the one token is its own width.
    width = max(after - before for before, after in admitted) * 2e9 / bucket.interval_ns
    assert len(admitted) >= due - 1 - width


def test_waiting_exactly_as_told_is_enough(new_state):
    limits, bucket = new_state().limits, RateLimit("200/second").bucket
    admitted = 0
    for _ in range(100):
        while not (wait_ns := limits.take("k", bucket)):
            pass
        told_at_s = time.perf_counter()
        while time.perf_counter() - told_at_s < seconds_to_wait(wait_ns):
            pass
        admitted += limits.take("k", bucket) == 0
    assert admitted == 100


def test_a_bucket_that_fills_up_in_less_than_half_a_second_is_not_deleted_early(new_state):
    limits, bucket = new_state().limits, Bucket(1, 3_000_000)
    admitted, ends_s, begins_s = 0, time.monotonic() + 0.2, time.monotonic()
    while time.monotonic() < ends_s:
        admitted += limits.take("k", bucket) == 0
    assert admitted <= 1 + (time.monotonic() - begins_s) / 0.003


def test_a_key_lives_hardly_longer_than_its_bucket_needs(new_state, shared_server):
    state = new_state(prefix="ttl" + new_prefix())
    state.limits.take("k", RateLimit("10/minute").bucket)
    state.limits.take_all([])
    (key,) = keys_of(state, "ttl")
    assert 0 < state.send("PTTL", key) <= 6_000 + 1_001


def test_every_kind_of_key_has_a_time_to_live(new_state):
    prefix = "all" + new_prefix()
    state = new_state(prefix=prefix)
    state.limits.take("k", RateLimit("10/minute").bucket)
    state.cache.put("k", 1, float("inf"))
    state.leases.acquire("k", 60)
    state.records.begin("running", "f", 60)
    token = state.records.begin("done", "f", 60).token
    state.records.finish("done", token, 1, 60)
    token = state.records.begin("unknown", "f", 60).token
    state.records.leave_unknown("unknown", token, 60)
    keys = keys_of(state, prefix)
    assert len(keys) == 6
    assert all(state.send("PTTL", key) > 0 for key in keys)


def keys_of(state, prefix):
    return state.send("KEYS", f"{prefix}*")


def test_the_clock_of_a_process_decides_nothing(new_state, monkeypatch):
    prefix = new_prefix()
    ahead, limit = new_state(prefix=prefix, clock=lambda: time.monotonic() + 30), RateLimit("1/minute").bucket
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert ahead.limits.take("k", limit) == 0
    assert new_state(prefix=prefix).limits.take("k", limit) > 59 * 10**9


def test_forgotten_scripts_are_taught_again_without_a_call_failing_or_counting_twice(server):
    limits, bucket = RedisState(server.url, **PATIENT).limits, RateLimit("3/hour").bucket
    waits = []
    for _ in range(4):
        server.command("SCRIPT", "FLUSH")
        waits.append(limits.take("k", bucket))
    assert [wait == 0 for wait in waits] == [True, True, True, False]


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("windows", [1, 3])
async def test_one_command_per_check(server, way, windows):
    limits = RedisState(server.url, **PATIENT).limits
    claims = [LimitClaim(f"k:{number}", RateLimit("1000/second").bucket) for number in range(windows)]

    async def check():
        if windows == 1:
            assert (limits.take(*claims[0]) if way == "sync" else await limits.atake(*claims[0])) == 0
        else:
            assert (limits.take_all(claims) if way == "sync" else await limits.atake_all(claims)) == 0

    await check()
    before = calls_of(server)
    for _ in range(20):
        await check()
    counted = {name: calls - before.get(name, 0) for name, calls in calls_of(server).items()}
    assert counted.pop("evalsha") == 20
    of_the_script = {"time", "get", "set"}  # what it does inside the server
    of_the_count = {"info"}
    assert {name for name, calls in counted.items() if calls} <= of_the_script | of_the_count


def calls_of(server):
    statistics = server.command("INFO", "commandstats").decode()
    lines = [line for line in statistics.splitlines() if line.startswith("cmdstat_")]
    return {line[8:].split(":")[0]: int(line.split("calls=")[1].split(",")[0]) for line in lines}


def test_a_limit_made_smaller_holds_at_once_and_shuts_nobody_out_for_longer_than_it_takes(new_state):
    limits = new_state().limits
    for _ in range(100):
        limits.take("k", RateLimit("100/hour").bucket)
    wait_ns = limits.take("k", RateLimit("1/second").bucket)
    assert 0 < wait_ns <= 10**9


def test_a_key_may_be_any_text(new_state):
    limits, bucket = new_state().limits, RateLimit("1/hour").bucket
    for key in ("", ":", "a}b", "{a", "a:{b}", "ключ", "\ud800", "a\r\nDEL x"):
        assert limits.take(key, bucket) == 0, key
        assert limits.take(key, bucket) > 0, key


def test_a_fork_has_connections_of_its_own(new_state):
    limits, bucket = new_state().limits, RateLimit("1000/hour").bucket
    limits.take("k", bucket)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        admitted = sum(limits.take("k", bucket) == 0 for _ in range(100))
        os.write(writer, str(admitted).encode())
        os._exit(0)
    admitted = sum(limits.take("k", bucket) == 0 for _ in range(100))
    os.waitpid(child, 0)
    assert (admitted, os.read(reader, 10)) == (100, b"100")
