"""Reads stay open when the store fails, each calling its tool once; what the store cannot hold is not shared."""

import asyncio

import pytest

from salesboost_tools.core.errors import StateUnavailableError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler, CacheStatistics
from salesboost_tools.state import MISSING, MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.doubles import EventLedger, GatedTool, turns
from tests.handlers.failing_state import FailingState


@pytest.fixture
def state(clock):
    return FailingState(clock)


@pytest.fixture(params=[0, 30], ids=["fresh only", "stale too"])
def cache(request, state):
    return CacheHandler(state, stale_s=request.param)


@pytest.mark.parametrize(
    "failing", [{"get", "get_entry"}, {"put"}, {"get", "get_entry", "put"}], ids=["reads", "puts", "both"]
)
async def test_a_read_goes_to_the_tool_once_and_asks_a_store_that_failed_no_more(ask, cache, state, failing):
    state.failing = failing
    tool = ScriptedTool("first", "second")
    governed = govern(tool, cache)
    assert [await ask(governed), await ask(governed)] == ["first", "second"]
    assert tool.started == 2
    assert cache.statistics()["scripted"] == CacheStatistics(misses=2, store_failed=2)


async def test_a_failure_of_the_store_is_reported(ask, cache, state):
    state.is_down, ledger = True, EventLedger()
    await ask(govern(ScriptedTool(), cache, ledger))
    assert ledger.events == [("store_failed", {"store": "cache"}), ("cache_miss", {})]
    assert len(state.asked) == 1


async def test_the_second_look_may_fail_as_well(ask, state):
    tool, cache = ScriptedTool(), CacheHandler(state)
    get = state.cache._store.get

    def last_answer(key):
        state.is_down = True
        cache._flights.landed += 1  # as if an equal call had landed meanwhile
        return get(key)

    state.cache._store.get = last_answer
    assert await ask(govern(tool, cache)) == "answer"
    assert tool.started == 1
    assert state.asked == ["get", "get"]


async def test_equal_reads_are_one_call_all_the_same(cache, state):
    state.is_down = True
    tool = GatedTool()
    governed = govern(tool, cache)
    calls = [asyncio.create_task(governed.ainvoke({"query": "q"})) for _ in range(5)]
    await turns()
    tool.open()
    assert await asyncio.gather(*calls) == ["answer"] * 5
    assert tool.started == 1


async def test_the_store_is_used_again_as_soon_as_it_answers(ask, cache, state):
    governed = govern(ScriptedTool("first", "second"), cache)
    state.is_down = True
    await ask(governed)
    state.is_down = False
    assert [await ask(governed) for _ in range(2)] == ["second"] * 2


async def test_state_that_fails_behind_the_cache_is_the_callers_to_hear_of(ask, cache):
    tool = ScriptedTool(StateUnavailableError("the tool's own"))
    with pytest.raises(StateUnavailableError, match="own"):
        await ask(govern(tool, cache))
    assert tool.started == 1
    assert cache.statistics()["scripted"].store_failed == 0


async def test_an_operator_hears_that_nothing_was_cleared(cache, state):
    state.is_down = True
    with pytest.raises(StateUnavailableError):
        cache.clear()
    with pytest.raises(StateUnavailableError):
        await cache.aclear("crm")


async def test_all_can_be_forgotten_from_an_event_loop(cache):
    governed = govern(ScriptedTool("old", "new"), cache)
    await governed.ainvoke({"query": "q"})
    assert await cache.aclear("scripted") == 1
    await governed.ainvoke({"query": "q"})
    assert await cache.aclear() == 1


# ---------------------------------------------------------------- what the store cannot hold


async def test_what_the_store_cannot_hold_is_not_counted_as_stored(ask, clock):
    state = MemoryState(clock)
    state.cache.put = lambda *args, **kwargs: False
    cache = CacheHandler(state)
    governed = govern(ScriptedTool("first", "second"), cache)
    assert [await ask(governed) for _ in range(2)] == ["first", "second"]
    assert cache.statistics()["scripted"] == CacheStatistics(misses=2)


async def test_what_the_store_cannot_hold_is_not_shared_with_those_who_wait_either(clock):
    state = MemoryState(clock)
    state.cache.put = lambda *args, **kwargs: False
    tool = GatedTool()
    governed = govern(tool, CacheHandler(state))
    calls = [asyncio.create_task(governed.ainvoke({"query": "q"})) for _ in range(3)]
    await turns()
    tool.open()
    await asyncio.gather(*calls)
    assert tool.started == 3


# ---------------------------------------------------------------- the shape of what is asked


async def test_a_result_is_stored_for_as_long_as_its_tool_says_and_no_longer_by_default(ask, clock):
    state, asked = MemoryState(clock), []
    put = state.cache.put
    state.cache.put = lambda key, value, ttl_s, *, stale_s=0.0: [
        asked.append((ttl_s, stale_s)),
        put(key, value, ttl_s),
    ][1]
    await ask(govern(ScriptedTool(), CacheHandler(state), spec=ToolSpec(effect=Effect.READ, cache_ttl_s=5)))
    await ask(govern(ScriptedTool(), CacheHandler(state, stale_s=7)), "other")
    assert asked == [(5, 0.0), (60.0, 7)]
    assert state.cache.get("nothing") is MISSING
