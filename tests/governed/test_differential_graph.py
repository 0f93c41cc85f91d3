"""In a graph's ToolNode a governed tool gets and gives what the bare one does."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolArg, InjectedToolCallId, StructuredTool, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph, add_messages
from langgraph.prebuilt import InjectedState, InjectedStore, ToolNode, ToolRuntime
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from salesboost_tools.governed import govern
from tests.governed.side_by_side import WAYS, InlineListener, as_tool_call, plain


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    deal: str


class Context(TypedDict, total=False):
    region: str


def make_graph(tool: BaseTool, **node: Any) -> Any:
    """Return a graph of one ToolNode with one tool."""
    store = InMemoryStore()
    store.put(("deals",), "d", {"stage": "open"})
    graph = StateGraph(State, context_schema=Context)
    graph.add_node("tools", ToolNode([tool], **node))
    graph.add_edge(START, "tools")
    return graph.compile(store=store, checkpointer=InMemorySaver())


def run_graph(graph: Any, way: str, given: Any, config: dict[str, Any], **more: Any) -> Any:
    """Run it to its end, sync or async, in a thread of its own name."""
    if way == "sync":
        return graph.invoke(given, config, **more)
    return asyncio.run(graph.ainvoke(given, config, **more))


def seen_in_graph(tool: BaseTool, way: str, args: dict[str, Any], **node: Any) -> Any:
    """Return what a graph with this tool ends with, and what a listener heard meanwhile."""
    listener = InlineListener()
    given = {"messages": [AIMessage("", tool_calls=[as_tool_call(tool.name, args)], id="asked")], "deal": "d"}
    config = {"configurable": {"thread_id": "t"}, "callbacks": [listener]}
    try:
        state = run_graph(make_graph(tool, **node), way, given, config, context={"region": "north"})
    except Exception as error:
        outcome = plain(error)
    else:
        for message in state["messages"]:
            message.id = None
        outcome = plain(state)
    heard = [event for event in listener.log.events if event[0].startswith("on_tool")]
    assert heard
    return outcome, heard


@tool
def takes_state(x: int, state: Annotated[dict, InjectedState]) -> str:
    """Take the state."""
    return f"{x} {state['deal']} {len(state['messages'])}"


@tool
async def takes_a_field(x: int, deal: Annotated[str, InjectedState("deal")]) -> str:
    """Take a field of the state."""
    return f"{x} {deal}"


@tool
def takes_store(x: int, store: Annotated[Any, InjectedStore()]) -> str:
    """Take the store."""
    return f"{x} {store.get(('deals',), 'd').value}"


@tool
def takes_runtime(x: int, runtime: ToolRuntime) -> str:
    """Take the runtime."""
    return f"{x} {runtime.state['deal']} {runtime.context} {runtime.tool_call_id} {len(runtime.tools)}"


@tool
async def takes_runtime_of_a_kind(x: int, runtime: ToolRuntime[Context, State]) -> str:
    """Take the runtime."""
    runtime.stream_writer({"x": x})
    return f"{x} {runtime.store.get(('deals',), 'd').value} {runtime.config['configurable']['thread_id']}"


@tool
def takes_everything(  # noqa: PLR0917  (there is that much)
    x: int,
    state: Annotated[dict, InjectedState],
    store: Annotated[Any, InjectedStore()],
    call: Annotated[str, InjectedToolCallId],
    runtime: ToolRuntime,
    config: RunnableConfig,
    note: Annotated[str, InjectedToolArg] = "none",
) -> str:
    """Take all there is."""
    return f"{x} {state['deal']} {store is runtime.store} {call} {config['configurable']['thread_id']} {note}"


class TakesState(BaseTool):
    name: str = "takes_state"
    description: str = "A class that takes the state."

    def _run(self, x: int, state: Annotated[dict, InjectedState], runtime: ToolRuntime) -> str:
        return f"{x} {state['deal']} {runtime.tool_call_id}"


class StateArguments(BaseModel):
    x: int
    deal: Annotated[str, InjectedState("deal")]


class TakesStateBySchema(BaseTool):
    name: str = "takes_state"
    description: str = "A class whose schema takes the state."
    args_schema: type[BaseModel] = StateArguments

    def _run(self, x: int, deal: str) -> str:
        return f"{x} {deal}"

    async def _arun(self, x: int, deal: str) -> str:
        return f"async {x} {deal}"


def _json_schema_with_state() -> StructuredTool:
    def run(x: int, runtime: ToolRuntime) -> str:
        return f"{x} {runtime.state['deal']}"

    schema = {"title": "j", "type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    return StructuredTool(name="json", description="JSON and a runtime.", func=run, args_schema=schema)


@tool
def gives_a_command(x: int, call: Annotated[str, InjectedToolCallId]) -> Command:
    """Change the state."""
    return Command(update={"deal": f"deal {x}", "messages": [ToolMessage("done", tool_call_id=call)]})


@tool
def gives_commands(x: int, call: Annotated[str, InjectedToolCallId]) -> list[Any]:
    """Change the state twice."""
    return [Command(update={"deal": f"deal {x}"}), ToolMessage("done", tool_call_id=call)]


@tool(return_direct=True, response_format="content_and_artifact")
async def gives_an_artifact(x: int) -> tuple[str, dict[str, int]]:
    """Give an artifact."""
    return "content", {"x": x}


@tool
def fails(x: int) -> str:
    """Fail."""
    raise ValueError(f"no {x}")


@tool
def fails_on_purpose(x: int) -> str:
    """Fail."""
    raise ToolException(f"no {x}")


fails_on_purpose.handle_tool_error = True

TOOLS: dict[str, Callable[[], BaseTool]] = {
    "InjectedState": lambda: takes_state,
    "a field of the state": lambda: takes_a_field,
    "InjectedStore": lambda: takes_store,
    "ToolRuntime": lambda: takes_runtime,
    "ToolRuntime[Context, State]": lambda: takes_runtime_of_a_kind,
    "everything": lambda: takes_everything,
    "a class": TakesState,
    "a class with a schema": TakesStateBySchema,
    "a JSON schema": _json_schema_with_state,
    "a command": lambda: gives_a_command,
    "commands": lambda: gives_commands,
    "an artifact": lambda: gives_an_artifact,
    "a failure": lambda: fails,
    "a failure on purpose": lambda: fails_on_purpose,
}
ARGUMENTS = {
    "good": {"x": 1},
    "bad": {"x": "one"},
    "forged": {
        "x": 1,
        "state": {"deal": "forged"},
        "deal": "forged",
        "runtime": None,
        "call": "forged",
        "note": "forged",
    },
}


@pytest.mark.filterwarnings(
    "ignore:Pydantic serializer warnings"
)  # the bare tool dumps the runtime; the governed does not
@pytest.mark.parametrize("make", TOOLS.values(), ids=TOOLS)
@pytest.mark.parametrize("args", ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize("handles", [True, False], ids=["errors handled", "errors raised"])
@pytest.mark.parametrize("way", WAYS)
def test_a_tool_node_gives_and_gets_the_same(make, args, handles, way):
    bare = seen_in_graph(make(), way, args, handle_tool_errors=handles)
    governed = seen_in_graph(govern(make()), way, args, handle_tool_errors=handles)
    assert governed == bare


# ---------------------------------------------------------------- interrupts and streams


@tool
async def asks(x: int) -> str:
    """Ask a person."""
    return f"{x} {interrupt('sure?')}"


@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_stops_the_graph_and_an_answer_lets_it_go_on(way):
    def ask(x: int) -> str:
        return f"{x} {interrupt('sure?')}"

    tool = govern(asks if way == "async" else StructuredTool.from_function(ask, name="asks", description="Asks."))
    graph = make_graph(tool)
    config = {"configurable": {"thread_id": "t"}}
    given = {"messages": [AIMessage("", tool_calls=[as_tool_call("asks", {"x": 1})])], "deal": "d"}
    stopped = run_graph(graph, way, given, config)
    assert [asked.value for asked in stopped["__interrupt__"]] == ["sure?"]
    ended = run_graph(graph, way, Command(resume="yes"), config)
    assert ended["messages"][-1].content == "1 yes"


@tool
async def tells_as_it_goes(x: int, runtime: ToolRuntime) -> str:
    """Tell as it goes."""
    runtime.stream_writer({"custom": x})
    runtime.emit_output_delta(f"delta {x}")
    return "told"


@pytest.mark.parametrize("mode", ["tools", "custom", "messages", "updates"])
async def test_a_stream_shows_the_same(mode):
    async def streamed(tool):
        given = {"messages": [AIMessage("", tool_calls=[as_tool_call(tool.name, {"x": 1})], id="asked")], "deal": "d"}
        config = {"configurable": {"thread_id": "t"}}
        parts = [part async for part in make_graph(tool).astream(given, config, stream_mode=mode)]
        return len(parts), _without_ids(str(plain(parts)))

    bare = await streamed(tells_as_it_goes)
    assert await streamed(govern(tells_as_it_goes)) == bare
    assert bare[0]


async def test_its_events_are_the_same():
    async def events(tool):
        return [
            (event["event"], event["name"], str(event["data"]))
            async for event in tool.astream_events(as_tool_call("doubles", {"x": 1}), version="v2")
        ]

    @tool
    async def doubles(x: int) -> int:
        """Double."""
        return 2 * x

    assert await events(govern(doubles)) == await events(doubles)
    assert [event for event, _, _ in await events(doubles)] == ["on_tool_start", "on_tool_end"]


def _without_ids(text: str) -> str:
    import re

    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", text)
