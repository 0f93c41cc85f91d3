"""One table of scenarios, and the doors through which handlers come to a call."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from salesboost_tools import (
    ApprovalHandler,
    CacheHandler,
    CircuitBreakerHandler,
    Effect,
    IdempotencyHandler,
    MaskingHandler,
    MemoryState,
    PermissionHandler,
    RateLimitHandler,
    RetryHandler,
    TimeoutHandler,
    ToolFanOut,
    ToolMiddleware,
    ToolSpec,
    UpstreamError,
    govern,
)
from salesboost_tools.governed.wrapper import ToolCallWrapper
from salesboost_tools.handlers.approvals import Approval
from tests.handlers.doubles import PATIENCE_S


class ScriptedChatModel(GenericFakeChatModel):
    """Says what is in its script; tools may be bound to it and change nothing."""

    def bind_tools(self, tools, **kwargs):
        return self


HANGS = "hangs"


def a_tool(script, *, is_async, gate=None):
    """A tool that follows a script, once per start, and counts its starts; a sync one hangs until the gate opens."""
    started: list[int] = []

    def step(number: int) -> str:
        started.append(number)
        outcome = script[min(len(started), len(script)) - 1]
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is HANGS and not is_async:
            gate.wait(PATIENCE_S)
        return f"{outcome} {number}"

    if is_async:

        @tool("look_up")
        async def look_up_async(number: int, scale: int = 1) -> str:
            """Look a number up."""
            await asyncio.sleep(0)
            answer = step(number)
            if answer.startswith(HANGS):
                await asyncio.Event().wait()
            return answer

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
    approved: bool = True


BUSY = "`look_up` is busy. Continue without it, or call it again in 60 seconds."
FORBIDDEN = "You may not use `look_up` here. Answer without it."
NOT_TODAY = "`look_up` was not approved and was not done. The reason given: not today. Do not try it again; continue without it."
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
    "a write that somebody agrees to is made": Scenario([call(1)], ["found 1"], 1, spec={"effect": Effect.WRITE}),
    "a write that nobody agrees to is not made": Scenario(
        [call(1)],
        [
            NOT_TODAY,
        ],
        0,
        spec={"effect": Effect.WRITE},
        approved=False,
    ),
    "a read that takes too long is given up": Scenario(
        [call(1)],
        ["`look_up` took too long. Continue without it, or ask for less."],
        3,
        script=[HANGS],
        spec={"timeout_s": 0.02},
    ),
    "a write that takes too long is unknown and not made again": Scenario(
        [call(1), call(1)],
        [
            "`look_up` took too long. It is not known whether it took effect. Do not repeat it; check first.",
            "It is not known whether `look_up` took effect earlier. Do not repeat it; check first.",
        ],
        1,
        script=[HANGS],
        spec={"timeout_s": 0.02, "effect": Effect.WRITE},
    ),
    "personal data is masked": Scenario(
        [call(1)], ["write to d***@*******.com 1"], 1, script=["write to dana@example.com"]
    ),
}


class Person:
    """Says what they were told to say."""

    pauses = False

    def __init__(self, approved):
        self._answer = Approval(approved, by="boss", reason=None if approved else "not today")

    def ask(self, request):
        return self._answer

    async def aask(self, request):
        return self._answer


def handlers(scenario, status):
    state = MemoryState()

    async def no_wait(seconds):
        await asyncio.sleep(0)

    retry = RetryHandler(3, 0, jitter_s=0, sleep=lambda seconds: None, asleep=no_wait)
    return (
        status,
        MaskingHandler(),
        PermissionHandler(),
        ApprovalHandler(Person(scenario.approved)),
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


def governed(subject, scenario, around):
    tool = govern(subject, *around, spec=spec_of(scenario))
    tool.answers_model = True
    return tool


def by_calls(scenario, graph):
    """Ask a graph for one call after the other."""
    return graph, [{"messages": [AIMessage("", tool_calls=[one])]} for one in scenario.calls]


def governed_in(kind):
    return lambda subject, scenario, around: by_calls(
        scenario, through_a_graph(kind([governed(subject, scenario, around)]))
    )


def wrapped(subject, scenario, around):
    wrapper = ToolCallWrapper(*around, specs={"look_up": spec_of(scenario)})
    node = ToolNode([subject], wrap_tool_call=wrapper.wrap_tool_call, awrap_tool_call=wrapper.awrap_tool_call)
    return by_calls(scenario, through_a_graph(node))


def of_an_agent(*, is_governed, has_middleware):
    def door(subject, scenario, around):
        script = [AIMessage("", tool_calls=[one]) for one in scenario.calls]
        model = ScriptedChatModel(messages=iter([*script, AIMessage("done")]))
        middleware = [ToolMiddleware(*around, specs={"look_up": spec_of(scenario)})] if has_middleware else []
        tool = governed(subject, scenario, around) if is_governed else subject
        return create_agent(model, [tool], middleware=middleware), [{"messages": [HumanMessage("go")]}]

    return door


DOORS = {
    "governed in ToolNode": governed_in(ToolNode),
    "governed in ToolFanOut": governed_in(ToolFanOut),
    "wrapped in ToolNode": wrapped,
    "an agent's middleware": of_an_agent(is_governed=False, has_middleware=True),
    "governed in an agent": of_an_agent(is_governed=True, has_middleware=False),
    "governed in an agent with a middleware": of_an_agent(is_governed=True, has_middleware=True),
}
"""Each returns a graph, and what to ask it for, one after the other."""


def answers(result):
    return [message for message in result["messages"] if isinstance(message, ToolMessage)]
