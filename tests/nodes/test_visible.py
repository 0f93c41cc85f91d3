"""What a fan-out does is told while it does it: to a graph's custom stream, its events, and the feed."""

import threading

import pytest

from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import ScriptedTool
from tests.nodes.groups import group_of, variant
from tests.nodes.messages import asks, call, calls, graph_of
from tests.nodes.tools import READ, BlockingHangingTool


async def custom_stream(graph, given):
    async for told in graph.astream(given, stream_mode="custom"):
        yield told


async def events(graph, given):
    async for event in graph.astream_events(given, version="v2"):
        if event["event"] == "on_custom_event":
            yield event["data"]


@pytest.mark.parametrize("stream", [custom_stream, events])
async def test_that_calls_have_started_is_told_while_they_run(stream):
    hanging = BlockingHangingTool(spec=READ)  # which fails if nobody releases it
    graph = graph_of(ToolFanOut([govern(hanging, StatusHandler())]))
    seen = []
    async for told in stream(graph, asks(*calls("hanging", "hanging"))):
        seen.append(told["kind"])
        if seen == ["started", "started"]:
            hanging.release()
    assert seen == ["started", "started", "completed", "completed"]


def test_it_is_told_while_they_run_in_a_sync_run_too():
    hanging = BlockingHangingTool(spec=READ)
    graph = graph_of(ToolFanOut([govern(hanging, StatusHandler())]))
    seen = []
    for told in graph.stream(asks(*calls("hanging", "hanging")), stream_mode="custom"):
        seen.append(told["kind"])
        if seen == ["started", "started"]:
            hanging.release()
    assert seen == ["started", "started", "completed", "completed"]


async def test_the_feed_hears_of_a_call_while_its_siblings_run():
    status, hanging = StatusHandler(), BlockingHangingTool(spec=READ)
    heard = threading.Event()

    def watch(event):
        if (event.kind, event.tool) == ("completed", "quick"):
            hanging.release()
            heard.set()

    status.feed.watch(watch)
    node = ToolFanOut([govern(hanging, status), govern(ScriptedTool(name="quick"), status)])
    result = await node.ainvoke(asks(*calls("hanging", "quick")))
    assert heard.is_set()
    assert [message.content for message in result["messages"]] == ["released", "answer"]


async def test_whatever_may_happen_to_a_call_is_told_with_its_id_and_without_its_arguments():
    async def at_once(seconds):
        pass

    status, retry = StatusHandler(), RetryHandler(asleep=at_once)
    flaky = ScriptedTool(ConnectionError("down"), "up", name="flaky", spec=READ)
    cached, fails = ScriptedTool(name="cached", spec=READ), ScriptedTool(ValueError("secret"), name="fails", spec=READ)
    limited = ScriptedTool(name="limited", spec=READ)
    node = ToolFanOut(
        [
            govern(flaky, status, retry),
            govern(cached, status, CacheHandler()),
            govern(fails, status),
            govern(limited, status, RateLimitHandler(limits={"limited": "1/hour"})),
        ],
        groups=[group_of(govern(variant("words"), status))],
        parallel=False,
    )
    asked = [
        call("flaky", "c0", query="secret"),
        call("cached", "c1", query="secret"),
        call("fails", "c2", query="secret"),
        call("limited", "c3", query="secret"),
        call("search", "c4", query="secret"),
    ]
    graph = graph_of(node)
    told = [event for _ in range(2) async for event in custom_stream(graph, asks(*asked))]
    by_call = {(event["tool_call_id"], event["kind"]) for event in told}
    assert by_call >= {
        ("c0", "retrying"),
        *(("c1", kind) for kind in ("started", "cached", "completed")),
        *(("c2", kind) for kind in ("started", "failed")),
        *(("c3", kind) for kind in ("started", "rate_limited", "failed")),
        *(("c4", kind) for kind in ("started", "selected", "completed")),
    }
    assert "secret" not in str(told)
