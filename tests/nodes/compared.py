"""ToolNode and this node beside each other, with the same tools and the same surroundings."""

from typing import Annotated, Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.prebuilt import InjectedState, ToolNode, ToolRuntime
from langgraph.runtime import Runtime
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Send

from salesboost_tools.nodes.fan_out import ToolFanOut


def surroundings(listeners=()):
    """Return a config as a graph makes it."""
    return {"configurable": {"__pregel_runtime": Runtime(store=InMemoryStore())}, "callbacks": list(listeners)}


def running(given, **config):
    def run(node, method, listeners):
        return getattr(node, method)(given, {**surroundings(listeners), **config})

    return run


def nodes(make, **options):
    """Return both nodes, each with tools of its own: some remember."""
    return ToolNode(make(), **options), ToolFanOut(make(), **options)


def several():
    """Return tools that differ in what they give back; the same calls always get the same answers."""

    @tool
    def doubles(x: int) -> int:
        """Double."""
        return 2 * x

    @tool
    async def doubles_later(x: int) -> dict:
        """Double."""
        return {"twice": 2 * x}

    @tool
    def refuses_threes(x: int) -> str:
        """Refuse three."""
        if x % 3 == 0:
            raise ValueError(f"not {x}")
        return "fine"

    @tool(response_format="content_and_artifact")
    def pairs(x: int) -> tuple:
        """Give two."""
        return str(x), x

    @tool
    def commands(x: int, call_id: Annotated[str, InjectedToolCallId]) -> Command:
        """Update the state."""
        return Command(update={"seen": x, "messages": [ToolMessage(str(x), tool_call_id=call_id)]})

    @tool
    def sends(x: int) -> Command:
        """Send to the parent graph."""
        return Command(graph=Command.PARENT, goto=[Send("elsewhere", x)])

    @tool
    def lists(x: int, call_id: Annotated[str, InjectedToolCallId]) -> list:
        """Update the state and answer."""
        return [Command(update={"seen": x}), ToolMessage(str(x), tool_call_id=call_id)]

    @tool
    def counts(state: Annotated[Any, InjectedState], x: int = 0) -> str:
        """Look at the state."""
        return f"{type(state).__name__} {x}"

    @tool
    def knows(runtime: ToolRuntime, x: int = 0) -> str:
        """Look at the runtime."""
        return f"{runtime.tool_call_id} {type(runtime.store).__name__} {[each.name for each in runtime.tools]} {x}"

    return [doubles, doubles_later, refuses_threes, pairs, commands, sends, lists, counts, knows]


def through(request, execute):
    """Wrap a call without changing it; the request that is handed on is a copy."""
    return execute(request.override(tool_call={**request.tool_call}))


async def athrough(request, execute):
    return await execute(request.override(tool_call={**request.tool_call}))
