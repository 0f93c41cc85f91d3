"""Handlers around tools that are not governed: what comes back through a wrapper, and what passes it untouched."""

import asyncio
import importlib
import sys
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, ToolException, tool
from langgraph import errors as graph_errors
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from langgraph.prebuilt import InjectedState, ToolNode, ToolRuntime
from langgraph.types import Command

from salesboost_tools import (
    ApprovalHandler,
    CacheHandler,
    ConfigurationError,
    Effect,
    IdempotencyHandler,
    MissingExtraError,
    PermissionHandler,
    StatusHandler,
    ToolHandler,
    ToolMiddleware,
    ToolSpec,
    UpstreamError,
    govern,
)
from salesboost_tools.governed.wrapper import _TOOLS_REMEMBERED, ToolCallWrapper
from salesboost_tools.handlers.approvals import MemoryApprovalLog
from tests.doubles import RunLedger
from tests.governed.doors import FORBIDDEN, ScriptedChatModel, a_tool, answers, call, through_a_graph
from tests.handlers.doubles import WRITE, GatedTool, until

COACH = {"configurable": {"caller_role": "coach"}}


def test_a_governed_tool_is_not_governed_again():
    subject, started = a_tool(["found"], is_async=False)
    own, outer = CacheHandler(), CacheHandler()
    governed = govern(subject, own, spec=ToolSpec(effect=Effect.READ))
    wrapper = ToolCallWrapper(outer)
    graph = through_a_graph(ToolNode([governed], wrap_tool_call=wrapper.wrap_tool_call))
    for _ in range(2):
        graph.invoke({"messages": [AIMessage("", tool_calls=[call(1)])]})
    assert started == [1]
    assert own.statistics()["look_up"].hits == 1
    assert outer.statistics() == {}


def test_invalid_arguments_never_reach_the_handlers():
    subject, started = a_tool(["found"], is_async=False)
    cache = CacheHandler()
    wrapper = ToolCallWrapper(cache, specs={"look_up": ToolSpec(effect=Effect.READ)})
    graph = through_a_graph(ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call))
    (answer,) = answers(graph.invoke({"messages": [AIMessage("", tool_calls=[call("no number")])]}))
    assert answer.status == "error"
    assert "number" in answer.content
    assert (started, cache.statistics()) == ([], {})


def test_an_error_message_of_the_node_is_not_stored():
    subject, started = a_tool([RuntimeError("broken"), "found"], is_async=False)
    wrapper = ToolCallWrapper(CacheHandler(), specs={"look_up": ToolSpec(effect=Effect.READ)})
    node = ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call, handle_tool_errors="It broke.")
    graph = through_a_graph(node)
    first, second = (
        answers(graph.invoke({"messages": [AIMessage("", tool_calls=[call(1, of=of)])]}))[0] for of in (1, 2)
    )
    assert (first.content, first.status) == ("It broke.", "error")
    assert (second.content, second.status) == ("found 1", "success")
    assert started == [1, 1]


def test_an_artifact_comes_back_from_memory_too():
    @tool(response_format="content_and_artifact")
    def find(number: int) -> tuple[str, list[int]]:
        """Find something."""
        return "found", [number]

    wrapper = ToolCallWrapper(CacheHandler(), specs={"find": ToolSpec(effect=Effect.READ)})
    graph = through_a_graph(ToolNode([find], wrap_tool_call=wrapper.wrap_tool_call))
    asked = [{"name": "find", "args": {"number": 7}, "id": of, "type": "tool_call"} for of in ("a", "b")]
    seen = [answers(graph.invoke({"messages": [AIMessage("", tool_calls=[one])]}))[0] for one in asked]
    assert [message.artifact for message in seen] == [[7], [7]]
    assert [message.tool_call_id for message in seen] == ["a", "b"]


def test_an_answer_through_a_wrapper_never_stands_for_a_raw_result():
    @tool
    def find(number: int) -> dict[str, int]:
        """Find something."""
        return {"number": number}

    cache, spec = CacheHandler(), ToolSpec(effect=Effect.READ)
    graph = through_a_graph(
        ToolNode([find], wrap_tool_call=ToolCallWrapper(cache, specs={"find": spec}).wrap_tool_call)
    )
    asked = {"name": "find", "args": {"number": 7}, "id": "a", "type": "tool_call"}
    graph.invoke({"messages": [AIMessage("", tool_calls=[asked])]})
    assert govern(find, cache, spec=spec).invoke({"number": 7}) == {"number": 7}


def test_handlers_of_the_config_stand_around_too():
    subject, started = a_tool(["found"], is_async=False)
    wrapper = ToolCallWrapper(specs={"look_up": ToolSpec(effect=Effect.READ, allowed_roles={"coach"})})
    graph = through_a_graph(ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call))
    (answer,) = answers(
        graph.invoke({"messages": [AIMessage("", tool_calls=[call(1)])]}, {"callbacks": [PermissionHandler()]})
    )
    assert (answer.content, started) == (FORBIDDEN, [])


@pytest.mark.parametrize("make", [ToolCallWrapper, ToolMiddleware])
def test_a_wrong_set_up_is_refused(make):
    with pytest.raises(ConfigurationError, match="not a ToolHandler"):
        make(RunLedger())
    with pytest.raises(ConfigurationError, match="is a ToolSpec"):
        make(specs={"look_up": "read"})


class ReplacingHandler(ToolHandler):
    """Puts other arguments in the place of those that came."""

    order = 50

    def around(self, call, proceed):
        return proceed(call.with_args({**call.args, "number": 9}))

    async def aaround(self, call, proceed):
        return await proceed(call.with_args({**call.args, "number": 9}))


def asked_through(wrapper, subject, *, way):
    """Play one call through a ToolNode; everything it answers with."""
    node = ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call, awrap_tool_call=wrapper.awrap_tool_call)
    graph = through_a_graph(node)
    state = {"messages": [AIMessage("", tool_calls=[{**call(1), "name": subject.name}])]}
    return graph.invoke(state) if way == "sync" else asyncio.run(graph.ainvoke(state))


@pytest.mark.parametrize("way", ["sync", "async"])
def test_arguments_that_a_handler_puts_in_place_reach_the_tool(way):
    subject, started = a_tool(["found"], is_async=way == "async")
    (answer,) = answers(asked_through(ToolCallWrapper(ReplacingHandler()), subject, way=way))
    assert (answer.content, started) == ("found 9", [9])


async def test_a_cancelled_calls_run_is_closed_though_its_tool_is_not_governed():
    tool, ledger = GatedTool(), RunLedger()
    wrapper = ToolCallWrapper(specs={"gated": ToolSpec(effect=Effect.READ)})
    graph = through_a_graph(ToolNode([tool], awrap_tool_call=wrapper.awrap_tool_call))
    asked = {"messages": [AIMessage("", tool_calls=[{"name": "gated", "args": {}, "id": "c1"}])]}
    running = asyncio.create_task(graph.ainvoke(asked, {"callbacks": [ledger]}))
    await until(lambda: tool.started)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ledger.every_run_closed_once()


@pytest.mark.parametrize("way", ["sync", "async"])
def test_wrappers_may_stand_within_each_other(way):
    subject, started = a_tool(["found"], is_async=way == "async")
    outer, inner = CacheHandler(), CacheHandler()
    read = {"look_up": ToolSpec(effect=Effect.READ)}
    agent = create_agent(
        ScriptedChatModel(messages=iter([AIMessage("", tool_calls=[call(1)]), AIMessage("done")])),
        [subject],
        middleware=[ToolMiddleware(outer, specs=read), InnerMiddleware(inner, specs=read)],
    )
    state = {"messages": [HumanMessage("go")]}
    result = agent.invoke(state) if way == "sync" else asyncio.run(agent.ainvoke(state))
    assert [message.content for message in answers(result)] == ["found 1"]
    assert outer.statistics()["look_up"].misses == inner.statistics()["look_up"].misses == len(started) == 1


class InnerMiddleware(ToolMiddleware):
    """An agent takes one middleware of a name."""


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("answer", [True, False])
def test_an_agent_stops_asks_and_goes_on_when_it_is_resumed(answer, way):
    subject, started = a_tool(["found"], is_async=way == "async")
    log = MemoryApprovalLog()
    middleware = ToolMiddleware(ApprovalHandler(log=log), IdempotencyHandler(), specs={"look_up": WRITE})
    script = [AIMessage("", tool_calls=[call(1)]), AIMessage("done")]
    agent = create_agent(
        ScriptedChatModel(messages=iter(script)), [subject], middleware=[middleware], checkpointer=InMemorySaver()
    )
    config = {"configurable": {"thread_id": "t"}}

    def run(state):
        return agent.invoke(state, config) if way == "sync" else asyncio.run(agent.ainvoke(state, config))

    (question,) = run({"messages": [HumanMessage("go")]})["__interrupt__"]
    assert (question.value["tool"], question.value["args"]) == ("look_up", {"number": 1, "scale": 1})
    assert started == []
    (told,) = answers(run(Command(resume={"approved": answer, "by": "boss"})))
    assert (told.status, started) == (("success", [1]) if answer else ("error", []))
    assert [(record.approved, record.by) for record in log.recent()] == [(answer, "boss")]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_handlers_of_the_config_stand_once_around_a_tool_that_is_not_governed(way):
    subject, started = a_tool(["found"], is_async=way == "async")
    status, wrapper = StatusHandler(), ToolCallWrapper()
    node = ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call, awrap_tool_call=wrapper.awrap_tool_call)
    graph, state = through_a_graph(node), {"messages": [AIMessage("", tool_calls=[call(1)])]}
    config = {"callbacks": [status]}
    graph.invoke(state, config) if way == "sync" else asyncio.run(graph.ainvoke(state, config))
    assert [event.kind for event in status.feed.recent()] == ["started", "completed"]
    assert started == [1]


def test_a_tool_that_runs_in_a_way_of_its_own_is_left_its_way():
    class OwnWay(StructuredTool):
        def run(self, tool_input, *args, **kwargs):
            return ToolMessage("without a run", tool_call_id=kwargs["tool_call_id"])

    subject = OwnWay.from_function(lambda number: number, name="look_up", description="Look a number up.")
    wrapper, ledger = ToolCallWrapper(CacheHandler()), RunLedger()
    graph = through_a_graph(ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call))
    (answer,) = answers(graph.invoke({"messages": [AIMessage("", tool_calls=[call(1)])]}, {"callbacks": [ledger]}))
    assert answer.content == "without a run"
    assert not ledger.started


def test_tools_made_anew_for_every_call_do_not_pile_up():
    wrapper = ToolCallWrapper()
    for _ in range(_TOOLS_REMEMBERED + 2):
        subject, _ = a_tool(["found"], is_async=False)
        wrapper._remember(subject)
    assert len(wrapper._traced) <= _TOOLS_REMEMBERED


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_governed_tool_and_a_stranger_are_let_through(way):
    subject, started = a_tool(["found"], is_async=way == "async")
    wrapper = ToolCallWrapper(ReplacingHandler())
    assert answers(asked_through(wrapper, govern(subject), way=way))[0].content == "found 1"
    node = ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call, awrap_tool_call=wrapper.awrap_tool_call)
    state = {"messages": [AIMessage("", tool_calls=[{**call(1), "name": "stranger"}])]}
    graph = through_a_graph(node)
    result = graph.invoke(state) if way == "sync" else asyncio.run(graph.ainvoke(state))
    assert "stranger is not a valid tool" in answers(result)[0].content
    assert started == [1]


def test_a_tool_with_a_json_schema_gets_what_the_model_gave():
    def look_up(**given: Any) -> str:
        return f"found {given['number']}"

    schema = {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]}
    subject = StructuredTool(name="look_up", description="Look a number up.", args_schema=schema, func=look_up)
    (answer,) = answers(asked_through(ToolCallWrapper(ReplacingHandler()), subject, way="sync"))
    assert answer.content == "found 9"


def test_a_command_comes_through_as_it_is():
    @tool
    def move(number: int, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command:
        """Move on."""
        return Command(update={"messages": [ToolMessage("moved", tool_call_id=tool_call_id)]})

    wrapper = ToolCallWrapper(CacheHandler(), specs={"move": ToolSpec(effect=Effect.READ)})
    (answer,) = answers(asked_through(wrapper, move, way="sync"))
    assert (answer.content, answer.tool_call_id) == ("moved", "c1")


@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_the_graph_injects_arrives_and_no_handler_sees_it(way):
    seen = []

    class Looks(ToolHandler):
        order = 1

        def around(self, call, proceed):
            seen.append(dict(call.args))
            return proceed(call)

        async def aaround(self, call, proceed):
            seen.append(dict(call.args))
            return await proceed(call)

    @tool
    def look(number: int, state: Annotated[dict, InjectedState], runtime: ToolRuntime) -> str:
        """Look."""
        return f"{number} {len(state['messages'])} {runtime.tool_call_id}"

    (answer,) = answers(asked_through(ToolCallWrapper(Looks()), look, way=way))
    assert answer.content == "1 1 c1"
    assert seen == [{"number": 1}]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_what_a_tool_says_itself_is_raised_as_without_handlers(way):
    subject, _ = a_tool([ToolException("no such number")], is_async=way == "async")
    with pytest.raises(ToolException, match="no such number"):
        asked_through(ToolCallWrapper(CacheHandler()), subject, way=way)


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("governed", [False, True])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("broken"), "Error: RuntimeError('broken')\n Please fix your mistakes."),
        (UpstreamError("down", for_model="The provider is down."), "The provider is down."),
    ],
    ids=["a tool's own", "one of ours"],
)
def test_a_middleware_answers_what_a_tool_raises_if_it_is_told_to(error, told, governed, way):
    subject, _ = a_tool([error], is_async=way == "async")
    subject = govern(subject) if governed else subject
    (answer,) = answers(asked_through(ToolMiddleware(handle_tool_errors=True), subject, way=way))
    assert (answer.content, answer.status, answer.name, answer.tool_call_id) == (told, "error", "look_up", "c1")
    if governed or type(error) is RuntimeError:
        with pytest.raises(type(error)):
            asked_through(ToolMiddleware(), subject, way=way)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_it_never_answers_an_interrupt_nor_what_a_person_answered_wrongly(way):
    middleware = ToolMiddleware(handle_tool_errors=True)
    waits, _ = a_tool([GraphInterrupt(())], is_async=way == "async")
    assert answers(asked_through(middleware, waits, way=way)) == []
    misunderstood = ValueError("no such answer")
    graph_errors._mark_invalid_resume(misunderstood)
    asks, _ = a_tool([misunderstood], is_async=way == "async")
    with pytest.raises(ValueError, match="no such answer"):
        asked_through(middleware, asks, way=way)


def test_without_langchain_the_middleware_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware", None)
    monkeypatch.delitem(sys.modules, "salesboost_tools.governed.middleware")
    with pytest.raises(MissingExtraError, match=r"pip install 'salesboost-tools\[models\]'"):
        importlib.import_module("salesboost_tools.governed.middleware")
