"""In a graph that can be stopped and resumed this node does what ToolNode does, wherever ToolNode is right."""

import asyncio
import operator
from collections import Counter
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.nodes.compared import several
from tests.nodes.messages import WAYS, asks, both_ways, call, calls, run


class State(MessagesState):
    seen: Annotated[list, operator.add]


def asking(counts: Counter) -> list[Any]:
    """Return tools that ask a person: one way only, or both; before, or after something was done."""

    @tool
    def asks_first(x: int) -> str:
        """Ask, then answer."""
        said = interrupt({"x": x})
        counts["asks_first"] += 1
        return f"{x} {said}"

    @tool
    async def asks_later(x: int) -> str:
        """Do something, then ask."""
        counts["asks_later"] += 1
        await asyncio.sleep(0)
        return f"{x} {interrupt(x)}"

    def asks_twice(x: int) -> str:
        """Ask two questions."""
        return f"{interrupt([x, 1])} {interrupt([x, 2])}"

    async def asks_twice_later(x: int) -> str:
        return asks_twice(x)

    return [asks_first, asks_later, StructuredTool.from_function(asks_twice, coroutine=asks_twice_later)]


QUIET = ["doubles", "doubles_later", "refuses_threes", "pairs", "lists", "counts", "knows", "unheard_of"]
ASKING = ["asks_first", "asks_later", "asks_twice"]
HANDLES = {"a text": "sorry", "a function": repr, "a class": ValueError, "classes": (ValueError, OSError)}


async def story(kind: Any, asked: list[dict], way: str, handle: Any) -> tuple[Any, ...]:
    """Return what was asked, what the state is in the end, and how the run ended."""
    counts: Counter = Counter()
    tools = [each for each in several() if each.name not in ("commands", "sends")]
    graph = StateGraph(State)
    graph.add_node("tools", kind([*tools, *asking(counts)], handle_tool_errors=handle))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    questions: list[Any] = []
    given_: Any = asks(*asked)
    try:
        while True:
            result = await run(compiled, given_, way, config)
            if "__interrupt__" not in result:
                break
            questions += [question.value for question in result["__interrupt__"]]
            given_ = Command(resume=f"answer {len(questions)}")
    except Exception as error:
        return questions, type(error), str(error)
    finally:
        await asyncio.sleep(0)  # ToolNode leaves siblings of an interrupt running: let them end
    told = [(m.tool_call_id, m.name, m.content, m.status, m.artifact) for m in result["messages"][1:]]
    return questions, told, result["seen"]


@settings(max_examples=40, deadline=None)
@given(
    before=st.lists(st.tuples(st.sampled_from(QUIET), st.sampled_from([1, 2, 3, "x"])), max_size=3),
    asks_=st.sampled_from([None, *ASKING]),
    after=st.lists(st.tuples(st.sampled_from(QUIET), st.sampled_from([1, 2, 3, "x"])), max_size=2),
    handle=st.sampled_from(list(HANDLES)),
)
@pytest.mark.parametrize("way", WAYS)
def test_a_message_with_at_most_one_that_asks_ends_alike(way, before, asks_, after, handle):
    wanted = [*before, *([(asks_, 7)] if asks_ else []), *after]
    if way == "sync":  # ToolNode cannot run these
        wanted = [(name, x) for name, x in wanted if name not in ("doubles_later", "asks_later")]
    if handle in ("a class", "classes"):  # what is raised ends the run; ToolNode raises what failed first in time
        wanted = [(name, x) for name, x in wanted if x != "x"]
    asked = [call(name, f"c{n}", x=x) for n, (name, x) in enumerate(wanted)] or calls("doubles", x=1)

    async def both():
        return [await story(kind, asked, way, HANDLES[handle]) for kind in (ToolNode, ToolFanOut)]

    stock, ours = asyncio.run(both())
    assert ours == stock


# ---------------------------------------------------------------- where ToolNode is wrong


@pytest.mark.parametrize(("kind", "times"), [(ToolNode, 2), (ToolFanOut, 1)])
@both_ways
async def test_what_has_finished_is_made_once_where_tool_node_makes_it_again(way, kind, times):
    counts: Counter = Counter()

    @tool
    def sends_mail(x: int) -> str:
        """Send."""
        counts["mails"] += 1
        return "sent"

    graph = StateGraph(State)
    graph.add_node("tools", kind([sends_mail, *asking(counts)]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "t"}}
    await run(compiled, asks(call("sends_mail", "c0", x=1), call("asks_first", "c1", x=2)), way, config)
    await run(compiled, Command(resume="yes"), way, config)
    assert counts["mails"] == times


@both_ways
async def test_answers_reach_those_that_asked_where_tool_node_cannot_be_answered_apart(way):
    graphs = []
    for kind in (ToolNode, ToolFanOut):
        graph = StateGraph(State)
        graph.add_node("tools", kind(asking(Counter())))
        graph.add_edge(START, "tools")
        graph.add_edge("tools", END)
        graphs.append(graph.compile(checkpointer=InMemorySaver()))
    config = {"configurable": {"thread_id": "t"}}
    asked = asks(call("asks_first", "c0", x=1), call("asks_first", "c1", x=2))
    stock, ours = [await run(graph, asked, way, config) for graph in graphs]
    assert len(stock["__interrupt__"]) == 1
    replies = {question.id: f"for {question.value['x']}" for question in ours["__interrupt__"]}
    done = await run(graphs[1], Command(resume=replies), way, config)
    assert [m.content for m in done["messages"] if isinstance(m, ToolMessage)] == ["1 for 1", "2 for 2"]
