"""A write that this process has begun is not repeated because the store it is written down in has lost it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.state import Claim, ClaimState, MemoryRecords
from salesboost_tools.state.remembering_records import WRITES_REMEMBERED, RememberingRecords
from tests.doubles import FakeClock
from tests.state.shared_contracts import RecordStoreContract, either_way, way

__all__ = ["way"]


class TestRememberingRecords(RecordStoreContract):
    def make(self, clock):
        return RememberingRecords(MemoryRecords(clock, keep_unknown_s=3600), keep_unknown_s=3600, clock=clock)


class LosableRecords(MemoryRecords):
    """May lose everything, and may stop hearing how writes end."""

    is_deaf = False

    def lose_everything(self):
        self._records.clear()

    def finish(self, *arguments):
        if self.is_deaf:
            raise StateUnavailableError("down")
        return super().finish(*arguments)


@pytest.fixture
def store(clock):
    return LosableRecords(clock, keep_unknown_s=3600)


@pytest.fixture
def own(store, clock):
    """This process's view of the store."""
    return RememberingRecords(store, keep_unknown_s=3600, clock=clock)


@pytest.fixture
def elsewhere(store, clock):
    """Another process's."""
    return RememberingRecords(store, keep_unknown_s=3600, clock=clock)


@pytest.fixture
def ask(own, way):
    """Asks this process: `await ask("begin", "k", "f", 60)`."""

    async def ask(name, *arguments):
        return await either_way(own, name, way)(*arguments)

    return ask


async def test_what_was_done_is_done_after_the_store_has_lost_it_and_others_know_it_again(ask, store, elsewhere):
    token = (await ask("begin", "k", "f", 60)).token
    await ask("finish", "k", token, "sent", 600)
    for _ in range(2):
        store.lose_everything()
        assert await ask("begin", "k", "f", 60) == Claim(ClaimState.DONE, value="sent")
    assert elsewhere.begin("k", "f", 60) == Claim(ClaimState.DONE, value="sent")


async def test_it_is_kept_no_longer_than_it_would_have_been(ask, store, clock, elsewhere):
    token = (await ask("begin", "k", "f", 60)).token
    await ask("finish", "k", token, "sent", 600)
    clock.advance(599)
    store.lose_everything()
    assert (await ask("begin", "k", "f", 60)).state is ClaimState.DONE
    clock.advance(1)
    assert elsewhere.begin("k", "f", 60).state is ClaimState.NEW


async def test_what_is_under_way_stays_its_owners_who_writes_down_how_it_ended(ask, store, clock, elsewhere):
    token = (await ask("begin", "k", "f", 60)).token
    clock.advance(20)
    store.lose_everything()
    assert await ask("begin", "k", "f", 60) == Claim(ClaimState.RUNNING, lease_left_s=40)
    assert elsewhere.begin("k", "f", 60).state is ClaimState.RUNNING
    assert await ask("finish", "k", token, "sent", 600)
    assert elsewhere.begin("k", "f", 60).value == "sent"


async def test_what_was_under_way_and_did_not_happen_may_be_begun_again(ask, store, elsewhere):
    token = (await ask("begin", "k", "f", 60)).token
    store.lose_everything()
    await ask("begin", "k", "f", 60)
    assert await ask("release", "k", token)
    assert elsewhere.begin("k", "f", 60).state is ClaimState.NEW


@pytest.mark.parametrize("how", ["it was left unknown", "its lease ended"])
async def test_what_is_unknown_stays_unknown(ask, store, clock, elsewhere, how):
    token = (await ask("begin", "k", "f", 60)).token
    if how == "it was left unknown":
        await ask("leave_unknown", "k", token, 600)
    else:
        clock.advance(61)
    store.lose_everything()
    assert await ask("begin", "k", "f", 60) == Claim(ClaimState.UNKNOWN)
    assert elsewhere.begin("k", "f", 60) == Claim(ClaimState.UNKNOWN)
    assert await ask("finish", "k", token, "after all", 600)
    assert elsewhere.begin("k", "f", 60).value == "after all"


async def test_another_write_under_a_key_that_was_lost_is_another_write_still(ask, store, elsewhere):
    token = (await ask("begin", "k", "f", 60)).token
    await ask("finish", "k", token, "sent", 600)
    store.lose_everything()
    assert await ask("begin", "k", "other", 60) == Claim(ClaimState.MISMATCH)
    assert await ask("begin", "k", "f", 60) == Claim(ClaimState.DONE, value="sent")
    assert elsewhere.begin("k", "other", 60) == Claim(ClaimState.MISMATCH)


async def test_what_another_process_began_anew_under_other_arguments_is_not_answered_from_here(ask, store, elsewhere):
    token = (await ask("begin", "k", "f", 60)).token
    await ask("finish", "k", token, "sent", 600)
    store.lose_everything()
    elsewhere.begin("k", "other", 60)
    assert (await ask("begin", "k", "other", 60)).state is ClaimState.RUNNING
    assert (await ask("begin", "k", "f", 60)).state is ClaimState.MISMATCH


async def test_an_outcome_the_store_never_heard_of_is_told_to_it_when_the_write_is_asked_for_again(
    ask, store, clock, elsewhere
):
    token = (await ask("begin", "k", "f", 60)).token
    store.is_deaf = True
    with pytest.raises(StateUnavailableError):
        await ask("finish", "k", token, "sent", 600)
    store.is_deaf = False
    clock.advance(61)
    assert elsewhere.begin("k", "f", 60) == Claim(ClaimState.UNKNOWN)
    assert await ask("begin", "k", "f", 60) == Claim(ClaimState.DONE, value="sent")
    assert elsewhere.begin("k", "f", 60) == Claim(ClaimState.DONE, value="sent")


async def test_a_write_that_did_not_happen_is_forgotten_here_too(ask, store):
    token = (await ask("begin", "k", "f", 60)).token
    await ask("release", "k", token)
    store.lose_everything()
    assert (await ask("begin", "k", "f", 60)).state is ClaimState.NEW


async def test_the_last_writes_are_remembered(ask, store, own):
    for number in range(WRITES_REMEMBERED + 1):
        token = own.begin(f"k{number}", "f", 60).token
        own.finish(f"k{number}", token, "sent", 600)
    assert len(own._own) == WRITES_REMEMBERED
    store.lose_everything()
    assert (await ask("begin", "k1", "f", 60)).state is ClaimState.DONE
    assert (await ask("begin", "k0", "f", 60)).state is ClaimState.NEW


STEPS = st.one_of(
    st.tuples(st.just("begin"), st.sampled_from("ab"), st.sampled_from("fg")),
    st.tuples(st.sampled_from(["finish", "release", "leave_unknown"]), st.sampled_from("ab")),
    st.tuples(st.just("advance"), st.sampled_from([1, 30, 59, 61, 599, 3599, 3661])),
    st.tuples(st.just("lose"), st.none()),
)


@settings(max_examples=400)
@given(st.lists(STEPS, max_size=30))
def test_a_store_that_loses_everything_is_as_careful_to_its_own_process_as_one_that_loses_nothing(steps):
    """What was lost and written down again may be kept for longer, never for less."""
    clock = FakeClock()
    whole, losable = MemoryRecords(clock, keep_unknown_s=3600), LosableRecords(clock, keep_unknown_s=3600)
    own = RememberingRecords(losable, keep_unknown_s=3600, clock=clock)
    owners = {}  # key -> the last token of each
    for name, *arguments in steps:
        if name == "advance":
            clock.advance(*arguments)
        elif name == "lose":
            losable.lose_everything()
        elif name == "begin":
            key, fingerprint = arguments
            expected, found = whole.begin(key, fingerprint, 60), own.begin(key, fingerprint, 60)
            match expected.state:
                case ClaimState.NEW:
                    if found.token is None:
                        whole.release(key, expected.token)
                    else:
                        owners[key] = expected.token, found.token
                case ClaimState.DONE | ClaimState.MISMATCH:
                    assert found == expected
                case ClaimState.RUNNING:
                    assert found.state is ClaimState.RUNNING
                    assert found.lease_left_s >= expected.lease_left_s - 1e-6
                case ClaimState.UNKNOWN:
                    assert found.state in {ClaimState.UNKNOWN, ClaimState.RUNNING, ClaimState.DONE}
        elif (key := arguments[0]) in owners:
            more = {"finish": ("sent", 600), "leave_unknown": (600,)}.get(name, ())
            for store, token in zip((whole, own), owners[key], strict=True):
                getattr(store, name)(key, token, *more)
            if name == "release":  # whoever has said that nothing happened says no more
                del owners[key]
