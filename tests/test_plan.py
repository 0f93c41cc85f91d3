"""The test plan of the toolkit, by the names it has there: each entry in its short form, with the real tools.

What stands behind each is told at length in the tests of the module in question.
"""

import asyncio
import json
from itertools import count

import httpx
import pytest
from langchain_core.messages import AIMessage
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from websockets.asyncio.client import connect

from salesboost_tools import HealthStatus, MetricsHandler, SalesToolkit, Settings
from salesboost_tools.core.errors import RateLimitError, UpstreamError
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.service import create_app
from salesboost_tools.state import MemoryState
from salesboost_tools.tools.pricing import PriceCalculator
from salesboost_tools.tools.pricing.yaml_price_book import YamlPriceBook
from tests.service.serving import listening

COACH = {"configurable": {"caller_role": "coach"}}
QUOTE = {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}
STALLED = {"operation": "list", "record_type": "deal", "stalled_days": 14, "limit": 3}


@pytest.fixture
def open_toolkit(data_dir):
    opened = []

    def make(*, state=None, handlers=None, **settings):
        toolkit = SalesToolkit(
            Settings(data_dir=data_dir, health_timeout=30, **settings), state=state, handlers=handlers
        )
        opened.append(toolkit)
        return toolkit

    yield make
    for toolkit in opened:
        toolkit.close()


def tool_of(toolkit, name):
    return next(tool for tool in toolkit.get_tools() if tool.name == name)


# ---------------------------------------------------------------- tool execution


async def test_execution_with_metrics(open_toolkit):
    registry = CollectorRegistry()
    toolkit = open_toolkit(handlers=[MetricsHandler(registry)])
    price = tool_of(toolkit, "price_calculator")
    await price.ainvoke(QUOTE, COACH)
    with pytest.raises(Exception, match="NO-SUCH"):
        await price.ainvoke({"lines": [{"sku": "NO-SUCH", "quantity": 1}]}, COACH)
    labels = {"tool": "price_calculator", "role": "coach"}
    counted = {
        status: registry.get_sample_value("salesboost_tool_calls_total", {**labels, "status": status})
        for status in ("success", "error")
    }
    assert counted == {"success": 1, "error": 1}
    timed = registry.get_sample_value("salesboost_tool_call_duration_seconds_count", {"tool": "price_calculator"})
    assert timed == 2
    kinds = {"tool": "price_calculator", "error_type": "ToolInputError"}
    assert registry.get_sample_value("salesboost_tool_errors_total", kinds) == 1


async def test_execution_with_websocket_callbacks(open_toolkit):
    with listening(create_app(open_toolkit())) as address:
        async with connect(f"ws://{address}/ws/tools?tool=price_calculator") as socket, httpx.AsyncClient() as client:
            for _ in range(2):
                await client.post(
                    f"http://{address}/tools/price_calculator/invoke", json={"payload": QUOTE}, timeout=30
                )
            kinds = [json.loads(await asyncio.wait_for(socket.recv(), 30))["kind"] for _ in range(4)]
    assert kinds == ["started", "completed", "started", "cached"]


async def test_execution_with_retry(open_toolkit, monkeypatch):
    tries = count(1)
    real = YamlPriceBook.product

    def twice_away(self, sku):
        if next(tries) <= 2:
            raise UpstreamError("the price book is away", for_model="Later.", retryable=True)
        return real(self, sku)

    monkeypatch.setattr(YamlPriceBook, "product", twice_away)
    toolkit = open_toolkit(handlers=[RetryHandler(3, 0)])
    answer = await toolkit.executor().execute("price_calculator", QUOTE, "coach")
    assert (answer["ok"], answer["attempts"]) == (True, 3)
    assert answer["result"]["total"] == "5508.00"


async def test_execution_with_caching(open_toolkit, clock):
    toolkit = open_toolkit(state=MemoryState(clock), cache_ttl=60)
    executor = toolkit.executor()
    answers = [await executor.execute("price_calculator", QUOTE, "coach") for _ in range(3)]
    assert [answer["attempts"] for answer in answers] == [1, 0, 0]
    assert answers[0]["result"] == answers[1]["result"] == answers[2]["result"]
    found = toolkit.handler(CacheHandler).statistics()["price_calculator"]
    assert (found.hits, found.misses) == (2, 1)
    clock.advance(10_000)
    assert (await executor.execute("price_calculator", QUOTE, "coach"))["attempts"] == 1


async def test_parallel_execution(open_toolkit, monkeypatch):
    together = asyncio.Barrier(5)
    real = PriceCalculator._arun

    async def when_all_are_there(self, *args, **kwargs):
        await together.wait()  # five at once, or never
        return await real(self, *args, **kwargs)

    monkeypatch.setattr(PriceCalculator, "_arun", when_all_are_there)
    toolkit = open_toolkit(rate_limit_enabled=False)
    calls = [
        {"name": "price_calculator", "payload": {"lines": [{"sku": "PIPE-TEAM", "quantity": quantity}]}}
        for quantity in range(1, 6)
    ]
    async with asyncio.timeout(30):
        answers = await toolkit.executor().execute_parallel(calls, "coach", 5)
    totals = [float(answer["result"]["total"]) for answer in answers]
    assert totals == sorted(totals)
    assert len(set(totals)) == 5


# ---------------------------------------------------------------- rate limiter


async def test_rate_limiter_enforcement(open_toolkit, clock):
    toolkit = open_toolkit(state=MemoryState(clock), cache_enabled=False)
    answers = [await toolkit.executor().execute("crm_integration", STALLED, "coach") for _ in range(8)]
    assert [answer["ok"] for answer in answers] == [True] * 5 + [False] * 3  # 5/minute
    assert {answer["error"]["type"] for answer in answers[5:]} == {"RateLimitError"}
    assert answers[5]["error"]["retry_after"] == pytest.approx(12)


async def test_rate_limiter_refill(open_toolkit, clock):
    toolkit = open_toolkit(state=MemoryState(clock), cache_enabled=False)
    crm = tool_of(toolkit, "crm_integration")
    for _ in range(5):
        await crm.ainvoke(STALLED, COACH)
    with pytest.raises(RateLimitError) as refused:
        await crm.ainvoke(STALLED, COACH)
    clock.advance(refused.value.retry_after)
    await crm.ainvoke(STALLED, COACH)  # one token came back, and one only
    with pytest.raises(RateLimitError):
        await crm.ainvoke(STALLED, COACH)
    clock.advance(60)
    headroom = await toolkit.handler(RateLimitHandler).aheadroom(crm.name, crm.spec)
    assert (headroom.left, headroom.capacity) == (5, 5)


# ---------------------------------------------------------------- health


async def test_health_of_all_tools(open_toolkit):
    toolkit = open_toolkit()
    report = await toolkit.health.check_all()
    assert set(report.tools) == {tool.name for tool in toolkit.get_tools()}
    assert len(report.tools) == 8
    assert {name: health.status for name, health in report.tools.items()} == dict.fromkeys(
        report.tools, HealthStatus.HEALTHY
    )
    assert all(health.probed is not None and health.probed.seconds >= 0 for health in report.tools.values())


# ---------------------------------------------------------------- end to end


async def test_end_to_end_workflow_of_an_agents_message(open_toolkit):
    """A model asks for three things at once; it gets them in order, and a refusal among them is a message."""
    toolkit = open_toolkit()
    asked = AIMessage(
        content="",
        tool_calls=[
            {"name": "crm_integration", "args": STALLED, "id": "1", "type": "tool_call"},
            {"name": "knowledge_retriever", "args": {"query": "data residency"}, "id": "2", "type": "tool_call"},
            {"name": "no_such_tool", "args": {}, "id": "3", "type": "tool_call"},
            {"name": "price_calculator", "args": QUOTE, "id": "4", "type": "tool_call"},
        ],
    )
    answers = await toolkit.fan_out().ainvoke([asked], COACH)
    assert [answer.tool_call_id for answer in answers] == ["1", "2", "3", "4"]
    assert [answer.status for answer in answers] == ["success", "success", "error", "success"]


async def test_end_to_end_workflow_over_http(open_toolkit):
    client = TestClient(create_app(open_toolkit()), base_url="http://localhost")
    deal = client.post("/tools/crm_integration/invoke", json={"payload": STALLED}).json()["result"]["records"][0]
    note = {"operation": "create_note", "deal_id": deal["id"], "body": "They asked for a quote."}
    key = {"idempotency-key": "note-of-the-plan"}
    first, again = (
        client.post("/tools/crm_integration/invoke", json={"payload": note}, headers=key).json() for _ in range(2)
    )
    assert first["result"] == again["result"]
    assert client.get("/health/tools/crm_integration").json()["status"] == "healthy"
    assert 'salesboost_tool_idempotency_total{outcome="replayed",tool="crm_integration"}' in client.get("/metrics").text
