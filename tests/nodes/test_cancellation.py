"""Cancelling the node cancels every call, closes every run, and starts nothing new."""

import asyncio

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.messages import Crowd, asks, calls, graph_of
from tests.nodes.tools import BlockingHangingTool, BlockingMeetingTool, HangingTool, StubbornTool


async def cancelled(task: asyncio.Task, *hanging: HangingTool) -> None:
    """Cancel a task once these tools are under way, and see it end as cancelled."""
    for tool in hanging:
        await tool.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("width", [1, 2, 5])
async def test_every_call_under_way_is_cancelled_and_every_run_is_closed(width):
    hanging, queued, ledger = HangingTool(), ScriptedTool(name="queued"), RunLedger()
    node = ToolFanOut([hanging, queued], max_concurrency=width)
    before = asyncio.all_tasks()
    asked = asks(*calls(*["hanging"] * width, "queued"))
    await cancelled(asyncio.create_task(node.ainvoke(asked, {"callbacks": [ledger]})), hanging)
    assert hanging.cancelled == hanging.started == width
    assert queued.started == 0
    assert ledger.every_run_closed_once()
    assert sum(ledger.failed.values()) == width
    assert asyncio.all_tasks() == before


async def test_in_a_graph_too_and_no_message_is_left_half_answered():
    hanging, done, ledger = HangingTool(), ScriptedTool(name="done"), RunLedger()
    graph = graph_of(ToolFanOut([hanging, done]), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}, "callbacks": [ledger]}
    await cancelled(asyncio.create_task(graph.ainvoke(asks(*calls("done", "hanging")), config)), hanging)
    assert ledger.every_run_closed_once()
    history = (await graph.aget_state(config)).values["messages"]
    assert [message.type for message in history] == ["ai"]


@pytest.mark.parametrize("width", [1, 2])
async def test_after_a_tool_that_takes_no_notice_nothing_new_is_started(width):
    stubborn, queued = StubbornTool(), ScriptedTool(name="queued")
    node = ToolFanOut([stubborn, queued], max_concurrency=width)
    asked = asks(*calls(*["hanging"] * width, "queued", "queued"))
    await cancelled(asyncio.create_task(node.ainvoke(asked)), stubborn)
    assert stubborn.cancelled == width
    assert queued.started == 0


async def test_a_blocking_tool_that_is_left_behind_does_not_use_up_the_nodes_threads():
    stuck, quick = BlockingHangingTool(), BlockingMeetingTool(Crowd(1), name="quick")
    node = ToolFanOut([stuck, quick], max_concurrency=1)
    try:
        await cancelled(asyncio.create_task(node.ainvoke(asks(*calls("hanging")))), stuck)
        async with asyncio.timeout(5):
            result = await node.ainvoke(asks(*calls("quick")))
        assert result["messages"][0].content == "met"
    finally:
        stuck.release()


async def test_a_timeout_of_the_caller_is_the_callers():
    hanging, ledger = HangingTool(), RunLedger()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ToolFanOut([hanging]).ainvoke(asks(*calls("hanging", "hanging")), {"callbacks": [ledger]})
    assert hanging.cancelled == 2
    assert ledger.every_run_closed_once()
