"""The governed tools over MCP, as the official client sees them: over stdio and over HTTP."""

import asyncio
import os
import sys
import time

import httpx
import jwt
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.mcp.http import create_mcp_app
from salesboost_tools.service import Access
from tests.service.serving import listening

QUOTE = {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}
KEY = "a key that only the tests know of, 40 bytes"


@pytest.fixture
def toolkit(data_dir):
    toolkit = SalesToolkit(Settings(data_dir=data_dir))
    yield toolkit
    toolkit.close()


def bearer(**claims):
    token = jwt.encode({"exp": time.time() + 60, **claims}, KEY, algorithm="HS256")
    return {"authorization": f"Bearer {token}"}


async def over_stdio(data_dir, work, *options):
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "salesboost_tools.cli", "mcp", *options],
        env={**os.environ, "TOOL_DATA_DIR": str(data_dir)},
    )
    async with asyncio.timeout(50), stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        return await work(session)


async def over_http(address, work, **headers):
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as client,
        streamable_http_client(f"http://{address}/mcp", http_client=client) as streams,
        ClientSession(streams[0], streams[1]) as session,
    ):
        await session.initialize()
        return await work(session)


async def quote(session):
    return await session.call_tool("price_calculator", QUOTE)


async def test_over_stdio_tools_are_listed_and_called(data_dir):
    async def work(session):
        listed = {tool.name: tool for tool in (await session.list_tools()).tools}
        right = await quote(session)
        wrong = await session.call_tool("price_calculator", {"lines": [{"sku": "NO-SUCH", "quantity": 1}]})
        unknown = await session.call_tool("no_such_tool", {})
        return listed, right, wrong, unknown

    listed, right, wrong, unknown = await over_stdio(data_dir, work)
    assert listed["price_calculator"].annotations.readOnlyHint
    assert not listed["crm_integration"].annotations.readOnlyHint
    assert "lines" in listed["price_calculator"].inputSchema["properties"]
    assert right.structuredContent["total"] == "5508.00"
    assert wrong.isError
    assert "PIPE-TEAM" in wrong.content[0].text or "No SKU" in wrong.content[0].text
    assert unknown.isError
    assert "price_calculator" in unknown.content[0].text


async def test_over_stdio_the_command_line_says_who_calls(data_dir):
    refused = await over_stdio(data_dir, quote, "--role", "rag")
    assert refused.isError
    assert refused.content[0].text == "You may not use `price_calculator` here. Answer without it."


async def test_over_http_the_token_says_who_calls(toolkit):
    with listening(create_mcp_app(toolkit, access=Access(jwt_key=KEY))) as address:
        allowed = await over_http(address, quote, **bearer(caller_role="npc"))
        refused = await over_http(address, quote, **bearer(caller_role="rag"))
        async with httpx.AsyncClient() as client:
            without = await client.post(f"http://{address}/mcp", json={})
    assert allowed.structuredContent["total"] == "5508.00"
    assert refused.isError
    assert (without.status_code, without.headers["www-authenticate"]) == (401, "Bearer")


async def test_over_http_a_write_with_a_key_happens_once(toolkit):
    note = {"operation": "create_note", "account_id": "ACC-0042", "body": "They called back."}

    async def twice(session):
        return [await session.call_tool("crm_integration", note, meta={"idempotency_key": "note-1"}) for _ in range(2)]

    with listening(create_mcp_app(toolkit)) as address:
        first, second = await over_http(address, twice)
    assert not first.isError, first.content
    assert first.structuredContent == second.structuredContent


async def test_over_http_without_a_token_only_this_machines_own_names_will_do(toolkit):
    with listening(create_mcp_app(toolkit)) as address:
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"http://{address}/mcp", json={}, headers={"host": "evil.example"})
    assert answer.status_code == 421
