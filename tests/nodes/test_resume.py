"""A message that is run again runs only what had not finished, and every question gets its own answer."""

import asyncio
import itertools
import operator
import signal
import subprocess
import sys
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, RetryPolicy, interrupt

from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.governed import govern
from salesboost_tools.handlers.approval import ApprovalHandler
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.checkpointers import KINDS, checkpointer_of
from tests.nodes.messages import asks, both_ways, call, calls, graph_of, run
from tests.nodes.tools import READ, WRITE, HangingTool

THREAD = {"configurable": {"thread_id": "t"}}

every_checkpointer = pytest.mark.parametrize("kind", KINDS)


@tool
def approve(what: str) -> str:
    """Ask a person."""
    return f"{what}: {interrupt(what)}"


def contents(result: dict) -> list[str]:
    return [message.content for message in result["messages"] if isinstance(message, ToolMessage)]


def questions(result: dict) -> dict[str, str]:
    """Return what is asked and under which id."""
    return {question.value: question.id for question in result["__interrupt__"]}


def ids(result: dict) -> list[str]:
    return [message.tool_call_id for message in result["messages"] if isinstance(message, ToolMessage)]


@every_checkpointer
@both_ways
async def test_what_has_finished_is_not_run_again_when_a_question_is_answered(kind, way, tmp_path):
    read, write, plain = (
        ScriptedTool("a", name="read"),
        ScriptedTool("b", name="write", spec=WRITE),
        ScriptedTool("c", name="plain", spec=UNSPECIFIED),
    )
    node = ToolFanOut([read, approve, write, plain])
    asked = [*calls("read", "write", "plain"), call("approve", "c9", what="sms")]
    async with checkpointer_of(kind, way, tmp_path) as checkpointer:
        graph = graph_of(node, checkpointer=checkpointer)
        paused = await run(graph, asks(*asked), way, THREAD)
        assert list(questions(paused)) == ["sms"]
        done = await run(graph, Command(resume="yes"), way, THREAD)
    assert contents(done) == ["a", "b", "c", "sms: yes"]
    assert ids(done) == ["c0", "c1", "c2", "c9"]
    assert [each.started for each in (read, write, plain)] == [1, 1, 1]


@every_checkpointer
@both_ways
async def test_several_questions_are_asked_at_once_and_each_gets_its_own_answer(kind, way, tmp_path):
    sibling = ScriptedTool(name="sibling", spec=WRITE)
    node = ToolFanOut([approve, sibling])
    asked = [call("approve", f"c{n}", what=what) for n, what in enumerate(["first", "second", "third"])]
    async with checkpointer_of(kind, way, tmp_path) as checkpointer:
        graph = graph_of(node, checkpointer=checkpointer)
        paused = await run(graph, asks(*asked, call("sibling", "c9")), way, THREAD)
        assert list(questions(paused)) == ["first", "second", "third"]
        replies = {name: f"yes to {what}" for what, name in questions(paused).items()}
        done = await run(graph, Command(resume=replies), way, THREAD)
    assert contents(done) == ["first: yes to first", "second: yes to second", "third: yes to third", "answer"]
    assert sibling.started == 1


@both_ways
@pytest.mark.parametrize("order", list(itertools.permutations(["a", "b", "c"])), ids="".join)
async def test_questions_may_be_answered_one_by_one_in_any_order(way, order):
    graph = graph_of(ToolFanOut([approve]), checkpointer=InMemorySaver())
    asked = [call("approve", f"c{n}", what=what) for n, what in enumerate("abc")]
    result = await run(graph, asks(*asked), way, THREAD)
    for number, what in enumerate(order):
        open_ = questions(result)
        assert sorted(open_) == sorted(order[number:])
        result = await run(graph, Command(resume={open_[what]: f"yes to {what}"}), way, THREAD)
    assert contents(result) == [f"{what}: yes to {what}" for what in "abc"]


@both_ways
async def test_the_last_open_question_needs_no_id(way):
    graph = graph_of(ToolFanOut([approve]), checkpointer=InMemorySaver())
    asked = [call("approve", f"c{n}", what=what) for n, what in enumerate("ab")]
    first = questions(await run(graph, asks(*asked), way, THREAD))
    await run(graph, Command(resume={first["a"]: "1"}), way, THREAD)
    assert contents(await run(graph, Command(resume="2"), way, THREAD)) == ["a: 1", "b: 2"]


@both_ways
async def test_a_call_may_ask_twice_and_hears_its_first_answer_again(way):
    started = []

    @tool
    def asks_twice(what: str) -> str:
        """Ask two questions."""
        started.append(what)
        return f"{interrupt(what + '1')} {interrupt(what + '2')}"

    graph = graph_of(ToolFanOut([asks_twice]), checkpointer=InMemorySaver())
    asked = [call("asks_twice", f"c{n}", what=what) for n, what in enumerate("ab")]
    result = await run(graph, asks(*asked), way, THREAD)
    for expected in (["a1", "b1"], ["a2", "b2"]):
        open_ = questions(result)
        assert list(open_) == expected
        result = await run(graph, Command(resume={name: f"!{what}" for what, name in open_.items()}), way, THREAD)
    assert contents(result) == ["!a1 !a2", "!b1 !b2"]
    assert sorted(started) == ["a", "a", "a", "b", "b", "b"]


@both_ways
async def test_what_nobody_was_asked_before_does_not_take_an_answer_meant_for_another(way):
    """The second call asks only when it is run again; the answer that came was for the first."""
    turns = itertools.count()

    @tool
    def asks_later(what: str) -> str:
        """Fail, then ask."""
        if next(turns) == 0:
            raise OSError("down")
        return f"{what}: {interrupt(what)}"

    node = ToolFanOut([asks_later, approve], handle_tool_errors=False, max_concurrency=1)
    graph = graph_of(node, checkpointer=InMemorySaver())
    with pytest.raises(OSError, match="down"):
        await run(graph, asks(call("asks_later", "c0", what="later"), call("approve", "c1", what="first")), way, THREAD)
    result = await run(graph, Command(resume="yes"), way, THREAD)
    assert list(questions(result)) == ["later"]
    assert contents(await run(graph, Command(resume="no"), way, THREAD)) == ["later: no", "first: yes"]


@both_ways
async def test_two_writes_that_need_approval_are_asked_for_at_once_and_answered_apart(way):
    handlers = [ApprovalHandler(), IdempotencyHandler()]
    first, second = ScriptedTool("sent", name="sms", spec=WRITE), ScriptedTool("noted", name="note", spec=WRITE)
    ledger = RunLedger()
    graph = graph_of(ToolFanOut([govern(first, *handlers), govern(second, *handlers)]), checkpointer=InMemorySaver())
    paused = await run(graph, asks(*calls("sms", "note")), way, {**THREAD, "callbacks": [ledger]})
    replies = {question.id: {"approved": question.value["tool"] == "sms"} for question in paused["__interrupt__"]}
    assert len(replies) == 2
    done = await run(graph, Command(resume=replies), way, {**THREAD, "callbacks": [ledger]})
    assert [message.status for message in done["messages"][1:]] == ["success", "error"]
    assert (first.started, second.started) == (1, 0)
    assert ledger.every_run_closed_once()


# ---------------------------------------------------------------- graphs inside of tools


def delegate(name: str, log: list[str]) -> Any:
    """Return a tool whose graph notes something and then asks."""

    def note(state: MessagesState) -> dict:
        log.append(name)
        return {"messages": [AIMessage(f"noted {name}")]}

    def ask(state: MessagesState) -> dict:
        return {"messages": [AIMessage(f"{name} heard {interrupt(name)}")]}

    inner = StateGraph(MessagesState)
    inner.add_node("note", note)
    inner.add_node("ask", ask)
    inner.add_edge(START, "note")
    inner.add_edge("note", "ask")
    inner.add_edge("ask", END)
    subgraph = inner.compile()

    class Delegate(ScriptedTool):
        def _run(self, query="q"):
            return subgraph.invoke({"messages": []})["messages"][-1].content

        async def _arun(self, query="q"):
            return (await subgraph.ainvoke({"messages": []}))["messages"][-1].content

    return Delegate(name=name, spec=UNSPECIFIED)


@every_checkpointer
@both_ways
async def test_graphs_inside_of_tools_ask_and_go_on_each_where_it_stopped(kind, way, tmp_path):
    log: list[str] = []
    node = ToolFanOut([delegate("left", log), delegate("right", log)])
    async with checkpointer_of(kind, way, tmp_path) as checkpointer:
        graph = graph_of(node, checkpointer=checkpointer)
        paused = await run(graph, asks(*calls("left", "right")), way, THREAD)
        open_ = questions(paused)
        assert sorted(open_) == ["left", "right"]
        halfway = await run(graph, Command(resume={open_["right"]: "r"}), way, THREAD)
        assert list(questions(halfway)) == ["left"]
        done = await run(graph, Command(resume="l"), way, THREAD)
    assert contents(done) == ["left heard l", "right heard r"]
    assert sorted(log) == ["left", "right"]


# ---------------------------------------------------------------- errors, retries, cancellation


@every_checkpointer
@both_ways
async def test_after_an_error_only_the_failed_call_is_run_again(kind, way, tmp_path):
    write, flaky = (
        ScriptedTool(name="write", spec=WRITE),
        ScriptedTool(OSError("down"), "up", name="flaky", spec=UNSPECIFIED),
    )
    node = ToolFanOut([write, flaky], handle_tool_errors=False)
    async with checkpointer_of(kind, way, tmp_path) as checkpointer:
        graph = graph_of(node, checkpointer=checkpointer)
        with pytest.raises(OSError, match="down"):
            await run(graph, asks(*calls("write", "flaky")), way, THREAD)
        done = await run(graph, None, way, THREAD)
    assert contents(done) == ["answer", "up"]
    assert (write.started, flaky.started) == (1, 2)


@both_ways
async def test_a_retry_policy_on_the_node_does_not_repeat_a_siblings_write(way):
    write, flaky = (
        ScriptedTool(name="write", spec=WRITE),
        ScriptedTool(OSError("down"), "up", name="flaky", spec=UNSPECIFIED),
    )
    graph = StateGraph(MessagesState)
    retry = RetryPolicy(max_attempts=2, initial_interval=0.001, retry_on=OSError)
    graph.add_node("tools", ToolFanOut([write, flaky], handle_tool_errors=False), retry_policy=retry)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    done = await run(graph.compile(checkpointer=InMemorySaver()), asks(*calls("write", "flaky")), way, THREAD)
    assert contents(done) == ["answer", "up"]
    assert write.started == 1


async def test_a_write_that_was_cancelled_is_reported_unknown_and_not_repeated():
    write, done = HangingTool(name="write", spec=WRITE), ScriptedTool(name="done", spec=WRITE)
    read = HangingTool(name="read", spec=READ)
    graph = graph_of(ToolFanOut([write, done, read]), checkpointer=InMemorySaver())
    task = asyncio.create_task(graph.ainvoke(asks(*calls("done", "write", "read")), THREAD))
    await write.wait_until_it_began()
    await read.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    read.forget()
    again = asyncio.create_task(graph.ainvoke(None, THREAD))
    await read.wait_until_it_began()
    again.cancel()
    with pytest.raises(asyncio.CancelledError):
        await again
    assert (done.started, write.started, read.started) == (1, 1, 2)


@both_ways
async def test_a_write_that_came_too_late_is_not_repeated_when_the_message_is_run_again(way):
    late = HangingTool(name="late", spec=WRITE)
    node = ToolFanOut([late, approve], deadline_s=0.3)
    graph = graph_of(node, checkpointer=InMemorySaver())
    try:
        await run(graph, asks(call("late", "c0"), call("approve", "c1", what="sms")), way, THREAD)
    finally:
        late.release()
    done = await run(graph, Command(resume="yes"), way, THREAD)
    assert contents(done)[1] == "sms: yes"
    assert "It is not known whether it took effect" in contents(done)[0]
    assert late.started == 1


def test_after_a_crash_between_two_calls_a_new_process_runs_the_rest(tmp_path):
    def process(how):
        command = [sys.executable, "-m", "tests.nodes.crashing_graph", str(tmp_path), how]
        return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)

    assert process("crash").returncode == -signal.SIGKILL
    assert (tmp_path / "written").read_text().split() == ["a", "b"]
    resumed = process("resume")
    assert resumed.stdout.splitlines() == ["noted a", "noted b", "survived", "noted c"], resumed.stderr
    assert (tmp_path / "written").read_text().split() == ["a", "b", "c"]


# ---------------------------------------------------------------- what else is kept, and when


@both_ways
async def test_commands_and_lists_are_kept_like_messages(way):
    started = []

    class State(MessagesState):
        seen: Annotated[list, operator.add]

    @tool
    def commands(x: int, call_id: Annotated[str, InjectedToolCallId]) -> Command:
        """Update the state."""
        started.append(x)
        return Command(update={"seen": [x], "messages": [ToolMessage(str(x), tool_call_id=call_id)]})

    @tool
    def lists(x: int, call_id: Annotated[str, InjectedToolCallId]) -> list:
        """Update the state and answer."""
        started.append(x)
        return [Command(update={"seen": [x]}), ToolMessage(str(x), tool_call_id=call_id)]

    graph = StateGraph(State)
    graph.add_node("tools", ToolFanOut([commands, lists, approve]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    asked = [call("commands", "c0", x=1), call("lists", "c1", x=2), call("approve", "c2", what="sms")]
    await run(compiled, asks(*asked), way, THREAD)
    done = await run(compiled, Command(resume="yes"), way, THREAD)
    assert contents(done) == ["1", "2", "sms: yes"]
    assert done["seen"] == [1, 2]
    assert sorted(started) == [1, 2]


class CountingSaver(InMemorySaver):
    """Counts what the node itself keeps and looks up."""

    def __init__(self):
        super().__init__()
        self.kept = 0
        self.looked_up = 0

    def put_writes(self, config, writes, task_id, task_path=""):
        self.kept += writes[0][0] == "salesboost_call"
        super().put_writes(config, writes, task_id, task_path)

    async def aput_writes(self, config, writes, task_id, task_path=""):
        self.put_writes(config, writes, task_id, task_path)

    def get_tuple(self, config):
        self.looked_up += "checkpoint_id" in config["configurable"]
        return super().get_tuple(config)


@both_ways
async def test_a_message_of_reads_keeps_nothing_unless_one_of_them_asks(way):
    reads = [ScriptedTool(name="a"), ScriptedTool(name="b"), govern(approve, spec=READ)]
    saver = CountingSaver()
    graph = graph_of(ToolFanOut(reads), checkpointer=saver)
    await run(graph, asks(*calls("a", "b")), way, {"configurable": {"thread_id": "quiet"}})
    assert (saver.kept, saver.looked_up) == (0, 0)
    await run(graph, asks(*calls("a", "b"), call("approve", "c9", what="sms")), way, THREAD)
    assert saver.kept == 3
    assert contents(await run(graph, Command(resume="yes"), way, THREAD)) == ["answer", "answer", "sms: yes"]
    assert (reads[0].started, reads[1].started) == (2, 2)


@both_ways
@pytest.mark.parametrize(
    ("spec", "kept"), [(WRITE, 1), (READ, 0), (UNSPECIFIED, 0)], ids=["a write", "a read", "nobody said"]
)
async def test_of_a_single_call_only_a_write_is_kept(way, spec, kept):
    saver = CountingSaver()
    graph = graph_of(ToolFanOut([ScriptedTool(name="alone", spec=spec)]), checkpointer=saver)
    await run(graph, asks(*calls("alone")), way, THREAD)
    assert saver.kept == kept


@both_ways
async def test_a_graph_without_a_checkpointer_keeps_nothing(way):
    write = ScriptedTool(name="write", spec=WRITE)
    await run(graph_of(ToolFanOut([write])), asks(*calls("write", "write")), way)
    assert write.started == 2


@both_ways
async def test_a_graph_that_keeps_nothing_before_its_end_is_not_made_to(way):
    saver, write = CountingSaver(), ScriptedTool(name="write", spec=WRITE)
    graph = graph_of(ToolFanOut([write]), checkpointer=saver)
    given = asks(*calls("write", "write"))
    if way == "sync":
        await asyncio.to_thread(graph.invoke, given, THREAD, durability="exit")
    else:
        await graph.ainvoke(given, THREAD, durability="exit")
    assert saver.kept == 0


class FullSaver(InMemorySaver):
    """Has no room for what the node keeps."""

    def put_writes(self, config, writes, task_id, task_path=""):
        if writes[0][0] == "salesboost_call":
            raise OSError("no space left on device")
        super().put_writes(config, writes, task_id, task_path)

    async def aput_writes(self, config, writes, task_id, task_path=""):
        self.put_writes(config, writes, task_id, task_path)


@both_ways
async def test_what_cannot_be_kept_has_happened_all_the_same_and_is_answered(way, caplog):
    write = ScriptedTool(name="write", spec=WRITE)
    graph = graph_of(ToolFanOut([write]), checkpointer=FullSaver())
    assert contents(await run(graph, asks(*calls("write", "write")), way, THREAD)) == ["answer", "answer"]
    assert "could not be kept" in caplog.text


@both_ways
async def test_the_next_message_of_a_conversation_is_a_new_one(way):
    write = ScriptedTool(name="write", spec=WRITE)
    graph = graph_of(ToolFanOut([write]), checkpointer=InMemorySaver())
    for _ in range(2):
        await run(graph, asks(*calls("write", "write")), way, THREAD)
    assert write.started == 4
