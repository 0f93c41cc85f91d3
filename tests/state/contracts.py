"""What every state backend does. A backend passes when its subclass, which says how to make one, is green.

Tests that turn a clock take it from the fixture `clock`; a backend with a clock of its own overrides that fixture with
something that has `advance(seconds)`.
"""

import asyncio
import threading
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import RateLimit, seconds_to_wait
from salesboost_tools.state import MISSING, CacheStore, LimitStore
from tests.doubles import FakeClock

TEN_A_MINUTE = RateLimit("10/minute").bucket
ONE_A_SECOND = RateLimit("1/second").bucket
STARTS_S = (0.0, -5.0, 1000.0, 1e6, 1.7e9)

THREADS = 8


class DawdlingKey(str):
    """Lets other threads go first whenever somebody looks it up, so that a missing lock shows."""

    __slots__ = ()

    def __eq__(self, other):
        return str.__eq__(self, other)

    def __hash__(self):
        time.sleep(0)
        return str.__hash__(self)


class LimitStoreContract:
    """Token buckets by key."""

    def make(self, clock) -> LimitStore:
        """Return an empty store; `clock` None for the real one."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, clock):
        return self.make(clock)

    @pytest.fixture(params=["sync", "async"])
    def take(self, request, store):
        """Takes from the store either way."""

        async def take(key="k", bucket=TEN_A_MINUTE, tokens=1):
            if request.param == "sync":
                return store.take(key, bucket, tokens)
            return await store.atake(key, bucket, tokens)

        return take

    @pytest.mark.parametrize("start_s", STARTS_S)
    async def test_a_key_never_seen_passes(self, clock, take, start_s):
        clock.now_s = start_s
        assert await take(bucket=ONE_A_SECOND) == 0
        assert await take("other", TEN_A_MINUTE, tokens=10) == 0

    async def test_a_bucket_gives_its_capacity_and_then_refuses(self, take):
        waits = [await take() for _ in range(12)]
        assert waits == [0] * 10 + [6 * 10**9] * 2

    @pytest.mark.parametrize("way", ["sync", "async"])
    async def test_what_is_left_can_be_taken_and_no_more(self, clock, store, take, way):
        async def left():
            return store.left("k", TEN_A_MINUTE) if way == "sync" else await store.aleft("k", TEN_A_MINUTE)

        assert [await left(), await left()] == [10, 10]
        await take(tokens=7)
        assert await left() == 3
        clock.advance(6)
        assert await left() == 4
        await take(tokens=4)
        assert await left() == 0
        clock.advance(3600)
        assert await left() == 10

    async def test_a_bucket_fills_up_again_and_no_further(self, clock, take):
        for _ in range(10):
            await take()
        clock.advance(3600)
        assert [await take() == 0 for _ in range(11)] == [True] * 10 + [False]

    @pytest.mark.parametrize("limit", ["10/minute", "1/second", "3/day", "5/0.1s", "7/h"])
    @pytest.mark.parametrize("start_s", STARTS_S)
    async def test_waiting_as_told_is_enough_and_a_millisecond_less_is_not(self, clock, take, limit, start_s):
        clock.now_s, bucket = start_s, RateLimit(limit).bucket
        while not (wait_ns := await take(bucket=bucket)):
            pass
        wait_s = seconds_to_wait(wait_ns)
        clock.advance(wait_s - 0.001)
        assert await take(bucket=bucket) > 0
        clock.now_s = start_s
        clock.advance(wait_s)
        assert await take(bucket=bucket) == 0

    async def test_a_refusal_changes_nothing(self, clock, take):
        while not (first_wait_ns := await take()):
            pass
        for _ in range(50):
            assert await take() == first_wait_ns
        assert await take(tokens=10) == 10 * first_wait_ns
        clock.advance(6)
        assert await take() == 0

    @pytest.mark.parametrize("tokens", [0, -1, 11])
    async def test_tokens_that_no_full_bucket_could_serve_are_refused_and_change_nothing(self, take, tokens):
        with pytest.raises(ConfigurationError, match="1 to 10 tokens"):
            await take(tokens=tokens)
        assert await take(tokens=10) == 0

    async def test_a_call_may_take_several_tokens(self, take):
        assert await take(tokens=7) == 0
        assert await take(tokens=4) == 6 * 10**9
        assert await take(tokens=3) == 0
        assert await take() == 6 * 10**9

    async def test_every_key_has_a_bucket_of_its_own(self, take):
        assert await take("a", ONE_A_SECOND) == 0
        assert await take("b", ONE_A_SECOND) == 0
        assert await take("a", ONE_A_SECOND) > 0

    async def test_sync_and_async_callers_draw_from_one_bucket(self, store):
        waits = []
        for _ in range(6):
            waits += [store.take("k", TEN_A_MINUTE), await store.atake("k", TEN_A_MINUTE)]
        assert waits.count(0) == 10

    async def test_a_bucket_that_fills_up_in_a_fraction_of_a_second_is_kept_as_long(self, clock, take):
        quick = RateLimit("5/0.1s").bucket
        for _ in range(5):
            assert await take(bucket=quick) == 0
        for _ in range(100):
            assert await take(bucket=quick) > 0
        clock.advance(0.1)
        assert [await take(bucket=quick) == 0 for _ in range(6)] == [True] * 5 + [False]

    async def test_no_fraction_of_a_token_is_lost(self, clock, take):
        admitted = 0
        for _ in range(900):
            admitted += await take() == 0
            clock.advance(4)
        assert admitted == 10 + 3596 * 10 // 60

    @settings(suppress_health_check=[HealthCheck.differing_executors], deadline=None)
    @given(
        limit=st.builds(
            lambda calls, per_s: RateLimit(calls=calls, per_s=per_s),
            st.integers(1, 8),
            st.sampled_from([0.01, 0.3, 1.0, 60.0, 86400.0]),
        ),
        start_s=st.sampled_from(STARTS_S),
        pattern=st.lists(st.tuples(st.floats(0, 1.5), st.sampled_from("ab"), st.integers(1, 8)), max_size=40),
    )
    def test_in_any_window_no_more_is_admitted_than_capacity_and_refill(self, limit, start_s, pattern):
        clock = FakeClock(start_s)
        store, admitted = self.make(clock), {"a": [], "b": []}
        for gap, key, tokens in pattern:
            clock.advance(gap * limit.per_s / limit.calls)
            if store.take(key, limit.bucket, min(tokens, limit.calls)) == 0:
                admitted[key].append((clock.now_s, min(tokens, limit.calls)))
        for taken_by_key in admitted.values():
            for first, (begin_s, _) in enumerate(taken_by_key):
                taken = 0
                for end_s, tokens in taken_by_key[first:]:
                    taken += tokens
                    clock_error_s = 1e-6  # floats at 1.7e9 s
                    assert taken <= limit.calls + (end_s - begin_s + clock_error_s) * limit.calls / limit.per_s

    def test_threads_together_get_exactly_the_capacity_of_a_bucket_that_does_not_refill(self, clock):
        store, admitted = self.make(clock), Counter()
        key, bucket = DawdlingKey("k"), RateLimit(calls=400, per_s=3600).bucket
        begin = threading.Barrier(THREADS)

        def drain(thread):
            begin.wait(10)
            for _ in range(100):
                admitted[thread] += store.take(key, bucket) == 0

        threads = [threading.Thread(target=drain, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert admitted.total() == 400

    async def test_threads_and_tasks_together_never_get_more_than_capacity_and_refill(self):
        """By the real clock: the window reaches from before the first take to after the last one."""
        store, limit, admitted = self.make(None), RateLimit(calls=20, per_s=0.1), []
        key, bucket, ends_s = DawdlingKey("k"), limit.bucket, time.monotonic() + 0.25

        def drain():
            while time.monotonic() < ends_s:
                before_s = time.monotonic()
                if store.take(key, bucket) == 0:
                    admitted.append((before_s, time.monotonic()))

        async def adrain():
            while time.monotonic() < ends_s:
                before_s = time.monotonic()
                if await store.atake(key, bucket) == 0:
                    admitted.append((before_s, time.monotonic()))
                await asyncio.sleep(0)

        threads = [threading.Thread(target=drain) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        await asyncio.gather(*(adrain() for _ in range(THREADS)))
        for thread in threads:
            thread.join(30)

        assert len(admitted) >= limit.calls
        per_token_s = limit.per_s / limit.calls
        admitted.sort(key=lambda pair: pair[1])
        for begin_s, _ in admitted:
            # one that was asked for earlier may have been admitted before the window, however late its thread heard of it
            inside = (end_s for asked_s, end_s in admitted if asked_s >= begin_s)
            for count, end_s in enumerate(inside, start=1):
                assert count <= limit.calls + (end_s - begin_s) / per_token_s
        first_s, last_s = min(asked_s for asked_s, _ in admitted), max(end_s for _, end_s in admitted)
        width_s = max(end_s - asked_s for asked_s, end_s in admitted)  # by so much either end may be off
        assert len(admitted) >= limit.calls + (last_s - first_s - 2 * width_s) / per_token_s - 1


class CacheStoreContract:
    """Results by key, each for its time."""

    def make(self, clock) -> CacheStore:
        """Return an empty store with room for at least 100 results; `clock` None for the real one."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, clock):
        return self.make(clock)

    @pytest.fixture(params=["sync", "async"])
    def get(self, request, store):
        async def get(key="tool:1"):
            return store.get(key) if request.param == "sync" else await store.aget(key)

        return get

    @pytest.fixture(params=["sync", "async"])
    def put(self, request, store):
        async def put(value, key="tool:1", ttl_s=60.0):
            if request.param == "sync":
                store.put(key, value, ttl_s)
            else:
                await store.aput(key, value, ttl_s)

        return put

    async def test_what_was_never_stored_is_missing(self, get):
        assert await get() is MISSING

    async def test_a_result_is_found_until_its_time_is_up(self, clock, get, put):
        await put("answer", ttl_s=60)
        clock.advance(59.9)
        assert await get() == "answer"
        clock.advance(0.1)
        assert await get() is MISSING
        assert await get() is MISSING

    async def test_reading_does_not_make_a_result_last_longer(self, clock, get, put):
        await put("answer", ttl_s=60)
        for _ in range(5):
            clock.advance(11.9)
            assert await get() == "answer"
        clock.advance(0.5)
        assert await get() is MISSING

    @pytest.mark.parametrize("empty", [None, "", [], {}, 0, False, 0.0, ()], ids=repr)
    async def test_an_empty_answer_is_an_answer(self, get, put, empty):
        await put(empty)
        found = await get()
        assert found == empty
        assert type(found) is type(empty)

    async def test_a_later_result_replaces_an_earlier_one_and_its_time(self, clock, get, put):
        await put("old", ttl_s=10)
        await put("new", ttl_s=100)
        clock.advance(50)
        assert await get() == "new"

    async def test_every_result_has_its_own_time(self, clock, get, put):
        await put("short", "tool:short", ttl_s=1)
        await put("long", "tool:long", ttl_s=100)
        clock.advance(2)
        assert await get("tool:short") is MISSING
        assert await get("tool:long") == "long"

    async def test_a_result_may_last_for_ever(self, clock, get, put):
        await put("answer", ttl_s=float("inf"))
        clock.advance(1e9)
        assert await get() == "answer"

    async def test_what_is_stored_one_way_is_found_the_other(self, store):
        store.put("a", 1, 60)
        await store.aput("b", 2, 60)
        assert (await store.aget("a"), store.get("b")) == (1, 2)

    @pytest.fixture(params=["sync", "async"])
    def get_entry(self, request, store):
        async def get_entry(key="tool:1"):
            return store.get_entry(key) if request.param == "sync" else await store.aget_entry(key)

        return get_entry

    async def test_an_entry_tells_how_old_it_is(self, clock, get_entry, put):
        assert await get_entry() is MISSING
        await put("answer", ttl_s=60)
        clock.advance(20)
        entry = await get_entry()
        assert (entry.value, entry.age_s, entry.is_fresh) == ("answer", pytest.approx(20), True)
        clock.advance(41)
        assert await get_entry() is MISSING

    async def test_a_result_may_be_kept_beyond_its_time_for_those_who_ask_for_its_entry(
        self, clock, store, get, get_entry
    ):
        assert store.put("tool:1", "answer", 60, stale_s=30)
        clock.advance(75)
        assert await get() is MISSING
        entry = await get_entry()
        assert (entry.value, entry.age_s, entry.is_fresh) == ("answer", pytest.approx(75), False)
        clock.advance(15)
        assert await get_entry() is MISSING

    async def test_reading_an_entry_counts_as_reading(self, store, get_entry, put):
        await put("answer")
        await get_entry()
        assert store.top(1) == [("tool:1", 1)]

    async def test_clearing_works_either_way(self, store, get, put):
        await put("answer", "crm:1")
        await put("answer", "prices:1")
        assert await store.aclear("crm:") == 1
        assert await get("prices:1") == "answer"
        assert await store.aclear() == 1

    async def test_clearing_a_prefix_forgets_that_and_says_how_many(self, store, get, put):
        for key in ("crm:1", "crm:2", "prices:1"):
            await put("answer", key)
        assert store.clear("crm:") == 2
        assert [await get(key) for key in ("crm:1", "crm:2", "prices:1")] == [MISSING, MISSING, "answer"]
        assert store.clear("crm:") == 0

    async def test_clearing_without_a_prefix_forgets_everything(self, store, get, put):
        for key in ("crm:1", "prices:1"):
            await put("answer", key)
        assert store.clear() == 2
        assert await get("prices:1") is MISSING

    async def test_the_results_read_most_come_first(self, store, get, put):
        for key, times in (("a", 1), ("b", 3), ("c", 0), ("d", 2)):
            await put("answer", key)
            for _ in range(times):
                await get(key)
        assert store.top(2) == [("b", 3), ("d", 2)]
        assert store.top(10) == [("b", 3), ("d", 2), ("a", 1)]
        assert store.top(0) == []

    async def test_results_read_equally_often_come_in_the_sequence_of_their_keys(self, store, get, put):
        for key in ("b", "c", "a"):
            await put("answer", key)
            await get(key)
        assert store.top(3) == [("a", 1), ("b", 1), ("c", 1)]

    async def test_a_result_whose_time_is_up_is_not_among_those_read_most(self, clock, store, get, put):
        await put("answer", ttl_s=10)
        await get()
        clock.advance(11)
        assert store.top(10) == []

    def test_threads_never_get_another_keys_result(self):
        store, wrong, finished = self.make(None), [], []
        begin = threading.Barrier(THREADS)

        def use(thread):
            begin.wait(10)
            for step in range(100):
                key = DawdlingKey(f"tool:{(thread * 7 + step) % 10}")
                found = store.get(key)
                if found not in (MISSING, key):
                    wrong.append((key, found))
                store.put(key, key, 0.0 if step % 3 else 60.0)
                if step % 20 == 19:
                    store.clear(f"tool:{thread}")
                    store.top(5)
            finished.append(thread)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert wrong == []
        assert sorted(finished) == list(range(THREADS))
