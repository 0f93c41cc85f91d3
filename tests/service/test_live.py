"""Watchers see what tools do as it happens, over a real WebSocket; they are operators, and hold nobody up."""

import asyncio
import json
from base64 import urlsafe_b64encode

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect

from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.observe.status import StatusEvent
from salesboost_tools.service import Access, create_app
from salesboost_tools.service.routes import live
from tests.service.conftest import JWT_KEY, TOKEN, bearer, token_for
from tests.service.serving import listening

QUOTE = {"payload": {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}}


async def next_event(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def refusal(url, **options):
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with connect(url, **options):
            pass
    return refused.value.response.status_code


@pytest.fixture
def address(toolkit):
    with listening(create_app(toolkit)) as address:
        yield address


@pytest.fixture
def guarded_address(toolkit):
    with listening(create_app(toolkit, access=Access(TOKEN, jwt_key=JWT_KEY))) as address:
        yield address


async def invoke(address, **options):
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://{address}/tools/price_calculator/invoke", json=QUOTE, **options)
    assert answer.status_code == 200, answer.text


async def test_a_watcher_sees_a_call_begin_and_end(address):
    async with connect(f"ws://{address}/ws/tools") as socket:
        await invoke(address)
        begun, ended = [await next_event(socket) for _ in range(2)]
    assert (begun["kind"], begun["tool"], begun["role"]) == ("started", "price_calculator", "system")
    assert (ended["kind"], ended["attempt"]) == ("completed", 1)
    assert ended["latency_s"] > 0
    assert ended["preview"] is None


async def test_events_are_filtered_by_tool_and_kind(address):
    async with connect(f"ws://{address}/ws/tools?tool=price_calculator&kind=cached&kind=completed") as socket:
        await invoke(address)
        await invoke(address)
        assert [(await next_event(socket))["kind"] for _ in range(3)] == ["completed", "cached", "completed"]
    async with connect(f"ws://{address}/ws/tools?tool=crm_integration&replay=100") as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.05)


async def test_who_comes_late_can_ask_for_what_was_before(address):
    await invoke(address)
    async with connect(f"ws://{address}/ws/tools?replay=1") as socket:
        assert (await next_event(socket))["kind"] == "completed"


async def test_without_a_valid_token_nobody_watches(guarded_address):
    url = f"ws://{guarded_address}/ws/tools"
    assert await refusal(url) == 403
    assert await refusal(url, additional_headers=bearer("wrong")) == 403
    assert await refusal(url, additional_headers=bearer(token_for(caller_role="coach"))) == 403
    assert await refusal(url, subprotocols=["salesboost.status", "bearer.%%%"]) == 403
    async with connect(url, additional_headers=bearer(TOKEN)):
        pass


async def test_a_browser_offers_its_token_as_a_subprotocol(guarded_address):
    coded = urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    url = f"ws://{guarded_address}/ws/tools"
    async with connect(url, subprotocols=["salesboost.status", f"bearer.{coded}"]) as socket:
        assert socket.subprotocol == "salesboost.status"
        await invoke(guarded_address, headers=bearer(TOKEN))
        assert (await next_event(socket))["kind"] == "started"


async def test_a_page_of_another_site_cannot_watch(address):
    assert await refusal(f"ws://{address}/ws/tools", origin="https://evil.example") == 403
    async with connect(f"ws://{address}/ws/tools", origin=f"http://{address}"):
        pass


async def test_status_that_is_switched_off_is_told(open_toolkit):
    with listening(create_app(open_toolkit(status_enabled=False))) as address:
        async with connect(f"ws://{address}/ws/tools") as socket:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
    assert "TOOL_STATUS_ENABLED" in closed.value.rcvd.reason


async def test_a_slow_watcher_loses_the_oldest_events_and_is_told_how_many(toolkit, monkeypatch):
    monkeypatch.setattr(live, "_PENDING_AT_MOST", 10)
    feed = toolkit.handler(StatusHandler).feed
    with listening(create_app(toolkit)) as address:
        async with connect(f"ws://{address}/ws/tools") as socket:
            await invoke(address)
            first = await next_event(socket)
            template = StatusEvent(kind="retrying", tool="t", at=feed.recent()[-1].at)
            for _ in range(5000):  # in this thread, without letting the server's come to the end of its queue
                feed.publish(template)
            seen, dropped = 0, 0
            while seen + dropped < 5001:
                event = await next_event(socket)
                dropped += event["count"] if event["type"] == "dropped" else 0
                seen += event["type"] != "dropped"
    assert first["kind"] == "started"
    assert dropped > 0
    assert seen + dropped == 5001


async def test_a_watcher_that_leaves_is_forgotten(toolkit):
    feed = toolkit.handler(StatusHandler).feed
    with listening(create_app(toolkit)) as address:
        before = len(feed._watchers)
        async with connect(f"ws://{address}/ws/tools"):
            await invoke(address)
            assert len(feed._watchers) == before + 1
        for _ in range(200):
            if len(feed._watchers) == before:
                break
            await invoke(address)
    assert len(feed._watchers) == before
