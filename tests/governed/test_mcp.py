"""Tools of a real MCP server are governed like any others."""

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import ToolException
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from salesboost_tools.core.errors import RateLimitError, ToolPermissionError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.masking import MaskingHandler
from salesboost_tools.handlers.permission import PermissionHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler

MISSING = [name for name in ("mcp", "langchain_mcp_adapters") if find_spec(name) is None]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(bool(MISSING) and os.environ.get("CI") != "true", reason=f"not installed: {', '.join(MISSING)}"),
]

SERVER = Path(__file__).with_name("mcp_server.py")
READ = ToolSpec(effect=Effect.READ)
COACH = {"configurable": {"caller_role": "coach"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session():
    """A session with a server that runs while these tests do; it is opened and closed in one task, as it has to be."""
    from langchain_mcp_adapters.client import MultiServerMCPClient

    connection = {"transport": "stdio", "command": sys.executable, "args": [str(SERVER)]}
    opened, over = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def hold():
        async with MultiServerMCPClient({"sales": connection}).session("sales") as session:
            opened.set_result(session)
            await over.wait()

    holder = asyncio.create_task(hold())
    await asyncio.wait([opened, holder], return_when=asyncio.FIRST_COMPLETED)
    yield opened.result() if opened.done() else holder.result()
    over.set()
    await holder


@pytest_asyncio.fixture(loop_scope="module")
async def tools(session):
    """The server's tools, by name. Each test asks for something of its own, for the server counts what it is asked."""
    return await named(session)


async def named(session, **options):
    from langchain_mcp_adapters.tools import load_mcp_tools

    return {tool.name: tool for tool in await load_mcp_tools(session, **options)}


def call(tool, call_id="call-1", /, **args):
    return {"name": tool, "args": args, "id": call_id, "type": "tool_call"}


def text_of(content):
    return [block["text"] for block in content]


async def test_a_governed_tool_looks_and_answers_like_the_tool_itself(tools):
    status = StatusHandler()
    tool = tools["count_deals"]
    governed = govern(tool, status, CacheHandler(), RetryHandler(), RateLimitHandler(), spec=READ)
    assert (governed.name, governed.description, governed.args) == (tool.name, tool.description, tool.args)
    assert governed.tool_call_schema == tool.tool_call_schema
    assert text_of(await tool.ainvoke({"stage": "won"})) == ["1 won"]
    assert text_of(await governed.ainvoke({"stage": "won"})) == ["2 won"]
    assert [event.kind for event in status.feed.recent()] == ["started", "completed"]


async def test_content_and_artifact_both_come_back(tools):
    plain = await tools["find_account"].ainvoke(call("find_account", name="Acme"))
    governed = await govern(tools["find_account"], CacheHandler(), spec=READ).ainvoke(call("find_account", name="Acme"))
    assert isinstance(governed, ToolMessage)
    assert (governed.name, governed.tool_call_id, governed.status) == (plain.name, plain.tool_call_id, plain.status)
    assert governed.artifact == {"structured_content": {"name": "Acme", "employees": 120, "asked": 2}}
    assert plain.artifact == {"structured_content": {"name": "Acme", "employees": 120, "asked": 1}}
    assert [block["type"] for block in governed.content] == [block["type"] for block in plain.content]


async def test_an_answer_from_memory_does_not_reach_the_server_and_has_its_artifact(tools):
    governed = govern(tools["find_account"], CacheHandler(), spec=READ)
    first, again = [await governed.ainvoke(call("find_account", id_, name="Globex")) for id_ in ("a", "b")]
    ungoverned = await tools["find_account"].ainvoke(call("find_account", name="Globex"))
    assert again.artifact == first.artifact
    assert again.content == first.content
    assert again.tool_call_id == "b"
    assert ungoverned.artifact["structured_content"]["asked"] == 2


async def test_a_call_over_the_limit_does_not_reach_the_server(tools):
    governed = govern(tools["count_deals"], RateLimitHandler(default="2/minute"), spec=READ)
    stage = {"stage": "lost"}
    assert [text_of(await governed.ainvoke(stage)) for _ in range(2)] == [["1 lost"], ["2 lost"]]
    with pytest.raises(RateLimitError):
        await governed.ainvoke(stage)
    governed.answers_model = True
    refused = await governed.ainvoke(call("count_deals", **stage))
    assert text_of(await tools["count_deals"].ainvoke(stage)) == ["3 lost"]
    assert refused.status == "error"
    assert "call it again in" in refused.content


async def test_a_caller_who_may_not_does_not_reach_the_server(tools):
    spec = ToolSpec(effect=Effect.READ, allowed_roles=frozenset({"coach"}))
    governed = govern(tools["count_deals"], PermissionHandler(), spec=spec)
    with pytest.raises(ToolPermissionError):
        await governed.ainvoke({})
    assert text_of(await governed.ainvoke({}, COACH)) == ["1 open"]


async def test_an_error_of_the_server_is_an_error_message_and_has_failed(tools):
    status = StatusHandler()
    plain = await tools["close_deal"].ainvoke(call("close_deal", deal="D-1"))
    governed = await govern(tools["close_deal"], status, spec=READ).ainvoke(call("close_deal", deal="D-1"))
    assert governed.status == plain.status == "error"
    assert text_of(governed.content) == text_of(plain.content)
    assert "the deal D-1 is locked" in text_of(governed.content)[0]
    assert [event.kind for event in status.feed.recent()] == ["started", "failed"]


async def test_an_error_that_the_tool_raises_is_raised(session):
    tools = await named(session, handle_tool_errors=False)
    with pytest.raises(ToolException, match="the deal D-1 is locked"):
        await govern(tools["close_deal"], CacheHandler(), spec=READ).ainvoke({"deal": "D-1"})


async def test_an_error_of_the_server_is_never_an_answer_from_memory(tools):
    status = StatusHandler()
    governed = govern(tools["close_deal"], status, CacheHandler(), spec=READ)
    for _ in range(2):
        await governed.ainvoke(call("close_deal", deal="D-1"))
    assert [event.kind for event in status.feed.recent()] == ["started", "failed"] * 2


async def test_results_are_masked_in_content_and_artifact(tools):
    governed = govern(tools["find_account"], MaskingHandler(), spec=READ)
    answer = await governed.ainvoke(call("find_account", name="ann@acme.example"))
    assert "ann@acme.example" not in str(answer.content)
    assert "ann@acme.example" not in str(answer.artifact)
    assert answer.artifact["structured_content"]["employees"] == 120


async def test_a_tool_that_is_async_only_stays_so(tools):
    for tool in (tools["count_deals"], govern(tools["count_deals"], CacheHandler(), spec=READ)):
        with pytest.raises(NotImplementedError):
            tool.invoke({})


async def test_a_tool_node_runs_them_at_once(tools):
    governed = [govern(tool, CacheHandler(), spec=READ) for tool in tools.values()]
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(governed))
    graph.add_edge(START, "tools")
    calls = [
        call("find_account", "a", name="Acme"),
        call("count_deals", "b", stage="won"),
        call("close_deal", "c", deal="D-1"),
    ]
    state = await graph.compile().ainvoke({"messages": [AIMessage("", tool_calls=calls)]})
    told = [(message.tool_call_id, message.status) for message in state["messages"][1:]]
    assert told == [("a", "success"), ("b", "success"), ("c", "error")]
