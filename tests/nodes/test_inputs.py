"""Whatever form of state ToolNode reads tool calls from, this node reads them from."""

from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import InjectedState
from langgraph.types import Send
from pydantic import BaseModel

from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.group import ToolGroup
from tests.doubles import ScriptedTool
from tests.nodes.messages import asks, both_ways, calls, run


@pytest.fixture
def node():
    return ToolFanOut([ScriptedTool()])


class PydanticState(BaseModel):
    messages: Annotated[list, add_messages] = []


@dataclass
class DataclassState:
    messages: Annotated[list, add_messages] = field(default_factory=list)


@both_ways
@pytest.mark.parametrize("state", [dict, PydanticState, DataclassState])
async def test_a_state_of_any_kind_is_answered_with_an_update(way, node, state):
    result = await run(node, state(**asks(*calls("scripted"))), way)
    assert [message.content for message in result["messages"]] == ["answer"]


@both_ways
async def test_a_list_of_messages_is_answered_with_a_list(way, node):
    [message] = await run(node, [HumanMessage("hi"), *asks(*calls("scripted"))["messages"]], way)
    assert (message.content, message.tool_call_id) == ("answer", "c0")


@both_ways
async def test_a_list_of_tool_calls_is_answered_with_an_update(way, node):
    result = await run(node, calls("scripted", "scripted"), way)
    assert [message.tool_call_id for message in result["messages"]] == ["c0", "c1"]


@both_ways
async def test_a_call_that_brings_its_own_state_is_answered(way):
    @tool
    def reads(state: Annotated[dict, InjectedState]) -> str:
        """Reads the state."""
        return state["plan"]

    sent = {"__type": "tool_call_with_context", "tool_call": calls("reads")[0], "state": {"plan": "B"}}
    result = await run(ToolFanOut([reads]), sent, way)
    assert result["messages"][0].content == "B"


@both_ways
async def test_messages_may_stand_under_another_key(way):
    node = ToolFanOut([ScriptedTool()], messages_key="chat")
    result = await run(node, {"chat": asks(*calls("scripted"))["messages"]}, way)
    assert list(result) == ["chat"]
    assert result["chat"][0].content == "answer"


@both_ways
async def test_the_last_message_that_a_model_wrote_counts(way, node):
    history = [*asks(*calls("scripted"))["messages"], ToolMessage("old", tool_call_id="c0"), *asks()["messages"]]
    assert await run(node, {"messages": history}, way) == {"messages": []}


@both_ways
async def test_a_message_without_tool_calls_is_answered_with_nothing(way, node):
    assert await run(node, {"messages": [AIMessage("done")]}, way) == {"messages": []}
    assert await run(node, [AIMessage("done")], way) == []


@both_ways
@pytest.mark.parametrize("given", [[], {"messages": []}, {}, {"chat": [AIMessage("")]}, PydanticState()], ids=repr)
async def test_no_message_at_all_is_refused(way, node, given):
    with pytest.raises(ValueError, match="No message found in input"):
        await run(node, given, way)


@both_ways
@pytest.mark.parametrize("given", [[HumanMessage("hi")], {"messages": [HumanMessage("hi")]}], ids=["list", "dict"])
async def test_a_conversation_in_which_no_model_spoke_is_refused(way, node, given):
    with pytest.raises(ValueError, match="No AIMessage found in input"):
        await run(node, given, way)


@both_ways
async def test_calls_may_be_sent_one_by_one(way):
    @tool
    def counts(state: Annotated[dict, InjectedState]) -> str:
        """Counts messages."""
        return str(len(state["messages"]))

    def send(state: MessagesState) -> list[Send]:
        return [Send("tools", [asked]) for asked in state["messages"][-1].tool_calls]

    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolFanOut([counts]))
    graph.add_conditional_edges(START, send, ["tools"])
    graph.add_edge("tools", END)
    result = await run(graph.compile(), asks(*calls("counts", "counts", "counts")), way)
    assert [(m.tool_call_id, m.content) for m in result["messages"][1:]] == [("c0", "1"), ("c1", "1"), ("c2", "1")]


@both_ways
@pytest.mark.parametrize("state", [MessagesState, PydanticState, DataclassState])
async def test_a_graph_may_keep_any_kind_of_state(way, node, state):
    graph = StateGraph(state)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    result: Any = await run(graph.compile(), asks(*calls("scripted")), way)
    assert result["messages"][-1].content == "answer"


@both_ways
async def test_functions_are_made_into_tools(way):
    def double(x: int) -> int:
        """Double a number."""
        return 2 * x

    result = await run(ToolFanOut([double]), asks(*calls("double", x=4)), way)
    assert result["messages"][0].content == "8"


@both_ways
@pytest.mark.parametrize("several", [tuple, iter])
async def test_tools_and_groups_may_come_in_any_collection(way, several):
    searches = ToolGroup("search", [ScriptedTool("found", name="words")])
    node = ToolFanOut(several([ScriptedTool()]), groups=several([searches]))
    result = await run(node, asks(*calls("scripted", "search")), way)
    assert [message.content for message in result["messages"]] == ["answer", "found"]


@both_ways
async def test_the_models_own_arguments_are_left_as_they_were(way):
    @tool
    def greedy(items: list) -> str:
        """Takes everything."""
        items.clear()
        return "taken"

    asked = calls("greedy", items=[1, 2])
    await run(ToolFanOut([greedy]), asks(*asked), way)
    assert asked == calls("greedy", items=[1, 2])


@both_ways
async def test_a_tool_may_be_added_or_replaced_later(way):
    node = ToolFanOut([ScriptedTool("first")])
    node.tools_by_name["scripted"] = ScriptedTool("second")
    node.tools_by_name["late"] = ScriptedTool("added", name="late")
    result = await run(node, asks(*calls("scripted", "late")), way)
    assert [message.content for message in result["messages"]] == ["second", "added"]
