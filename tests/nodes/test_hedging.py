"""A read that is slower than usual is asked of a second variant; the first answer wins."""

import asyncio

import pytest
from langchain_core.messages import ToolMessage
from langgraph.errors import GraphInterrupt
from pydantic import BaseModel, PrivateAttr

from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.nodes.hedging import NEEDED, Latencies, first_answer
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import Query, RunLedger
from tests.nodes.compared import athrough
from tests.nodes.groups import group_of, learnt, variant
from tests.nodes.messages import answers, call, calls
from tests.nodes.tools import READ, WRITE, HangingTool


class SlowAtLast(HangingTool):
    """Answers at once as often as was said, then hangs until it is cancelled."""

    args_schema: type[BaseModel] = Query
    _quick: list[bool] = PrivateAttr(default_factory=list)

    async def _arun(self, **given):
        if len(self._quick) < NEEDED:
            self._quick.append(True)
            return "quick"
        return await super()._arun(**given)


def node_of(*variants, **options):
    return ToolFanOut([], groups=[group_of(*variants)], hedge=True, **options)


async def warmed(node, **options):
    """Let the first variant answer often enough for its usual time to be known."""
    for number in range(NEEDED):
        await answers(node, "async", call("search", query=str(number)), **options)


async def test_the_first_answer_wins_and_the_loser_is_cancelled():
    slow, other, ledger = SlowAtLast(name="a", spec=READ), variant("b"), RunLedger()
    node = node_of(slow, other)
    await warmed(node)
    before = asyncio.all_tasks()
    [message] = await answers(node, "async", call("search", query="x"), config={"callbacks": [ledger]})
    assert (message.content, message.name, message.response_metadata["variant"]) == ("by b", "search", "b")
    assert (slow.cancelled, other.started) == (1, 1)
    assert ledger.every_run_closed_once()
    assert asyncio.all_tasks() == before


async def test_a_hedge_teaches_the_selector_nothing_and_who_it_overtakes_has_failed():
    selector = ToolSelector(mode="off")
    node = node_of(SlowAtLast(name="a", spec=READ), variant("b"), selector=selector)
    await warmed(node)
    await answers(node, "async", call("search", query="x"))
    assert learnt(selector) == {"a": (NEEDED + 1, NEEDED, 0)}
    assert selector.get_statistics()["search"]["a"].last_error == "TimeoutError"


async def test_one_that_hangs_is_left_by_the_selector():
    selector = ToolSelector(seed=1)
    slow, other = SlowAtLast(name="a", spec=READ), variant("b")
    for name, works in [("a", True)] * 40 + [("b", True)] * 14 + [("b", False)] * 6:
        _, decision_id = selector.select_tool(group_of(slow, other), available=[name])
        selector.record_feedback(decision_id, works, 0)
    node = node_of(slow, other, selector=selector)
    await answers(node, "async", *[call("search", call_id=str(n), query=str(n)) for n in range(3)])
    for number in range(60):
        await answers(node, "async", call("search", query=f"more {number}"))
    assert 0 < slow.started < 10


async def test_who_is_often_overtaken_is_not_asked_to_be_ever_faster():
    node = node_of(SlowAtLast(name="a", spec=READ), variant("b"))
    await warmed(node)
    (choice,) = node._choices.values()
    usual_s = choice._latencies["a"].p95_s()
    for number in range(NEEDED):
        await answers(node, "async", call("search", query=f"more {number}"))
    assert choice._latencies["a"].p95_s() > usual_s


async def test_a_hedge_that_fails_leaves_the_first_to_answer():
    class LateTool(SlowAtLast):
        async def _arun(self, **given):
            if len(self._quick) < NEEDED:
                return await super()._arun(**given)
            await failed.wait()
            return "late"

    def fail(_):
        asyncio.get_running_loop().call_soon(failed.set)
        raise OSError("down")

    failed, other = asyncio.Event(), variant("b", fail)
    node = node_of(LateTool(name="a", spec=READ), other)
    await warmed(node)
    [message] = await answers(node, "async", call("search", query="x"))
    assert (message.content, other.started) == ("late", 1)


@pytest.mark.parametrize("spec", [WRITE, UNSPECIFIED], ids=["a write", "nobody said"])
async def test_what_is_not_declared_to_read_is_never_hedged(spec):
    slow, other = SlowAtLast(name="a", spec=spec), variant("b", spec=spec)
    node = node_of(slow, other, call_deadline_s=0.1)
    await warmed(node)
    [message] = await answers(node, "async", call("search", query="x"))
    assert (message.status, other.started) == ("error", 0)


async def test_without_being_asked_to_nobody_hedges():
    slow, other = SlowAtLast(name="a", spec=READ), variant("b")
    node = ToolFanOut([], groups=[group_of(slow, other)], call_deadline_s=0.1)
    await warmed(node)
    await answers(node, "async", call("search", query="x"))
    assert other.started == 0


@pytest.mark.parametrize("wrappers", [{}, {"awrap_tool_call": athrough}], ids=["bare", "wrapped"])
async def test_a_hedge_counts_as_a_call_within_the_bound(wrappers):
    slow, other = SlowAtLast(name="a", spec=READ), variant("b")
    node = node_of(slow, other, max_concurrency=1, call_deadline_s=0.1, **wrappers)
    await warmed(node)
    await answers(node, "async", *calls("search", "search"))
    assert other.started == 0


async def test_cancellation_reaches_both():
    a, b = SlowAtLast(name="a", spec=READ), HangingTool(name="b", spec=READ, args_schema=Query)
    node = node_of(a, b)
    await warmed(node)
    task = asyncio.create_task(answers(node, "async", call("search", query="x")))
    await b.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (a.cancelled, b.cancelled) == (1, 1)


def test_too_few_answers_say_nothing_of_the_95th_percentile():
    latencies = Latencies()
    for _ in range(NEEDED - 1):
        latencies.add(1.0)
    assert latencies.p95_s() is None


@pytest.mark.parametrize(("count", "expected"), [(20, 19), (100, 95), (200, 190), (300, 290)])
def test_the_95th_percentile_is_that_of_the_last_answers(count, expected):
    latencies = Latencies()
    for number in range(1, count + 1):
        latencies.add(float(number))
    assert latencies.p95_s() == expected


async def test_if_both_fail_the_first_ones_error_is_raised():
    async def fails_late():
        await asyncio.sleep(0.002)
        raise OSError("first")

    async def fails():
        raise ValueError("second")

    with pytest.raises(OSError, match="first"):
        await first_answer(fails_late, fails, 0.0)


def failed(content):
    return ToolMessage(content, tool_call_id="c0", status="error")


async def answers_late(result):
    await asyncio.sleep(0.002)
    return result


async def answers_at_once(result):
    return result


async def test_who_answers_within_the_usual_time_has_no_rival():
    rivals = []
    assert await first_answer(lambda: answers_late("good"), lambda: rivals.append("started"), 60.0) == (False, "good")
    assert rivals == []


async def test_an_error_message_is_no_answer_while_the_other_may_still_bring_one():
    raced = first_answer(lambda: answers_late("good"), lambda: answers_at_once(failed("down")), 0.0)
    assert await raced == (False, "good")


async def test_if_both_answer_with_error_messages_the_first_ones_stands():
    first, second = failed("first"), failed("second")
    raced = first_answer(lambda: answers_late(first), lambda: answers_at_once(second), 0.0)
    assert await raced == (False, first)


async def test_one_that_cancels_itself_leaves_the_other_to_answer():
    async def cancels_itself():
        raise asyncio.CancelledError

    assert await first_answer(lambda: answers_late("good"), cancels_itself, 0.0) == (False, "good")


async def test_a_question_ends_the_race():
    async def hangs():
        await asyncio.Event().wait()

    async def asks():
        raise GraphInterrupt(["?"])

    with pytest.raises(GraphInterrupt):
        await first_answer(hangs, asks, 0.0)
