"""What every state backend does for several workers: windows together, stale results, leases, records of writes.

As in `contracts`: a subclass says how to make a store, and a clock may have an `advance` of its own.
"""

import asyncio
import threading
from collections import Counter

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.state import (
    MISSING,
    CacheStore,
    Claim,
    ClaimState,
    LeaseStore,
    LimitClaim,
    LimitStore,
    RecordStore,
)

BURST, SLOW = RateLimit("3/second").bucket, RateLimit("5/minute").bucket


def either_way(store, name, way):
    """Return a coroutine function that calls `store.name` or its `a` twin."""

    async def call(*args, **kwargs):
        if way == "sync":
            return getattr(store, name)(*args, **kwargs)
        return await getattr(store, f"a{name}")(*args, **kwargs)

    return call


def in_threads(work, count=8):
    """Run `work(number)` in threads that start together; return what they returned."""
    begin, results = threading.Barrier(count), []

    def run(number):
        begin.wait(10)
        results.append(work(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == count
    return results


@pytest.fixture(params=["sync", "async"])
def way(request):
    return request.param


class LimitsTogetherContract:
    """Several windows at once: all or nothing."""

    def make(self, clock) -> LimitStore:
        raise NotImplementedError

    @pytest.fixture
    def store(self, clock):
        return self.make(clock)

    @pytest.fixture(params=["sync", "async"])
    def take_all(self, store, request):
        return either_way(store, "take_all", request.param)

    async def test_nothing_to_take_is_taken(self, take_all):
        assert await take_all([]) == 0

    async def test_the_narrowest_window_decides(self, take_all):
        claims = [LimitClaim("sms:second", BURST), LimitClaim("sms:minute", SLOW)]
        assert [await take_all(claims) == 0 for _ in range(4)] == [True, True, True, False]

    async def test_a_refusal_takes_from_no_window(self, store, take_all):
        claims = [LimitClaim("sms:second", BURST), LimitClaim("sms:minute", SLOW)]
        for _ in range(20):
            await take_all(claims)
        assert [store.take("sms:minute", SLOW) == 0 for _ in range(3)] == [True, True, False]

    async def test_the_wait_is_enough_for_every_window_and_not_more(self, clock, store, take_all):
        store.take("sms:minute", SLOW, 5)
        store.take("sms:second", BURST, 3)
        claims = [LimitClaim("sms:second", BURST), LimitClaim("sms:minute", SLOW, 2)]
        assert await take_all(claims) == 24 * 10**9
        clock.advance(23.9)
        assert await take_all(claims) > 0
        clock.advance(0.1)
        assert await take_all(claims) == 0

    async def test_a_window_taken_together_is_the_one_taken_alone(self, store, take_all):
        assert await take_all([LimitClaim("sms:second", BURST, 3)]) == 0
        assert store.take("sms:second", BURST) > 0

    async def test_one_key_named_twice_is_refused(self, take_all):
        with pytest.raises(ConfigurationError, match="a key each"):
            await take_all([LimitClaim("sms", BURST), LimitClaim("sms", SLOW)])

    async def test_more_than_a_bucket_holds_is_refused_and_changes_nothing(self, store, take_all):
        with pytest.raises(ConfigurationError, match="1 to 3 tokens"):
            await take_all([LimitClaim("sms:minute", SLOW, 5), LimitClaim("sms:second", BURST, 4)])
        assert store.take("sms:minute", SLOW, 5) == 0

    def test_threads_never_get_more_than_the_narrowest_window_holds(self, clock):
        store = self.make(clock)
        claims = [
            LimitClaim("sms:narrow", RateLimit(calls=50, per_s=3600).bucket),
            LimitClaim("sms:wide", RateLimit(calls=80, per_s=3600).bucket),
        ]
        admitted = in_threads(lambda _: sum(store.take_all(claims) == 0 for _ in range(20)))
        assert sum(admitted) == 50
        assert store.take("sms:wide", claims[1].bucket, 30) == 0
        assert store.take("sms:wide", claims[1].bucket) > 0


class StaleCacheContract:
    """A result past its time, kept a little longer."""

    def make(self, clock) -> CacheStore:
        raise NotImplementedError

    @pytest.fixture
    def store(self, clock):
        return self.make(clock)

    async def test_a_fresh_entry_says_so(self, store, way):
        assert await either_way(store, "put", way)("tool:1", "answer", 60) is True
        entry = await either_way(store, "get_entry", way)("tool:1")
        assert entry.value == "answer"
        assert entry.is_fresh
        assert entry.age_s == pytest.approx(0, abs=0.5)

    async def test_a_stale_entry_is_found_by_who_asks_for_it_and_by_nobody_else(self, clock, store, way):
        await either_way(store, "put", way)("tool:1", "answer", 60, stale_s=30)
        clock.advance(70)
        entry = await either_way(store, "get_entry", way)("tool:1")
        assert (entry.value, entry.is_fresh) == ("answer", False)
        assert entry.age_s == pytest.approx(70, abs=0.5)
        assert await either_way(store, "get", way)("tool:1") is MISSING
        assert (await either_way(store, "get_entry", way)("tool:1")).value == "answer"

    async def test_a_stale_entry_goes_in_its_time(self, clock, store, way):
        await either_way(store, "put", way)("tool:1", "answer", 60, stale_s=30)
        clock.advance(90)
        assert await either_way(store, "get_entry", way)("tool:1") is MISSING

    async def test_what_was_never_stored_is_no_entry(self, store, way):
        assert await either_way(store, "get_entry", way)("tool:1") is MISSING

    async def test_clearing_takes_stale_entries_too(self, clock, store, way):
        await either_way(store, "put", way)("tool:1", "answer", 1, stale_s=60)
        clock.advance(2)
        assert await either_way(store, "clear", way)("tool:") == 1

    async def test_a_prefix_that_looks_like_a_pattern_is_taken_as_it_is(self, store, way):
        for key in ("a*b:1", "axb:1", "[a]:1", "a:1", "a?:1", "\\a:1"):
            await either_way(store, "put", way)(key, key, 60)
        for prefix in ("a*b:", "[a]:", "a?", "\\a"):
            assert await either_way(store, "clear", way)(prefix) == 1, prefix
        assert store.get("axb:1") == "axb:1"
        assert store.get("a:1") == "a:1"


class LeaseStoreContract:
    """Who may do something alone."""

    def make(self, clock) -> LeaseStore:
        raise NotImplementedError

    @pytest.fixture
    def store(self, clock):
        return self.make(clock)

    async def test_one_holder_at_a_time(self, store, way):
        acquire, release = either_way(store, "acquire", way), either_way(store, "release", way)
        token = await acquire("job", 60)
        assert token is not None
        assert await acquire("job", 60) is None
        assert await release("job", token)
        assert await acquire("job", 60) not in {None, token}

    async def test_another_key_is_another_lease(self, store, way):
        assert await either_way(store, "acquire", way)("a", 60)
        assert await either_way(store, "acquire", way)("b", 60)

    async def test_a_lease_ends_by_itself(self, clock, store, way):
        acquire = either_way(store, "acquire", way)
        first = await acquire("job", 60)
        clock.advance(59)
        assert await acquire("job", 60) is None
        clock.advance(1)
        second = await acquire("job", 60)
        assert second is not None
        assert not await either_way(store, "release", way)("job", first)
        assert not await either_way(store, "renew", way)("job", first, 60)
        assert await acquire("job", 60) is None

    async def test_a_renewed_lease_lasts_longer(self, clock, store, way):
        token = await either_way(store, "acquire", way)("job", 60)
        clock.advance(50)
        assert await either_way(store, "renew", way)("job", token, 60)
        clock.advance(50)
        assert await either_way(store, "acquire", way)("job", 60) is None

    async def test_a_wrong_token_opens_nothing(self, store, way):
        await either_way(store, "acquire", way)("job", 60)
        assert not await either_way(store, "release", way)("job", "guessed")
        assert not await either_way(store, "renew", way)("job", "guessed", 60)
        assert await either_way(store, "acquire", way)("job", 60) is None

    async def test_nobodys_lease_is_neither_prolonged_nor_given_back(self, store, way):
        assert not await either_way(store, "release", way)("job", "token")
        assert not await either_way(store, "renew", way)("job", "token", 60)

    def test_of_racing_threads_one_gets_it(self, clock):
        store = self.make(clock)
        for job in range(20):
            tokens = in_threads(lambda _, job=job: store.acquire(f"job {job}", 60))
            assert sum(token is not None for token in tokens) == 1


class RecordStoreContract:
    """What became of a write."""

    def make(self, clock) -> RecordStore:
        """Return an empty store that keeps records of unknown outcome for an hour."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, clock):
        return self.make(clock)

    @pytest.fixture(params=["sync", "async"])
    def begin(self, store, request):
        return either_way(store, "begin", request.param)

    @pytest.fixture(params=["sync", "async"])
    def end(self, store, request):
        async def end(name, *args):
            return await either_way(store, name, request.param)(*args)

        return end

    async def test_the_first_to_claim_owns_the_write(self, begin):
        claim = await begin("k", "f", 60)
        assert claim.state is ClaimState.NEW
        assert claim.token

    async def test_others_learn_that_it_runs_and_for_how_long_it_may(self, clock, begin):
        await begin("k", "f", 60)
        clock.advance(20)
        claim = await begin("k", "f", 60)
        assert claim.state is ClaimState.RUNNING
        assert claim.token is None
        assert claim.lease_left_s == pytest.approx(40, abs=0.5)

    async def test_others_get_the_value_of_what_is_done(self, begin, end):
        token = (await begin("k", "f", 60)).token
        assert await end("finish", "k", token, {"sent": 1}, 600)
        assert await begin("k", "f", 60) == Claim(ClaimState.DONE, value={"sent": 1})

    @pytest.mark.parametrize("value", [None, "", 0, False, [], ("text", [1.5])], ids=repr)
    async def test_an_empty_value_is_a_value(self, begin, end, value):
        token = (await begin("k", "f", 60)).token
        await end("finish", "k", token, value, 600)
        found = (await begin("k", "f", 60)).value
        assert found == value
        assert type(found) is type(value)

    async def test_a_done_write_is_forgotten_in_its_time_and_not_before(self, clock, begin, end):
        token = (await begin("k", "f", 60)).token
        await end("finish", "k", token, "value", 600)
        clock.advance(599)
        assert (await begin("k", "f", 60)).state is ClaimState.DONE
        clock.advance(1)
        assert (await begin("k", "f", 60)).state is ClaimState.NEW

    async def test_the_same_key_with_another_fingerprint_is_a_mismatch_whatever_the_state(self, clock, begin, end):
        token = (await begin("running", "f", 60)).token
        assert (await begin("running", "other", 60)).state is ClaimState.MISMATCH
        clock.advance(61)
        assert (await begin("running", "other", 60)).state is ClaimState.MISMATCH
        await end("finish", "running", token, 1, 600)
        assert (await begin("running", "other", 60)).state is ClaimState.MISMATCH
        token = (await begin("unknown", "f", 60)).token
        await end("leave_unknown", "unknown", token, 600)
        assert (await begin("unknown", "other", 60)).state is ClaimState.MISMATCH

    async def test_an_owner_never_heard_of_again_leaves_an_unknown_outcome(self, clock, begin):
        await begin("k", "f", 60)
        clock.advance(60)
        assert await begin("k", "f", 60) == Claim(ClaimState.UNKNOWN)
        clock.advance(3599)
        assert await begin("k", "f", 60) == Claim(ClaimState.UNKNOWN)

    async def test_an_unknown_outcome_is_kept_as_long_as_was_said(self, clock, begin):
        await begin("k", "f", 60)
        clock.advance(60 + 3600)
        assert (await begin("k", "f", 60)).state is ClaimState.NEW

    async def test_a_late_outcome_is_taken_if_nobody_decided_otherwise(self, clock, begin, end):
        token = (await begin("k", "f", 60)).token
        clock.advance(300)
        assert (await begin("k", "f", 60)).state is ClaimState.UNKNOWN
        assert await end("finish", "k", token, "late", 600)
        assert (await begin("k", "f", 60)).value == "late"

    async def test_a_write_of_which_nothing_happened_can_be_begun_again(self, begin, end):
        token = (await begin("k", "f", 60)).token
        assert await end("release", "k", token)
        again = await begin("k", "f", 60)
        assert again.state is ClaimState.NEW
        assert again.token != token

    async def test_an_owner_whose_write_was_begun_again_decides_nothing(self, begin, end):
        old = (await begin("k", "f", 60)).token
        await end("release", "k", old)
        await begin("k", "f", 60)
        assert not await end("finish", "k", old, "old", 600)
        assert not await end("release", "k", old)
        assert not await end("leave_unknown", "k", old, 600)
        assert (await begin("k", "f", 60)).state is ClaimState.RUNNING

    async def test_what_is_done_is_never_changed(self, begin, end):
        token = (await begin("k", "f", 60)).token
        await end("finish", "k", token, "first", 600)
        assert await end("finish", "k", token, "second", 600)  # the owner's outcome stands
        assert not await end("release", "k", token)
        assert not await end("leave_unknown", "k", token, 600)
        assert await begin("k", "f", 60) == Claim(ClaimState.DONE, value="first")

    async def test_an_owner_may_leave_the_outcome_unknown(self, clock, begin, end):
        token = (await begin("k", "f", 60)).token
        assert await end("leave_unknown", "k", token, 600)
        assert await begin("k", "f", 60) == Claim(ClaimState.UNKNOWN)
        clock.advance(600)
        assert (await begin("k", "f", 60)).state is ClaimState.NEW

    async def test_an_owner_who_left_it_unknown_may_learn_more(self, begin, end):
        token = (await begin("k", "f", 60)).token
        await end("leave_unknown", "k", token, 600)
        assert await end("finish", "k", token, "after all", 600)
        assert (await begin("k", "f", 60)).value == "after all"

    async def test_a_guessed_token_decides_nothing(self, begin, end):
        await begin("k", "f", 60)
        assert not await end("finish", "k", "guess:f", 1, 600)
        assert not await end("release", "k", "guess:f")
        assert not await end("leave_unknown", "k", "guess:f", 600)

    async def test_an_outcome_outlives_the_loss_of_its_record(self, begin, end):
        token = (await begin("k", "f", 60)).token
        await end("release", "k", token)  # as good as lost
        assert await end("finish", "k", token, "sent", 600)
        assert (await begin("k", "f", 60)).value == "sent"
        assert (await begin("k", "other", 60)).state is ClaimState.MISMATCH

    async def test_a_fingerprint_may_be_any_text(self, begin, end):
        for fingerprint in ("a:b:c", "", "ключ", "{}"):
            token = (await begin(f"k{fingerprint}", fingerprint, 60)).token
            await end("release", f"k{fingerprint}", token)
            await end("finish", f"k{fingerprint}", token, 1, 600)
            assert (await begin(f"k{fingerprint}", fingerprint, 60)).state is ClaimState.DONE

    def test_of_racing_threads_one_begins_the_write(self, clock):
        store = self.make(clock)
        for write in range(20):
            claims = in_threads(lambda _, write=write: store.begin(f"write {write}", "f", 60))
            assert Counter(claim.state for claim in claims) == {ClaimState.NEW: 1, ClaimState.RUNNING: 7}

    async def test_of_racing_tasks_one_begins_the_write(self, store):
        claims = await asyncio.gather(*(store.abegin("k", "f", 60) for _ in range(50)))
        assert Counter(claim.state for claim in claims) == {ClaimState.NEW: 1, ClaimState.RUNNING: 49}
