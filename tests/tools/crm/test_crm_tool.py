"""`crm_integration` as a LangChain tool."""

import asyncio
import json
from enum import Enum
from types import SimpleNamespace
from uuid import UUID

import pytest
from langchain_core.messages import ToolMessage
from langchain_tests.unit_tests import ToolsUnitTests
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.argument import DEFAULT_TENANT, caller_of, iso_utc, nearest
from salesboost_tools.tools.crm import CrmIntegration
from tests.tools.crm.conftest import AS_OF, config


class NoCrm:
    """Stands in where nothing is asked."""


class TestStandard(ToolsUnitTests):
    @property
    def tool_constructor(self):
        return CrmIntegration

    @property
    def tool_constructor_params(self):
        return {"crm": NoCrm()}

    @property
    def tool_invoke_params_example(self):
        return {"operation": "get", "record_type": "deal", "record_id": "DEAL-0042"}


def call(arguments, call_id="call-1"):
    return {"name": "crm_integration", "args": arguments, "id": call_id, "type": "tool_call"}


HERO = {"operation": "get", "record_type": "deal", "record_id": "DEAL-0042"}


async def test_a_models_call_is_answered_with_json(tool):
    for message in (tool.invoke(call(HERO), config()), await tool.ainvoke(call(HERO), config())):
        assert isinstance(message, ToolMessage)
        assert json.loads(message.content)["record"]["id"] == "DEAL-0042"


def test_every_answer_is_plain_json(tool):
    for arguments in (
        HERO,
        {"operation": "list", "record_type": "activity", "deal_id": "DEAL-0042"},
        {"operation": "search", "record_type": "account", "query": "acme"},
        {"operation": "create_note", "deal_id": "DEAL-0042", "body": "x"},
    ):
        answer = tool.invoke(arguments, config())
        assert json.loads(json.dumps(answer)) == answer


def test_answers_are_small(tool):
    assert len(json.dumps(tool.invoke(HERO, config()))) < 1200
    listed = tool.invoke({"operation": "list", "record_type": "deal", "stalled_days": 14}, config())
    assert len(json.dumps(listed)) < 9000


async def test_the_caller_comes_from_the_configuration_also_inside_a_graph(tool, audit):
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    note = {"operation": "create_note", "deal_id": "DEAL-0042", "body": "x"}
    state = {"messages": [{"role": "assistant", "content": "", "tool_calls": [call(note)]}]}
    answer = await graph.compile().ainvoke(state, config(user_id="u-9", caller_role="system"))
    note_id = json.loads(answer["messages"][-1].content)["record"]["id"]
    (entry,) = audit("activity", note_id)
    assert (entry["actor"], entry["actor_role"]) == ("u-9", "system")


async def test_the_caller_may_come_from_the_runtime_context_of_a_graph(tool):
    class Who(TypedDict):
        tenant_id: str

    graph = StateGraph(MessagesState, context_schema=Who)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    question = {"operation": "get", "record_type": "account", "record_id": "ACC-0001"}
    state = {"messages": [{"role": "assistant", "content": "", "tool_calls": [call(question)]}]}
    answer = await graph.compile().ainvoke(state, context={"tenant_id": "globex-emea"})
    direct = tool.invoke(question, config(tenant_id="globex-emea"))
    assert json.loads(answer["messages"][-1].content) == direct


@pytest.mark.parametrize("context", [{"tenant_id": "t", "user_id": 7}, SimpleNamespace(tenant_id="t", user_id=7)])
def test_the_configuration_comes_before_the_runtime_context(context):
    configurable = {"__pregel_runtime": Runtime(context=context)}
    assert (caller_of({"configurable": configurable}).tenant_id, caller_of({"configurable": configurable}).user_id) == (
        "t",
        "7",
    )
    assert caller_of({"configurable": {**configurable, "tenant_id": "own"}}).tenant_id == "own"


@pytest.mark.parametrize("nobody", [None, {}, {"configurable": None}, {"configurable": {}}], ids=str)
def test_a_caller_without_a_name_belongs_to_the_default_tenant(nobody):
    caller = caller_of(nobody)
    assert caller.tenant_id == DEFAULT_TENANT
    assert (caller.user_id, caller.role) == (None, None)


def test_numbers_uuids_and_enum_members_name_a_caller_too():
    class Role(Enum):
        COACH = "coach"

    user_id = UUID(int=7)
    caller = caller_of({"configurable": {"tenant_id": 12, "user_id": user_id, "caller_role": Role.COACH}})
    assert (caller.tenant_id, caller.user_id, caller.role) == ("12", str(user_id), "coach")


def test_a_caller_that_is_no_text_is_a_mistake_in_the_set_up():
    with pytest.raises(ConfigurationError, match="'tenant_id'"):
        caller_of({"configurable": {"tenant_id": ["a"]}})


def test_the_nearest_name_is_found_by_any_of_its_spellings():
    names = {"ACC-1": ["Acme Corp", "acme"], "ACC-2": ["Zenith", ""]}
    assert nearest("ACMEE", names) == "ACC-1"
    assert nearest("zenit", names) == "ACC-2"
    assert nearest("nothing alike", names) is None
    assert nearest("x", {}) is None


def test_moments_read_like_iso_8601_with_a_z():
    assert iso_utc(AS_OF) == "2026-06-30T09:00:00Z"


def test_both_doors_answer_the_same(tool):
    for arguments in (
        HERO,
        {"operation": "list", "record_type": "deal", "stalled_days": 20},
        {"operation": "search", "record_type": "contact", "query": "dana"},
    ):
        assert tool.invoke(arguments, config()) == asyncio.run(tool.ainvoke(arguments, config()))
