"""A call that needs approval is made only if somebody agrees; nobody to ask means no; who agreed to what is kept."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command
from pydantic import BaseModel, PrivateAttr

from salesboost_tools.core import errors
from salesboost_tools.core.call import Caller, ToolCall
from salesboost_tools.core.spec import UNSPECIFIED, Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.approval import LONGEST_SHOWN, ApprovalHandler
from salesboost_tools.handlers.approvals import Approval, ApprovalRequest, MemoryApprovalLog
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.handlers.interrupt_approver import InterruptApprover, read_answer
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import RunLedger, ScriptedTool
from tests.handlers.doubles import READ, WRITE, EventLedger

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class SmsArgs(BaseModel):
    to: str
    text: str = "Hello"
    parts: int = 1
    cost: Decimal = Decimal("0.05")


class SmsTool(BaseTool):
    """Writes down what it was asked to send."""

    name: str = "sms"
    description: str = "Sends."
    args_schema: type[BaseModel] = SmsArgs
    spec: ToolSpec = WRITE
    _sent: list = PrivateAttr(default_factory=list)

    @property
    def sent(self):
        return self._sent

    def _run(self, **args):
        self._sent.append(args)
        return f"sent {len(self._sent)}"

    async def _arun(self, **args):
        return self._run(**args)


class Person:
    """Answers what it was told to, and remembers what it was asked."""

    pauses = False

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def ask(self, request):
        self.asked.append(request)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    async def aask(self, request):
        return self.ask(request)


class BrokenLog:
    def record(self, entry):
        raise OSError("disk full")

    async def arecord(self, entry):
        self.record(entry)


@pytest.fixture
def ledger():
    return EventLedger()


def sms(to="+1 415 555 2671", **args):
    return {"name": "sms", "args": {"to": to, **args}, "id": "c1", "type": "tool_call"}


@pytest.fixture(params=["sync", "async"])
def way(request):
    return request.param


async def call(tool, given, way, config=None):
    return tool.invoke(given, config) if way == "sync" else await tool.ainvoke(given, config)


# ---------------------------------------------------------------- which calls


async def test_a_declared_write_is_made_only_if_somebody_agrees(ask):
    yes, no = Person(Approval(True)), Person(Approval(False, by="boss", reason="too late today"))
    assert await ask(govern(ScriptedTool("sent", spec=WRITE), ApprovalHandler(yes))) == "sent"
    refused = govern(ScriptedTool("sent", spec=WRITE), ApprovalHandler(no))
    with pytest.raises(errors.ApprovalRejectedError, match=r"boss said no \(too late today\)") as raised:
        await ask(refused)
    assert "too late today" in raised.value.for_model
    assert refused.inner.started == 0


@pytest.mark.parametrize(
    "spec", [READ, UNSPECIFIED, ToolSpec(effect=lambda args: Effect.READ)], ids=["a read", "undescribed", "a rule"]
)
async def test_a_read_and_what_nobody_declared_pass_unasked(ask, spec):
    person = Person(Approval(False))
    assert await ask(govern(ScriptedTool("a", spec=spec), ApprovalHandler(person))) == "a"
    assert person.asked == []


async def test_which_calls_need_approval_can_be_said_by_tool_and_by_call(ask):
    person = Person(Approval(True))
    handler = ApprovalHandler(
        person,
        needed=lambda call: call.args["query"] == "big",
        by_tool={"free": False, "always": True, "other": lambda call: call.caller.role == "npc"},
    )
    for name, query, asked in [
        ("any", "small", 0),
        ("any", "big", 1),
        ("free", "big", 1),
        ("always", "small", 2),
        ("other", "big", 2),
    ]:
        await ask(govern(ScriptedTool(name=name), handler), query)
        assert len(person.asked) == asked
    await ask(govern(ScriptedTool(name="other"), handler), caller_role="npc")
    assert len(person.asked) == 3


def test_a_rule_of_another_kind_is_refused():
    with pytest.raises(errors.ConfigurationError, match="by_tool"):
        ApprovalHandler(by_tool={"sms": "yes"})


# ---------------------------------------------------------------- what is asked


async def test_an_approver_sees_masked_arguments_and_who_asks(way):
    person = Person(Approval(True))
    tool = govern(SmsTool(), ApprovalHandler(person))
    text = "mail dana@acme.com " + "x" * 1000
    await call(tool, sms(text=text), way, {"configurable": {"caller_role": "coach", "thread_id": "t"}})
    request = person.asked[0]
    assert request.preview["to"] == "+* *** *** **71"
    assert request.preview["cost"] == "0.05"
    assert len(request.preview["text"]) == LONGEST_SHOWN + 1
    assert "dana@" not in request.preview["text"]
    assert request.caller == Caller(role="coach")
    assert (request.tool, request.tool_call_id, request.thread_id) == ("sms", "c1", "t")
    assert request.args["to"] == "+1 415 555 2671"
    assert "2671" not in repr(request)
    assert tool.inner.sent[0]["text"] == text


async def test_a_question_and_its_answer_are_told(ask, ledger):
    await ask(govern(ScriptedTool(spec=WRITE), ApprovalHandler(Person(Approval(True, by="boss"))), ledger))
    assert ledger.events == [("approval_requested", {}), ("approved", {"by": "boss"})]


async def test_a_refusal_is_told(ask, ledger):
    with pytest.raises(errors.ApprovalRejectedError):
        await ask(govern(ScriptedTool(spec=WRITE), ApprovalHandler(Person(Approval(False, by="boss"))), ledger))
    assert ledger.events == [("approval_requested", {}), ("rejected", {"by": "boss"})]


# ---------------------------------------------------------------- no answer


@pytest.mark.parametrize("answer", [OSError("chat is down"), None, "yes", True], ids=repr)
async def test_an_approver_that_fails_means_no(ask, ledger, answer):
    tool = govern(ScriptedTool(spec=WRITE), ApprovalHandler(Person(answer)), ledger)
    with pytest.raises(errors.ApprovalRejectedError):
        await ask(tool)
    assert tool.inner.started == 0
    assert ledger.of("rejected") == [{"by": None}]


async def test_an_answer_that_cannot_be_written_down_means_no(ask):
    tool = govern(ScriptedTool(spec=WRITE), ApprovalHandler(Person(Approval(True)), log=BrokenLog()))
    with pytest.raises(errors.ApprovalRejectedError, match="disk full"):
        await ask(tool)
    assert tool.inner.started == 0


async def test_outside_of_a_graph_there_is_nobody_to_ask(ask):
    tool = govern(ScriptedTool(spec=WRITE), ApprovalHandler())
    with pytest.raises(errors.ApprovalRejectedError, match="outside of a graph"):
        await ask(tool)
    assert tool.inner.started == 0


async def test_a_graph_without_a_checkpointer_cannot_be_answered(way):
    tool = govern(SmsTool(), ApprovalHandler())
    with pytest.raises(errors.ApprovalRejectedError, match="no checkpointer"):
        await run(graph_of(ToolFanOut([tool], handle_tool_errors=False), None), asks(sms()), way)
    assert tool.inner.sent == []


# ---------------------------------------------------------------- what is kept


async def test_who_approved_what_is_kept(way):
    handler = ApprovalHandler(Person(Approval(True, by="boss", reason="ok")), now=lambda: NOON)
    await call(govern(SmsTool(), handler), sms(), way, {"configurable": {"user_id": "dana", "thread_id": "t"}})
    (record,) = handler.log.recent()
    assert (record.tool, record.approved, record.by, record.reason) == ("sms", True, "boss", "ok")
    assert (record.caller.user_id, record.tool_call_id, record.thread_id, record.at) == ("dana", "c1", "t", NOON)
    assert record.preview["to"] == "+* *** *** **71"
    assert record.fingerprint.startswith("sms:")


async def test_a_rejection_is_kept_too(way):
    handler = ApprovalHandler(Person(Approval(False, by="boss")))
    with pytest.raises(errors.ApprovalRejectedError):
        await call(govern(SmsTool(), handler), sms(), way)
    assert [record.approved for record in handler.log.recent()] == [False]


async def test_a_log_remembers_the_last_ones_and_repeated_answers_once(ask):
    log = MemoryApprovalLog(3)
    handler = ApprovalHandler(Person(Approval(True)), log=log)
    tool = govern(ScriptedTool(spec=WRITE), handler)
    for _ in range(2):
        await tool.ainvoke({"name": "scripted", "args": {}, "id": "c1", "type": "tool_call"})
    assert len(log.recent()) == 1
    for query in "abcd":
        await ask(tool, query)
    assert len(log.recent()) == 3
    with pytest.raises(errors.ConfigurationError):
        MemoryApprovalLog(0)


# ---------------------------------------------------------------- edits


async def test_an_approver_may_change_arguments(way, ledger):
    handler = ApprovalHandler(Person(Approval(True, args={"text": "Hi", "parts": 1, "to": "+* *** *** **71"})))
    tool = govern(SmsTool(), handler, ledger)
    await call(tool, sms(), way)
    assert tool.inner.sent == [{"to": "+1 415 555 2671", "text": "Hi", "parts": 1, "cost": Decimal("0.05")}]
    assert handler.log.recent()[0].edited == ("text",)


@pytest.mark.parametrize(
    ("args", "why"),
    [({"txt": "Hi"}, "unknown"), ({"parts": "2"}, "has to be int"), ({"cost": "9.99"}, "has to be Decimal")],
    ids=str,
)
async def test_a_change_that_does_not_fit_means_no(way, args, why):
    tool = govern(SmsTool(), ApprovalHandler(Person(Approval(True, args=args))))
    with pytest.raises(errors.ApprovalRejectedError, match=why):
        await call(tool, sms(), way)
    assert tool.inner.sent == []


async def test_plain_data_that_comes_back_as_it_was_shown_is_no_change(way):
    handler = ApprovalHandler(Person(Approval(True, args={"cost": "0.05", "text": "Hello"})))
    tool = govern(SmsTool(), handler)
    await call(tool, sms(), way)
    assert tool.inner.sent[0]["cost"] == Decimal("0.05")
    assert handler.log.recent()[0].edited == ()


# ---------------------------------------------------------------- graphs


def graph_of(node, checkpointer):
    graph = StateGraph(MessagesState)
    graph.add_node("tools", node)
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    return graph.compile(checkpointer=checkpointer)


def asks(*calls):
    return {"messages": [AIMessage("", tool_calls=list(calls))]}


async def run(graph, given, way, **configurable):
    config = {"configurable": {"thread_id": "t1", **configurable}}
    return graph.invoke(given, config) if way == "sync" else await graph.ainvoke(given, config)


def contents(result):
    return [message.content for message in result["messages"][1:]]


@pytest.fixture(params=[ToolFanOut, ToolNode])
def node(request):
    return request.param


async def test_a_graph_stops_asks_and_goes_on_when_it_is_resumed(node, way, ledger):
    handler, runs = ApprovalHandler(), RunLedger()
    tool = govern(SmsTool(callbacks=[runs]), handler, ledger)
    graph = graph_of(node([tool]), InMemorySaver())
    asked = await run(graph, asks(sms()), way, caller_role="coach", user_id="dana", tenant_id="acme")
    (question,) = [one.value for one in asked["__interrupt__"]]
    assert question == {
        "type": "tool_approval",
        "tool": "sms",
        "args": {"to": "+* *** *** **71", "text": "Hello", "parts": 1, "cost": "0.05"},
        "tool_call_id": "c1",
        "caller": {"role": "coach", "user_id": "dana", "tenant_id": "acme", "session_id": None},
        "may_edit": False,
        "must_name_call": False,
    }
    assert tool.inner.sent == []
    assert [event for event, _ in ledger.events] == ["approval_requested"]
    done = await run(graph, Command(resume={"approved": True, "by": "boss"}), way, user_id="boss")
    assert contents(done) == ["sent 1"]
    assert tool.inner.sent[0]["to"] == "+1 415 555 2671"
    assert [event for event, _ in ledger.events] == ["approval_requested", "approved"]
    assert [(record.by, record.caller.user_id) for record in handler.log.recent()] == [("boss", "boss")]
    assert runs.every_run_closed_once()


@pytest.mark.parametrize("answer", [False, "reject", {"approved": False}, "perhaps", 1, {"approve": True}], ids=repr)
async def test_any_answer_but_yes_means_no_and_the_model_hears_it(way, answer):
    tool = govern(SmsTool(), ApprovalHandler())
    graph = graph_of(ToolFanOut([tool]), InMemorySaver())
    await run(graph, asks(sms()), way)
    done = await run(graph, Command(resume=answer), way)
    assert "was not approved" in contents(done)[0]
    assert done["messages"][-1].status == "error"
    assert tool.inner.sent == []


async def test_two_writes_of_a_message_are_asked_for_at_once_and_each_is_done_once(way):
    handler = ApprovalHandler()
    tool = govern(SmsTool(), handler, IdempotencyHandler())
    graph = graph_of(ToolFanOut([tool]), InMemorySaver())
    asked = await run(graph, asks(sms("+14155550001"), {**sms("+14155550002"), "id": "c2"}), way)
    questions = {question.value["tool_call_id"]: question.id for question in asked["__interrupt__"]}
    assert set(questions) == {"c1", "c2"}
    half = await run(graph, Command(resume={questions["c1"]: True}), way)
    assert [question.value["tool_call_id"] for question in half["__interrupt__"]] == ["c2"]
    done = await run(graph, Command(resume={questions["c2"]: True}), way)
    assert contents(done) == ["sent 1", "sent 2"]
    assert [args["to"] for args in tool.inner.sent] == ["+14155550001", "+14155550002"]
    assert [record.tool_call_id for record in handler.log.recent()] == ["c1", "c2"]


async def test_an_answer_for_another_call_means_no(way):
    tool = govern(SmsTool(), ApprovalHandler(InterruptApprover(must_name_call=True)))
    graph = graph_of(ToolFanOut([tool]), InMemorySaver())
    for answer, sent in [
        ({"approved": True, "tool_call_id": "c2"}, 0),
        (True, 0),
        ({"approved": True, "tool_call_id": "c1"}, 1),
    ]:
        await run(graph, asks(sms()), way, thread_id=str(answer))
        await run(graph, Command(resume=answer), way, thread_id=str(answer))
        assert len(tool.inner.sent) == sent


@pytest.mark.parametrize(("may_edit", "sent"), [(True, ["Hi"]), (False, [])])
async def test_an_answer_may_change_arguments_only_where_that_is_allowed(way, may_edit, sent):
    tool = govern(SmsTool(), ApprovalHandler(InterruptApprover(may_edit=may_edit)))
    graph = graph_of(ToolFanOut([tool]), InMemorySaver())
    await run(graph, asks(sms()), way)
    await run(graph, Command(resume={"approved": True, "args": {"text": "Hi"}}), way)
    assert [args["text"] for args in tool.inner.sent] == sent


def test_what_can_be_answered():
    request = ApprovalRequest("sms", {}, {}, Caller(), "c1", None)
    assert read_answer(request, " Approve ") == (Approval(True), None)
    assert read_answer(request, "rejected") == (Approval(False), None)
    full = {"approved": True, "by": "b", "reason": "r", "args": {"x": 1}, "tool_call_id": "c1"}
    assert read_answer(request, full) == (Approval(True, "b", "r", {"x": 1}), "c1")
    for unreadable in (
        None,
        1,
        "yes",
        [],
        {"approved": "yes"},
        {"approved": True, "by": 7},
        {"approved": True, "args": 1},
    ):
        with pytest.raises(errors.ApprovalRejectedError, match="accepted are"):
            read_answer(request, unreadable)


def test_arguments_of_any_kind_can_be_shown():
    person = Person(Approval(True))
    odd = ToolCall(name="t", args={"data": b"\xff", "thing": object(), "x": float("nan")}, spec=WRITE)
    assert ApprovalHandler(person).around(odd, lambda call: "sent") == "sent"
    assert set(person.asked[0].preview) == {"data", "thing", "x"}
