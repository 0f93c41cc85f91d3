"""A node tells how many calls its messages hold, how many run now, and how long they waited; it is harmed by nobody."""

import asyncio

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from prometheus_client import CollectorRegistry

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.handlers.metrics import MetricsHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.observe.metrics import metrics_in
from tests.doubles import ScriptedTool
from tests.nodes.messages import answers, asks, both_ways, calls, graph_of, run
from tests.nodes.tools import HangingTool


@pytest.fixture
def registry():
    return CollectorRegistry()


def told(registry, node="tools"):
    """Return messages, their calls, calls begun, and calls under way."""
    names = "fan_out_calls_count", "fan_out_calls_sum", "fan_out_queue_seconds_count", "fan_out_running"
    return tuple(registry.get_sample_value(f"salesboost_tool_{name}", {"node": node}) for name in names)


@both_ways
async def test_messages_and_calls_are_counted_however_they_end(way, registry):
    tools = [ScriptedTool(OSError("down"), name="bad"), ScriptedTool(name="good")]
    node = ToolFanOut(tools, metrics=metrics_in(registry))
    await answers(node, way, *calls("good", "bad", "good"))
    await answers(node, way, *calls("good"))
    assert told(registry) == (2, 4, 4, 0)


async def test_calls_under_way_are_counted_under_the_nodes_name_until_they_are_cancelled(registry):
    hanging = HangingTool()
    node = ToolFanOut([hanging], name="hands", max_concurrency=2, metrics=metrics_in(registry))
    task = asyncio.create_task(node.ainvoke(asks(*calls("hanging", "hanging", "hanging"))))
    await hanging.wait_until_it_began()
    await asyncio.sleep(0)
    assert told(registry, "hands") == (1, 3, 2, 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told(registry, "hands") == (1, 3, 2, 0)


@both_ways
async def test_a_call_waits_for_those_before_it(way, registry):
    node = ToolFanOut([ScriptedTool()], parallel=False, metrics=metrics_in(registry))
    await answers(node, way, *calls("scripted", "scripted"))
    assert registry.get_sample_value("salesboost_tool_fan_out_queue_seconds_sum", {"node": "tools"}) > 0


@both_ways
async def test_what_had_finished_before_a_question_was_answered_does_not_begin_again(way, registry):
    asking = ScriptedTool(interrupt, name="asking")
    node = ToolFanOut([asking, ScriptedTool(name="good")], metrics=metrics_in(registry))
    graph = graph_of(node, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    await run(graph, asks(*calls("asking", "good")), way, config)
    assert told(registry) == (1, 2, 2, 0)
    await run(graph, Command(resume="yes"), way, config)
    assert told(registry) == (2, 4, 3, 0)


class Broken:
    """Metrics that cannot be written."""

    def fan_out_began(self, node, calls):
        raise OSError("disk full")

    def fan_out_call_began(self, node, queued_s):
        raise OSError("disk full")

    def fan_out_call_ended(self, node):
        raise OSError("disk full")


@both_ways
async def test_metrics_that_fail_harm_no_call(way):
    node = ToolFanOut([ScriptedTool()], metrics=Broken())
    [message] = await answers(node, way, *calls("scripted"))
    assert message.status == "success"
    assert node._measured.failures == 3


def test_the_toolkits_node_tells_the_toolkits_metrics(tmp_path, registry):
    handler = MetricsHandler(registry)
    for handlers, metrics in (([handler], handler.metrics), ([], None)):
        toolkit = SalesToolkit(Settings(data_dir=tmp_path), handlers=handlers)
        measured = toolkit.fan_out()._measured
        assert (measured and measured._metrics) is metrics
        toolkit.close()
