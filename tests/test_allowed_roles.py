"""Every tool lets in the roles it lists, or those the settings list instead; `system` is a caller, not everybody."""

from dataclasses import replace

import pytest

from salesboost_tools import SalesToolkit, Settings, ToolPermissionError
from salesboost_tools.core.roles import ROLES
from salesboost_tools.tools.names import KNOWLEDGE_VARIANTS, TOOL_NAMES
from tests.nodes.messages import both_ways, run

USUAL = {
    "knowledge_retriever": {"rag", "retriever", "session_director", "coach"},
    "profile_reader": {"coach", "session_director"},
    "compliance_check": {"compliance", "session_director", "coach"},
    "price_calculator": {"npc", "coach", "system"},
    "stage_classifier": {"coach", "session_director"},
    "crm_integration": {"coach", "npc", "system"},
    "sms_outreach": {"coach", "system"},
    "competitor_analysis": {"coach", "system"},
}
ASKED = {
    "knowledge_retriever": {"query": "discount"},
    "price_calculator": {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]},
    "stage_classifier": {"message": "How much is it?"},
    "crm_integration": {"operation": "list", "record_type": "deal", "limit": 1},
    "competitor_analysis": {"aspect": "market_share"},
    "profile_reader": {"subject": "account", "who": "ACC-0042", "field": "pains"},
    "compliance_check": {"text": "Hello"},
    "sms_outreach": {"operation": "history"},
}


@pytest.fixture(scope="module")
def open_toolkit(data_dir):
    """Makes toolkits over the same data and closes them in the end."""
    opened = []

    def make(**settings):
        opened.append(SalesToolkit(Settings(data_dir=data_dir, rate_limit_enabled=False, **settings)))
        return opened[-1]

    yield make
    for toolkit in opened:
        toolkit.close()


@pytest.fixture(scope="module")
def toolkit(open_toolkit):
    return open_toolkit()


def as_role(role):
    return {"configurable": {"caller_role": role}}


def everything_in(toolkit):
    return toolkit.get_tools() + [variant for group in toolkit.groups for variant in group.variants]


def test_these_are_the_usual_roles(toolkit):
    assert {tool.name: tool.spec.allowed_roles for tool in toolkit.get_tools()} == USUAL
    assert set(TOOL_NAMES) == set(USUAL)
    assert set().union(*USUAL.values()) == ROLES


@both_ways
async def test_exactly_the_listed_roles_are_let_in(toolkit, way):
    for tool in toolkit.get_tools():
        for role in (*ROLES, None, "guest", "System", ""):
            if role in tool.spec.allowed_roles:
                assert await run(tool, ASKED[tool.name], way, as_role(role))
            else:
                with pytest.raises(ToolPermissionError, match=tool.name):
                    await run(tool, ASKED[tool.name], way, as_role(role))


def test_the_roles_of_every_tool_can_be_set_and_nothing_else_changes(open_toolkit, toolkit):
    changed = open_toolkit(allowed_roles={name: ["npc", "compliance"] for name in TOOL_NAMES})
    for usual, now in zip(everything_in(toolkit), everything_in(changed), strict=True):
        assert now.name == usual.name
        assert now.spec == replace(usual.spec, allowed_roles={"npc", "compliance"})
        assert now.handlers == changed.handlers
        assert now.answers_model


@both_ways
async def test_who_is_set_is_let_in_nobody_else_and_only_there(open_toolkit, way):
    toolkit = open_toolkit(allowed_roles={"price_calculator": ["rag"], "knowledge_retriever": []})
    tools = {tool.name: tool for tool in everything_in(toolkit)}
    assert await run(tools["price_calculator"], ASKED["price_calculator"], way, as_role("rag"))
    with pytest.raises(ToolPermissionError, match=r"needs one of the roles \['rag'\]"):
        await run(tools["price_calculator"], ASKED["price_calculator"], way, as_role("coach"))
    for role in ROLES:
        for name in ("knowledge_retriever", *KNOWLEDGE_VARIANTS):
            with pytest.raises(ToolPermissionError):
                await run(tools[name], ASKED["knowledge_retriever"], way, as_role(role))
    assert await run(tools["crm_integration"], ASKED["crm_integration"], way, as_role("npc"))
