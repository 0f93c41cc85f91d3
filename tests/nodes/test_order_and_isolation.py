"""Answers come in the order of the calls, each under its own id; a call that fails harms no other."""

import asyncio
import threading

import pytest
from langchain_core.tools import BaseTool, tool

from salesboost_tools.core.errors import RateLimitError, ToolCallError, ToolTimeoutError
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.messages import answers, asks, both_ways, call, calls
from tests.nodes.tools import HangingTool, SelfCancellingTool


@both_ways
async def test_whatever_finishes_first_answers_stand_in_the_order_of_the_calls(way):
    turn = [threading.Event() for _ in range(4)]
    turn[3].set()

    @tool
    def after_the_next_one(number: int) -> int:
        """Returns once the call behind it has returned."""
        assert turn[number].wait(5)
        turn[number - 1].set()
        return number

    messages = await answers(
        ToolFanOut([after_the_next_one]), way, *(call("after_the_next_one", f"c{n}", number=n) for n in range(4))
    )
    assert [(message.tool_call_id, message.content) for message in messages] == [
        ("c0", "0"),
        ("c1", "1"),
        ("c2", "2"),
        ("c3", "3"),
    ]


@both_ways
async def test_a_failing_call_becomes_its_own_error_message_and_its_siblings_finish(way):
    good, bad = ScriptedTool(name="good"), ScriptedTool(ConnectionError("lost"), name="bad")
    ledger = RunLedger()
    messages = await answers(
        ToolFanOut([good, bad]), way, *calls("good", "bad", "good"), config={"callbacks": [ledger]}
    )
    assert [message.status for message in messages] == ["success", "error", "success"]
    assert messages[1].tool_call_id == "c1"
    assert messages[1].name == "bad"
    assert good.started == 2
    assert ledger.every_run_closed_once()
    assert sum(ledger.failed.values()) == 1


@both_ways
async def test_if_failures_are_to_be_raised_siblings_finish_before_they_are(way):
    good, bad = ScriptedTool(name="good"), ScriptedTool(ConnectionError("lost"), name="bad")
    ledger = RunLedger()
    node = ToolFanOut([good, bad], handle_tool_errors=False, max_concurrency=1)
    with pytest.raises(ConnectionError, match="lost"):
        await answers(node, way, *calls("bad", "good", "good"), config={"callbacks": [ledger]})
    assert good.started == 2
    assert ledger.every_run_closed_once()


@both_ways
async def test_of_several_errors_to_be_raised_the_first_calls_is(way):
    node = ToolFanOut(
        [ScriptedTool(ValueError("of a"), name="a"), ScriptedTool(OSError("of b"), name="b")], handle_tool_errors=False
    )
    with pytest.raises(OSError, match="of b"):
        await answers(node, way, *calls("b", "a"))


async def test_nothing_runs_on_after_the_node_has_ended():
    node = ToolFanOut([ScriptedTool(ValueError("at once"), name="bad"), ScriptedTool(name="good")])
    before = asyncio.all_tasks()
    await answers(node, "async", *calls(*["bad", "good"] * 20))
    assert asyncio.all_tasks() == before


@both_ways
async def test_a_call_that_cancels_itself_is_a_failure_like_any_other(way):
    good, ledger = ScriptedTool(name="good"), RunLedger()
    messages = await answers(
        ToolFanOut([SelfCancellingTool(), good]),
        way,
        *calls("good", "self_cancelling", "good"),
        config={"callbacks": [ledger]},
    )
    assert [message.status for message in messages] == ["success", "error", "success"]
    assert "of its own accord" not in messages[1].content
    assert ledger.every_run_closed_once()


@both_ways
@pytest.mark.parametrize("width", [1, 5])
async def test_a_call_that_cancels_itself_is_raised_as_an_error_if_failures_are(way, width):
    node = ToolFanOut([SelfCancellingTool()], handle_tool_errors=False, max_concurrency=width)
    with pytest.raises(ToolCallError, match="nobody cancelled"):
        await answers(node, way, *calls("self_cancelling", "self_cancelling"))


async def test_a_blocking_tool_that_raises_cancelled_error_in_its_thread_is_isolated_too():
    class Blocking(SelfCancellingTool):
        _arun = BaseTool._arun

    messages = await answers(ToolFanOut([Blocking(), ScriptedTool()]), "async", *calls("self_cancelling", "scripted"))
    assert [message.status for message in messages] == ["error", "success"]


@pytest.mark.parametrize("width", [1, 2])
async def test_a_tool_that_cancels_the_task_it_runs_in_cancels_the_node_and_nothing_hangs(width):
    @tool
    async def rude() -> str:
        """Cancels its own task."""
        task = asyncio.current_task()
        assert task
        task.cancel()
        await asyncio.sleep(0)
        return "not reached"

    node = ToolFanOut([rude, ScriptedTool(name="good")], max_concurrency=width)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(answers(node, "async", *calls("rude", "good")))


async def test_a_task_that_survived_a_cancellation_may_still_run_nodes():
    task = asyncio.current_task()
    assert task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    try:
        messages = await answers(
            ToolFanOut([ScriptedTool(name="good"), SelfCancellingTool()], max_concurrency=1),
            "async",
            *calls("good", "self_cancelling", "good"),
        )
    finally:
        task.uncancel()
    assert [message.status for message in messages] == ["success", "error", "success"]


@both_ways
async def test_our_own_errors_say_to_the_model_what_is_meant_for_it_and_nothing_else(way):
    secret = "postgres://user:password@host says: limit 5/minute"
    errors = [
        ToolCallError(secret, for_model="Try another way."),
        RateLimitError(secret, for_model="Come back in 9 seconds.", retry_after=8.5),
        ToolTimeoutError(secret, timeout_s=1, outcome_unknown=True, for_model="Check before doing it again."),
    ]
    node = ToolFanOut([ScriptedTool(error, name=f"tool{number}") for number, error in enumerate(errors)])
    messages = await answers(node, way, *calls("tool0", "tool1", "tool2"))
    assert [message.content for message in messages] == [error.for_model for error in errors]
    assert {message.status for message in messages} == {"error"}


class Enough(BaseException):
    """Ends everything, and is known to nobody."""


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("kind", [SystemExit, Enough])
def test_what_is_to_end_everything_is_not_held_back(width, kind):
    hanging = HangingTool()
    node = ToolFanOut([ScriptedTool(kind(3), name="exits"), hanging, ScriptedTool(name="good")], max_concurrency=width)
    ledger = RunLedger()
    with pytest.raises(kind):
        node.invoke(asks(*calls("exits", "good")), {"callbacks": [ledger]})
    with pytest.raises(kind):
        asyncio.run(node.ainvoke(asks(*calls("exits", "hanging", "good")), {"callbacks": [ledger]}))
    assert hanging.cancelled == hanging.started
    assert ledger.every_run_closed_once()
