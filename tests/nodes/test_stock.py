"""The private parts of ToolNode and LangGraph that are used are those that are known."""

import inspect
from dataclasses import fields
from importlib.metadata import version

import pytest
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import ToolNode, ToolRuntime
from packaging.specifiers import SpecifierSet

from salesboost_tools.nodes import pregel
from salesboost_tools.nodes.stock import PRIVATE_METHODS, TESTED
from tests.doubles import ScriptedTool
from tests.nodes.compared import athrough, nodes, through
from tests.nodes.messages import asks, both_ways, calls, graph_of, run


def test_the_installed_version_is_one_whose_private_parts_are_known():
    installed = version("langgraph-prebuilt")
    assert SpecifierSet(TESTED).contains(installed, prereleases=True), (
        f"langgraph-prebuilt {installed} is unknown ({TESTED}): run `make conformance` and tests/nodes/test_differential*, "
        "mend what differs, then widen TESTED in salesboost_tools/nodes/stock.py"
    )


@pytest.mark.parametrize("refused", ["1.1.0", "1.2.0", "2.0"])
def test_an_unknown_version_is_refused(refused):
    assert not SpecifierSet(TESTED).contains(refused)


@pytest.mark.parametrize(("name", "parameters"), PRIVATE_METHODS.items(), ids=PRIVATE_METHODS)
def test_the_private_methods_take_what_they_are_given(name, parameters):
    taken = inspect.signature(getattr(ToolNode, name)).parameters
    assert tuple(taken)[1 : 1 + len(parameters)] == parameters


@both_ways
@pytest.mark.parametrize(
    "wrappers", [{}, {"wrap_tool_call": through, "awrap_tool_call": athrough}], ids=["bare", "wrapped"]
)
async def test_who_calls_them_without_a_message_gets_what_tool_node_gives(way, wrappers):
    asked = calls("scripted")[0]
    runtime = ToolRuntime(state={}, context=None, config={}, stream_writer=print, tool_call_id=asked["id"], store=None)
    for node in nodes(lambda: [ScriptedTool()], **wrappers):
        one = node._run_one(asked, "list", runtime) if way == "sync" else await node._arun_one(asked, "list", runtime)
        assert (one.content, one.tool_call_id) == ("answer", "c0")


@both_ways
async def test_langgraph_still_keeps_where_a_node_is_run(way):
    seen = {}

    @tool
    def looks(config: pregel.RunnableConfig) -> str:
        """Look at the config."""
        seen.update(config["configurable"])
        return "seen"

    graph = graph_of(ToolNode([looks]), checkpointer=InMemorySaver())
    await run(graph, asks(*calls("looks")), way, {"configurable": {"thread_id": "t"}})
    for name in (pregel.CHECKPOINTER, pregel.SCRATCHPAD, pregel.SEND):
        assert seen[name] is not None
    known = {field.name for field in fields(seen[pregel.SCRATCHPAD])}
    assert {"interrupt_counter", "subgraph_counter", "resume", "get_null_resume"} <= known


def test_langgraphs_names_are_those_that_are_used():
    from langgraph._internal import _constants as theirs

    ours = {
        "CONFIG_KEY_CHECKPOINTER": pregel.CHECKPOINTER,
        "CONFIG_KEY_SCRATCHPAD": pregel.SCRATCHPAD,
        "CONFIG_KEY_SEND": pregel.SEND,
        "CONFIG_KEY_RESUMING": pregel.RESUMING,
        "CONFIG_KEY_RESUME_MAP": pregel.RESUME_MAP,
        "CONFIG_KEY_DURABILITY": pregel.DURABILITY,
        "RESUME": pregel.RESUME,
    }
    assert {name: getattr(theirs, name) for name in ours} == ours
