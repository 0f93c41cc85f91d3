"""What settings say tool by tool is said of tools that exist, and of a group for each of its variants."""

import pytest

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.core.errors import ConfigurationError, RateLimitError
from salesboost_tools.per_tool import tool_by_tool
from salesboost_tools.tools.names import KNOWLEDGE_VARIANTS, TOOL_NAMES
from tests.nodes.messages import both_ways, run
from tests.test_toolkit_closing import Shelf

COACH = {"configurable": {"caller_role": "coach"}}
SETTINGS = {
    "allowed_roles": ["coach"],
    "rate_limits": "60/minute",
    "bandit_least": 0.05,
    "bandit_most": 0.5,
}
OF_VARIANTS_ALONE = ("bandit_least", "bandit_most")


def refusal(retrievers=None, **settings):
    with pytest.raises(ConfigurationError) as refused:
        SalesToolkit(Settings(**settings), retrievers=retrievers)
    return str(refused.value)


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_misspelt_name_is_refused_at_set_up_and_the_nearest_comes_first_of_all_there_are(setting):
    said = refusal(**{setting: {"knowledge_retreiver_lexical": SETTINGS[setting]}})
    assert said.startswith(f"settings cannot be used: TOOL_{setting.upper()}: no ")
    assert "called 'knowledge_retreiver_lexical'; there are: knowledge_retriever_lexical, " in said
    listed = set(said.partition("there are: ")[2].split(", "))
    assert listed == {*KNOWLEDGE_VARIANTS, *(() if setting in OF_VARIANTS_ALONE else TOOL_NAMES)}


def test_all_that_is_misspelt_is_said_at_once():
    said = refusal(rate_limits={"sms": "1/hour", "crm": "1/hour"}, allowed_roles={"price_calculater": []})
    assert "TOOL_ALLOWED_ROLES: no tool is called 'price_calculater'; there are: price_calculator, " in said
    assert "TOOL_RATE_LIMITS: no tool is called 'sms'; there are: sms_outreach, " in said
    assert "TOOL_RATE_LIMITS: no tool is called 'crm'; there are: crm_integration, " in said


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_names_of_all_tools_and_variants_are_taken_those_of_ones_own_retrievers_too(setting):
    names = (*KNOWLEDGE_VARIANTS, "knowledge_retriever_shelf")
    names += () if setting in OF_VARIANTS_ALONE else TOOL_NAMES
    settings = Settings(**{setting: dict.fromkeys(names, SETTINGS[setting])})
    assert getattr(tool_by_tool(settings, ["shelf"]), setting) == getattr(settings, setting)
    with pytest.raises(ConfigurationError, match="knowledge_retriever_shelf"):
        tool_by_tool(settings)


@pytest.mark.parametrize("setting", OF_VARIANTS_ALONE)
def test_shares_are_of_variants_not_of_tools_that_nobody_chooses_among(setting):
    assert "no variant is called 'knowledge_retriever'" in refusal(**{setting: {"knowledge_retriever": 0.5}})


def test_what_is_said_of_a_group_is_said_of_each_variant_whose_own_word_counts():
    rates = {"knowledge_retriever": "3/minute", "knowledge_retriever_hybrid": ["1/second", "9/hour"]}
    settings = tool_by_tool(Settings(rate_limits=rates, allowed_roles={"knowledge_retriever": ["npc"]}), ["shelf"])
    assert settings.rate_limits == {
        "knowledge_retriever": "3/minute",
        "knowledge_retriever_lexical": "3/minute",
        "knowledge_retriever_semantic": "3/minute",
        "knowledge_retriever_hybrid": ["1/second", "9/hour"],
        "knowledge_retriever_shelf": "3/minute",
    }
    assert set(settings.allowed_roles) == {"knowledge_retriever", *KNOWLEDGE_VARIANTS, "knowledge_retriever_shelf"}


@both_ways
async def test_the_groups_rate_holds_for_each_variant_retrievers_of_ones_own_included(data_dir, way):
    settings = Settings(data_dir=data_dir, rate_limits={"knowledge_retriever": "1/hour"}, cache_enabled=False)
    with SalesToolkit(settings, retrievers={"shelf": Shelf()}) as toolkit:
        [group] = toolkit.groups
        for tool in (*group.variants, toolkit.get_tools()[0]):
            assert await run(tool, {"query": "discount"}, way, COACH)
            with pytest.raises(RateLimitError, match="1/hour"):
                await run(tool, {"query": "discount"}, way, COACH)
        assert group.names[-1] == "knowledge_retriever_shelf"
