"""Equal calls that are under way at once become one call; nobody waits for what he will not get."""

import asyncio

import pytest
from langchain_core.messages import ToolMessage
from langgraph.types import Command

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler, CacheStatistics
from salesboost_tools.state import MemoryCache, MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.doubles import Caller, GatedTool, turns, until

Q = {"query": "q"}


@pytest.fixture
def cache(clock):
    return CacheHandler(MemoryState(clock))


@pytest.fixture
def tool():
    tool = GatedTool()
    yield tool
    tool.open()  # nobody is left behind if a test fails


def under_way(cache):
    return len(cache._flights)


def has_followers(cache):
    return any(flight._future is not None for flight in cache._flights._under_way.values())


def counts(cache):
    return cache.statistics()["gated"]


# ---------------------------------------------------------------- one call for all


async def test_fifty_equal_async_calls_are_one(cache, tool):
    governed = govern(tool, cache)
    calls = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(50)]
    await turns()
    tool.open()
    assert await asyncio.gather(*calls) == ["answer"] * 50
    assert tool.started == 1
    assert counts(cache) == CacheStatistics(misses=1, stored=1, shared=49)
    assert under_way(cache) == 0


async def test_fifty_equal_calls_in_threads_are_one(cache, tool):
    governed = govern(tool, cache)
    callers = [Caller(governed.invoke, Q) for _ in range(50)]
    await until(lambda: has_followers(cache))
    tool.open()
    assert [caller.wait() for caller in callers] == ["answer"] * 50
    assert tool.started == 1
    assert counts(cache).misses == 1
    assert counts(cache).shared + counts(cache).hits == 49


async def test_threads_follow_a_coroutine(cache, tool):
    governed = govern(tool, cache)
    leader = asyncio.create_task(governed.ainvoke(Q))
    await until(lambda: tool.started == 1)
    followers = [Caller(governed.invoke, Q) for _ in range(3)]
    await until(lambda: has_followers(cache))
    tool.open()
    assert await leader == "answer"
    assert [follower.wait() for follower in followers] == ["answer"] * 3
    assert tool.started == 1


async def test_coroutines_follow_a_thread(cache, tool):
    governed = govern(tool, cache)
    leader = Caller(governed.invoke, Q)
    await until(lambda: tool.started == 1)
    followers = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(3)]
    await turns()
    tool.open()
    assert await asyncio.gather(*followers) == ["answer"] * 3
    assert leader.wait() == "answer"
    assert tool.started == 1
    assert counts(cache).shared == 3


async def test_a_coroutine_follows_one_of_another_event_loop(cache, tool):
    governed = govern(tool, cache)
    leader = Caller(asyncio.run, governed.ainvoke(Q))
    await until(lambda: tool.started == 1)
    follower = asyncio.create_task(governed.ainvoke(Q))
    await turns()
    tool.open()
    assert await follower == "answer"
    assert leader.wait() == "answer"
    assert tool.started == 1


async def test_followers_get_copies_of_their_own(cache, tool):
    tool.outcome = {"lines": []}
    governed = govern(tool, cache)
    calls = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(3)]
    await turns()
    tool.open()
    answers = await asyncio.gather(*calls)
    for answer in answers:
        answer["lines"].append("mine")
    assert answers == [{"lines": ["mine"]}] * 3
    assert await governed.ainvoke(Q) == {"lines": []}


async def test_calls_that_are_not_equal_do_not_wait_for_each_other(cache, tool):
    governed = govern(tool, cache, spec=ToolSpec(effect=Effect.READ, results_shared=False))
    calls = [
        asyncio.create_task(governed.ainvoke({"query": query}, {"configurable": {"user_id": user}}))
        for query in "ab"
        for user in ("dana", "marcus")
    ]
    await turns()
    assert tool.started == 4
    tool.open()
    await asyncio.gather(*calls)


@pytest.mark.parametrize("spec", [ToolSpec(effect=Effect.WRITE), ToolSpec(effect=Effect.READ, cache_ttl_s=0)])
async def test_writes_and_what_may_not_be_cached_are_never_one_call(cache, tool, spec):
    governed = govern(tool, cache, spec=spec)
    calls = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(3)]
    await turns()
    assert tool.started == 3
    tool.open()
    await asyncio.gather(*calls)


class LateCache(MemoryCache):
    """Misses what it is asked for first, and lets `meanwhile` happen before it says so."""

    meanwhile = None

    def get(self, key):
        answer = super().get(key)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return answer


async def test_an_answer_that_comes_between_looking_and_boarding_is_taken(ask, clock):
    state = MemoryState(clock)
    state.cache = LateCache(clock)
    cache = CacheHandler(state)
    governed = govern(ScriptedTool("first", "second"), cache)
    state.cache.meanwhile = lambda: Caller(governed.invoke, Q).wait()
    assert await ask(governed) == "first"
    assert cache.statistics()["scripted"] == CacheStatistics(hits=1, misses=1, stored=1)
    assert under_way(cache) == 0


async def test_a_store_is_asked_once_if_nothing_can_have_come_in_between(ask, clock):
    state = MemoryState(clock)
    asked, get = [], state.cache.get
    state.cache.get = lambda key: [asked.append(key), get(key)][1]
    await ask(govern(ScriptedTool(), CacheHandler(state)))
    assert len(asked) == 1


# ---------------------------------------------------------------- answers that are not to be shared


@pytest.mark.parametrize("make", [lambda: ToolMessage("done", tool_call_id="1"), lambda: Command(update={"x": 1})])
async def test_a_message_or_command_is_never_shared_and_nobody_waits_in_line_for_his_own(cache, tool, make):
    def first_closes_the_gate(query):
        tool.close()
        return make()

    tool.outcome = first_closes_the_gate
    governed = govern(tool, cache)
    calls = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(5)]
    await turns()
    tool.open()
    await calls[0]
    await turns()
    assert tool.started == 5  # all the others are with the tool at once
    tool.outcome = lambda query: make()
    tool.open()
    answers = await asyncio.gather(*calls)
    assert len({id(answer) for answer in answers}) == 5
    assert counts(cache) == CacheStatistics(misses=5)


async def test_threads_do_not_wait_in_line_either(cache, tool):
    def first_closes_the_gate(query):
        tool.close()
        return (letter for letter in "ab")

    tool.outcome = first_closes_the_gate
    governed = govern(tool, cache)
    leader = Caller(governed.invoke, Q)
    await until(lambda: tool.started == 1)
    follower = Caller(governed.invoke, Q)
    await until(lambda: has_followers(cache))
    tool.open()
    leader.wait()
    await until(lambda: tool.started == 2)
    tool.open()
    assert list(follower.wait()) == ["a", "b"]
