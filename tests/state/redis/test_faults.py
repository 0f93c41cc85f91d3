"""Whatever happens to Redis, a call ends in time, with an answer or with StateUnavailableError, and all comes back."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections import Counter

import pytest

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.state import MISSING, ClaimState
from salesboost_tools.state.redis import RedisState
from tests.services import redis_server

LIMIT = RateLimit("1000000/second").bucket
LONGEST_S = 0.15
NOISE_S = 0.35
"""What a machine that is busy with other tests may add to any call."""
QUIET_NOISE_S = 0.05
"""What it adds to the quickest of a few."""
PROBE_S = 0.05


def quick(url, **options):
    return RedisState(url, **{"probe_every_s": PROBE_S, **options})


class Use:
    """Uses every need of a state, and writes down how long each call took and how it ended."""

    def __init__(self, state):
        self.state = state
        self.longest_s = 0.0
        self.ends = Counter()
        self._number = 0

    def calls(self):
        self._number += 1
        key, state = f"{threading.get_ident()} {self._number}", self.state
        return (
            ("take", (key, LIMIT), state.limits),
            ("get", (key,), state.cache),
            ("put", (key, {"a": 1}, 60), state.cache),
            ("acquire", (key, 60), state.leases),
            ("begin", (key, "f", 60), state.records),
            ("finish", (key, "token:f", 1, 60), state.records),
        )

    def once(self):
        for name, arguments, store in self.calls():
            begin_s = time.monotonic()
            try:
                getattr(store, name)(*arguments)
                end = "answered"
            except StateUnavailableError:
                end = "unavailable"
            self._note(begin_s, end)

    async def aonce(self):
        for name, arguments, store in self.calls():
            begin_s = time.monotonic()
            try:
                await getattr(store, f"a{name}")(*arguments)
                end = "answered"
            except StateUnavailableError:
                end = "unavailable"
            self._note(begin_s, end)

    def _note(self, begin_s, end):
        self.longest_s = max(self.longest_s, time.monotonic() - begin_s)
        self.ends[end] += 1


class WatchedServers:
    """Writes down which threads ask the server."""

    def __init__(self, servers):
        self._servers = servers
        self.asked_by = set()

    def send(self, command):
        self.asked_by.add(threading.current_thread().name)
        return self._servers.send(command)

    async def asend(self, command):
        self.asked_by.add(threading.current_thread().name)
        return await self._servers.asend(command)

    def __getattr__(self, name):
        return getattr(self._servers, name)


def use_until(state, recovered_s=5.0):
    """Call until the state answers; return after how many seconds."""
    begin_s = time.monotonic()
    while time.monotonic() - begin_s < recovered_s:
        try:
            state.limits.take("recovery", LIMIT)
        except StateUnavailableError:
            time.sleep(0.01)
        else:
            return time.monotonic() - begin_s
    pytest.fail(f"did not recover in {recovered_s} s: {state.circuit.last_failure}")


async def both_ways(state, rounds=3):
    use = Use(state)
    for _ in range(rounds):
        use.once()
        await use.aonce()
    return use


async def test_a_hung_server_delays_a_call_by_150_ms_at_most_and_few_calls_at_all(server):
    state = quick(server.url, probe_every_s=1.0)
    assert (await both_ways(state, 1)).ends == {"answered": 12}
    server.hang()
    use = await both_ways(state, 10)
    assert use.longest_s < LONGEST_S + NOISE_S
    assert set(use.ends) == {"unavailable"}
    assert not state.healthy
    assert state.circuit.spared == 119  # of 120 calls one paid the time limit
    assert state.health.down_for_s > 0
    assert state.health.unanswered >= 120  # probes count too
    assert "imeout" in state.health.last_failure
    server.go_on()
    use_until(state)
    assert state.healthy
    assert state.health.answers
    assert state.health.down_for_s is None
    assert (await both_ways(state, 1)).ends == {"answered": 12}
    await state.aclose()


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_the_first_call_of_a_hung_server_is_told_within_150_ms(server, way):
    """The machine may be busy, but not every time: the quickest of several counts."""
    took_s = []
    for _ in range(5):
        state = quick(server.url)
        for _ in range(2):
            state.limits.take("k", LIMIT)
            await state.limits.atake("k", LIMIT)
        server.hang()
        begin_s = time.monotonic()
        with pytest.raises(StateUnavailableError):
            state.limits.take("k", LIMIT) if way == "sync" else await state.limits.atake("k", LIMIT)
        took_s.append(time.monotonic() - begin_s)
        server.go_on()
        await state.aclose()
    assert min(took_s) < LONGEST_S + QUIET_NOISE_S


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_server_that_takes_no_connections_is_given_up_within_150_ms(way):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as waiting:
        for _ in range(3):  # nobody accepts them, and there is no room for more
            link = waiting.enter_context(socket.socket())
            link.setblocking(False)
            link.connect_ex(listener.getsockname())
        took_s = []
        for _ in range(5):
            state = quick(f"redis://127.0.0.1:{listener.getsockname()[1]}/0")
            begin_s = time.monotonic()
            with pytest.raises(StateUnavailableError):
                state.limits.take("k", LIMIT) if way == "sync" else await state.limits.atake("k", LIMIT)
            took_s.append(time.monotonic() - begin_s)
            await state.aclose()
        assert min(took_s) < LONGEST_S + QUIET_NOISE_S


def test_by_default_a_probe_goes_out_every_few_seconds(clock):
    circuit = RedisState("redis://127.0.0.1:1/0", clock=clock).circuit
    circuit.failed("late", took_all_its_time=True)
    for _ in range(3):
        clock.advance(3)
        assert circuit.take_probe()
        assert not circuit.take_probe()


async def test_no_call_waits_for_a_probe(server):
    """A call that came upon the probe would pay the time limit once more."""
    state = quick(server.url, probe_every_s=0.001)
    assert (await both_ways(state, 1)).ends == {"answered": 12}
    server.hang()
    with pytest.raises(StateUnavailableError):
        state.limits.take("k", LIMIT)
    state._servers = servers = WatchedServers(state._servers)
    use = await both_ways(state, 50)
    assert use.ends == {"unavailable": 600}
    assert servers.asked_by == {"salesboost-redis-probe"}
    server.go_on()
    use_until(state)
    await state.aclose()


async def test_many_callers_of_a_hung_server_are_all_told_in_time(server):
    longest_s = []
    for _ in range(3):
        state = quick(server.url)
        await state.limits.atake("k", LIMIT)
        server.hang()
        uses = [Use(state) for _ in range(200)]
        await asyncio.gather(*(use.aonce() for use in uses))
        longest_s.append(max(use.longest_s for use in uses))
        assert sum((use.ends for use in uses), Counter()) == {"unavailable": 1200}
        server.go_on()
        await state.aclose()
    assert min(longest_s) < LONGEST_S + NOISE_S


async def test_a_server_killed_under_load_and_started_again_empty(server):
    state, stop = quick(server.url), threading.Event()
    uses = [Use(state) for _ in range(3)]

    def work(use):
        while not stop.is_set():
            use.once()

    async def awork(use):
        while not stop.is_set():
            await use.aonce()
            await asyncio.sleep(0)

    threads = [threading.Thread(target=work, args=(use,)) for use in uses[:2]]
    for thread in threads:
        thread.start()
    task = asyncio.create_task(awork(uses[2]))
    await asyncio.sleep(0.15)
    server.kill()
    await asyncio.sleep(0.15)
    assert not state.healthy
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(use_until, state)
    answered_before = [use.ends["answered"] for use in uses]
    await asyncio.sleep(0.15)
    stop.set()
    await task
    for thread in threads:
        thread.join(10)
    assert all(use.ends["unavailable"] for use in uses)
    assert all(use.ends["answered"] > before for use, before in zip(uses, answered_before, strict=True))
    assert max(use.longest_s for use in uses) < LONGEST_S + NOISE_S
    await state.aclose()


async def test_no_server_at_all(server):
    state = quick(server.url)
    server.kill()
    use = await both_ways(state)
    assert use.longest_s < LONGEST_S + NOISE_S
    assert set(use.ends) == {"unavailable"}
    assert not await state.aping()
    server.start()
    assert await state.aping()
    assert state.healthy
    await state.aclose()


async def test_connections_that_died_while_idle_cost_no_call(server):
    state = quick(server.url)
    assert (await both_ways(state, 1)).ends == {"answered": 12}
    server.kill()
    server.start()
    await asyncio.sleep(0.01)  # the loop comes round
    assert (await both_ways(state, 1)).ends == {"answered": 12}
    await state.aclose()


@pytest.mark.parametrize("delay_s", [0.04, 0.5])
async def test_a_slow_server(server, proxy, delay_s):
    state = quick(f"redis://127.0.0.1:{proxy.port}/0", probe_every_s=0.01)
    assert (await both_ways(state, 1)).ends == {"answered": 12}
    proxy.delay_s = delay_s
    use = await both_ways(state, 1)
    assert use.longest_s < LONGEST_S + NOISE_S
    assert set(use.ends) <= ({"answered", "unavailable"} if delay_s < 0.1 else {"unavailable"})
    proxy.delay_s = 0.0
    use_until(state)
    await state.aclose()


async def test_a_server_that_says_a_byte_now_and_then(server, proxy):
    state = quick(f"redis://127.0.0.1:{proxy.port}/0")
    state.cache.put("k", "x" * 1000, 60)
    proxy.delay_s, proxy.piece_bytes = 0.02, 1
    state.close()
    for _ in range(3):
        begin_s = time.monotonic()
        with pytest.raises(StateUnavailableError):
            state.cache.get("k")
        assert time.monotonic() - begin_s < LONGEST_S + NOISE_S
        begin_s = time.monotonic()
        with pytest.raises(StateUnavailableError):
            await state.cache.aget("k")
        assert time.monotonic() - begin_s < LONGEST_S + NOISE_S
    await state.aclose()


async def test_many_callers_of_a_slow_server_do_not_wait_for_each_other(server, proxy):
    """All have asked before the first is answered."""
    state = RedisState(f"redis://127.0.0.1:{proxy.port}/0", operation_timeout_s=30)
    await state.limits.atake("k", LIMIT)
    server.hang()
    callers = asyncio.gather(*(state.limits.atake(f"caller {number};", LIMIT) for number in range(300)))
    give_up_at_s = time.monotonic() + 20
    while len(asked := set(re.findall(rb"caller \d+;", proxy.asked))) < 300:
        assert time.monotonic() < give_up_at_s, f"{len(asked)} of 300 asked, the others wait"
        await asyncio.sleep(0.01)
    server.go_on()
    assert await callers == [0] * 300
    await state.aclose()


async def test_a_server_that_forgot_everything(server):
    state = quick(server.url)
    limit = RateLimit("1/hour").bucket
    token = state.records.begin("write", "f", 60).token
    state.cache.put("k", 1, 60)
    assert [state.limits.take("k", limit) == 0 for _ in range(2)] == [True, False]
    server.command("FLUSHALL")
    server.command("SCRIPT", "FLUSH")
    assert state.limits.take("k", limit) == 0
    assert state.cache.get("k") is MISSING
    assert state.records.finish("write", token, "sent", 60)
    assert state.records.begin("write", "f", 60).value == "sent"
    state.close()


async def test_a_wrong_password_is_an_outage_and_shows_no_secret(tmp_path):
    with redis_server(tmp_path, "requirepass", "right") as server:
        for url in (server.url, server.url.replace("://", "://:guess@")):
            state = quick(url)
            use = await both_ways(state, 2)
            assert set(use.ends) == {"unavailable"}
            assert not state.healthy
            with pytest.raises(StateUnavailableError) as caught:
                state.limits.take("k", LIMIT)
            assert "guess" not in str(caught.value)
            await state.aclose()
        state = quick(server.url.replace("://", "://default:right@").replace("/0", "/3"))
        assert (await both_ways(state, 1)).ends == {"answered": 12}
        await state.aclose()


async def test_a_user_of_the_access_control_list(tmp_path):
    with redis_server(tmp_path) as server:
        rules = ("~salesboost:*", "+eval", "+evalsha", "+get", "+set", "+pttl", "+pexpire", "+time", "+ping")
        records = ("+hmget", "+hset", "+del", "+scan", "+unlink", "+select")
        server.command("ACL", "SETUSER", "sales", "on", ">p@ss/w:rd", *rules, *records)
        state = quick(server.url.replace("://", "://sales:p%40ss%2Fw%3Ard@"))
        assert (await both_ways(state, 1)).ends == {"answered": 12}
        other = quick(server.url.replace("://", "://sales:p%40ss%2Fw%3Ard@"), prefix="elsewhere")
        with pytest.raises(StateUnavailableError):
            other.limits.take("k", LIMIT)
        await state.aclose()
        other.close()


@pytest.mark.parametrize("fill", [("LPUSH", "x"), ("SADD", "x")], ids=["list", "set"])
async def test_something_else_under_a_key_is_an_outage_of_that_key_alone(server, fill):
    state = quick(server.url)
    for key in ("limit:k", "cache:k", "lease:k", "record:k"):
        kind, _, name = key.partition(":")
        stored_under = "salesboost:{limit:k}" if kind == "limit" else f"salesboost:{kind}:{name}"
        server.command(fill[0], stored_under, fill[1])
    calls = (
        lambda: state.limits.take("k", LIMIT),
        lambda: state.limits.atake("k", LIMIT),
        lambda: state.cache.get("k"),
        lambda: state.cache.aget_entry("k"),
        lambda: state.leases.renew("k", "t", 1),
        lambda: state.leases.release("k", "t"),
        lambda: state.records.begin("k", "f", 1),
        lambda: state.records.afinish("k", "t:f", 1, 1),
        lambda: state.records.release("k", "t"),
        lambda: state.records.leave_unknown("k", "t:f", 1),
    )
    for call in calls * 2:
        with pytest.raises(StateUnavailableError, match="something else"):
            await asyncio.ensure_future(reply) if asyncio.iscoroutine(reply := call()) else reply
    assert state.leases.acquire("k", 1) is None
    assert state.healthy
    assert state.limits.take("other", LIMIT) == 0
    assert state.cache.put("k", "replaced", 60)
    assert state.cache.get("k") == "replaced"
    await state.aclose()


@pytest.mark.parametrize("text", ["nonsense", "", "nan", "-", "1e", "0x"])
def test_nonsense_where_a_time_should_be_is_an_outage_of_that_key_alone(server, text):
    state = quick(server.url)
    server.command("SET", "salesboost:{limit:k}", text)
    with pytest.raises(StateUnavailableError):
        state.limits.take("k", LIMIT)
    assert state.healthy
    state.close()


@pytest.mark.parametrize("text", ["1e308", "inf", "9" * 40])
def test_a_time_out_of_all_reason_shuts_nobody_out_for_longer_than_the_bucket_takes(server, text):
    state, limit = quick(server.url), RateLimit("10/second").bucket
    server.command("SET", "salesboost:{limit:k}", text)
    assert 0 < state.limits.take("k", limit) <= 10**9
    state.close()


def test_a_full_server_is_an_outage_and_recovers(server):
    state = quick(server.url)
    server.command("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(StateUnavailableError):
        state.limits.take("k", LIMIT)
    server.command("CONFIG", "SET", "maxmemory", "0")
    use_until(state)
    state.close()


async def test_a_claim_whose_answer_was_lost_is_its_callers_when_he_asks_again(server):
    state = quick(server.url)
    state.records.begin("warm", "f", 60)
    await state.records.abegin("warm", "f", 60)
    for way in ("sync", "async"):
        server.hang()
        with pytest.raises(StateUnavailableError):  # it arrives, and is granted after its caller has gone
            state.records.begin(way, "f", 60) if way == "sync" else await state.records.abegin(way, "f", 60)
        server.go_on()
        use_until(state)
        assert state.records.begin(way, "f", 60).state is ClaimState.NEW
        assert state.records.begin(way, "f", 60).state is ClaimState.RUNNING
    await state.aclose()


async def test_cancelled_callers_leave_the_connection_in_order(server):
    state = RedisState(server.url, operation_timeout_s=2)
    for number in range(50):
        state.cache.put(f"k{number}", number, 60)

    async def read(number):
        return number, await state.cache.aget(f"k{number}")

    for round_ in range(10):
        tasks = [asyncio.create_task(read(number)) for number in range(50)]
        for _ in range(round_):
            await asyncio.sleep(0)
        for task in tasks[::3]:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(found, asyncio.CancelledError) or found[0] == found[1]
    assert await state.cache.aget("k7") == 7
    await state.aclose()
