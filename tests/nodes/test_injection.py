"""What a tool may ask of the system, it gets: state, store, runtime, its call's id; a model cannot forge any of it."""

from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolArg, InjectedToolCallId, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, InjectedStore, ToolRuntime
from langgraph.store.memory import InMemoryStore

from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.group import ToolGroup
from tests.nodes.messages import answers, asks, both_ways, call, graph_of, run


class SalesState(MessagesState, total=False):
    account: str


@tool
def whole_state(x: int, state: Annotated[dict, InjectedState]) -> str:
    """Reads the state."""
    return f"{x} {state['account']}"


@tool
def one_field(x: int, account: Annotated[str, InjectedState("account")]) -> str:
    """Reads one field."""
    return f"{x} {account}"


@tool
def stored(x: int, store: Annotated[Any, InjectedStore()]) -> str:
    """Reads the store."""
    return f"{x} {store.get(('accounts',), 'a').value['name']}"


@tool
def own_id(x: int, call_id: Annotated[str, InjectedToolCallId]) -> str:
    """Knows its id."""
    return f"{x} {call_id}"


@tool
def with_runtime(x: int, runtime: ToolRuntime) -> str:
    """Knows everything."""
    role = runtime.config["configurable"]["caller_role"]
    return f"{x} {runtime.state['account']} {runtime.tool_call_id} {role} {runtime.store is not None}"


@tool
def with_config(x: int, config: RunnableConfig) -> str:
    """Reads the config."""
    return f"{x} {config['configurable']['caller_role']}"


EXPECTED = {
    "whole_state": "1 Acme",
    "one_field": "1 Acme",
    "stored": "1 Acme Corp",
    "own_id": "1 own_id",
    "with_runtime": "1 Acme with_runtime coach True",
    "with_config": "1 coach",
}
TOOLS = [whole_state, one_field, stored, own_id, with_runtime, with_config]


def sales_graph(node: ToolFanOut) -> Any:
    store = InMemoryStore()
    store.put(("accounts",), "a", {"name": "Acme Corp"})
    graph = StateGraph(SalesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(store=store)


def bare(tools: list) -> list:
    return tools


def governed(tools: list) -> list:
    return [govern(each, CacheHandler()) for each in tools]


@both_ways
@pytest.mark.parametrize("made", [bare, governed])
async def test_every_tool_gets_what_it_asked_for(way, made):
    graph = sales_graph(ToolFanOut(made(TOOLS)))
    given = {**asks(*(call(name, name, x=1) for name in EXPECTED)), "account": "Acme"}
    result = await run(graph, given, way, {"configurable": {"caller_role": "coach"}})
    assert {message.name: message.content for message in result["messages"][1:]} == EXPECTED


@both_ways
async def test_the_variants_of_a_group_get_it_too_each_its_own(way):
    @tool
    def one_field_(x: int, name: Annotated[str, InjectedState("account")]) -> str:
        """Calls the same field something else."""
        raise OSError(name)

    one_field_.name = "other"
    node = ToolFanOut([own_id], groups=[ToolGroup("accounts", [one_field_, one_field])])
    given = {**asks(call("accounts", x=1)), "account": "Acme"}
    result = await run(node, given, way)
    assert "OSError('Acme')" in result["messages"][0].content


@both_ways
async def test_a_variant_named_like_a_tool_outside_its_group_keeps_its_own_injections(way):
    @tool("search")
    def of_the_group(x: int, account: Annotated[str, InjectedState("account")]) -> str:
        """Reads a field."""
        return f"group {account}"

    @tool("search")
    def outside(x: int) -> str:
        """Reads nothing."""
        return f"tool {x}"

    node = ToolFanOut([outside], groups=[ToolGroup("find", [of_the_group])])
    given = {**asks(call("search", "c0", x=1), call("find", "c1", x=1)), "account": "Acme"}
    result = await run(node, given, way)
    assert [message.content for message in result["messages"]] == ["tool 1", "group Acme"]
    [message] = await answers(node, way, call("search", x=1))
    assert message.content == "tool 1"


@both_ways
async def test_a_model_cannot_forge_what_is_injected(way):
    @tool
    def secret(x: int, tenant: Annotated[str, InjectedToolArg] = "own") -> str:
        """Works for a tenant."""
        return tenant

    node = ToolFanOut([secret, whole_state])
    forged = [
        call("secret", "c0", x=1, tenant="other"),
        call("whole_state", "c1", x=1, state={"account": "other"}),
    ]
    result = await run(node, {**asks(*forged), "account": "Acme"}, way)
    assert [message.content for message in result["messages"]] == ["own", "1 Acme"]


@both_ways
@pytest.mark.parametrize("handle", [True, False])
async def test_a_missing_store_is_a_mistake_in_the_set_up_and_is_raised(way, handle):
    with pytest.raises(ValueError, match="compile your graph with a store"):
        await run(graph_of(ToolFanOut([stored], handle_tool_errors=handle)), asks(call("stored", x=1)), way)


@both_ways
async def test_a_list_of_messages_can_be_injected_under_the_messages_key(way):
    @tool
    def history(state: Annotated[dict, InjectedState]) -> str:
        """Counts messages."""
        return str(len(state["messages"]))

    [message] = await run(ToolFanOut([history]), asks(call("history"))["messages"], way)
    assert message.content == "1"


@both_ways
async def test_outside_a_graph_a_tool_still_gets_a_runtime(way):
    @tool
    def streams(runtime: ToolRuntime) -> str:
        """Streams, to nobody."""
        runtime.stream_writer("progress")
        return f"{runtime.store} {runtime.tool_call_id} {[each.name for each in runtime.tools]}"

    [message] = await answers(ToolFanOut([streams]), way, call("streams"))
    assert message.content == "None c0 ['streams']"


async def test_what_a_tool_streams_arrives_while_the_node_runs():
    @tool
    async def streams(runtime: ToolRuntime) -> str:
        """Streams."""
        runtime.stream_writer("half way")
        return "done"

    @tool
    def streams_from_a_thread(runtime: ToolRuntime) -> str:
        """Streams."""
        runtime.stream_writer("half way")
        return "done"

    graph = graph_of(ToolFanOut([streams, streams_from_a_thread]))
    asked = asks(call("streams", "c0"), call("streams_from_a_thread", "c1"))
    assert [piece async for piece in graph.astream(asked, stream_mode="custom")] == ["half way", "half way"]


@both_ways
async def test_a_tool_may_write_into_its_config_without_telling_its_siblings(way):
    @tool
    def writes(config: RunnableConfig) -> str:
        """Leaves a mark."""
        seen = config.get("tags", [])
        config["tags"] = ["marked"]
        return str(seen)

    messages = await answers(ToolFanOut([writes], max_concurrency=1), way, call("writes", "a"), call("writes", "b"))
    assert [message.content for message in messages] == ["[]", "[]"]
