"""New accounts, contacts and deals, and upserts: changed if they are there, created if they are not."""

import asyncio

import pytest

from salesboost_tools.core.errors import ToolInputError
from tests.tools.crm.conftest import ON_EVERY_DATABASE, config

pytestmark = ON_EVERY_DATABASE

DEAL = {"name": "Pilot", "amount": "1200.50", "currency": "EUR", "close_date": "2026-12-31"}


async def test_an_account_is_created_found_and_audited(ask, audit):
    properties = {"name": "Nordwind GmbH", "domain": "Nordwind.example", "country": "DE", "employees": 120}
    created = await ask(operation="create_account", properties=properties)
    account = created["record"]
    assert (account["domain"], account["status"], account["version"]) == ("nordwind.example", "prospect", 1)
    assert (await ask(operation="get", record_type="account", record_id=account["id"]))["record"] == account
    found = await ask(operation="search", record_type="account", query="nordwind")
    assert [each["id"] for each in found["records"]] == [account["id"]]
    (entry,) = audit("account", account["id"])
    assert (entry["operation"], entry["actor"]) == ("create_account", "u-7")
    assert entry["changes"]["name"] == {"from": None, "to": "Nordwind GmbH"}


async def test_a_deal_is_created_open_in_the_first_stage_with_exact_money(ask):
    created = await ask(operation="create_deal", account_id="ACC-0042", properties=DEAL)
    deal = created["record"]
    assert (deal["stage"], deal["amount"]) == ("qualification", {"amount": "1200.50", "currency": "EUR"})
    assert deal["account"]["id"] == "ACC-0042"
    assert (await ask(operation="get", record_type="deal", record_id=deal["id"]))["record"] == deal
    listed = await ask(operation="list", record_type="deal", account_id="ACC-0042", limit=50)
    assert deal["id"] in [each["id"] for each in listed["records"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"operation": "create_account", "properties": {"domain": "x.example"}}, "name: Field required"),
        ({"operation": "create_account", "properties": {"name": "x", "currency": "EURO"}}, "currency: String should"),
        ({"operation": "create_account", "properties": {"name": "x", "currency": "EUX"}}, "'EUX' is no ISO 4217"),
        ({"operation": "create_deal", "account_id": "ACC-9042", "properties": DEAL}, "No account 'ACC-9042'"),
        (
            {"operation": "create_deal", "account_id": "ACC-0042", "properties": {"name": "x"}},
            "amount, close_date, currency: Field required",
        ),
        (
            {"operation": "create_deal", "account_id": "ACC-0042", "properties": {**DEAL, "currency": "JPY"}},
            "JPY amounts have at most 0 digits",
        ),
        (
            {"operation": "create_deal", "account_id": "ACC-0042", "properties": {**DEAL, "stage": "won"}},
            "stage: Input should be 'qualification'",
        ),
        ({"operation": "upsert", "record_type": "contact", "properties": {"title": "x"}}, "goes by its email"),
        (
            {"operation": "upsert", "record_type": "contact", "properties": {"email": "new@x.example"}},
            "No contact has this email; to create it, name its account_id",
        ),
        (
            {"operation": "upsert", "record_type": "account", "properties": {"domain": "new.example"}},
            "name: Field required",
        ),
        (
            {
                "operation": "upsert",
                "record_type": "contact",
                "account_id": "ACC-0117",
                "properties": {"email": "dana.whitfield@acme.example", "title": "x"},
            },
            "CON-0042-1 belongs to ACC-0042, not to ACC-0117",
        ),
        (
            {
                "operation": "upsert",
                "record_type": "account",
                "expected_version": 4,
                "properties": {"domain": "new.example", "name": "New"},
            },
            "not with version 4 either",
        ),
    ],
    ids=str,
)
async def test_what_cannot_be_created_is_refused_with_the_reason(ask, arguments, message):
    with pytest.raises(ToolInputError, match=message):
        await ask(**arguments)


async def test_an_upsert_changes_the_contact_that_has_the_address(ask, audit):
    told = await ask(
        operation="upsert",
        record_type="contact",
        properties={"email": "Dana.Whitfield@acme.example", "title": "Chief Revenue Officer"},
    )
    assert told["created"] is False
    assert told["record"]["id"] == "CON-0042-1"
    assert told["changes"]["title"]["to"] == "Chief Revenue Officer"
    assert [entry["version"] for entry in audit("contact", "CON-0042-1")] == [2]


async def test_an_upsert_creates_what_is_not_there_and_changes_it_the_next_time(ask):
    asked = {"operation": "upsert", "record_type": "account", "properties": {"domain": "neu.example", "name": "Neu"}}
    first = await ask(**asked)
    again = await ask(**asked)
    asked["properties"] = {"domain": "neu.example", "city": "Graz"}
    changed = await ask(**asked)
    assert [told["created"] for told in (first, again, changed)] == [True, False, False]
    assert {told["record"]["id"] for told in (first, again, changed)} == {first["record"]["id"]}
    assert [told["record"]["version"] for told in (first, again, changed)] == [1, 1, 2]


async def test_a_deal_is_known_by_its_name_within_its_account(ask):
    first = await ask(operation="upsert", record_type="deal", account_id="ACC-0042", properties=DEAL)
    other = await ask(operation="upsert", record_type="deal", account_id="ACC-0117", properties=DEAL)
    more = await ask(
        operation="upsert", record_type="deal", account_id="ACC-0042", properties={"name": "Pilot", "amount": "1300"}
    )
    assert (first["created"], other["created"], more["created"]) == (True, True, False)
    assert more["changes"] == {"amount": {"from": "1200.50", "to": "1300.00"}}
    with pytest.raises(ToolInputError, match="has stage 'qualification', not 'closing'; update_deal_stage changes it"):
        await ask(
            operation="upsert",
            record_type="deal",
            account_id="ACC-0042",
            properties={"name": "Pilot", "stage": "closing"},
        )


async def test_an_upsert_that_saw_a_version_is_refused_when_it_is_stale(ask):
    asked = {"operation": "upsert", "record_type": "contact"}
    properties = {"email": "dana.whitfield@acme.example"}
    await ask(**asked, properties={**properties, "title": "A"}, expected_version=1)
    with pytest.raises(ToolInputError, match=r"CON-0042-1 is at version 2 .* not at the expected version 1"):
        await ask(**asked, properties={**properties, "title": "B"}, expected_version=1)


async def test_two_records_of_one_name_are_not_guessed_between(ask):
    for _ in range(2):
        await ask(operation="create_account", properties={"name": "Twin", "domain": "twin.example"})
    with pytest.raises(ToolInputError, match=r"Several accounts have this domain, ACC-\w+ and ACC-\w+"):
        await ask(operation="upsert", record_type="account", properties={"domain": "twin.example", "name": "Twin"})


async def test_a_dry_run_of_an_upsert_says_which_it_would_be(ask):
    asked = {"operation": "upsert", "record_type": "account", "dry_run": True}
    told = await ask(**asked, properties={"domain": "neu.example", "name": "Neu"})
    assert (told["created"], told["dry_run"], told["record"]["id"]) == (True, True, None)
    assert (await ask(operation="search", record_type="account", query="neu.example"))["records"] == []


async def test_another_tenants_record_is_not_upserted(ask):
    told = await ask(
        config(tenant_id="globex-emea"),
        operation="upsert",
        record_type="account",
        properties={"domain": "acme.example", "name": "Acme"},
    )
    assert told["created"] is True


async def test_twenty_upserts_of_one_domain_at_once_give_one_account(tool, store):
    asked = {"operation": "upsert", "record_type": "account", "properties": {"domain": "neu.example", "name": "Neu"}}
    told = await asyncio.gather(*(tool.ainvoke(asked, config=config()) for _ in range(20)))
    assert sum(each["created"] for each in told) == 1
    assert len({each["record"]["id"] for each in told}) == 1
    await store.aclose()
