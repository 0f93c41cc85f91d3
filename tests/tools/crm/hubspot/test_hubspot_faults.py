"""What HubSpot's failures mean. Above all: no write is sent twice, and one without a clear answer is called unknown."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from salesboost_tools import IdempotencyHandler, RetryHandler, govern
from salesboost_tools.core.aftermath import may_have_happened
from salesboost_tools.core.errors import IdempotencyError, ToolInputError, UpstreamError
from salesboost_tools.tools.crm import CrmIntegration
from salesboost_tools.tools.crm.hubspot import HubSpotCrm
from salesboost_tools.tools.crm.hubspot.replies import reply_of
from salesboost_tools.tools.crm.hubspot.wire import Request, first_page
from tests.hubspot_server import TOKEN
from tests.tools.crm.conftest import config

NEW = {"operation": "create_account", "properties": {"name": "New", "domain": "new.example"}}
WRITE = Request(method="POST", path="/crm/v3/objects/companies", body={}, writes=True)
NOW = datetime(2026, 6, 30, 9, tzinfo=UTC)


def writes_seen(server):
    return [
        path
        for method, path, *_ in server.exchanges
        if method == "PATCH" or (path.count("/") == 4 and method == "POST")
    ]


@pytest.mark.parametrize(
    ("fault", "happened", "told"),
    [
        ("accepted", 1, (True, 500)),
        ("500", 0, (True, 500)),
        ("html", 0, (True, 502)),
        ("cut", 1, (True, None)),
        ("cut_before", 0, (True, None)),
        ("broken", 1, (True, None)),
        ("429", 0, (False, 429)),
        ((403, {"category": "MISSING_SCOPES"}, {}), 0, (False, 403)),
        ((404, {}, {}), 0, (False, 404)),
        ((302, {}, {"Location": "http://127.0.0.1:1/"}), 0, (True, 302)),
    ],
    ids=str,
)
async def test_a_write_is_sent_once_and_its_outcome_told_honestly(ask, server, fault, happened, told):
    unknown, status = told
    server.faults = [fault]
    with pytest.raises(UpstreamError) as raised:
        await ask(**NEW)
    assert may_have_happened(raised.value) is unknown
    assert raised.value.status == status
    assert len(writes_seen(server)) == 1
    assert server.count("companies") == happened
    if unknown:
        assert not raised.value.retryable
        assert "read the record first" in raised.value.for_model


async def test_a_write_that_is_slow_is_unknown_and_not_sent_again(server):
    hubspot = HubSpotCrm(TOKEN, base_url=server.url, timeout_s=0.2)
    tool = CrmIntegration(crm=hubspot)
    for door in ("sync", "async"):
        server.faults = ["slow"]
        with pytest.raises(UpstreamError) as raised:
            await tool.ainvoke(NEW, config()) if door == "async" else tool.invoke(NEW, config())
        assert raised.value.outcome_unknown is True
    assert len(writes_seen(server)) == server.count("companies") == 2
    await hubspot.aclose()


async def test_under_the_handlers_an_unknown_write_is_never_done_again(server, hubspot):
    governed = govern(CrmIntegration(crm=hubspot), IdempotencyHandler(), RetryHandler(base_delay_s=0))
    once = {"configurable": {**config()["configurable"], "idempotency_key": "order-1"}}
    server.faults = ["accepted"]
    with pytest.raises(UpstreamError):
        await governed.ainvoke(NEW, once)
    with pytest.raises(IdempotencyError, match="its outcome is unknown; it is not done again"):
        await governed.ainvoke(NEW, once)
    assert server.count("companies") == 1
    await hubspot.aclose()


async def test_under_the_handlers_a_write_that_was_refused_for_haste_is_tried_again(server, hubspot):
    governed = govern(CrmIntegration(crm=hubspot), IdempotencyHandler(), RetryHandler(base_delay_s=0, asleep=no_wait))
    once = {"configurable": {**config()["configurable"], "idempotency_key": "order-1"}}
    server.faults = ["429"]
    assert (await governed.ainvoke(NEW, once))["record"]["name"] == "New"
    assert server.count("companies") == 1
    await hubspot.aclose()


async def no_wait(_seconds):
    await asyncio.sleep(0)


async def test_too_many_requests_say_when_to_come_back(ask, server, customer):
    server.faults = ["429"]
    with pytest.raises(UpstreamError, match=r"TEN_SECONDLY_ROLLING limit is reached; free again in 7 s") as raised:
        await ask(operation="get", record_type="deal", record_id=customer["deal"])
    assert raised.value.retryable
    assert raised.value.retry_after == 7
    assert "in 7 seconds" in raised.value.for_model


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        ("2.5", 2.5),
        ("0", 0),
        ("Tue, 30 Jun 2026 09:00:30 GMT", 30),
        ("soon", None),
        ("nan", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(header, seconds):
    headers = {"Retry-After": header} if header is not None else {}
    with pytest.raises(UpstreamError) as raised:
        reply_of(WRITE, httpx.Response(429, headers=headers, json={}), NOW)
    assert raised.value.retry_after == seconds


async def test_a_token_that_is_refused_is_a_matter_for_a_person(server, customer):
    hubspot = HubSpotCrm("pat-wrong", base_url=server.url)
    tool = CrmIntegration(crm=hubspot)
    asked = {"operation": "get", "record_type": "deal", "record_id": customer["deal"]}
    for _ in range(1):
        with pytest.raises(UpstreamError, match=r"does not know the token.*TOOL_HUBSPOT_TOKEN") as raised:
            tool.invoke(asked, config())
        assert not raised.value.retryable
        assert "pat-wrong" not in f"{raised.value} {raised.value.for_model} {hubspot._client!r}"
    with pytest.raises(UpstreamError):
        hubspot.probe()
    hubspot.close()


async def test_a_missing_scope_is_named(ask, server, customer):
    refused = {
        "category": "MISSING_SCOPES",
        "message": "no",
        "correlationId": "c",
        "errors": [{"message": "no", "context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}],
    }
    server.faults = [(403, refused, {})]
    with pytest.raises(UpstreamError, match=r"lacks a scope; give its private app: crm\.objects\.deals\.read"):
        await ask(operation="get", record_type="deal", record_id=customer["deal"])


async def test_a_value_hubspot_refuses_is_named_by_its_property_and_never_shown(ask, server):
    refused = {
        "category": "VALIDATION_ERROR",
        "message": "secret@x.example is not valid",
        "correlationId": "c",
        "errors": [{"message": "secret@x.example", "context": {"propertyName": ["industry", "secret@x.example"]}}],
    }
    server.faults = [(400, refused, {})]
    with pytest.raises(ToolInputError, match="industry") as raised:
        await ask(**NEW)
    assert "secret" not in f"{raised.value} {raised.value.for_model}"


@pytest.mark.parametrize("fault", ["500", "html", "cut", "broken"])
async def test_a_read_that_fails_may_be_tried_again(ask, server, customer, fault):
    server.faults = [fault]
    with pytest.raises(UpstreamError) as raised:
        await ask(operation="get", record_type="deal", record_id=customer["deal"])
    assert raised.value.retryable


@pytest.mark.parametrize("told", [[], {}, {"id": 7}, {"id": "7", "properties": None}], ids=str)
async def test_a_reply_of_another_shape_is_an_upstream_error(ask, server, customer, told):
    server.faults = [(200, told, {})]
    with pytest.raises(UpstreamError):
        await ask(operation="get", record_type="deal", record_id=customer["deal"])


async def test_a_write_whose_reply_has_another_shape_is_unknown(ask, server):
    server.faults = [(201, {"id": "7"}, {})]
    with pytest.raises(UpstreamError) as raised:
        await ask(**NEW)
    assert may_have_happened(raised.value)


async def test_a_hubspot_that_cannot_be_reached_has_done_nothing():
    hubspot = HubSpotCrm(TOKEN, base_url="http://127.0.0.1:1")
    tool = CrmIntegration(crm=hubspot)
    for _ in range(1):
        with pytest.raises(UpstreamError, match="cannot be reached: ConnectError") as raised:
            await tool.ainvoke(NEW, config())
        assert raised.value.retryable
        assert not may_have_happened(raised.value)
    with pytest.raises(UpstreamError):
        tool.invoke(NEW, config())
    await hubspot.aclose()


async def test_the_probe_is_answered_only_if_hubspot_is_there_and_knows_the_token(server, hubspot):
    hubspot.probe()
    await hubspot.aprobe()
    server.faults = ["500", "500"]
    with pytest.raises(UpstreamError):
        hubspot.probe()
    with pytest.raises(UpstreamError):
        await hubspot.aprobe()
    await hubspot.aclose()


def test_every_event_loop_has_connections_of_its_own(server, hubspot):
    for _ in range(3):
        asyncio.run(closing(hubspot))


async def closing(hubspot):
    await hubspot.aprobe()
    await hubspot.aclose()


def test_a_search_is_a_post_that_writes_nothing():
    assert not first_page("contacts", 1).writes
