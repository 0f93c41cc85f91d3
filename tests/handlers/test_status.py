"""What a call is doing is published while it does it, without its arguments, and without its result unless asked."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from uuid import UUID

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler, CallbackManager
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.errors import GraphInterrupt
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime

from salesboost_tools.core.call import CallRecord, ToolCall
from salesboost_tools.core.errors import ConfigurationError, RateLimitError
from salesboost_tools.core.masking import MaskRules
from salesboost_tools.governed import govern
from salesboost_tools.handlers.approval import ApprovalHandler
from salesboost_tools.handlers.approvals import Approval
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.chain import Chain
from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import TOLD, StatusHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.observe.status import StatusEvent, StatusFeed
from tests.doubles import RunLedger, ScriptedTool
from tests.handlers.doubles import READ, WRITE, GatedTool, Naps, turns


@pytest.fixture
def status():
    return StatusHandler()


def kinds(status):
    return [event.kind for event in status.feed.recent()]


async def test_a_call_that_succeeds_started_and_completed(ask, status):
    await ask(govern(ScriptedTool(), status))
    assert kinds(status) == ["started", "completed"]


async def test_a_call_that_fails_started_and_failed(ask, status):
    with pytest.raises(ValueError, match="no"):
        await ask(govern(ScriptedTool(ValueError("no")), status))
    assert kinds(status) == ["started", "failed"]
    assert status.feed.recent()[-1].details["error"] == "ValueError"


async def test_an_answer_that_says_it_failed_has_failed(ask, status):
    await ask(govern(ScriptedTool(ToolMessage("no", tool_call_id="1", status="error")), status))
    assert kinds(status) == ["started", "failed"]


async def test_an_interrupt_is_no_failure(ask, status):
    with pytest.raises(GraphInterrupt):
        await ask(govern(ScriptedTool(GraphInterrupt(())), status))
    assert kinds(status) == ["started", "interrupted"]


async def test_a_cancellation_is_no_failure(status):
    call = asyncio.create_task(govern(GatedTool(), status).ainvoke({"query": "q"}))
    await turns()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert kinds(status) == ["started", "cancelled"]


async def test_an_event_says_which_call_of_which_caller_it_is_about(status):
    call = {"name": "scripted", "args": {"query": "q"}, "id": "call-1", "type": "tool_call"}
    run_id = UUID(int=7)
    await govern(ScriptedTool(), status).ainvoke(call, {"configurable": {"caller_role": "coach"}, "run_id": run_id})
    for event in status.feed.recent():
        assert (event.tool, event.tool_call_id, event.run_id, event.role) == (
            "scripted",
            "call-1",
            str(run_id),
            "coach",
        )
        assert timedelta(0) <= datetime.now(UTC) - event.at < timedelta(minutes=1)


async def test_the_end_of_a_call_says_how_long_it_took_and_what_it_needed(ask, status):
    await ask(govern(ScriptedTool(), status))
    started, completed = status.feed.recent()
    assert (started.latency_s, started.attempt) == (None, 0)
    assert 0 <= completed.latency_s < 10
    assert completed.attempt == 1
    assert completed.details == {"attempts": 1, "cached": False}


async def test_what_other_handlers_do_in_between_is_told(ask, status):
    naps = Naps()
    governed = govern(
        ScriptedTool(ConnectionError("lost"), "answer"),
        status,
        CacheHandler(),
        RetryHandler(jitter_s=0, sleep=naps.sleep, asleep=naps.asleep),
        RateLimitHandler(default="3/minute"),
    )
    await ask(governed)
    await ask(governed)
    await ask(governed, "another")
    with pytest.raises(RateLimitError):
        await ask(governed, "one too many")
    assert kinds(status) == [
        *("started", "retrying", "completed"),
        *("started", "cached", "completed"),
        *("started", "completed"),
        *("started", "rate_limited", "failed"),
    ]
    events = status.feed.recent()
    assert events[1].details == {"attempt": 2, "wait_s": 1.0, "error": "ConnectionError"}
    assert events[2].details["attempts"] == 2
    assert [event.attempt for event in events[:3]] == [0, 1, 2]
    assert 0 <= events[1].latency_s <= events[2].latency_s
    assert events[5].details == {"attempts": 0, "cached": True}


async def test_what_concerns_nobody_outside_is_not_told(ask, status):
    await ask(govern(ScriptedTool(), status, CacheHandler()))
    assert "cache_miss" not in kinds(status)


async def test_no_event_holds_an_argument_a_result_or_a_message(ask, status):
    naps = Naps()
    governed = govern(
        ScriptedTool(ConnectionError("secret in a message"), {"secret": "in a result"}),
        status,
        CacheHandler(),
        RetryHandler(sleep=naps.sleep, asleep=naps.asleep),
        RateLimitHandler(default="2/minute"),
    )
    for query in ("secret in an argument",) * 2:
        await ask(governed, query)
    with pytest.raises(RateLimitError):
        await ask(governed, "another secret")
    assert len(status.feed.recent()) == 9
    assert "secret" not in repr(status.feed.recent())


async def test_a_feed_may_be_shared(ask):
    feed = StatusFeed()
    for name in ("one", "other"):
        await ask(govern(ScriptedTool(name=name), StatusHandler(feed)))
    assert [(event.tool, event.kind) for event in feed.recent()] == [
        ("one", "started"),
        ("one", "completed"),
        ("other", "started"),
        ("other", "completed"),
    ]


async def test_a_watcher_that_fails_never_harms_the_call(ask, status, caplog):
    def fail(event):
        raise RuntimeError("the screen is gone")

    status.feed.watch(fail)
    assert await ask(govern(ScriptedTool(), status)) == "answer"
    assert "the screen is gone" in caplog.text


async def test_a_feed_that_fails_never_harms_the_call(ask, caplog):
    class BrokenFeed(StatusFeed):
        def publish(self, event):
            raise RuntimeError("the feed is gone")

    status = StatusHandler(BrokenFeed())
    assert await ask(govern(ScriptedTool(), status, spec=READ)) == "answer"
    with pytest.raises(ValueError, match="the tool's own"):
        await ask(govern(ScriptedTool(ValueError("the tool's own")), status))
    assert status.observer_failures == 4
    assert "publishing 'started' of `scripted` failed" in caplog.text


@pytest.mark.parametrize("event", sorted(TOLD))
async def test_whatever_handlers_report_is_told(ask, status, event):
    class Reporting(ToolHandler):
        order = 50

        def around(self, call, proceed):
            call.emit(event, number=1)
            return proceed(call)

        async def aaround(self, call, proceed):
            call.emit(event, number=1)
            return await proceed(call)

    await ask(govern(ScriptedTool(), status, Reporting()))
    assert kinds(status) == ["started", event, "completed"]
    assert status.feed.recent()[1].details == {"number": 1}


async def test_approval_idempotency_and_breakers_are_told(ask, status):
    class Yes:
        pauses = False

        def ask(self, request):
            return Approval(approved=True, by="kim")

        async def aask(self, request):
            return Approval(approved=True, by="kim")

    governed = govern(
        ScriptedTool(ConnectionError("down")),
        status,
        ApprovalHandler(Yes()),
        IdempotencyHandler(),
        CircuitBreakerHandler(failure_threshold=1),
        spec=WRITE,
    )
    with pytest.raises(ConnectionError):
        await ask(governed)
    assert kinds(status) == ["started", "approval_requested", "approved", "unprotected", "circuit_opened", "failed"]


async def test_what_happens_outside_of_a_call_is_told_without_a_latency(status):
    call = ToolCall("crm", {}, READ)
    status.observe(call, "selected", {"variant": "fast"})
    (event,) = status.feed.recent()
    assert (event.kind, event.latency_s, event.run_id) == ("selected", None, None)


async def test_nothing_is_kept_of_a_call_that_has_ended(ask, status):
    await ask(govern(ScriptedTool(), status))
    with pytest.raises(ValueError, match="no"):
        await ask(govern(ScriptedTool(ValueError("no")), status))
    assert not status._open


async def test_a_call_that_is_thrown_away_was_cancelled(status):
    call = govern(GatedTool(), status).ainvoke({"query": "q"})
    call.send(None)
    call.close()
    assert kinds(status) == ["started", "cancelled"]
    assert not status._open


async def test_a_call_that_shares_its_record_with_one_inside_it_still_knows_how_long_it_took(status):
    record = CallRecord()
    inner = Chain([status])

    def outer_body(call):
        return inner.call(ToolCall("inner", {}, READ, record=record, body=lambda _: "answer"))

    Chain([status]).call(ToolCall("outer", {}, READ, record=record, body=outer_body))
    ends = [(event.tool, event.latency_s) for event in status.feed.recent() if event.kind == "completed"]
    assert [tool for tool, _ in ends] == ["inner", "outer"]
    assert 0 <= ends[0][1] <= ends[1][1]
    assert not status._open


# ---------------------------------------------------------------- previews


async def test_no_result_is_shown_unless_asked(ask, status):
    await ask(govern(ScriptedTool("answer"), status))
    assert [event.preview for event in status.feed.recent()] == [None, None]


async def test_the_last_event_shows_the_beginning_of_the_result_masked(ask):
    status = StatusHandler(preview_chars=40)
    await ask(govern(ScriptedTool({"email": "ann@acme.example", "notes": "x" * 100}), status))
    started, completed = status.feed.recent()
    assert started.preview is None
    assert len(completed.preview) == 40
    assert "ann@acme" not in completed.preview
    assert completed.preview.endswith("x…")


async def test_what_is_masked_in_a_preview_is_for_the_rules_to_say(ask):
    status = StatusHandler(preview_chars=40, masks=MaskRules(by_pattern=False))
    await ask(govern(ScriptedTool("ann@acme.example"), status))
    assert status.feed.recent()[-1].preview == "ann@acme.example"


async def test_a_failure_has_no_preview(ask):
    status = StatusHandler(preview_chars=40)
    with pytest.raises(ValueError, match="no"):
        await ask(govern(ScriptedTool(ValueError("no")), status))
    assert status.feed.recent()[-1].preview is None


async def test_a_result_that_cannot_be_shown_harms_nobody(ask, caplog):
    ring = []
    ring.append(ring)
    status = StatusHandler(preview_chars=40)
    assert await ask(govern(ScriptedTool(ring), status)) is ring
    assert kinds(status) == ["started", "completed"]
    assert status.feed.recent()[-1].preview is None
    assert status.observer_failures == 1
    assert "the result of `scripted` cannot be previewed" in caplog.text


def test_a_preview_has_no_negative_length():
    with pytest.raises(ConfigurationError, match="preview_chars is a number of characters, 0 or more"):
        StatusHandler(preview_chars=-1)


# ---------------------------------------------------------------- a graph's custom stream


class State(TypedDict):
    answer: str


CALL = {"name": "scripted", "args": {"query": "q"}, "id": "call-1", "type": "tool_call"}


def graph_around(tool):
    """A graph whose only node calls a tool, either way."""

    def node(state):
        return {"answer": tool.invoke(CALL).content}

    async def anode(state):
        return {"answer": (await tool.ainvoke(CALL)).content}

    graph = StateGraph(State)
    graph.add_node("node", RunnableLambda(node, anode))
    graph.add_edge(START, "node")
    return graph.compile()


@pytest.fixture(params=["sync", "async"])
def streamed(request):
    """What a graph around a tool streams: `await streamed(tool, "custom")`."""

    async def streamed(tool, *modes, **config):
        graph = graph_around(tool)
        if request.param == "sync":
            return list(graph.stream({"answer": ""}, config, stream_mode=list(modes)))
        return [part async for part in graph.astream({"answer": ""}, config, stream_mode=list(modes))]

    return streamed


async def test_a_graphs_custom_stream_gets_the_events_as_plain_data(streamed, status):
    parts = [part for mode, part in await streamed(govern(ScriptedTool(), status, CacheHandler()), "custom")]
    assert [(part["type"], part["kind"], part["tool_call_id"]) for part in parts] == [
        ("tool_status", "started", "call-1"),
        ("tool_status", "completed", "call-1"),
    ]
    assert parts == [event.as_dict() for event in status.feed.recent()]
    assert json.loads(json.dumps(parts)) == parts


async def test_a_graph_whose_custom_stream_nobody_reads_costs_no_event(streamed, status, monkeypatch):
    def never(self):
        raise AssertionError("nobody reads this")

    monkeypatch.setattr(StatusEvent, "as_dict", never)
    assert await streamed(govern(ScriptedTool(), status), "values")
    assert status.observer_failures == 0


async def test_the_custom_stream_can_be_left_alone(streamed):
    status = StatusHandler(to_stream=False)
    assert await streamed(govern(ScriptedTool(), status), "custom") == []
    assert kinds(status) == ["started", "completed"]


@pytest.mark.parametrize("node", [ToolNode, ToolFanOut])
async def test_a_tool_node_streams_what_its_tools_do(status, node):
    graph = StateGraph(MessagesState)
    graph.add_node("tools", node([govern(ScriptedTool(), status)]))
    graph.add_edge(START, "tools")
    state = {"messages": [AIMessage("", tool_calls=[CALL])]}
    compiled = graph.compile()
    assert [part["kind"] for part in compiled.stream(state, stream_mode="custom")] == ["started", "completed"]
    assert [part["kind"] async for part in compiled.astream(state, stream_mode="custom")] == ["started", "completed"]


async def test_a_stream_that_fails_never_harms_the_call(ask, status):
    def broken(chunk):
        raise OSError("the socket is gone")

    runtime = Runtime(stream_writer=broken)
    before = var_child_runnable_config.set({"configurable": {"__pregel_runtime": runtime}})
    try:
        assert await ask(govern(ScriptedTool(), status)) == "answer"
    finally:
        var_child_runnable_config.reset(before)
    assert status.observer_failures == 2
    assert kinds(status) == ["started", "completed"]


# ---------------------------------------------------------------- LangChain's custom events


class SyncListener(BaseCallbackHandler):
    """Listens for custom events."""

    def __init__(self):
        self.heard = []

    def on_custom_event(self, name, data, *, run_id, **kwargs):
        self.heard.append((name, data["kind"], run_id))


class AsyncListener(AsyncCallbackHandler):
    """Listens for custom events, and takes its time."""

    def __init__(self):
        self.heard = []

    async def on_custom_event(self, name, data, *, run_id, **kwargs):
        await turns()
        self.heard.append((name, data["kind"], run_id))


@pytest.mark.parametrize("kind", [SyncListener, AsyncListener])
async def test_listeners_hear_the_events_of_the_tools_run_in_order(streamed, status, kind):
    listener = kind()
    naps = Naps()
    retry = RetryHandler(sleep=naps.sleep, asleep=naps.asleep)
    await streamed(govern(ScriptedTool(ConnectionError(), "answer"), status, retry), "values", callbacks=[listener])
    run_id = UUID(status.feed.recent()[0].run_id)
    assert listener.heard == [("tool_status", kind, run_id) for kind in ("started", "retrying", "completed")]


async def test_listeners_hear_of_a_failure_too(streamed, status):
    listener = AsyncListener()
    with pytest.raises(ValueError, match="no"):
        await streamed(govern(ScriptedTool(ValueError("no")), status), "values", callbacks=[listener])
    assert [kind for _, kind, _ in listener.heard] == ["started", "failed"]


async def test_astream_events_shows_them(status):
    graph = graph_around(govern(ScriptedTool(), status))
    events = [event async for event in graph.astream_events({"answer": ""}, version="v2")]
    told = [event for event in events if event["event"] == "on_custom_event"]
    assert [(event["name"], event["data"]["kind"]) for event in told] == [
        ("tool_status", "started"),
        ("tool_status", "completed"),
    ]
    (run_id,) = {event["run_id"] for event in events if event["event"] == "on_tool_start"}
    assert {event["run_id"] for event in told} == {run_id}
    assert all(event["parent_ids"] for event in told)


async def test_where_nobody_listens_no_event_is_made(streamed, status, monkeypatch):
    class Ignoring(SyncListener):
        ignore_custom_event = True

    def never(self):
        raise AssertionError("nobody listens")

    monkeypatch.setattr(StatusEvent, "as_dict", never)
    await streamed(govern(ScriptedTool(), status), "values", callbacks=[RunLedger(), Ignoring()])
    assert status.observer_failures == 0


async def test_listeners_can_be_left_alone(streamed):
    listener = SyncListener()
    status = StatusHandler(to_callbacks=False)
    await streamed(govern(ScriptedTool(), status), "values", callbacks=[listener])
    assert listener.heard == []


async def test_a_listener_that_fails_never_harms_the_call(streamed, status):
    class Failing(SyncListener):
        raise_error = True

        def on_custom_event(self, name, data, *, run_id, **kwargs):
            raise RuntimeError("the socket is gone")

    assert await streamed(govern(ScriptedTool(), status), "values", callbacks=[Failing()])
    assert status.observer_failures > 0
    assert kinds(status) == ["started", "completed"]


async def test_a_call_without_a_run_of_its_own_counts_for_the_run_around_it(status):
    listener = SyncListener()
    around = UUID(int=7)
    before = var_child_runnable_config.set({"callbacks": CallbackManager([listener], parent_run_id=around)})
    try:
        status.observe(ToolCall("crm", {}, READ), "selected", {})
    finally:
        var_child_runnable_config.reset(before)
    assert listener.heard == [("tool_status", "selected", around)]


async def test_what_belongs_to_no_run_cannot_be_told_to_listeners(status):
    listener = SyncListener()
    before = var_child_runnable_config.set({"callbacks": [listener]})
    try:
        status.observe(ToolCall("crm", {}, READ), "selected", {})
    finally:
        var_child_runnable_config.reset(before)
    assert listener.heard == []
    assert kinds(status) == ["selected"]
