"""Whoever streams a graph, or hears of its runs, sees the same with this node as with ToolNode."""

import re
from typing import Annotated, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.config import get_stream_writer
from langgraph.prebuilt import ToolNode, ToolRuntime
from langgraph.types import Command

from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.nodes.messages import WAYS, call, graph_of

MODES = ("values", "updates", "messages", "custom", "tools", "debug", "tasks")

CHANGING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|run-[0-9a-f-]+|0x[0-9a-f]+|\d{4}-\d\d-\d\dT[\d:.+]+|[0-9a-f]{32}"
)
"""Ids, addresses and times."""


def plus_one(x: int) -> int:
    return x + 1


@tool
def streams(x: int, runtime: ToolRuntime) -> str:
    """Stream in every way there is."""
    runtime.emit_output_delta({"half": x})
    runtime.stream_writer({"from the runtime": x})
    get_stream_writer()({"from the context": x})
    return str(x)


@tool
async def streams_later(x: int, runtime: ToolRuntime) -> str:
    """Stream, from the event loop."""
    runtime.emit_output_delta({"half": x})
    return str(x)


@tool
def runs_another(x: int) -> int:
    """Run something that is heard of too."""
    return RunnableLambda(plus_one, name="inner").invoke(x)


@tool
async def runs_another_later(x: int) -> int:
    """Run something that is heard of too."""
    return await RunnableLambda(plus_one, name="inner").ainvoke(x)


@tool
def fails(x: int) -> str:
    """Fail."""
    raise OSError(f"no {x}")


@tool
def commands(x: int, call_id: Annotated[str, InjectedToolCallId]) -> Command:
    """Update the state."""
    return Command(update={"messages": [ToolMessage(str(x), tool_call_id=call_id)]})


TOOLS = [streams, streams_later, runs_another, runs_another_later, fails, commands]
OF_BOTH_WAYS = ["streams", "runs_another", "fails", "commands", "unheard_of"]
ASKED = {
    "sync": [*([name] for name in OF_BOTH_WAYS), OF_BOTH_WAYS],
    "async": [["streams_later"], ["runs_another_later"], [*OF_BOTH_WAYS, "streams_later", "runs_another_later"]],
}


class Runs(BaseCallbackHandler):
    """Remembers every run with its tags and metadata, and whose child it is."""

    run_inline = True

    def __init__(self):
        self._runs: dict[Any, Any] = {}

    def on_chain_start(self, serialized, _, *, run_id, parent_run_id=None, **told):
        self._note(told.get("name"), run_id, parent_run_id, told)

    def on_tool_start(self, serialized, _, *, run_id, parent_run_id=None, **told):
        self._note(serialized["name"], run_id, parent_run_id, told)

    def _note(self, name, run_id, parent_run_id, told):
        metadata = {key: value for key, value in told["metadata"].items() if not key.endswith("checkpoint_ns")}
        self._runs[run_id] = (name, parent_run_id, told["tags"], metadata, told.get("tool_call_id"))

    def tree(self):
        return sorted(repr((self._path(run_id), *told)) for run_id, (_, _, *told) in self._runs.items())

    def _path(self, run_id):
        name, parent, *_ = self._runs[run_id]
        return [*(self._path(parent) if parent else []), name]


async def streamed(kind, way, asked, how):
    """Return what a graph with this node streams, and the tree of its runs."""
    graph, runs = graph_of(kind(TOOLS, handle_tool_errors="sorry")), Runs()
    config = {"callbacks": [runs], "tags": ["of the run"], "metadata": {"of": "the run"}}
    asking = [call(name, f"c{number}", x=number) for number, name in enumerate(asked)]
    given = {"messages": [AIMessage("", id="asks", tool_calls=asking)]}
    if how == "events":
        pieces = [piece async for piece in graph.astream_events(given, config, version="v2")]
    elif way == "sync":
        pieces = list(graph.stream(given, config, stream_mode=how))
    else:
        pieces = [piece async for piece in graph.astream(given, config, stream_mode=how)]
    return [CHANGING.sub("…", repr(piece)) for piece in pieces], runs.tree()


CASES = [(way, asked, how) for way in WAYS for asked in ASKED[way] for how in MODES]
CASES += [("async", asked, "events") for asked in ASKED["async"]]


@pytest.mark.parametrize(
    ("way", "asked", "how"), CASES, ids=lambda part: "+".join(part) if type(part) is list else part
)
async def test_a_graph_streams_the_same_and_its_runs_have_the_same_parents(way, asked, how):
    (stock, their_runs), (ours, our_runs) = [await streamed(kind, way, asked, how) for kind in (ToolNode, ToolFanOut)]
    if len(asked) > 1:  # who runs beside whom is nobody's promise
        stock, ours = sorted(stock), sorted(ours)
    assert ours == stock
    assert our_runs == their_runs
    assert any("'tools'" in run for run in our_runs)


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_to_stream_is_seen(way):
    deltas, _ = await streamed(ToolFanOut, way, ["streams"], "tools")
    assert [name for name in ("tool-started", "tool-output-delta", "tool-finished") if name in str(deltas)] == [
        "tool-started",
        "tool-output-delta",
        "tool-finished",
    ]
    custom, _ = await streamed(ToolFanOut, way, ["streams"], "custom")
    assert custom == ["{'from the runtime': 0}", "{'from the context': 0}"]
