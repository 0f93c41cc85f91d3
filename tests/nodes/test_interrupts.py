"""What asks a person, or speaks to a parent graph, passes; siblings finish first, and nothing counts as failed."""

from inspect import signature

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Interrupt, interrupt
from pydantic import BaseModel

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.messages import answers, asks, both_ways, call, calls, graph_of, run

THREAD = {"configurable": {"thread_id": "t"}}


@tool
def approve(what: str) -> str:
    """Ask a person."""
    return f"{what}: {interrupt({'approve': what})}"


@tool
async def aapprove(what: str) -> str:
    """Ask a person."""
    return f"{what}: {interrupt({'approve': what})}"


def asked_by(result: dict) -> list:
    return [question.value["approve"] for question in result["__interrupt__"]]


def contents(result: dict) -> list[str]:
    return [message.content for message in result["messages"] if not isinstance(message, AIMessage)]


@both_ways
async def test_a_person_is_asked_and_the_answer_arrives(way):
    graph = graph_of(ToolFanOut([approve]), checkpointer=InMemorySaver())
    asked = await run(graph, asks(call("approve", what="sms")), way, THREAD)
    assert asked_by(asked) == ["sms"]
    done = await run(graph, Command(resume="yes"), way, THREAD)
    assert contents(done) == ["sms: yes"]


@both_ways
async def test_siblings_finish_before_a_person_is_asked(way):
    sibling = ScriptedTool(name="sibling")
    graph = graph_of(ToolFanOut([approve, sibling], max_concurrency=1), checkpointer=InMemorySaver())
    asked = await run(graph, asks(call("approve", "a", what="sms"), *calls("sibling", "sibling")), way, THREAD)
    assert asked_by(asked) == ["sms"]
    assert sibling.started == 2
    done = await run(graph, Command(resume="no"), way, THREAD)
    assert contents(done) == ["sms: no", "answer", "answer"]
    assert sibling.started == 2


@both_ways
async def test_every_interrupt_of_a_message_is_collected(way):
    graph = graph_of(ToolFanOut([approve], max_concurrency=1), checkpointer=InMemorySaver())
    asked = [call("approve", f"c{n}", what=what) for n, what in enumerate(["first", "second", "third"])]
    result = await run(graph, asks(*asked), way, THREAD)
    assert asked_by(result) == ["first", "second", "third"]
    replies = {question.id: str(number) for number, question in enumerate(result["__interrupt__"], 1)}
    assert len(replies) == 3
    result = await run(graph, Command(resume=replies), way, THREAD)
    assert contents(result) == ["first: 1", "second: 2", "third: 3"]


async def test_interrupts_of_calls_that_run_at_once_are_all_collected():
    graph = graph_of(ToolFanOut([aapprove]), checkpointer=InMemorySaver())
    asked = [call("aapprove", f"c{n}", what=what) for n, what in enumerate(["first", "second"])]
    assert asked_by(await graph.ainvoke(asks(*asked), THREAD)) == ["first", "second"]


@both_ways
async def test_an_interrupt_is_no_failure(way):
    question = GraphInterrupt([Interrupt("?")])
    asking = govern(ScriptedTool(question), RetryHandler(), spec=ToolSpec(effect=Effect.READ))
    ledger = RunLedger()
    with pytest.raises(GraphInterrupt) as raised:
        await answers(ToolFanOut([asking]), way, *calls("scripted"), config={"callbacks": [ledger]})
    assert raised.value.args[0] == [Interrupt("?")]
    assert asking.inner.started == 1
    assert ledger.every_run_closed_once()


@both_ways
async def test_an_interrupt_without_a_question_still_interrupts(way):
    with pytest.raises(GraphInterrupt):
        await answers(ToolFanOut([ScriptedTool(GraphInterrupt())]), way, *calls("scripted"))


@both_ways
async def test_a_command_for_the_parent_graph_passes_when_siblings_are_done(way):
    parent, sibling = (
        ScriptedTool(ParentCommand(Command(goto="elsewhere")), name="parent"),
        ScriptedTool(name="sibling"),
    )
    node = ToolFanOut([parent, sibling], max_concurrency=1)
    with pytest.raises(ParentCommand) as raised:
        await answers(node, way, *calls("parent", "sibling"))
    assert raised.value.args[0].goto == "elsewhere"
    assert sibling.started == 1


@both_ways
async def test_an_error_that_is_to_be_raised_comes_before_a_question(way):
    node = ToolFanOut(
        [ScriptedTool(GraphInterrupt([Interrupt("?")]), name="asks"), ScriptedTool(OSError("down"), name="bad")],
        handle_tool_errors=False,
    )
    with pytest.raises(OSError, match="down"):
        await answers(node, way, *calls("asks", "bad"))


@both_ways
async def test_a_graph_inside_a_tool_may_ask(way):
    def ask(state: MessagesState) -> dict:
        return {"messages": [AIMessage(f"heard {interrupt({'approve': 'inner'})}")]}

    inner = StateGraph(MessagesState)
    inner.add_node("ask", ask)
    inner.add_edge(START, "ask")
    inner.add_edge("ask", END)
    subgraph = inner.compile()

    class Delegate(ScriptedTool):
        def _run(self, query="q"):
            self.seen.append(query)
            return subgraph.invoke({"messages": []})["messages"][-1].content

        async def _arun(self, query="q"):
            self.seen.append(query)
            return (await subgraph.ainvoke({"messages": []}))["messages"][-1].content

    graph = graph_of(ToolFanOut([Delegate(name="delegate")]), checkpointer=InMemorySaver())
    assert asked_by(await run(graph, asks(*calls("delegate")), way, THREAD)) == ["inner"]
    assert contents(await run(graph, Command(resume="you"), way, THREAD)) == ["heard you"]


@pytest.mark.skipif("response_schema" not in signature(interrupt).parameters, reason="this langgraph takes any answer")
@both_ways
async def test_an_answer_that_does_not_fit_the_question_fails_the_run_and_may_be_given_again(way):
    class Approval(BaseModel):
        yes: bool

    @tool
    def strict(what: str) -> str:
        """Ask a person, and take nothing but an approval."""
        return f"{what}: {interrupt(what, response_schema=Approval).yes}"

    graph = graph_of(ToolFanOut([strict]), checkpointer=InMemorySaver())
    await run(graph, asks(call("strict", what="sms")), way, THREAD)
    with pytest.raises(Exception, match="yes"):
        await run(graph, Command(resume={"yes": "perhaps"}), way, THREAD)
    assert contents(await run(graph, Command(resume={"yes": True}), way, THREAD)) == ["sms: True"]
