"""Messages that ask for tools, nodes run both ways, and what came of it."""

import asyncio
import threading
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

WAYS = ("sync", "async")

both_ways = pytest.mark.parametrize("way", WAYS)


def call(name: str, call_id: str = "c0", **args: Any) -> dict[str, Any]:
    """Return one tool call as a model asks for it."""
    return {"name": name, "args": args, "id": call_id, "type": "tool_call"}


def calls(*names: str, **args: Any) -> list[dict[str, Any]]:
    """Return calls `c0`, `c1`, … of the tools named.

    Their arguments are the same but for one that no tool knows: of equal reads in one message only one would be made.
    """
    return [
        call(name, f"c{number}", **args, **({"number": number} if number else {})) for number, name in enumerate(names)
    ]


def equal_calls(name: str, times: int, **args: Any) -> list[dict[str, Any]]:
    """Return calls `c0`, `c1`, … that ask for the same."""
    return [call(name, f"c{number}", **args) for number in range(times)]


def asks(*asked: dict[str, Any]) -> dict[str, Any]:
    """Return a state whose last message asks for these calls."""
    return {"messages": [AIMessage("", tool_calls=list(asked))]}


async def run(node: Any, given: Any, way: str, config: Any = None) -> Any:
    """Run a node or a graph; a sync run gets a thread, for it may wait for the event loop."""
    if way == "async":
        return await node.ainvoke(given, config)
    return await asyncio.to_thread(node.invoke, given, config)


async def answers(node: Any, way: str, *asked: dict[str, Any], config: Any = None) -> list[Any]:
    """Return the messages that answer these calls."""
    return (await run(node, asks(*asked), way, config))["messages"]


def graph_of(node: Any, **compiled: Any) -> Any:
    """Return a graph that is nothing but this node."""
    graph = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(**compiled)


class Crowd:
    """Calls that meet: each waits until `size` are inside at once, so fewer at once never end, and more are counted.

    Waiting is bounded: a test whose calls do not meet fails instead of hanging.
    """

    def __init__(self, size: int):
        self.size = size
        self.inside = 0
        self.most_at_once = 0
        self._lock = threading.Lock()
        self._together = threading.Barrier(size)
        self._atogether: asyncio.Barrier | None = None

    def meet(self) -> None:
        self._enter()
        self._together.wait(timeout=5)
        self._leave()

    async def ameet(self) -> None:
        self._atogether = self._atogether or asyncio.Barrier(self.size)
        self._enter()
        async with asyncio.timeout(5):
            await self._atogether.wait()
        self._leave()

    def _enter(self) -> None:
        with self._lock:
            self.inside += 1
            self.most_at_once = max(self.most_at_once, self.inside)

    def _leave(self) -> None:
        with self._lock:
            self.inside -= 1
