"""State in this process: one object for threads and event loops, bounded, gone with the process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import Bucket, RateLimit
from salesboost_tools.state import (
    MISSING,
    CacheStore,
    LimitClaim,
    LimitStore,
    MemoryCache,
    MemoryLimits,
    MemoryState,
    State,
)
from tests.doubles import FakeClock
from tests.state.contracts import CacheStoreContract, LimitStoreContract


class TestMemoryLimits(LimitStoreContract):
    def make(self, clock):
        return MemoryLimits(clock)


class TestMemoryCache(CacheStoreContract):
    def make(self, clock):
        return MemoryCache(clock)


# ---------------------------------------------------------------- the rule, written out for speed, is the rule


@given(
    st.integers(1, 5),
    st.integers(1, 50),
    st.integers(-1000, 1000),
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 5)), max_size=30),
)
def test_one_bucket_taken_alone_does_what_it_does_among_others(capacity, interval_ns, start_ns, pattern):
    bucket, clock = Bucket(capacity, interval_ns), FakeClock(start_ns / 1e9)
    alone, among_others = MemoryLimits(clock), MemoryLimits(clock)
    for gap_ns, tokens in pattern:
        clock.advance(gap_ns / 1e9)
        wanted = min(tokens, capacity)
        assert alone.take("k", bucket, wanted) == among_others.take_all([LimitClaim("k", bucket, wanted)])


# ---------------------------------------------------------------- buckets come and go


def test_a_sweep_never_evicts_a_bucket_that_is_in_use(clock):
    limits, bucket = MemoryLimits(clock), RateLimit("1/minute").bucket
    assert limits.take("live", bucket) == 0
    for number in range(5000):
        limits.take(f"other {number}", bucket)
        assert limits.take("live", bucket) > 0
    assert len(limits) == 5001


def test_a_bucket_that_has_filled_up_does_not_stay_for_ever(clock):
    limits, bucket = MemoryLimits(clock), RateLimit("1/minute").bucket
    for number in range(100_000):
        limits.take(f"caller {number}", bucket)
        clock.advance(1)
    assert len(limits) < 2048


def test_a_sweep_keeps_to_the_rate_of_those_it_leaves(clock):
    limits, slow, quick = MemoryLimits(clock), RateLimit("2/hour").bucket, RateLimit("1/second").bucket
    assert [limits.take("slow", slow) == 0 for _ in range(3)] == [True, True, False]
    for number in range(3000):
        limits.take(f"quick {number}", quick)
        clock.advance(0.5)
    assert limits.take("slow", slow) > 0
    clock.advance(1800 - 1500)
    assert limits.take("slow", slow) == 0
    assert limits.take("slow", slow) > 0


def test_buckets_taken_together_are_swept_as_well(clock):
    limits, bucket = MemoryLimits(clock), RateLimit("1/minute").bucket
    for number in range(5000):
        limits.take_all([LimitClaim(f"caller {number}", bucket), LimitClaim(f"tenant {number}", bucket)])
        clock.advance(1)
    assert len(limits) < 2048


# ---------------------------------------------------------------- who leaves the cache


def filled(cache, keys):
    for key in keys:
        cache.put(key, key, 60)
    return cache


def kept(cache, keys):
    return [key for key in keys if cache.get(key) is not MISSING]


def test_the_least_recently_used_leaves_first(clock):
    cache = filled(MemoryCache(clock, max_entries=3), "abc")
    cache.get("a")
    cache.put("d", "d", 60)
    assert kept(cache, "abcd") == ["a", "c", "d"]
    assert cache.evictions == 1


def test_reading_an_entry_is_use_too(clock):
    cache = filled(MemoryCache(clock, max_entries=3), "abc")
    cache.get_entry("a")
    cache.put("d", "d", 60)
    assert kept(cache, "abcd") == ["a", "c", "d"]


def test_without_least_recently_used_reading_an_entry_keeps_nothing_longer(clock):
    cache = filled(MemoryCache(clock, max_entries=3, least_recently_used_first=False), "abc")
    cache.get_entry("a")
    cache.put("d", "d", 60)
    assert kept(cache, "abcd") == ["b", "c", "d"]


def test_storing_again_counts_as_use(clock):
    cache = filled(MemoryCache(clock, max_entries=3), "abca")
    cache.put("d", "d", 60)
    assert kept(cache, "abcd") == ["a", "c", "d"]


def test_without_least_recently_used_the_oldest_leaves_first_whoever_was_read(clock):
    cache = filled(MemoryCache(clock, max_entries=3, least_recently_used_first=False), "abc")
    cache.get("a")
    cache.put("d", "d", 60)
    assert kept(cache, "abcd") == ["b", "c", "d"]


def test_a_cache_never_holds_more_than_its_bound(clock):
    cache = MemoryCache(clock, max_entries=7)
    for number in range(1000):
        cache.put(f"k{number}", number, 60)
        assert len(cache) <= 7
    assert cache.evictions == 993


def test_a_cache_of_one_holds_the_last(clock):
    cache = filled(MemoryCache(clock, max_entries=1), "ab")
    assert kept(cache, "ab") == ["b"]


def test_a_result_whose_time_is_up_makes_room_when_it_is_asked_for(clock):
    cache = filled(MemoryCache(clock), "ab")
    clock.advance(61)
    cache.get("a")
    assert len(cache) == 1


@pytest.mark.parametrize("max_entries", [0, -1])
def test_a_cache_that_could_hold_nothing_is_refused(max_entries):
    with pytest.raises(ConfigurationError, match="at least 1"):
        MemoryCache(max_entries=max_entries)


# ---------------------------------------------------------------- one backend


def test_a_backend_has_a_store_for_every_need(clock):
    state: State = MemoryState(clock, max_cached=1, least_recently_used_first=False)
    limits: LimitStore = state.limits
    cache: CacheStore = state.cache
    assert limits.take("k", RateLimit("1/minute").bucket) == 0
    filled(cache, "ab")
    assert kept(cache, "ab") == ["b"]


def test_both_stores_of_a_backend_go_by_its_clock(clock):
    state, bucket = MemoryState(clock), RateLimit("1/minute").bucket
    state.limits.take("k", bucket)
    state.cache.put("k", "answer", 60)
    clock.advance(60)
    assert state.limits.take("k", bucket) == 0
    assert state.cache.get("k") is MISSING


def test_nothing_stored_shows_itself_by_name():
    assert repr(MISSING) == "MISSING"
