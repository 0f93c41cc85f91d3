"""Whatever becomes of a leader, its followers do not wait for what will never come."""

import asyncio
import contextvars
import threading
from concurrent.futures import CancelledError

import pytest
from langchain_core.tools import tool as make_tool
from langgraph.errors import GraphInterrupt

from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.single_flight import Flights, Landing
from salesboost_tools.state import MemoryState
from tests.handlers.doubles import READ, Caller, GatedTool, turns, until

Q = {"query": "q"}


@pytest.fixture
def cache(clock):
    return CacheHandler(MemoryState(clock))


@pytest.fixture
def tool():
    tool = GatedTool()
    yield tool
    tool.open()  # nobody is left behind if a test fails


def has_followers(cache):
    return any(flight._future is not None for flight in cache._flights._under_way.values())


# ---------------------------------------------------------------- when the leader does not arrive


async def test_if_the_leader_is_cancelled_a_follower_leads_and_nobody_else_is_cancelled(cache, tool):
    governed = govern(tool, cache)
    leader, *others = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(10)]
    await turns()
    leader.cancel()
    await turns()
    assert leader.cancelled()
    assert tool.started == 2
    assert not any(other.done() for other in others)
    tool.open()
    assert await asyncio.gather(*others) == ["answer"] * 9
    assert tool.started == 2


async def test_if_the_leader_is_cancelled_a_thread_that_followed_leads(cache, tool):
    governed = govern(tool, cache)
    leader = asyncio.create_task(governed.ainvoke(Q))
    await until(lambda: tool.started == 1)
    follower = Caller(governed.invoke, Q)
    await until(lambda: has_followers(cache))
    leader.cancel()
    await until(lambda: tool.started == 2)
    tool.open()
    assert follower.wait() == "answer"


async def test_a_follower_that_is_cancelled_goes_alone(cache, tool):
    governed = govern(tool, cache)
    leader, one, other = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(3)]
    await turns()
    one.cancel()
    await turns()
    assert one.cancelled()
    tool.open()
    assert await asyncio.gather(leader, other) == ["answer"] * 2
    assert (tool.started, tool.cancelled) == (1, 0)


async def test_if_the_leader_fails_everybody_gets_the_error_and_the_next_call_starts_anew(cache, tool):
    tool.outcome = ValueError("the provider said no")
    governed = govern(tool, cache)
    calls = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(5)]
    await turns()
    follower = Caller(governed.invoke, Q)
    await until(lambda: has_followers(cache))
    tool.open()
    answers = [*await asyncio.gather(*calls, return_exceptions=True), follower.wait()]
    assert [str(answer) for answer in answers] == ["the provider said no"] * 6
    assert {type(answer) for answer in answers} == {ValueError}
    assert tool.started == 1
    tool.outcome = "answer"
    assert await governed.ainvoke(Q) == "answer"


@pytest.mark.parametrize("error", [StopIteration, CancelledError])
async def test_an_error_that_no_future_can_carry_leaves_everybody_to_ask_for_himself(cache, tool, error):
    def raises_to_the_leader_alone(query):
        if threading.current_thread() is threading.main_thread():
            return "answer"
        raise error

    tool.outcome = raises_to_the_leader_alone
    governed = govern(tool, cache)
    leader = Caller(governed.invoke, Q)
    await until(lambda: tool.started == 1)
    follower = asyncio.create_task(governed.ainvoke(Q))
    await turns()
    tool.open()
    assert isinstance(leader.wait(), error)
    assert await follower == "answer"
    assert tool.started == 2


async def test_an_interrupt_is_not_shared(cache, tool):
    tool.outcome = GraphInterrupt(())
    governed = govern(tool, cache)
    calls = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(4)]
    await turns()
    tool.open()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [GraphInterrupt] * 4
    assert tool.started == 4


def test_a_flight_whose_leader_was_thrown_away_in_another_context_lands_all_the_same():
    flights = Flights()
    flight, _, leads = flights.board("key", on_loop=True)
    assert leads
    contextvars.copy_context().run(flight.__enter__)
    future = Caller(flights.board, "key", on_loop=False).wait()[1]
    contextvars.copy_context().run(flight.__exit__, GeneratorExit, GeneratorExit(), None)
    assert future.result(timeout=0) is Landing.AGAIN
    assert len(flights) == 0


# ---------------------------------------------------------------- no deadlocks


async def test_a_tool_that_asks_itself_does_not_wait_for_itself(cache):
    depth = []

    @make_tool
    async def again(query: str) -> str:
        """Ask again."""
        depth.append(query)
        return "deep" if len(depth) > 1 else await governed.ainvoke({"query": query})

    governed = govern(again, cache, spec=READ)
    assert await governed.ainvoke(Q) == "deep"
    assert len(depth) == 2


def test_a_sync_tool_that_asks_itself_does_not_wait_for_itself(cache):
    depth = []

    @make_tool
    def again(query: str) -> str:
        """Ask again."""
        depth.append(query)
        return "deep" if len(depth) > 1 else governed.invoke({"query": query})

    governed = govern(again, cache, spec=READ)
    assert governed.invoke(Q) == "deep"
    assert len(depth) == 2


async def test_a_sync_tool_in_an_async_run_that_asks_itself_does_not_wait_for_itself(cache):
    depth = []

    @make_tool
    def again(query: str) -> str:
        """Ask again."""
        depth.append(query)
        return "deep" if len(depth) > 1 else governed.invoke({"query": query})

    governed = govern(again, cache, spec=READ)
    assert await governed.ainvoke(Q) == "deep"
    assert len(depth) == 2


async def test_a_task_that_the_tool_starts_does_not_wait_for_the_tool(cache):
    depth = []

    @make_tool
    async def again(query: str) -> str:
        """Ask again, in a task."""
        depth.append(query)
        return "deep" if len(depth) > 1 else await asyncio.create_task(governed.ainvoke({"query": query}))

    governed = govern(again, cache, spec=READ)
    assert await governed.ainvoke(Q) == "deep"


class GatedOnLoopsOnly(GatedTool):
    """Lets sync callers in at once."""

    def _run(self, query: str = "q"):
        self._started += 1
        return "at once"


async def test_a_sync_call_in_the_thread_of_a_suspended_leader_goes_alone(cache):
    tool = GatedOnLoopsOnly()
    governed = govern(tool, cache)
    leader = asyncio.create_task(governed.ainvoke(Q))
    await until(lambda: tool.started == 1)
    assert governed.invoke(Q) == "at once"  # waiting would hold up the event loop that the leader needs
    tool.open()
    assert await leader == "answer"


async def test_a_call_made_after_the_leader_has_landed_does_not_think_it_is_inside(cache, tool):
    tool.open()
    governed = govern(tool, cache)
    await governed.ainvoke(Q)
    cache.clear()
    tool.close()
    calls = [asyncio.create_task(governed.ainvoke(Q)) for _ in range(3)]
    await turns()
    assert tool.started == 2
    tool.open()
    await asyncio.gather(*calls)


# ---------------------------------------------------------------- flights


def test_a_flight_that_is_out_of_date_is_joined_by_nobody_and_lands_for_those_aboard():
    flights = Flights()
    old, _, _ = flights.board("crm:1", on_loop=False)
    other, _, _ = flights.board("prices:1", on_loop=False)
    _, ahead, _ = flights.board("crm:1", on_loop=False)
    flights.outdate("crm:")
    new, _, leads = flights.board("crm:1", on_loop=False)
    assert (leads, old.stale, new.stale, other.stale) == (True, True, False, False)
    with old:
        old.landing = "old"
    assert ahead.result(timeout=0) == "old"
    assert len(flights) == 2
    with new, other:
        pass
    assert len(flights) == 0


def test_a_flight_without_followers_makes_no_future():
    flights = Flights()
    flight, ahead, leads = flights.board("key", on_loop=False)
    with flight:
        flight.landing = "answer"
    assert (ahead, leads, flight._future) == (None, True, None)
