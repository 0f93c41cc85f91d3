"""`wrap_tool_call` and `awrap_tool_call` stand around every call, as in ToolNode."""

import asyncio
import threading
from contextvars import ContextVar
from typing import Annotated

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from langgraph.prebuilt import InjectedState
from langgraph.types import Command, interrupt

from salesboost_tools.core.errors import ToolPermissionError
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.group import ToolGroup
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.messages import Crowd, answers, asks, both_ways, call, calls, graph_of, run
from tests.nodes.tools import READ, MeetingTool

marked: ContextVar[str] = ContextVar("marked", default="clean")


def wrapped(tools, around, **options):
    """Return a node with the same wrapper for both kinds of run; `around(request)` returns what is to be executed."""

    def wrap(request, execute):
        changed = around(request)
        return changed if isinstance(changed, ToolMessage) else execute(changed)

    async def awrap(request, execute):
        changed = around(request)
        return changed if isinstance(changed, ToolMessage) else await execute(changed)

    return ToolFanOut(tools, wrap_tool_call=wrap, awrap_tool_call=awrap, **options)


@both_ways
async def test_a_wrapper_sees_call_tool_state_and_runtime(way):
    seen = []
    scripted = ScriptedTool()
    await answers(wrapped([scripted], lambda request: seen.append(request) or request), way, *calls("scripted"))
    [request] = seen
    assert request.tool is scripted
    assert request.tool_call["id"] == request.runtime.tool_call_id == "c0"
    assert request.state is request.runtime.state
    assert request.state["messages"]


@both_ways
async def test_a_wrapper_may_change_the_arguments(way):
    scripted = ScriptedTool(str.upper)

    def louder(request):
        return request.override(tool_call={**request.tool_call, "args": {"query": "louder"}})

    [message] = await answers(wrapped([scripted], louder), way, *calls("scripted"))
    assert message.content == "LOUDER"


@both_ways
async def test_a_wrapper_may_answer_by_itself(way):
    scripted = ScriptedTool()
    node = wrapped([scripted], lambda request: ToolMessage("by itself", tool_call_id=request.tool_call["id"]))
    [message] = await answers(node, way, *calls("scripted"))
    assert message.content == "by itself"
    assert scripted.started == 0


@both_ways
async def test_a_wrapper_may_execute_more_than_once(way):
    flaky = ScriptedTool(OSError("down"), "up")

    def wrap(request, execute):
        first = execute(request)
        return execute(request) if first.status == "error" else first

    async def awrap(request, execute):
        first = await execute(request)
        return await execute(request) if first.status == "error" else first

    [message] = await answers(ToolFanOut([flaky], wrap_tool_call=wrap, awrap_tool_call=awrap), way, *calls("scripted"))
    assert message.content == "up"
    assert flaky.started == 2


@both_ways
async def test_what_a_wrapper_raises_is_an_error_of_its_call_alone(way):
    def second_fails(request):
        if request.tool_call["id"] == "c1":
            raise OSError("the wrapper is down")
        return request

    messages = await answers(wrapped([ScriptedTool()], second_fails), way, *calls(*["scripted"] * 3))
    assert [message.status for message in messages] == ["success", "error", "success"]
    assert "the wrapper is down" in messages[1].content


@both_ways
async def test_a_wrappers_own_refusal_speaks_to_the_model_and_not_as_to_an_operator(way):
    def refuse(request):
        raise ToolPermissionError("role guest is not in {'admin'}", for_model="You may not.")

    [message] = await answers(wrapped([ScriptedTool()], refuse), way, *calls("scripted"))
    assert (message.content, message.status) == ("You may not.", "error")


@both_ways
async def test_what_a_wrapper_raises_is_raised_if_errors_are(way):
    def fails(request):
        raise OSError("down")

    with pytest.raises(OSError, match="down"):
        await answers(wrapped([ScriptedTool()], fails, handle_tool_errors=False), way, *calls("scripted"))


@both_ways
async def test_an_interrupt_of_a_wrapper_passes_when_siblings_are_done(way):
    scripted = ScriptedTool()

    def ask(request):
        if request.tool_call["id"] == "c0":
            raise GraphInterrupt(["?"])
        return request

    with pytest.raises(GraphInterrupt):
        await answers(wrapped([scripted], ask, max_concurrency=1), way, *calls("scripted", "scripted"))
    assert scripted.started == 1


@both_ways
async def test_a_wrapper_may_ask_a_person_about_each_call_and_hears_the_answer_to_its_own(way):
    scripted = ScriptedTool(lambda query: f"sent to {query}")

    def ask(request):
        to = request.tool_call["args"]["query"]
        if interrupt(to) == "yes":
            return request
        return ToolMessage(f"not sent to {to}", tool_call_id=request.tool_call["id"])

    graph = graph_of(wrapped([scripted], ask), checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "t"}}
    asked = [call("scripted", f"c{number}", query=to) for number, to in enumerate(["a", "b"])]
    paused = await run(graph, asks(*asked), way, thread)
    replies = {question.id: "yes" if question.value == "b" else "no" for question in paused["__interrupt__"]}
    assert len(replies) == 2
    done = await run(graph, Command(resume=replies), way, thread)
    assert [message.content for message in done["messages"][1:]] == ["not sent to a", "sent to b"]
    assert scripted.started == 1


@both_ways
async def test_a_wrapper_that_cancels_itself_harms_only_its_call(way):
    def cancels(request):
        if request.tool_call["id"] == "c0":
            raise asyncio.CancelledError
        return request

    messages = await answers(wrapped([ScriptedTool()], cancels), way, *calls("scripted", "scripted"))
    assert [message.status for message in messages] == ["error", "success"]


async def test_a_sync_wrapper_alone_does_not_serialise_an_async_fan_out():
    crowd = Crowd(3)

    def wrap(request, execute):
        return execute(request)

    node = ToolFanOut([MeetingTool(crowd)], wrap_tool_call=wrap)
    messages = await answers(node, "async", *calls(*["meeting"] * 3))
    assert crowd.most_at_once == 3
    assert {message.content for message in messages} == {"met"}


async def test_a_sync_wrapper_around_an_async_fan_out_keeps_to_the_bound():
    crowd = Crowd(2)

    def wrap(request, execute):
        return execute(request)

    await answers(
        ToolFanOut([MeetingTool(crowd)], wrap_tool_call=wrap, max_concurrency=2), "async", *calls(*["meeting"] * 6)
    )
    assert crowd.most_at_once == 2


@both_ways
@pytest.mark.parametrize("width", [1, 2])
async def test_what_a_wrapper_sets_in_context_variables_it_sets_for_its_call_alone(way, width):
    seen = []

    def mark(request):
        seen.append(marked.get())
        marked.set(request.tool_call["id"])
        return request

    await answers(wrapped([ScriptedTool()], mark, max_concurrency=width), way, *calls(*["scripted"] * 4))
    assert seen == ["clean"] * 4
    assert marked.get() == "clean"


# ---------------------------------------------------------------- tools that a wrapper puts in


@both_ways
async def test_a_wrapper_may_put_in_a_tool_that_the_node_does_not_know(way):
    dynamic = ScriptedTool("dynamic", name="dynamic")
    node = wrapped([ScriptedTool()], lambda request: request.override(tool=dynamic))
    messages = await answers(node, way, *calls("dynamic", "unheard_of"))
    assert [message.content for message in messages] == ["dynamic", "dynamic"]


@both_ways
async def test_such_a_tool_gets_what_it_asks_of_the_system(way):
    @tool
    def dynamic(state: Annotated[dict, InjectedState]) -> str:
        """Counts messages."""
        return str(len(state["messages"]))

    node = wrapped([ScriptedTool()], lambda request: request.override(tool=dynamic))
    [message] = await answers(node, way, *calls("dynamic"))
    assert message.content == "1"


@both_ways
async def test_such_a_tool_keeps_its_own_callbacks_and_handlers_also_under_a_known_name(way):
    of_node, of_tool = RunLedger(), RunLedger()
    cache = CacheHandler()
    other = govern(ScriptedTool("other", callbacks=[of_tool]), cache, spec=READ)
    node = wrapped([ScriptedTool(callbacks=[of_node])], lambda request: request.override(tool=other), parallel=False)
    messages = await answers(node, way, *calls("scripted", "scripted"))
    assert [message.content for message in messages] == ["other", "other"]
    assert len(of_tool.started) == 2
    assert not of_node.started
    assert cache.statistics()["scripted"].hits == 1


@both_ways
async def test_such_a_tool_may_stand_in_for_a_group(way):
    group = ToolGroup("search", [ScriptedTool("of the group", name="variant")])
    other = ScriptedTool("put in", name="other")
    [message] = await answers(
        wrapped([], lambda request: request.override(tool=other), groups=[group]), way, *calls("search")
    )
    assert message.content == "put in"


@both_ways
async def test_an_unknown_tool_that_a_wrapper_lets_through_is_answered_with_those_there_are(way):
    messages = await answers(wrapped([ScriptedTool()], lambda request: request), way, *calls("unheard_of", "scripted"))
    assert messages[0].content == "Error: unheard_of is not a valid tool, try one of [scripted]."
    assert messages[1].status == "success"


@both_ways
async def test_a_wrapper_stands_around_a_groups_call_too(way):
    seen = []
    group = ToolGroup("search", [ScriptedTool(OSError("down"), name="a"), ScriptedTool("found", name="b")])
    node = wrapped([], lambda request: seen.append(request.tool.name) or request, groups=[group])
    [message] = await answers(node, way, call("search"))
    assert (message.content, message.name) == ("found", "search")
    assert seen == ["search"]


async def test_wrappers_of_async_runs_meet_on_the_event_loop():
    threads = set()

    async def awrap(request, execute):
        threads.add(threading.current_thread())
        return await execute(request)

    await answers(ToolFanOut([ScriptedTool()], awrap_tool_call=awrap), "async", *calls("scripted", "scripted"))
    assert threads == {threading.current_thread()}
