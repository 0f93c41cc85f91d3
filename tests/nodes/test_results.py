"""Whatever ToolNode takes from a tool, this node takes, and puts together in the same way."""

from typing import Annotated

import pytest
from langchain_core.messages import HumanMessage, RemoveMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.types import Command, Send

from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import ScriptedTool
from tests.nodes.messages import answers, asks, both_ways, call, calls, graph_of, run

CallId = Annotated[str, InjectedToolCallId]


@tool
def commands(call_id: CallId) -> Command:
    """Changes the state."""
    return Command(update={"messages": [ToolMessage("changed", tool_call_id=call_id)]})


@tool
def list_of_both(call_id: CallId) -> list:
    """Changes the state and answers."""
    return [Command(update={"messages": [HumanMessage("aside")]}), ToolMessage("answered", tool_call_id=call_id)]


@tool
def own_message(call_id: CallId) -> ToolMessage:
    """Answers with a message of its own."""
    return ToolMessage("mine", tool_call_id=call_id, artifact={"kept": True})


@tool(response_format="content_and_artifact")
def pair() -> tuple:
    """Answers with content and artifact."""
    return "content", {"artifact": 1}


@both_ways
@pytest.mark.parametrize(
    ("given", "content"),
    [
        ("text", "text"),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ("ü", "ü"),
        ({"ü": 1}, '{"ü": 1}'),
        (None, "null"),
        ([], []),
        ([{"type": "text", "text": "block"}], [{"type": "text", "text": "block"}]),
        (["a", "b"], '["a", "b"]'),
        (7, "7"),
    ],
    ids=repr,
)
async def test_results_become_content_that_a_model_can_read(way, given, content):
    [message] = await answers(ToolFanOut([ScriptedTool(given)]), way, *calls("scripted"))
    assert message.content == content
    assert message.status == "success"


@both_ways
async def test_an_artifact_stays_beside_the_content(way):
    [message] = await answers(ToolFanOut([pair]), way, *calls("pair"))
    assert (message.content, message.artifact) == ("content", {"artifact": 1})


@both_ways
async def test_a_tools_own_message_is_kept(way):
    [message] = await answers(ToolFanOut([own_message]), way, *calls("own_message"))
    assert (message.content, message.artifact) == ("mine", {"kept": True})


@both_ways
async def test_commands_and_messages_come_back_in_the_order_of_the_calls(way):
    node = ToolFanOut([commands, ScriptedTool()])
    result = await run(node, asks(*calls("scripted", "commands", "scripted")), way)
    assert [type(part) for part in result] == [dict, Command, dict]
    assert result[1].update["messages"][0].name == "commands"
    assert [part["messages"][0].tool_call_id for part in (result[0], result[2])] == ["c0", "c2"]


@both_ways
async def test_a_list_of_commands_and_messages_is_spread(way):
    result = await run(ToolFanOut([list_of_both]), asks(*calls("list_of_both")), way)
    assert [type(part) for part in result] == [Command, dict]
    assert result[1]["messages"][0].content == "answered"


@both_ways
async def test_a_graph_takes_all_of_it(way):
    graph = graph_of(ToolFanOut([commands, list_of_both, ScriptedTool()]))
    result = await run(graph, asks(*calls("commands", "list_of_both", "scripted")), way)
    assert {message.content for message in result["messages"][1:]} == {"changed", "aside", "answered", "answer"}


@both_ways
async def test_sends_to_the_parent_graph_become_one_command(way):
    def parent(where: str) -> Command:
        return Command(graph=Command.PARENT, goto=[Send(where, {})])

    node = ToolFanOut([ScriptedTool(parent("a"), name="a"), ScriptedTool(parent("b"), name="b")])
    [command] = await run(node, asks(*calls("a", "b")), way)
    assert command.graph is Command.PARENT
    assert [send.node for send in command.goto] == ["a", "b"]


@both_ways
async def test_removing_all_messages_needs_no_answer(way):
    cleared = Command(update={"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES)]})
    [command] = await run(ToolFanOut([ScriptedTool(cleared)]), asks(*calls("scripted")), way)
    assert command == cleared


WRONG = [
    (Command(update={"messages": []}), "matching ToolMessage"),
    (Command(update=[ToolMessage("x", tool_call_id="c0")]), "only when using list of messages"),
    ([ToolMessage("x", tool_call_id="other")], "exactly one terminating ToolMessage"),
    ([ToolMessage("x", tool_call_id="c0"), "stray"], None),
]


@both_ways
@pytest.mark.parametrize(("given", "said"), WRONG, ids=repr)
async def test_a_result_that_would_break_the_history_is_an_error_of_that_call_alone(way, given, said):
    node = ToolFanOut([ScriptedTool(given, name="wrong"), ScriptedTool(name="good")])
    messages = await answers(node, way, *calls("wrong", "good"))
    if said:
        assert said in messages[0].content
        assert messages[0].status == "error"
    assert messages[1].content == "answer"


@both_ways
@pytest.mark.parametrize(("given", "said"), WRONG[:3], ids=repr)
async def test_it_is_raised_if_errors_are(way, given, said):
    with pytest.raises(ValueError, match=said):
        await answers(ToolFanOut([ScriptedTool(given)], handle_tool_errors=False), way, *calls("scripted"))


@both_ways
async def test_a_command_for_a_list_of_messages_updates_the_list(way):
    @tool
    def lists(call_id: CallId) -> Command:
        """Answers a list."""
        return Command(update=[ToolMessage("listed", tool_call_id=call_id)])

    [command] = await run(ToolFanOut([lists]), asks(call("lists"))["messages"], way)
    assert command.update[0].content == "listed"
