"""The node stands in graphs where ToolNode stood."""

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import create_react_agent, tools_condition
from pydantic import PrivateAttr

from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.group import ToolGroup
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.messages import asks, both_ways, calls, graph_of, run


class ScriptedModel(BaseChatModel):
    """Asks for the calls it was given, then sums up what the tools said."""

    asked: list[dict]
    _bound: list[str] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def bound(self) -> list[str]:
        return self._bound

    def bind_tools(self, tools, **kwargs):
        self._bound[:] = [tool.name for tool in tools]
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs) -> ChatResult:
        heard = [message for message in messages if isinstance(message, ToolMessage)]
        said = AIMessage(" + ".join(m.text for m in heard)) if heard else AIMessage("", tool_calls=self.asked)
        return ChatResult(generations=[ChatGeneration(message=said)])


@pytest.fixture
def node():
    variants = [ScriptedTool(OSError("down"), name="a"), ScriptedTool("found", name="b")]
    return ToolFanOut([ScriptedTool("priced", name="price")], groups=[ToolGroup("search", variants)])


@both_ways
async def test_with_tools_condition_in_a_graph_of_ones_own(way, node):
    model = ScriptedModel(asked=calls("price", "search"))
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", node)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    result = await run(graph.compile(), {"messages": [HumanMessage("hi")]}, way)
    assert result["messages"][-1].content == "priced + found"


@pytest.mark.filterwarnings("ignore:create_react_agent")
@both_ways
@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_in_create_react_agent(way, version, node):
    model = ScriptedModel(asked=calls("price", "search"))
    ledger = RunLedger()
    agent = create_react_agent(model, node, version=version)
    result = await run(agent, {"messages": [HumanMessage("hi")]}, way, {"callbacks": [ledger]})
    assert result["messages"][-1].content == "priced + found"
    assert model.bound == ["price", "search"]
    assert ledger.every_run_closed_once()


@pytest.mark.filterwarnings("ignore:create_react_agent")
@both_ways
async def test_a_tool_whose_answer_is_final_ends_the_agent(way):
    final = ScriptedTool("the end", name="final", return_direct=True)
    agent = create_react_agent(ScriptedModel(asked=calls("final")), ToolFanOut([final]))
    result = await run(agent, {"messages": [HumanMessage("hi")]}, way)
    assert result["messages"][-1].content == "the end"


@both_ways
async def test_in_a_subgraph(way, node):
    outer = StateGraph(MessagesState)
    outer.add_node("inner", graph_of(node))
    outer.add_edge(START, "inner")
    outer.add_edge("inner", END)
    result = await run(outer.compile(), asks(*calls("search", "price")), way)
    assert [message.content for message in result["messages"][1:]] == ["found", "priced"]


async def test_tool_events_reach_whoever_streams_them(node):
    streamed = graph_of(node).astream_events(asks(*calls("price", "search")), version="v2")
    seen = [(event["event"], event["name"]) async for event in streamed]
    assert sorted(pair for pair in seen if pair[0].startswith("on_tool")) == [
        ("on_tool_end", "b"),
        ("on_tool_end", "price"),
        ("on_tool_error", "a"),
        ("on_tool_start", "a"),
        ("on_tool_start", "b"),
        ("on_tool_start", "price"),
    ]


@both_ways
async def test_one_node_serves_many_messages(way, node):
    for _ in range(3):
        result = await run(node, asks(*calls("price", "search")), way)
        assert [message.content for message in result["messages"]] == ["priced", "found"]


def test_the_node_has_a_name_and_tags():
    node = ToolFanOut([], name="hands", tags=["sales"])
    assert (node.name, node.tags) == ("hands", ["sales"])
