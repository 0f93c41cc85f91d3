"""HubSpot behind the same tool: records, pages, changes under versions, upserts."""

import json
import logging

import pytest

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ConfigurationError, ToolInputError, ToolPermissionError
from salesboost_tools.tools.crm import AuditTrail, WinLoss
from salesboost_tools.tools.crm.hubspot import HubSpotCrm
from tests.hubspot_server import TOKEN
from tests.tools.crm.conftest import config
from tests.tools.crm.hubspot.conftest import NOW

CALLER = Caller(tenant_id="default")


async def version_of(ask, record_type, record_id):
    return (await ask(operation="get", record_type=record_type, record_id=record_id))["record"]["version"]


async def test_texts_come_back_typed(ask, customer):
    deal = (await ask(operation="get", record_type="deal", record_id=customer["deal"]))["record"]
    assert deal["amount"] == {"amount": "1200.50", "currency": "USD"}
    assert deal["account"] == {"id": customer["account"], "name": "Acme Corp"}
    assert (deal["stage"], deal["close_date"], deal["days_since_activity"]) == ("negotiation", "2026-08-31", 46)
    account = (await ask(operation="get", record_type="account", record_id=customer["account"]))["record"]
    assert (account["employees"], account["status"]) == (1850, "prospect")
    contact = (await ask(operation="get", record_type="contact", record_id=customer["contact"]))["record"]
    assert (contact["last_name"], contact["account"]["id"]) == ("Whitfield", customer["account"])
    for record in (deal, account, contact):
        assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("record_type", "record_id"),
    [("deal", "9999"), ("deal", "DEAL-0042"), ("account", "acme"), ("contact", "9999"), ("activity", "9999")],
)
async def test_what_is_not_there_is_said_to_be_missing_with_a_way_to_find_it(ask, customer, record_type, record_id):
    with pytest.raises(ToolInputError, match=rf"^No {record_type} '{record_id}'\. (Search|Ids look like)"):
        await ask(operation="get", record_type=record_type, record_id=record_id)


async def test_a_search_says_that_it_lags_and_a_read_by_id_does_not(ask, server, customer):
    server.index()
    server.lag = True
    created = await ask(operation="create_account", properties={"name": "Nordwind", "domain": "nordwind.example"})
    found = await ask(operation="search", record_type="account", query="nordwind")
    assert found["records"] == []
    assert found["consistency"] == "eventual"
    assert "is read by its id" in found["hint"]
    record = (await ask(operation="get", record_type="account", record_id=created["record"]["id"]))["record"]
    assert record["name"] == "Nordwind"
    server.index()
    assert (await ask(operation="search", record_type="account", query="nordwind"))["records"] == [record]


async def test_pages_follow_each_other_by_cursor_and_names_are_read_in_one_request(ask, server, customer):
    for number in range(7):
        server.add("contacts", [("companies", customer["account"])], lastname=f"N{number}", email=f"{number}@x.example")
    asked = {"operation": "list", "record_type": "contact", "account_id": customer["account"], "limit": 3}
    seen, cursor = [], None
    server.exchanges.clear()
    while True:
        page = await ask(**asked, **({"cursor": cursor} if cursor else {}))
        seen += [each["last_name"] for each in page["records"]]
        assert {each["account"]["name"] for each in page["records"]} == {"Acme Corp"}
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [*(f"N{number}" for number in range(7)), "Whitfield"]
    assert len([path for _, path, *_ in server.exchanges if path.endswith("batch/read")]) == 3
    first = await ask(**asked)
    with pytest.raises(ToolInputError, match="does not belong to this query"):
        await ask(operation="list", record_type="deal", cursor=first["next_cursor"])


async def test_stalled_deals_are_open_and_silent(ask, server, customer):
    at_acme = [("companies", customer["account"])]
    server.add(
        "deals", at_acme, dealname="Lively", dealstage="contractsent", notes_last_contacted="2026-06-29T00:00:00Z"
    )
    server.add("deals", at_acme, dealname="Over", dealstage="closedlost", notes_last_contacted="2026-01-01T00:00:00Z")
    never = server.add("deals", at_acme, dealname="Never spoken to", dealstage="qualifiedtobuy")
    stalled = await ask(operation="list", record_type="deal", stalled_days=20)
    assert {each["id"] for each in stalled["records"]} == {customer["deal"], never}


async def test_an_unknown_account_is_told_from_an_empty_one(ask, customer):
    empty = await ask(operation="list", record_type="activity", account_id=customer["account"], kind="note")
    assert empty["records"] == []
    with pytest.raises(ToolInputError, match="No account '9999'"):
        await ask(operation="list", record_type="contact", account_id="9999")
    with pytest.raises(ToolInputError, match="listed by kind: note or task"):
        await ask(operation="list", record_type="activity", account_id=customer["account"])


async def test_a_note_is_text_there_and_back_and_hangs_on_deal_company_and_person(ask, server, customer):
    body = "Dana: <b>no</b> & yes\nCall again."
    told = await ask(operation="create_note", deal_id=customer["deal"], contact_id=customer["contact"], body=body)
    note = told["record"]
    assert (note["body"], note["deal_id"], note["contact_id"]) == (body, customer["deal"], customer["contact"])
    assert note["account"] == {"id": customer["account"], "name": "Acme Corp"}
    assert (await ask(operation="get", record_type="activity", record_id=note["id"]))["record"] == note
    (stored,) = server.objects["notes"].values()
    assert "<b>" not in stored["properties"]["hs_note_body"]
    listed = await ask(operation="list", record_type="activity", deal_id=customer["deal"], kind="note")
    assert [each["id"] for each in listed["records"]] == [note["id"]]


async def test_a_task_is_created_and_done(ask, customer):
    told = await ask(
        operation="create_task", account_id=customer["account"], subject="Call", due_at="2026-07-02T17:00:00+02:00"
    )
    task = told["record"]
    assert (task["status"], task["due_at"], task["subject"]) == ("open", "2026-07-02T15:00:00Z", "Call")
    done = await ask(
        operation="update",
        record_type="activity",
        record_id=task["id"],
        properties={"status": "done"},
        expected_version=task["version"],
    )
    assert done["changes"] == {"status": {"from": "open", "to": "done"}}


async def test_a_deal_is_created_moved_and_lost_with_a_reason(ask, customer):
    properties = {"name": "Pilot", "amount": "990.10", "currency": "EUR", "close_date": "2026-12-31"}
    deal = (await ask(operation="create_deal", account_id=customer["account"], properties=properties))["record"]
    assert (deal["stage"], deal["amount"]) == ("qualification", {"amount": "990.10", "currency": "EUR"})
    move = {"operation": "update_deal_stage", "deal_id": deal["id"], "expected_version": deal["version"]}
    with pytest.raises(ToolInputError, match="needs a reason"):
        await ask(**move, stage="lost")
    with pytest.raises(ToolInputError, match="no stage for 'closing'; there are: qualification"):
        await ask(**move, stage="closing")
    lost = await ask(**move, stage="lost", reason="price")
    assert lost["changes"] == {
        "stage": {"from": "qualification", "to": "lost"},
        "lost_reason": {"from": None, "to": "price"},
    }
    assert lost["record"]["close_reason"] == "price" or lost["record"]["stage"] == "lost"
    read = (await ask(operation="get", record_type="deal", record_id=deal["id"]))["record"]
    assert (read["stage"], read["close_reason"], read["version"]) == ("lost", "price", lost["record"]["version"])


async def test_a_stale_update_is_refused_with_both_versions_and_nothing_is_written(ask, server, customer):
    seen = await version_of(ask, "deal", customer["deal"])
    server.touch("deals", customer["deal"], hs_next_step="Somebody else's")
    server.exchanges.clear()
    with pytest.raises(ToolInputError, match=rf"is at version \d+ \(changed .*not at the expected version {seen}\."):
        await ask(
            operation="update",
            record_type="deal",
            record_id=customer["deal"],
            properties={"next_step": "Mine"},
            expected_version=seen,
        )
    assert [method for method, *_ in server.exchanges] == ["GET"]


async def test_writing_what_is_there_already_asks_for_no_write(ask, server, customer):
    seen = await version_of(ask, "deal", customer["deal"])
    server.exchanges.clear()
    told = await ask(
        operation="update",
        record_type="deal",
        record_id=customer["deal"],
        properties={"amount": "1200.50", "next_step": None},
        expected_version=seen,
    )
    assert told["changes"] == {}
    assert "PATCH" not in [method for method, *_ in server.exchanges]


async def test_an_upsert_changes_the_contact_of_the_address_or_creates_it(ask, server, customer):
    asked = {"operation": "upsert", "record_type": "contact"}
    changed = await ask(**asked, properties={"email": "dana@acme.example", "title": "CRO"})
    assert (changed["created"], changed["record"]["id"]) == (False, customer["contact"])
    new = {"email": "ada@acme.example", "first_name": "Ada", "last_name": "O"}
    created = await ask(**asked, account_id=customer["account"], properties=new)
    again = await ask(**asked, account_id=customer["account"], properties=new)
    assert (created["created"], again["created"]) == (True, False)
    assert created["record"]["id"] == again["record"]["id"]
    assert server.count("contacts") == 2


async def test_an_upsert_that_finds_somebody_was_faster_changes_that_contact(ask, server, customer):
    """The look says nobody, the create says conflict: HubSpot knew better a moment later."""
    server.faults = [(404, {"category": "OBJECT_NOT_FOUND", "message": "?", "correlationId": "c"}, {})]
    told = await ask(
        operation="upsert",
        record_type="contact",
        account_id=customer["account"],
        properties={"email": "dana@acme.example", "first_name": "Dana", "last_name": "Whitfield", "title": "CRO"},
    )
    assert (told["created"], told["record"]["id"], told["record"]["title"]) == (False, customer["contact"], "CRO")
    assert server.count("contacts") == 1


async def test_companies_are_known_by_domain_and_deals_by_name(ask, server, customer):
    account = await ask(
        operation="upsert", record_type="account", properties={"domain": "acme.example", "city": "Graz"}
    )
    assert (account["created"], account["record"]["id"]) == (False, customer["account"])
    deal = await ask(
        operation="upsert",
        record_type="deal",
        account_id=customer["account"],
        properties={"name": "Renewal", "next_step": "Call"},
    )
    assert (deal["created"], deal["record"]["id"]) == (False, customer["deal"])
    server.add("companies", name="Twin", domain="acme.example")
    with pytest.raises(ToolInputError, match="Several accounts have this domain"):
        await ask(operation="upsert", record_type="account", properties={"domain": "acme.example", "city": "Linz"})


async def test_a_second_contact_with_an_address_is_refused_and_the_first_is_named(ask, server, customer):
    with pytest.raises(ToolInputError, match=f"belongs to contact {customer['contact']} already"):
        await ask(
            operation="create_contact",
            account_id=customer["account"],
            properties={"first_name": "D", "last_name": "W", "email": "dana@acme.example"},
        )
    assert server.count("contacts") == 1


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"status": "customer"}, "On HubSpot status cannot be written here. Allowed: city, country, domain"),
        ({"currency": "EUR"}, "On HubSpot currency cannot be written here"),
    ],
    ids=str,
)
async def test_what_hubspot_cannot_hold_is_refused_and_the_allowed_names_are_told(ask, server, properties, message):
    with pytest.raises(ToolInputError, match=message):
        await ask(operation="create_account", properties={"name": "x", **properties})
    assert server.count("companies") == 0


async def test_a_dry_run_writes_nothing_and_tells_what_the_write_then_does(ask, server, customer):
    seen = await version_of(ask, "deal", customer["deal"])
    writes = [
        {"operation": "create_note", "deal_id": customer["deal"], "body": "x"},
        {"operation": "create_account", "properties": {"name": "New"}},
        {"operation": "update_deal_stage", "deal_id": customer["deal"], "stage": "won", "expected_version": seen},
    ]
    for write in writes:
        before = json.dumps(server.objects)
        told = await ask(**write, dry_run=True)
        assert json.dumps(server.objects) == before
        assert (await ask(**write))["changes"] == told["changes"]


async def test_callers_of_another_tenant_are_refused(ask, server, customer):
    server.exchanges.clear()
    with pytest.raises(ToolPermissionError, match="TOOL_HUBSPOT_TENANT"):
        await ask(config(tenant_id="globex"), operation="get", record_type="deal", record_id=customer["deal"])
    assert server.exchanges == []


def test_hubspots_own_history_is_the_audit_trail_and_who_asked_stands_in_the_log(server, hubspot, customer, caplog):
    tool_call = {"record_type": "deal", "record_id": customer["deal"]}
    from salesboost_tools.tools.crm.commands import Get, Update

    version = hubspot.perform(Get(**tool_call), CALLER)["record"]["version"]
    with caplog.at_level(logging.INFO, "salesboost_tools"):
        change = Update(**tool_call, properties={"next_step": "Secret words"}, expected_version=version)
        hubspot.perform(change, Caller(tenant_id="default", user_id="u-7", role="coach"))
    entries = hubspot.perform(AuditTrail(**tool_call), CALLER)["entries"]
    assert entries[-1]["changes"] == {"next_step": {"from": None, "to": "Secret words"}}
    assert (entries[-1]["actor"], entries[-1]["actor_role"]) == ("app-7", "INTEGRATION")
    (logged,) = [record.getMessage() for record in caplog.records if record.name.startswith("salesboost_tools")]
    assert "u-7 (coach): next_step" in logged
    assert "Secret" not in logged


def test_win_and_loss_need_to_know_where_the_competitor_stands(server, hubspot, customer):
    with pytest.raises(ToolInputError, match="TOOL_HUBSPOT_COMPETITOR_PROPERTY"):
        hubspot.perform(WinLoss(competitor="Dealharbor"), CALLER)
    assert not hubspot.knows_competitors


def test_win_and_loss_are_counted_from_the_property_that_was_named(server, customer):
    hubspot = HubSpotCrm(TOKEN, base_url=server.url, competitor_property="rival", now=lambda: NOW)
    for stage, amount, more in (
        ("closedwon", "100.50", {}),
        ("closedlost", "20", {"closed_lost_reason": "price"}),
        ("closedlost", "5", {"closed_lost_reason": "price"}),
        ("contractsent", "7", {}),
    ):
        server.add("deals", dealname="D", dealstage=stage, amount=amount, deal_currency_code="EUR", rival="Zed", **more)
    told = hubspot.perform(WinLoss(competitor="zed"), CALLER)
    (one,) = told["competitors"]
    assert (one["won"], one["lost"], one["win_fraction"]) == (1, 2, "0.3333")
    assert one["lost_amounts"] == [{"amount": "25.00", "currency": "EUR"}]
    assert one["loss_reasons"] == {"price": 2}
    assert told["complete"]
    hubspot.close()


@pytest.mark.parametrize(
    ("token", "url", "message"),
    [
        ("", "https://x.example", "TOOL_HUBSPOT_TOKEN"),
        ("two words", "https://x.example", "TOOL_HUBSPOT_TOKEN"),
        ("pat-ü", "https://x.example", "TOOL_HUBSPOT_TOKEN"),
        ("pat", "x.example", "TOOL_HUBSPOT_BASE_URL"),
        ("pat", "ftp://x.example", "TOOL_HUBSPOT_BASE_URL"),
    ],
)
def test_a_wrong_set_up_is_refused_at_once_and_the_setting_named(token, url, message):
    with pytest.raises(ConfigurationError, match=message):
        HubSpotCrm(token, base_url=url)
