"""What the stock tool node gets wrong, and ours, with the handlers, does not."""

import asyncio
import threading
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool as make_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, RetryPolicy, interrupt

from salesboost_tools import Effect, IdempotencyHandler, ToolFanOut, ToolMiddleware, ToolSpec, govern
from tests.doubles import RunLedger
from tests.governed.doors import ScriptedChatModel
from tests.handlers.doubles import until
from tests.nodes.messages import asks, call, calls, graph_of
from tests.peers.conftest import ours_and

READ, WRITE = ToolSpec(effect=Effect.READ), ToolSpec(effect=Effect.WRITE)


def node_of(kind, *tools, **options):
    return ToolFanOut(list(tools), **options) if kind == "ours" else kind(list(tools), **options)


def different(name, count):
    """Return calls that differ, for equal ones may be made once."""
    return [call(name, f"c{number}", number=number) for number in range(count)]


def sender(kind, log):
    """Return a write that is written down when it happens; ours under an idempotency key."""

    @make_tool
    async def send() -> str:
        """Send."""
        log.append("send")
        return "sent"

    return govern(send, IdempotencyHandler(), spec=WRITE) if kind == "ours" else send


@ours_and(langgraph=ToolNode)
async def test_no_more_calls_run_at_once_than_was_said(kind):
    """Asked for two at once, the stock node ran twenty."""
    inside, most = [0], [0]

    @make_tool
    async def look(number: int) -> str:
        """Look."""
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        for _ in range(5):
            await asyncio.sleep(0)
        inside[0] -= 1
        return "seen"

    look = govern(look, spec=READ) if kind == "ours" else look
    await graph_of(node_of(kind, look)).ainvoke(asks(*different("look", 20)), {"max_concurrency": 2})
    assert most == [2]


@ours_and(langgraph=ToolNode)
async def test_a_call_that_raises_leaves_no_sibling_running(kind):
    """After the node has failed, the stock one's other calls still run, and nobody hears what they did."""
    gate, ended = asyncio.Event(), []

    @make_tool
    async def fails() -> str:
        """Fail."""
        raise RuntimeError("broken")

    @make_tool
    async def works() -> str:
        """Work."""
        try:
            await gate.wait()
        finally:
            ended.append("works")
        return "done"

    node = node_of(kind, fails, works, handle_tool_errors=kind == "ours")
    running = asyncio.create_task(graph_of(node).ainvoke(asks(*calls("fails", "works"))))
    for _ in range(200):
        await asyncio.sleep(0)
    alone = running.done()
    gate.set()
    answers = (await running)["messages"][1:]
    assert not alone
    assert [(answer.status, answer.content == "done") for answer in answers] == [("error", False), ("success", True)]


@ours_and(langchain=None)
async def test_a_call_that_raises_in_an_agent_cuts_no_sibling_off(kind):
    """An agent made by `create_agent` cancels the other calls half-way and fails."""
    ended = []

    @make_tool
    async def fails() -> str:
        """Fail."""
        raise RuntimeError("broken")

    @make_tool
    async def works() -> str:
        """Work."""
        for _ in range(50):
            await asyncio.sleep(0)
        ended.append("works")
        return "done"

    model = ScriptedChatModel(messages=iter([AIMessage("", tool_calls=calls("fails", "works")), AIMessage("well")]))
    middleware = [ToolMiddleware(handle_tool_errors=True)] if kind == "ours" else []
    agent = create_agent(model, [fails, works], middleware=middleware)
    said = (await agent.ainvoke({"messages": [HumanMessage("go")]}))["messages"]
    assert [(one.name, one.status) for one in said[2:4]] == [("fails", "error"), ("works", "success")]
    assert ended == ["works"]
    assert said[-1].content == "well"


@ours_and(langgraph=ToolNode)
async def test_cancellation_closes_every_run_that_was_started(kind):
    """The stock node's started runs stay open for ever in the trace."""

    @make_tool
    async def hangs() -> str:
        """Hang."""
        await asyncio.Event().wait()
        return ""

    ledger = RunLedger()
    node = node_of(kind, hangs)
    running = asyncio.create_task(graph_of(node).ainvoke(asks(*calls("hangs", "hangs")), {"callbacks": [ledger]}))
    await until(lambda: len(ledger.started) == 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ledger.every_run_closed_once()


@ours_and(langgraph=ToolNode)
async def test_a_node_that_is_tried_again_does_not_repeat_a_siblings_write(kind):
    """A retry policy on the stock node runs the whole message again, writes included."""
    log, failures = [], [RuntimeError("once")]

    @make_tool
    async def stumbles() -> str:
        """Stumble once."""
        await until(lambda: "send" in log)
        if failures:
            raise failures.pop()
        return "went well"

    node = node_of(kind, sender(kind, log), stumbles, handle_tool_errors=False)
    policy = RetryPolicy(max_attempts=2, initial_interval=0.0, jitter=False, retry_on=RuntimeError)
    graph = StateGraph(MessagesState).add_node("tools", node, retry_policy=policy).add_edge(START, "tools").compile()
    await graph.ainvoke(asks(*calls("send", "stumbles")), {"configurable": {"thread_id": "t"}})
    assert log == ["send"]


@ours_and(langgraph=ToolNode)
async def test_a_graph_that_is_resumed_does_not_repeat_what_was_done_beside_the_question(kind):
    """The stock node runs every call of the message again when one of them waited for a person."""
    log = []

    @make_tool
    async def asks_somebody() -> str:
        """Ask."""
        await until(lambda: "send" in log)
        return f"they said {interrupt('may I?')}"

    node = node_of(kind, sender(kind, log), govern(asks_somebody, spec=READ))
    graph, config = graph_of(node, checkpointer=InMemorySaver()), {"configurable": {"thread_id": "t"}}
    await graph.ainvoke(asks(*calls("send", "asks_somebody")), config)
    resumed = await graph.ainvoke(Command(resume="yes"), config)
    assert [message.content for message in resumed["messages"][1:]] == ["sent", "they said yes"]
    assert log == ["send"]


async def test_a_middleware_does_not_make_an_agents_calls_wait_for_each_other():
    """A sync wrapper alone serialises an async fan-out; ours stands on both sides."""
    together = asyncio.Barrier(5)

    @make_tool
    async def meet() -> str:
        """Return once five are inside."""
        async with asyncio.timeout(10):
            await together.wait()
        return "met"

    middleware = ToolMiddleware(IdempotencyHandler(), specs={"meet": READ})
    node = ToolNode([meet], wrap_tool_call=middleware.wrap_tool_call, awrap_tool_call=middleware.awrap_tool_call)
    answers = (await graph_of(node).ainvoke(asks(*calls(*["meet"] * 5))))["messages"][1:]
    assert [answer.content for answer in answers] == ["met"] * 5


@ours_and(langgraph=ToolNode)
async def test_blocking_tools_run_as_many_at_a_time_as_was_said(kind):
    """The loop's own executor has a few threads per core, and a tool that waits holds one."""
    together = threading.Barrier(40)

    @make_tool
    def meet(number: int) -> str:
        """Return once forty are inside."""
        together.wait(30 if kind == "ours" else 1)
        return "met"

    options: dict[str, Any] = {"max_concurrency": 40} if kind == "ours" else {}
    subject = govern(meet, spec=READ) if kind == "ours" else meet
    asked = different("meet", 40)
    answers = await graph_of(node_of(kind, subject, handle_tool_errors=True, **options)).ainvoke(asks(*asked))
    assert [answer.content for answer in answers["messages"][1:]] == ["met"] * 40
