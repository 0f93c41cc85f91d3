"""Wherever in LangGraph the node is run, what has finished is not run again and questions are answered apart."""

import asyncio

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import ScriptedTool
from tests.nodes.checkpointers import KINDS, checkpointer_of
from tests.nodes.messages import asks, both_ways, call, calls, graph_of, run
from tests.nodes.tools import READ, WRITE, HangingTool

THREAD = {"configurable": {"thread_id": "t"}}


def calling(runnable, way):
    """Return a function, or a coroutine function, that runs something."""

    def call_it(state):
        return runnable.invoke(state)

    async def acall_it(state):
        return await runnable.ainvoke(state)

    return call_it if way == "sync" else acall_it


def starting(inner, way):
    """Return a function, or a coroutine function, that starts a task and waits for it."""

    def wait_for_it(state):
        return inner(state).result()

    async def await_it(state):
        return await inner(state)

    return wait_for_it if way == "sync" else await_it


def graph_around(action):
    graph = StateGraph(MessagesState)
    graph.add_node("outer", action)
    graph.add_edge(START, "outer")
    return graph.compile(checkpointer=InMemorySaver())


def entering(action):
    return entrypoint(checkpointer=InMemorySaver())(action)


PLACES = {
    "a subgraph": lambda node, way: graph_around(graph_of(node)),
    "a subgraph that keeps its own state": lambda node, way: graph_around(graph_of(node, checkpointer=True)),
    "a function that calls the node": lambda node, way: graph_around(calling(node, way)),
    "a function that calls a graph": lambda node, way: graph_around(calling(graph_of(node), way)),
    "an entrypoint": lambda node, way: entering(calling(node, way)),
    "a task": lambda node, way: entering(starting(task(calling(node, way)), way)),
    "a task that a node starts": lambda node, way: graph_around(starting(task(calling(node, way)), way)),
}


@tool
def approve(what: str) -> str:
    """Ask a person."""
    return f"{what}: {interrupt(what)}"


def contents(result):
    return [message.content for message in result["messages"] if isinstance(message, ToolMessage)]


@both_ways
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_what_has_finished_is_not_run_again_and_each_question_gets_its_own_answer(way, place):
    write = ScriptedTool("done", name="write", spec=WRITE)
    graph = place(ToolFanOut([write, approve]), way)
    asked = [call("write", "c0"), call("approve", "c1", what="x"), call("approve", "c2", what="y")]
    paused = await run(graph, asks(*asked), way, THREAD)
    open_ = {question.value: question.id for question in paused["__interrupt__"]}
    assert sorted(open_) == ["x", "y"]
    halfway = await run(graph, Command(resume={open_["y"]: "Y"}), way, THREAD)
    assert [question.value for question in halfway["__interrupt__"]] == ["x"]
    assert contents(await run(graph, Command(resume="X"), way, THREAD)) == ["done", "x: X", "y: Y"]
    assert write.started == 1


@both_ways
async def test_fan_outs_inside_of_sibling_calls_are_told_apart_even_if_they_ask_alike(way):
    write = ScriptedTool(lambda query: f"wrote {query}", name="write", spec=WRITE)
    inner = ToolFanOut([write, approve])

    @tool
    def delegate(to: str) -> str:
        """Have somebody else write, and ask."""
        asked = [call("write", "c0", query="x"), call("approve", "c1", what="x")]
        return f"{to}: {[message.content for message in inner.invoke(asks(*asked))['messages']]}"

    graph = graph_of(ToolFanOut([delegate]), checkpointer=InMemorySaver())
    asked = [call("delegate", "c0", to="ann"), call("delegate", "c1", to="bob")]
    paused = await run(graph, asks(*asked), way, THREAD)
    replies = {question.id: f"for {number}" for number, question in enumerate(paused["__interrupt__"])}
    assert len(replies) == 2
    done = await run(graph, Command(resume=replies), way, THREAD)
    assert contents(done) == ["ann: ['wrote x', 'x: for 0']", "bob: ['wrote x', 'x: for 1']"]
    assert write.started == 2


@both_ways
async def test_messages_that_one_node_handles_in_turn_are_told_apart_even_if_their_calls_have_the_same_ids(way):
    write = ScriptedTool(lambda query: f"wrote {query}", name="write", spec=WRITE)
    node = ToolFanOut([write, approve])

    async def in_turn(state):
        said = []
        for what in "ab":
            asked = asks(call("write", "c0", query=what), call("approve", "c1", what=what))
            said += (await run(node, asked, way))["messages"]
        return {"messages": said}

    graph = graph_around(in_turn)
    for what in "ab":
        given = asks() if what == "a" else Command(resume="A")
        assert [question.value for question in (await graph.ainvoke(given, THREAD))["__interrupt__"]] == [what]
    done = await graph.ainvoke(Command(resume="B"), THREAD)
    assert contents(done) == ["wrote a", "a: A", "wrote b", "b: B"]
    assert write.started == 2


@both_ways
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("durability", ["exit", "sync"])
async def test_however_durable_the_graph_is_meant_to_be(kind, way, durability, tmp_path):
    write = ScriptedTool("done", name="write", spec=WRITE)
    asked = [call("write", "c0"), call("approve", "c1", what="x"), call("approve", "c2", what="y")]
    async with checkpointer_of(kind, way, tmp_path) as checkpointer:
        graph = graph_of(ToolFanOut([write, approve]), checkpointer=checkpointer)

        async def go_on(given):
            if way == "async":
                return await graph.ainvoke(given, THREAD, durability=durability)
            return await asyncio.to_thread(graph.invoke, given, THREAD, durability=durability)

        paused = await go_on(asks(*asked))
        replies = {question.id: question.value.upper() for question in paused["__interrupt__"]}
        assert contents(await go_on(Command(resume=replies))) == ["done", "x: X", "y: Y"]
    assert write.started == 1


async def test_what_was_paused_in_one_way_may_be_resumed_in_the_other():
    write = ScriptedTool("done", name="write", spec=WRITE)
    graph = graph_of(ToolFanOut([write, approve]), checkpointer=InMemorySaver())
    await run(graph, asks(call("write", "c0"), call("approve", "c1", what="x")), "sync", THREAD)
    assert contents(await run(graph, Command(resume="X"), "async", THREAD)) == ["done", "x: X"]
    assert write.started == 1


class CutOffSaver(InMemorySaver):
    """Loses whatever LangGraph keeps of a node that has ended, as when the process ends right then."""

    lost = False

    async def aput_writes(self, config, writes, task_id, task_path=""):
        self.lost = self.lost or (writes[0][0] == "messages" and isinstance(writes[0][1][-1], ToolMessage))
        if not self.lost:
            await super().aput_writes(config, writes, task_id, task_path)

    async def aput(self, config, checkpoint, metadata, new_versions):
        if self.lost:
            raise OSError("the power is out")
        return await super().aput(config, checkpoint, metadata, new_versions)


async def test_a_single_write_that_has_finished_is_not_repeated_if_nothing_else_is_kept_of_its_node():
    write, saver = ScriptedTool("done", name="write", spec=WRITE), CutOffSaver()
    graph = graph_of(ToolFanOut([write]), checkpointer=saver)
    with pytest.raises(OSError, match="power"):
        await graph.ainvoke(asks(*calls("write")), THREAD, durability="sync")
    assert write.started == 1
    saver.__class__ = InMemorySaver
    assert contents(await graph.ainvoke(None, THREAD)) == ["done"]
    assert write.started == 1


@pytest.mark.parametrize(
    ("spec", "made"), [(WRITE, 1), (READ, 2), (UNSPECIFIED, 2)], ids=["a write", "a read", "nobody said"]
)
async def test_a_single_call_that_was_cut_off_is_repeated_unless_it_is_a_write(spec, made):
    hanging = HangingTool(spec=spec)
    graph = graph_of(ToolFanOut([hanging]), checkpointer=InMemorySaver())
    cut_off = asyncio.create_task(graph.ainvoke(asks(*calls("hanging")), THREAD))
    await hanging.wait_until_it_began()
    cut_off.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    hanging.forget()
    again = asyncio.create_task(graph.ainvoke(None, THREAD))
    if made == 1:
        [content] = contents(await again)
        assert content.endswith("It is not known whether it took effect; check before repeating it.")
    else:
        await hanging.wait_until_it_began()
        again.cancel()
        with pytest.raises(asyncio.CancelledError):
            await again
    assert hanging.started == made
