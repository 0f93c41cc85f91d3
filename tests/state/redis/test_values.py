"""What is kept in Redis for others to read."""

import pytest

from salesboost_tools.core.errors import MissingExtraError
from salesboost_tools.state import MISSING, ClaimState


class Unshared:
    pass


def test_a_value_that_would_change_is_not_kept_and_what_was_there_is_not_overwritten(new_state):
    cache = new_state().cache
    assert cache.put("k", "old", 60)
    assert not cache.put("k", Unshared(), 60)
    assert cache.get("k") == "old"


async def test_a_value_too_large_to_arrive_in_time_is_not_kept(new_state):
    cache = new_state(max_cached_bytes=1000).cache
    assert not cache.put("k", "x" * 1000, 60)
    assert not await cache.aput("k", "x" * 1000, 60)
    assert cache.put("k", "x" * 900, 60)


@pytest.mark.parametrize("garbage", [b"", b"\x80\x04K\x01.", b'[1,"cache"', b'[9,"cache",false,[1,0],1]', b'{"v":1}'])
async def test_bytes_that_are_no_value_of_ours_are_missing(new_state, garbage):
    state = new_state()
    state.cache.put("k", 1, 60)
    (key,) = state.send("KEYS", f"{state.cache._prefix}*")
    state.send("SET", key, garbage, "PX", 60_000)
    assert state.cache.get("k") is MISSING
    assert await state.cache.aget_entry("k") is MISSING
    assert state.healthy


def test_a_write_whose_value_cannot_be_kept_is_done_all_the_same(new_state):
    records = new_state().records
    token = records.begin("k", "f", 60).token
    assert records.finish("k", token, Unshared(), 60)
    claim = records.begin("k", "f", 60)
    assert (claim.state, claim.value) == (ClaimState.DONE, MISSING)


def test_a_record_that_makes_no_sense_is_unknown(new_state):
    state = new_state()
    state.records.begin("k", "f", 60)
    (key,) = state.send("KEYS", f"{state.cache._prefix}*")
    for field, value in (("lease_until_us", "soon"), ("state", "paused")):
        state.send("HSET", key, field, value)
        assert state.records.begin("k", "f", 60).state is ClaimState.UNKNOWN


def test_states_with_other_prefixes_do_not_meet(new_state):
    one, other = new_state(), new_state()
    one.cache.put("k", 1, 60)
    assert other.cache.get("k") is MISSING
    assert other.cache.clear() == 0
    assert one.leases.acquire("k", 60)
    assert other.leases.acquire("k", 60)


def test_reads_are_counted_for_a_bounded_number_of_keys(new_state):
    cache = new_state().cache
    cache.put("often", 1, 60)
    for _ in range(5):
        cache.get("often")
    for number in range(2500):
        cache.put(f"k{number}", 1, 60)
        cache.get(f"k{number}")
    assert len(cache._reads) <= 2000
    assert cache.top(1) == [("often", 5)]


def test_without_the_extra_the_message_says_what_to_install(monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.startswith(("redis", "salesboost_tools.state.redis"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'salesboost-tools\[redis\]'"):
        import salesboost_tools.state.redis  # noqa: F401
