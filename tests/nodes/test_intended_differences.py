"""Where this node does not do as ToolNode does, and is meant not to."""

import asyncio
import threading

import pytest
from langchain_core.tools import tool
from langgraph.errors import GraphInterrupt
from langgraph.prebuilt import ToolNode
from langgraph.types import Interrupt

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import RunLedger, ScriptedTool
from tests.governed.side_by_side import WAYS, look
from tests.nodes.compared import nodes, running, several, surroundings
from tests.nodes.messages import Crowd, asks, call, calls
from tests.nodes.tools import HangingTool, MeetingTool


def outcomes(make, way, asked, **options):
    """Return what ToolNode and this node, each with its own defaults, make of a message."""
    return tuple(look(node, way, running(asks(*asked))).outcome for node in nodes(make, **options))


@pytest.mark.parametrize("way", WAYS)
def test_by_default_a_failure_is_answered_where_tool_node_raises_it(way):
    asked = calls("bad", "good")
    stock, ours = outcomes(lambda: [ScriptedTool(OSError("down"), name="bad"), ScriptedTool(name="good")], way, asked)
    assert stock[0] == "raised"
    assert ours[0] == "returned"


@pytest.mark.parametrize("way", WAYS)
def test_bad_arguments_read_as_a_sentence_and_not_as_the_repr_of_an_error(way):
    stock, ours = outcomes(several, way, [call("doubles", x="x")], handle_tool_errors=True)
    assert "Error: ToolInvocationError(" in str(stock)
    assert "ToolInvocationError" not in str(ours)
    assert "x: Input should be a valid integer" in str(ours)


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_list_is_refused_with_a_sentence(way):
    stock, ours = (look(node, way, running([])).outcome for node in nodes(several))
    assert stock[1][0] is IndexError
    assert ours[1][0] is ValueError


async def test_it_runs_outside_a_graph_where_tool_node_does_not():
    with pytest.raises(ValueError, match="Missing required config key"):
        await ToolNode(several()).ainvoke(asks(call("doubles", x=1)))
    [message] = (await ToolFanOut(several()).ainvoke(asks(call("doubles", x=1))))["messages"]
    assert message.content == "2"


async def test_an_async_run_keeps_to_the_configs_bound_where_tool_node_does_not():
    together = Crowd(4)
    config = {**surroundings(), "max_concurrency": 1}
    await ToolNode([MeetingTool(together)]).ainvoke(asks(*calls(*["meeting"] * 4)), config)
    assert together.most_at_once == 4
    alone = Crowd(1)
    await ToolFanOut([MeetingTool(alone)]).ainvoke(asks(*calls(*["meeting"] * 4)), config)
    assert alone.most_at_once == 1


@pytest.mark.parametrize(("kind", "leaves"), [(ToolNode, True), (ToolFanOut, False)])
async def test_a_failing_call_leaves_nobody_running_where_tool_node_leaves_its_siblings(kind, leaves):
    @tool
    async def takes_its_time() -> str:
        """Take a hundred turns of the event loop."""
        for _ in range(100):
            await asyncio.sleep(0)
        return "done"

    @tool
    async def fails() -> str:
        """Fail at once."""
        raise OSError("down")

    node = kind([takes_its_time, fails], handle_tool_errors=False)
    before = asyncio.all_tasks()
    with pytest.raises(OSError, match="down"):
        await node.ainvoke(asks(*calls("takes_its_time", "fails")), surroundings())
    orphans = asyncio.all_tasks() - before
    await asyncio.gather(*orphans)
    assert bool(orphans) is leaves


@pytest.mark.parametrize(("kind", "closes"), [(ToolNode, False), (ToolFanOut, True)])
async def test_cancellation_closes_every_run_where_tool_node_leaves_them_open(kind, closes):
    hanging, ledger = HangingTool(), RunLedger()
    task = asyncio.create_task(kind([hanging]).ainvoke(asks(*calls("hanging")), surroundings([ledger])))
    await hanging.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ledger.every_run_closed_once() is closes


async def test_every_interrupt_is_collected_where_tool_node_stops_at_the_first():
    def make():
        return [ScriptedTool(GraphInterrupt([Interrupt(n, id=n)]), name=n) for n in ("first", "second")]

    for node, asked in zip(nodes(make), (["first"], ["first", "second"]), strict=True):
        with pytest.raises(GraphInterrupt) as raised:
            await node.ainvoke(asks(*calls("first", "second")), surroundings())
        assert [interrupt.value for interrupt in raised.value.args[0]] == asked


def test_two_tools_of_one_name_are_refused_where_tool_node_forgets_one():
    assert len(ToolNode([ScriptedTool("a"), ScriptedTool("b")]).tools_by_name) == 1
    with pytest.raises(ConfigurationError):
        ToolFanOut([ScriptedTool("a"), ScriptedTool("b")])


async def test_a_sync_wrapper_alone_is_run_in_threads_where_tool_node_holds_up_the_loop():
    threads = set()

    def wrap(request, execute):
        threads.add(threading.current_thread())
        return execute(request)

    for node, here in zip(nodes(several, wrap_tool_call=wrap), (True, False), strict=True):
        threads.clear()
        await node.ainvoke(asks(call("doubles", x=1)), surroundings())
        assert (threads == {threading.current_thread()}) is here
