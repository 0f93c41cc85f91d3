"""A call to a group's name is answered by the variant that the selector picks, under the group's name."""

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import ToolMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.types import Command
from pydantic import BaseModel

from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.arms import MemoryArms
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.groups import LastFirst, group_of, learnt, variant
from tests.nodes.messages import answers, asks, both_ways, calls, run
from tests.nodes.tools import WRITE


@both_ways
async def test_without_a_selector_the_first_variant_answers_under_the_groups_name(way):
    node = ToolFanOut([], groups=[group_of(variant("a"), variant("b"))])
    [message] = await answers(node, way, *calls("search"))
    assert (message.content, message.name, message.tool_call_id) == ("by a", "search", "c0")
    assert message.response_metadata["variant"] == "a"


@both_ways
async def test_the_selector_picks_the_variant(way):
    selector = ToolSelector(LastFirst())
    node = ToolFanOut([], groups=[group_of(variant("a"), variant("b"))], selector=selector)
    [message] = await answers(node, way, *calls("search"))
    assert message.response_metadata["variant"] == "b"
    assert learnt(selector) == {"b": (1, 1, 0)}


@both_ways
async def test_the_selector_hears_the_callers_role(way):
    asked = []

    class Asking(LastFirst):
        def choose(self, situation, rng):
            asked.append(situation.context)
            return super().choose(situation, rng)

    node = ToolFanOut([], groups=[group_of(variant("a"))], selector=ToolSelector(Asking()))
    await answers(node, way, *calls("search"), config={"configurable": {"caller_role": "coach"}})
    await answers(node, way, *calls("search"))
    assert asked == [{"caller_role": "coach"}, None]


@both_ways
async def test_a_selector_without_its_state_does_not_stop_the_call(way):
    class Down(MemoryArms):
        def read(self, group, arms):
            raise StateUnavailableError("no answer")

    class Deaf(MemoryArms):
        def add(self, *_, **__):
            raise StateUnavailableError("no answer")

    for arms in (Down(), Deaf()):
        node = ToolFanOut([], groups=[group_of(variant("a"), variant("b"))], selector=ToolSelector(state=arms, seed=1))
        [message] = await answers(node, way, *calls("search"))
        assert message.status == "success"


@both_ways
async def test_every_run_is_a_variants_own_and_is_closed(way):
    ledger = RunLedger()
    node = ToolFanOut([], groups=[group_of(variant("a", OSError("down")), variant("b"))])
    await answers(node, way, *calls("search", "search"), config={"callbacks": [ledger]})
    assert ledger.every_run_closed_once()
    assert len(ledger.started) == 4


# ---------------------------------------------------------------- what a model is shown


def test_a_model_is_shown_the_group_and_not_its_variants():
    class Topic(BaseModel):
        query: str = "q"

    group = group_of(variant("a", args_schema=Topic), variant("b", args_schema=Topic), description="Searches.")
    node = ToolFanOut([ScriptedTool()], groups=[group])
    assert list(node.tools_by_name) == ["scripted", "search"]
    shown = convert_to_openai_tool(node.tools_by_name["search"])
    assert shown == group.definition
    assert shown["function"]["description"] == "Searches."


def test_the_nodes_tools_can_be_bound_to_a_model():
    class Bindable(FakeListChatModel):
        def bind_tools(self, tools, **kwargs):
            return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    node = ToolFanOut([ScriptedTool()], groups=[group_of(variant("a"))])
    bound = Bindable(responses=["hi"]).bind_tools(list(node.tools_by_name.values()))
    assert [tool["function"]["name"] for tool in bound.kwargs["tools"]] == ["scripted", "search"]


@both_ways
async def test_a_group_answers_in_place_of_a_tool_of_its_name(way):
    alone = ScriptedTool("alone", name="search")
    node = ToolFanOut([alone, ScriptedTool()], groups=[group_of(variant("a"), variant("b"))])
    [message] = await answers(node, way, *calls("search"))
    assert message.content == "by a"
    assert alone.started == 0
    assert list(node.tools_by_name) == ["search", "scripted"]


def test_two_groups_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match=r"groups of one node need different names.*\['search'\]"):
        ToolFanOut([], groups=[group_of(variant("a")), group_of(variant("b"))])


def test_two_different_tools_of_one_name_are_refused_and_the_same_one_twice_is_not():
    twice = ScriptedTool()
    assert list(ToolFanOut([twice, twice]).tools_by_name) == ["scripted"]
    with pytest.raises(ConfigurationError, match=r"tools of one node need different names.*\['scripted'\]"):
        ToolFanOut([twice, ScriptedTool()])

    def scripted() -> str:
        """A function that becomes a tool of its name."""
        return "made"

    with pytest.raises(ConfigurationError, match=r"\['scripted'\]"):
        ToolFanOut([twice, scripted])


@both_ways
async def test_a_variant_may_answer_with_a_command(way):
    command = Command(update={"messages": [ToolMessage("changed", tool_call_id="c0")]})
    [result] = await run(ToolFanOut([], groups=[group_of(variant("a", command))]), asks(*calls("search")), way)
    assert (result.update["messages"][0].name, result.update["messages"][0].content) == ("search", "changed")


@both_ways
async def test_variants_that_write_are_in_the_lane_of_writes(way):
    order = []
    first = variant("a", lambda _: order.append("group"), spec=WRITE)
    plain = variant("write", lambda _: order.append("plain"), spec=WRITE)
    node = ToolFanOut([plain], groups=[group_of(first)])
    await answers(node, way, *calls("write", "search", "write", "search"))
    assert order == ["plain", "group", "plain", "group"]
