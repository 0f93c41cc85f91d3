"""The same handlers, through every door: governed, a stock ToolNode's wrappers, an agent's middleware.

One table of scenarios is played through each door; a model must see the same, and the tool be started as often.
"""

import asyncio
import importlib
import sys
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, ToolException, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from salesboost_tools import (
    CacheHandler,
    CircuitBreakerHandler,
    ConfigurationError,
    Effect,
    IdempotencyHandler,
    MaskingHandler,
    MemoryState,
    MissingExtraError,
    PermissionHandler,
    RateLimitHandler,
    RetryHandler,
    TimeoutHandler,
    ToolFanOut,
    ToolHandler,
    ToolMiddleware,
    ToolSpec,
    UpstreamError,
    govern,
)
from salesboost_tools.governed.wrapper import ToolCallWrapper
from tests.doubles import RunLedger

COACH = {"configurable": {"caller_role": "coach"}}


class ScriptedChatModel(GenericFakeChatModel):
    """Says what is in its script; tools may be bound to it and change nothing."""

    def bind_tools(self, tools, **kwargs):
        return self


def a_tool(script, *, is_async):
    """A tool that follows a script, once per start, and counts its starts."""
    started: list[int] = []

    def step(number: int) -> str:
        started.append(number)
        outcome = script[min(len(started), len(script)) - 1]
        if isinstance(outcome, Exception):
            raise outcome
        return f"{outcome} {number}"

    if is_async:

        @tool("look_up")
        async def look_up_async(number: int, scale: int = 1) -> str:
            """Look a number up."""
            await asyncio.sleep(0)
            return step(number)

        return look_up_async, started

    @tool("look_up")
    def look_up(number: int, scale: int = 1) -> str:
        """Look a number up."""
        return step(number)

    return look_up, started


def call(number, *, of=1, **more):
    return {"name": "look_up", "args": {"number": number, **more}, "id": f"c{of}", "type": "tool_call"}


@dataclass
class Scenario:
    calls: list[dict[str, Any]]
    says: list[str]
    starts: int
    script: list[Any] = field(default_factory=lambda: ["found"])
    spec: dict[str, Any] = field(default_factory=dict)
    role: str | None = "coach"


BUSY = "`look_up` is busy. Continue without it, or call it again in 60 seconds."
FORBIDDEN = "You may not use `look_up` here. Answer without it."
DOWN = UpstreamError("down", status=503, retryable=True, for_model="The provider is down.")

SCENARIOS = {
    "a plain call": Scenario([call(1)], ["found 1"], 1),
    "an equal call is answered from memory under its own id": Scenario(
        [call(1), call(1, of=2)], ["found 1", "found 1"], 1
    ),
    "a default that is spelt out makes no difference": Scenario(
        [call(1), call(1, of=2, scale=1)], ["found 1", "found 1"], 1
    ),
    "another argument is another question": Scenario([call(1), call(2, of=2)], ["found 1", "found 2"], 2),
    "the wrong role is refused": Scenario([call(1)], [FORBIDDEN], 0, role="npc"),
    "no role is refused": Scenario([call(1)], [FORBIDDEN], 0, role=None),
    "one too many is refused": Scenario(
        [call(1), call(2, of=2)], ["found 1", BUSY], 1, spec={"rate_limit": "1/minute"}
    ),
    "a failure that passes is tried again": Scenario([call(1)], ["found 1"], 2, script=[DOWN, "found"]),
    "a failure that stays is told": Scenario([call(1)], ["The provider is down."], 3, script=[DOWN]),
    "a write is neither stored nor repeated": Scenario(
        [call(1), call(1, of=2)],
        ["The provider is down.", "found 1"],
        2,
        script=[DOWN, "found"],
        spec={"effect": Effect.WRITE},
    ),
    "a write that comes again under its id is answered from its record": Scenario(
        [call(1), call(1)], ["found 1", "found 1"], 1, spec={"effect": Effect.WRITE}
    ),
    "another write under the same id is refused": Scenario(
        [call(1), call(2)],
        ["found 1", "`look_up` was already asked for under this id with other arguments. Make a new call."],
        1,
        spec={"effect": Effect.WRITE},
    ),
    "a tool that keeps failing is left alone": Scenario(
        [call(1), call(2, of=2)],
        [
            "The provider is down.",
            "`look_up` does not work at the moment. Continue without it, or call it again in 30 seconds.",
        ],
        3,
        script=[DOWN],
    ),
    "personal data is masked": Scenario(
        [call(1)], ["write to d***@*******.com 1"], 1, script=["write to dana@example.com"]
    ),
}


def handlers():
    state = MemoryState()

    async def no_wait(seconds):
        await asyncio.sleep(0)

    retry = RetryHandler(3, 0, jitter_s=0, sleep=lambda seconds: None, asleep=no_wait)
    return (
        MaskingHandler(),
        PermissionHandler(),
        IdempotencyHandler(state),
        CacheHandler(state),
        retry,
        CircuitBreakerHandler(3, open_s=30),
        RateLimitHandler(state),
        TimeoutHandler(30),
    )


def spec_of(scenario):
    usual = {"effect": Effect.READ, "allowed_roles": {"coach"}, "rate_limit": "100/minute", "cache_ttl_s": 60}
    return ToolSpec(**{**usual, **scenario.spec})


def through_a_graph(node):
    return StateGraph(MessagesState).add_node("tools", node).add_edge(START, "tools").compile()


def governed_in(kind):
    def door(subject, spec):
        governed = govern(subject, *handlers(), spec=spec)
        governed.answers_model = True
        return through_a_graph(kind([governed]))

    return door


def wrapped(subject, spec):
    wrapper = ToolCallWrapper(*handlers(), specs={"look_up": spec})
    node = ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call, awrap_tool_call=wrapper.awrap_tool_call)
    return through_a_graph(node)


DOORS = {
    "governed in ToolNode": governed_in(ToolNode),
    "governed in ToolFanOut": governed_in(ToolFanOut),
    "wrapped in ToolNode": wrapped,
}


def answers(result):
    return [message for message in result["messages"] if isinstance(message, ToolMessage)]


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_door_shows_the_model_the_same(name, door, way):
    scenario = SCENARIOS[name]
    subject, started = a_tool(scenario.script, is_async=way == "async")
    graph = DOORS[door](subject, spec_of(scenario))
    ledger = RunLedger()
    config = {"configurable": {"caller_role": scenario.role} if scenario.role else {}, "callbacks": [ledger]}
    seen = []
    for one in scenario.calls:
        state = {"messages": [AIMessage("", tool_calls=[one])]}
        result = graph.invoke(state, config) if way == "sync" else asyncio.run(graph.ainvoke(state, config))
        seen += answers(result)
    assert [message.content for message in seen] == scenario.says
    assert [message.tool_call_id for message in seen] == [one["id"] for one in scenario.calls]
    assert {message.name for message in seen} == {"look_up"}
    assert len(started) == scenario.starts
    assert ledger.ended + ledger.failed == ledger.started


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("governed", ["no", "yes", "and wrapped"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_an_agent_sees_the_same_through_its_middleware(name, governed, way):
    scenario = SCENARIOS[name]
    subject, started = a_tool(scenario.script, is_async=way == "async")
    spec = spec_of(scenario)
    script = [AIMessage("", tool_calls=[one]) for one in scenario.calls]
    model = ScriptedChatModel(messages=iter([*script, AIMessage("done")]))
    middleware = [ToolMiddleware(*handlers(), specs={"look_up": spec})]
    if governed == "no":
        agent = create_agent(model, [subject], middleware=middleware)
    else:
        inside = govern(subject, *handlers(), spec=spec)
        inside.answers_model = True
        agent = create_agent(model, [inside], middleware=middleware if governed == "and wrapped" else [])
    config = {"configurable": {"caller_role": scenario.role} if scenario.role else {}}
    state = {"messages": [HumanMessage("go")]}
    result = agent.invoke(state, config) if way == "sync" else asyncio.run(agent.ainvoke(state, config))
    seen = answers(result)
    assert [message.content for message in seen] == scenario.says
    assert [message.tool_call_id for message in seen] == [one["id"] for one in scenario.calls]
    assert len(started) == scenario.starts


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
def test_what_a_tool_says_itself_is_raised_as_without_handlers(way):
    subject, _ = a_tool([ToolException("no such number")], is_async=way == "async")
    with pytest.raises(ToolException, match="no such number"):
        asked_through(ToolCallWrapper(CacheHandler()), subject, way=way)


def test_without_langchain_the_middleware_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware", None)
    monkeypatch.delitem(sys.modules, "salesboost_tools.governed.middleware")
    with pytest.raises(MissingExtraError, match=r"pip install 'salesboost-tools\[models\]'"):
        importlib.import_module("salesboost_tools.governed.middleware")
