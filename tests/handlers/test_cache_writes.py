"""Nobody reads what a write has made out of date; nothing is forgotten without need."""

import asyncio

import pytest
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.errors import ToolInputError, ToolTimeoutError, UpstreamError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.state import MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.doubles import WRITE, Caller, GatedTool, turns, until
from tests.handlers.failing_state import FailingState

BOTH = ToolSpec(effect=lambda args: Effect.WRITE if args["query"] == "write" else Effect.READ)


@pytest.fixture
def state(clock):
    return FailingState(clock)


@pytest.fixture
def cache(state):
    return CacheHandler(state)


async def test_a_write_makes_its_tools_reads_forgotten(ask, cache):
    tool = ScriptedTool("old", "written", "new", spec=BOTH)
    governed = govern(tool, cache)
    assert [await ask(governed, query) for query in ("a", "a", "write", "a")] == ["old", "old", "written", "new"]


async def test_another_tools_reads_stay(ask, cache):
    governed, other = govern(ScriptedTool(spec=BOTH), cache), ScriptedTool("old", "new", name="other")
    await ask(govern(other, cache))
    await ask(governed, "write")
    assert await ask(govern(other, cache)) == "old"


@pytest.mark.parametrize(
    "error",
    [
        ToolTimeoutError("late", timeout_s=1, outcome_unknown=True),
        UpstreamError("gone", status=502),
        ConnectionError("lost"),
        GraphInterrupt(()),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_write_that_may_have_happened_makes_them_forgotten_too(ask, cache, error):
    governed = govern(ScriptedTool("old", error, "new", spec=BOTH), cache)
    await ask(governed, "a")
    with pytest.raises(type(error)):
        await ask(governed, "write")
    assert await ask(governed, "a") == "new"


@pytest.mark.parametrize("error", [ToolInputError("no such deal"), UpstreamError("refused", status=422)])
async def test_a_write_that_certainly_did_not_happen_does_not(ask, cache, error):
    governed = govern(ScriptedTool("old", error, "new", spec=BOTH), cache)
    await ask(governed, "a")
    with pytest.raises(type(error)):
        await ask(governed, "write")
    assert await ask(governed, "a") == "old"


@pytest.mark.parametrize(
    "spec", [WRITE, ToolSpec(effect=lambda args: Effect.WRITE, cache_ttl_s=0)], ids=["only writes", "keeps nothing"]
)
async def test_a_tool_without_stored_reads_has_nothing_to_forget(ask, cache, state, spec):
    await ask(govern(ScriptedTool(spec=spec), cache))
    assert state.asked == []


async def test_a_cancelled_write_may_have_happened(cache):
    tool = GatedTool(spec=BOTH)
    governed = govern(tool, cache)
    tool.open()
    await governed.ainvoke({"query": "a"})
    tool.close()
    write = asyncio.create_task(governed.ainvoke({"query": "write"}))
    await until(lambda: tool.started == 2)
    write.cancel()
    await asyncio.gather(write, return_exceptions=True)
    tool.open()
    await governed.ainvoke({"query": "a"})
    assert tool.started == 3


def test_a_write_that_was_thrown_away_may_have_happened(cache):
    tool = GatedTool(spec=BOTH)
    governed = govern(tool, cache)
    tool.open()
    governed.invoke({"query": "a"})
    tool.close()
    write = governed.ainvoke({"query": "write"})
    write.send(None)  # under way, on a loop that never comes back
    assert tool.started == 2
    write.close()
    tool.open()
    governed.invoke({"query": "a"})
    assert tool.started == 3


async def test_a_read_under_way_during_a_write_is_not_kept(cache):
    tool = GatedTool(spec=BOTH)
    governed, writer = govern(tool, cache), govern(ScriptedTool(name="gated", spec=BOTH), cache)
    early = Caller(governed.invoke, {"query": "a"})
    await until(lambda: tool.started == 1)
    await writer.ainvoke({"query": "write"})
    late = asyncio.create_task(governed.ainvoke({"query": "a"}))
    await until(lambda: tool.started == 2)  # whoever asks after the write does not join the old call
    tool.open()
    early.wait()
    await late
    assert cache.statistics()["gated"].stored == 1


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_read_that_is_being_stored_while_a_write_ends_is_forgotten_again(clock, way):
    state = MemoryState(clock)
    cache = CacheHandler(state)
    writer = govern(ScriptedTool(spec=BOTH), cache)
    put, writes = state.cache.put, iter([True])

    def overtaken_put(*args, **kwargs):
        if next(writes, False):
            writer.invoke({"query": "write"})
        return put(*args, **kwargs)

    state.cache.put = overtaken_put
    tool = ScriptedTool("old", "new", spec=BOTH)
    governed = govern(tool, cache)
    answers = [
        governed.invoke({"query": "a"}) if way == "sync" else await governed.ainvoke({"query": "a"}) for _ in "12"
    ]
    assert answers == ["old", "new"]


# ---------------------------------------------------------------- when the store does not answer


async def test_what_could_not_be_forgotten_is_not_answered_any_more(ask, cache, state):
    governed = govern(ScriptedTool("old", "written", "new", "newer", spec=BOTH), cache)
    await ask(governed, "a")
    state.failing = {"clear"}
    assert await ask(governed, "write") == "written"
    assert await ask(governed, "a") == "new"  # the store answers reads again, but still holds the old one
    assert cache.statistics()["scripted"].store_failed == 2
    state.failing = set()
    assert [await ask(governed, "a") for _ in range(2)] == ["newer", "newer"]
    assert cache.statistics()["scripted"].store_failed == 2


async def test_a_write_that_comes_while_another_is_being_forgotten_is_not_lost(cache, state):
    governed = govern(ScriptedTool("old", "written", "new", spec=BOTH), cache)
    await governed.ainvoke({"query": "a"})
    reads, real_clear = cache._reads, cache._store._store.clear
    cache._store._store.clear = lambda prefix="": [real_clear(prefix), reads.owe("scripted")][0]
    await governed.ainvoke({"query": "write"})
    assert "scripted" in reads._unforgotten
    cache._store._store.clear = real_clear
    assert await governed.ainvoke({"query": "a"}) == "new"
    assert not reads._unforgotten
    await turns(1)
