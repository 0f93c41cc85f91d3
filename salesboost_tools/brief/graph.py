"""The account brief as a LangGraph graph: find the account, plan, run the calls side by side, plan again, write."""

# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph

from salesboost_tools.brief.account_brief import AccountBrief
from salesboost_tools.brief.calls import planned
from salesboost_tools.brief.chat_model import ModelPlanner, ModelWriter
from salesboost_tools.brief.findings import Findings, findings
from salesboost_tools.brief.lookup import Asking, Identified, Lookup, Unknown, look_up
from salesboost_tools.brief.playbook import Playbook, shipped_playbook
from salesboost_tools.brief.rule_planner import RulePlanner
from salesboost_tools.brief.tool_answers import this_request, tool_answers
from salesboost_tools.brief.writing import TemplateWriter
from salesboost_tools.toolkit import SalesToolkit

CALLER_ROLE = "coach"
"""The one role that may use every tool a brief needs."""
MOST_PLANS = 6
"""How often calls are planned for one brief, the look-up included; then it is written with what is there."""


class BriefRequest(TypedDict, total=False):
    """What the graph is asked: `{"account": "Acme Corp"}`, or nothing for the stalled deal with most at stake."""

    account: str | None


class BriefState(BriefRequest, total=False):
    """What the nodes share.

    Attributes:
        messages: The request, the planned calls and their answers.
        brief: The result; None until it is written, or if there is a problem.
        problem: Why there is no brief, for a person.
    """

    messages: Annotated[list[AnyMessage], add_messages]
    brief: AccountBrief | None
    problem: str | None


class Planner(Protocol):
    """Chooses the next calls; a message without calls ends the planning."""

    name: str

    def plan(self, messages: Sequence[AnyMessage], found: Findings) -> AIMessage:
        """Return the next calls."""
        ...

    async def aplan(self, messages: Sequence[AnyMessage], found: Findings) -> AIMessage:
        """Return the next calls."""
        ...


class Writer(Protocol):
    """Writes the brief from what was found."""

    def write(self, messages: Sequence[AnyMessage], found: Findings, planned_by: str) -> AccountBrief:
        """Return the brief."""
        ...

    async def awrite(self, messages: Sequence[AnyMessage], found: Findings, planned_by: str) -> AccountBrief:
        """Return the brief."""
        ...


def build_account_brief(
    toolkit: SalesToolkit,
    model: BaseChatModel | None = None,
    *,
    playbook: Playbook | None = None,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    now: Callable[[], datetime] | None = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the compiled graph `find → tools → plan → tools → … → write`.

    It runs as the role "coach" unless the config names a `caller_role`. State in: `{"account": name, part of a name or
    id}`; out: `brief` (an `AccountBrief`), or `problem` if the account is not known. A tool that fails, or is refused
    by a handler, does not break the brief: it says what is missing and why.

    Args:
        toolkit: Whose tools are called, through `toolkit.fan_out()`.
        model: Plans with the tools bound to it, and writes. None: rules and templates do.
        playbook: The rules that are data; the shipped one if None.
        checkpointer: Keeps a thread's state, if threads are to be kept. Each request on a thread is a brief of its own.
        now: The present moment where the CRM does not say it; the wall clock if None.
    """
    tools = toolkit.fan_out()
    playbook = playbook or shipped_playbook()
    planner: Planner = RulePlanner(playbook)
    writer: Writer = TemplateWriter(playbook)
    if model is not None:
        planner = ModelPlanner(model, list(tools.tools_by_name.values()))
        writer = ModelWriter(model, TemplateWriter(playbook))
    desk = _Desk(planner, writer, playbook.stalled.after_days, now or _wall_clock)

    graph = StateGraph(BriefState, input_schema=BriefRequest)
    graph.add_node("find", desk.find)
    graph.add_node("tools", tools)
    graph.add_node("plan", RunnableLambda(desk.plan, desk.aplan))
    graph.add_node("write", RunnableLambda(desk.write, desk.awrite))
    graph.add_edge(START, "find")
    graph.add_edge("find", "tools")
    graph.add_edge("tools", "plan")
    graph.add_conditional_edges("plan", _after_plan, ["tools", "write", END])
    graph.add_edge("write", END)
    compiled = graph.compile(checkpointer, name="account_brief")
    return compiled.with_config(configurable={"caller_role": CALLER_ROLE})


class _Desk:
    """The nodes, with what they work with."""

    def __init__(self, planner: Planner, writer: Writer, stalled_days: int, now: Callable[[], datetime]) -> None:
        self._planner = planner
        self._writer = writer
        self._stalled_days = stalled_days
        self._now = now

    def find(self, state: BriefState) -> BriefState:
        """Begin: say what is asked, and ask the CRM who that is."""
        account = state.get("account")
        about = account or "the stalled deal with most at stake"
        first = look_up(account, (), stalled_days=self._stalled_days)
        assert isinstance(first, Asking)
        return {
            "messages": [
                HumanMessage(f"Prepare an account brief: {about}."),
                planned(first.calls, "Find the account."),
            ],
            "brief": None,
            "problem": None,
        }

    def plan(self, state: BriefState) -> BriefState:
        """Choose the next calls, once the account is known."""
        known = self._known(state)
        if not isinstance(known, Identified):
            return _not_yet(known)
        messages = this_request(state.get("messages", []))
        if _is_enough(messages):
            return {"messages": [planned((), f"{MOST_PLANS} rounds of calls are enough.")]}
        return {"messages": [self._planner.plan(messages, self._found(state, known))]}

    async def aplan(self, state: BriefState) -> BriefState:
        """Do as `plan`."""
        known = self._known(state)
        if not isinstance(known, Identified):
            return _not_yet(known)
        messages = this_request(state.get("messages", []))
        if _is_enough(messages):
            return {"messages": [planned((), f"{MOST_PLANS} rounds of calls are enough.")]}
        return {"messages": [await self._planner.aplan(messages, self._found(state, known))]}

    def write(self, state: BriefState) -> BriefState:
        """Write the brief."""
        messages, found = this_request(state.get("messages", [])), self._found(state, self._known(state))
        return {"brief": self._writer.write(messages, found, self._planner.name)}

    async def awrite(self, state: BriefState) -> BriefState:
        """Do as `write`."""
        messages, found = this_request(state.get("messages", [])), self._found(state, self._known(state))
        return {"brief": await self._writer.awrite(messages, found, self._planner.name)}

    def _known(self, state: BriefState) -> Lookup:
        answers = tool_answers(state.get("messages", []))
        return look_up(state.get("account"), answers, stalled_days=self._stalled_days)

    def _found(self, state: BriefState, known: Lookup) -> Findings:
        assert isinstance(known, Identified)
        return findings(tool_answers(state.get("messages", [])), known.account_id, self._now())


def _not_yet(known: Asking | Unknown) -> BriefState:
    if isinstance(known, Asking):
        return {"messages": [planned(known.calls, "Nobody is called exactly so; look for similar names.")]}
    return {"problem": known.problem, "messages": [AIMessage(known.problem)]}


def _after_plan(state: BriefState) -> str:
    last = state.get("messages", [])[-1]
    if isinstance(last, AIMessage) and last.tool_calls:
        return "tools"
    return END if state.get("problem") else "write"


def _is_enough(messages: Sequence[AnyMessage]) -> bool:
    return sum(1 for message in messages if isinstance(message, AIMessage)) >= MOST_PLANS


def _wall_clock() -> datetime:
    return datetime.now(UTC)
