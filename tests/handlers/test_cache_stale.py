"""A result a little past its time is answered at once while one caller fetches it anew; that nothing was found lasts
less long."""

import asyncio

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler, CacheStatistics
from salesboost_tools.handlers.shareable import says_nothing_found
from salesboost_tools.state import MemoryState
from tests.doubles import RunLedger, ScriptedTool
from tests.handlers.doubles import Caller, EventLedger, GatedTool, until


@pytest.fixture
def cache(clock):
    return CacheHandler(MemoryState(clock), default_ttl_s=60, stale_s=30)


@pytest.fixture
def tool():
    tool = GatedTool(outcome=lambda query: f"answer {tool.started}")
    tool.open()
    yield tool
    tool.open()


# ---------------------------------------------------------------- stale while it is fetched anew


async def test_others_get_the_old_result_at_once_while_one_coroutine_fetches_the_new(cache, tool, clock):
    ledger, runs = EventLedger(), RunLedger()
    governed = govern(tool, cache, ledger)
    await governed.ainvoke({"query": "q"}, {"callbacks": [runs]})
    clock.advance(60)
    tool.close()
    refresh = asyncio.create_task(governed.ainvoke({"query": "q"}, {"callbacks": [runs]}))
    await until(lambda: tool.started == 2)
    assert [await governed.ainvoke({"query": "q"}, {"callbacks": [runs]}) for _ in range(3)] == ["answer 1"] * 3
    assert ledger.of("cached") == [{"how": "hits", "is_stale": True}] * 3
    tool.open()
    assert await refresh == await governed.ainvoke({"query": "q"}, {"callbacks": [runs]}) == "answer 2"
    assert cache.statistics()["gated"] == CacheStatistics(hits=4, misses=2, stored=2, stale=3)
    assert runs.every_run_closed_once()
    assert sum(runs.started.values()) == 6


async def test_others_get_the_old_result_at_once_while_one_thread_fetches_the_new(cache, tool, clock):
    governed = govern(tool, cache)
    governed.invoke({"query": "q"})
    clock.advance(60)
    tool.close()
    refresh = Caller(governed.invoke, {"query": "q"})
    await until(lambda: tool.started == 2)
    assert governed.invoke({"query": "q"}) == "answer 1"
    tool.open()
    assert refresh.wait() == governed.invoke({"query": "q"}) == "answer 2"


async def test_whoever_fetches_gets_the_new_result(ask, cache, clock):
    governed = govern(ScriptedTool("old", "new"), cache)
    await ask(governed)
    clock.advance(89)
    assert [await ask(governed) for _ in range(2)] == ["new", "new"]


async def test_a_result_past_that_as_well_is_gone(cache, tool, clock):
    governed = govern(tool, cache)
    await governed.ainvoke({"query": "q"})
    clock.advance(90)
    tool.close()
    calls = [asyncio.create_task(governed.ainvoke({"query": "q"})) for _ in range(2)]
    await until(lambda: tool.started == 2)
    tool.open()
    assert await asyncio.gather(*calls) == ["answer 2"] * 2


async def test_whoever_changes_an_old_result_changes_nobody_elses(cache, clock, tool):
    tool.outcome = {"lines": []}
    governed = govern(tool, cache)
    await governed.ainvoke({"query": "q"})
    clock.advance(60)
    tool.close()
    refresh = asyncio.create_task(governed.ainvoke({"query": "q"}))
    await until(lambda: tool.started == 2)
    (await governed.ainvoke({"query": "q"}))["lines"].append("mine")
    assert await governed.ainvoke({"query": "q"}) == {"lines": []}
    tool.open()
    await refresh


async def test_a_refresh_that_fails_is_heard_by_its_caller_and_the_next_one_tries_again(ask, cache, clock):
    governed = govern(ScriptedTool("old", ValueError("no"), "new"), cache)
    await ask(governed)
    clock.advance(60)
    with pytest.raises(ValueError, match="no"):
        await ask(governed)
    assert await ask(governed) == "new"


# ---------------------------------------------------------------- nothing found


@pytest.mark.parametrize("empty", [None, "", [], {}, {"answer_found": False, "passages": []}], ids=repr)
async def test_that_nothing_was_found_lasts_less_long(ask, clock, empty):
    governed = govern(ScriptedTool(empty, "found"), CacheHandler(MemoryState(clock), empty_ttl_s=5, stale_s=30))
    assert [await ask(governed) for _ in range(2)] == [empty] * 2
    clock.advance(5)
    assert await ask(governed) == "found"
    clock.advance(59)
    assert await ask(governed) == "found"


@pytest.mark.parametrize(
    "answer", [0, False, 0.0, " ", [None], {"answer_found": True}, {"answer_found": None}, (), b""]
)
def test_these_are_answers(answer):
    assert not says_nothing_found(answer)


async def test_that_nothing_was_found_need_not_be_kept_at_all(ask, clock):
    cache = CacheHandler(MemoryState(clock), empty_ttl_s=0)
    governed = govern(ScriptedTool([], "found"), cache)
    assert [await ask(governed) for _ in range(2)] == [[], "found"]
    assert cache.statistics()["scripted"].stored == 1


async def test_it_never_lasts_longer_than_other_results(ask, clock):
    spec = ToolSpec(effect=Effect.READ, cache_ttl_s=2)
    governed = govern(ScriptedTool([], "found"), CacheHandler(MemoryState(clock), empty_ttl_s=5), spec=spec)
    await ask(governed)
    clock.advance(2)
    assert await ask(governed) == "found"


async def test_what_says_so_may_be_told(ask, clock):
    cache = CacheHandler(MemoryState(clock), empty_ttl_s=0, is_empty=lambda result: result == "nobody")
    governed = govern(ScriptedTool("nobody", "", "x"), cache)
    assert [await ask(governed) for _ in range(3)] == ["nobody", "", ""]


@pytest.mark.parametrize("name", ["default_ttl_s", "stale_s", "empty_ttl_s"])
@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_seconds_out_of_range_are_refused(name, seconds):
    with pytest.raises(ConfigurationError, match=f"{name} is seconds, 0 or more"):
        CacheHandler(**{name: seconds})
