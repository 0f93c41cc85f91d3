"""What the CRM changes: checked, under its version, with a line in the audit trail, or only shown in a dry run."""

import pytest
from sqlalchemy import select

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.crm.schema import metadata
from tests.tools.crm.conftest import ON_EVERY_DATABASE, config

pytestmark = ON_EVERY_DATABASE


async def get(ask, record_type, record_id):
    return (await ask(operation="get", record_type=record_type, record_id=record_id))["record"]


async def test_a_note_lands_on_the_deal_and_its_account(ask, audit):
    answer = await ask(
        operation="create_note", deal_id="DEAL-0042", body="Dana called back.\nShe wants the comparison."
    )
    note = answer["record"]
    assert (note["kind"], note["account"]["id"], note["deal_id"]) == ("note", "ACC-0042", "DEAL-0042")
    assert note["subject"] == "Dana called back."
    assert note["occurred_at"] == "2026-06-30T09:00:00Z"
    assert note["owner_id"] == "u-7"
    assert await get(ask, "activity", note["id"]) == note
    (entry,) = audit("activity", note["id"])
    assert (entry["actor"], entry["actor_role"], entry["operation"], entry["version"]) == (
        "u-7",
        "coach",
        "create_note",
        1,
    )
    assert entry["at"] == "2026-06-30T09:00:00Z"


async def test_a_task_has_a_due_time_an_owner_and_is_open(ask):
    answer = await ask(
        operation="create_task",
        account_id="ACC-0042",
        subject="Call Dana",
        due_at="2026-07-02T17:00:00+02:00",
        owner_id="REP-01",
        contact_id="CON-0042-1",
    )
    task = answer["record"]
    assert (task["status"], task["due_at"], task["owner_id"]) == ("open", "2026-07-02T15:00:00Z", "REP-01")
    done = await ask(
        operation="update",
        record_type="activity",
        record_id=task["id"],
        expected_version=1,
        properties={"status": "done"},
    )
    assert done["changes"] == {"status": {"from": "open", "to": "done"}}


async def test_a_note_that_is_rewritten_leaves_both_texts_in_the_audit_trail(ask, audit):
    note = (await ask(operation="create_note", deal_id="DEAL-0042", body="first"))["record"]
    rewritten = await ask(
        operation="update",
        record_type="activity",
        record_id=note["id"],
        properties={"body": "second"},
        expected_version=1,
    )
    assert rewritten["changes"] == {"body": {"from": "first", "to": "second"}}
    created, changed = audit("activity", note["id"])
    assert "body" not in created["changes"]
    assert changed["changes"] == rewritten["changes"]


async def test_a_contact_is_created_searched_and_read(ask):
    answer = await ask(
        operation="create_contact",
        account_id="ACC-0042",
        properties={
            "first_name": "Ada",
            "last_name": "Okafor",
            "email": "Ada.Okafor@ACME.example",
            "buying_role": "user",
        },
    )
    contact = answer["record"]
    assert contact["email"] == "ada.okafor@acme.example"
    assert contact["email_consent"] == "unknown"
    assert await get(ask, "contact", contact["id"]) == contact
    found = await ask(operation="search", record_type="contact", query="okafor")
    assert [each["id"] for each in found["records"]] == [contact["id"]]


async def test_a_second_contact_with_the_same_address_is_refused_and_the_first_is_named(ask):
    with pytest.raises(ToolInputError, match="belongs to contact CON-0042-1 already"):
        await ask(
            operation="create_contact",
            account_id="ACC-0203",
            properties={"first_name": "D", "last_name": "W", "email": "DANA.whitfield@acme.example"},
        )


async def test_contacts_without_an_address_may_be_many(ask):
    for _ in range(2):
        await ask(operation="create_contact", account_id="ACC-0042", properties={"first_name": "N", "last_name": "N"})


async def test_a_deal_moves_to_another_stage_and_remembers_who_moved_it(ask, audit):
    answer = await ask(operation="update_deal_stage", deal_id="DEAL-0042", stage="closing", expected_version=1)
    assert answer["changes"] == {"stage": {"from": "negotiation", "to": "closing"}}
    assert answer["record"]["version"] == 2
    assert await get(ask, "deal", "DEAL-0042") == answer["record"]
    (entry,) = audit("deal", "DEAL-0042")
    assert entry["changes"] == answer["changes"]
    assert entry["version"] == 2


async def test_a_lost_deal_has_a_reason_and_a_moment_and_loses_both_when_it_is_reopened(ask):
    with pytest.raises(ToolInputError, match="needs a reason"):
        await ask(operation="update_deal_stage", deal_id="DEAL-0042", stage="lost", expected_version=1)
    lost = await ask(
        operation="update_deal_stage",
        deal_id="DEAL-0042",
        stage="lost",
        reason="price",
        competitor="Salesmere",
        expected_version=1,
    )
    assert (lost["record"]["close_reason"], lost["record"]["competitor"]) == ("price", "Salesmere")
    assert lost["record"]["closed_at"] == "2026-06-30T09:00:00Z"
    open_again = await ask(operation="update_deal_stage", deal_id="DEAL-0042", stage="negotiation", expected_version=2)
    assert (open_again["record"]["close_reason"], open_again["record"]["closed_at"]) == (None, None)


async def test_a_reason_goes_with_an_end_only(ask):
    with pytest.raises(ToolInputError, match="go with stage 'won' or 'lost' only"):
        await ask(
            operation="update_deal_stage", deal_id="DEAL-0042", stage="closing", reason="price", expected_version=1
        )


async def test_a_stale_update_is_refused_and_both_versions_are_named(ask):
    await ask(operation="update_deal_stage", deal_id="DEAL-0042", stage="closing", expected_version=1)
    for arguments in (
        {"operation": "update_deal_stage", "deal_id": "DEAL-0042", "stage": "proposal", "expected_version": 1},
        {
            "operation": "update",
            "record_type": "deal",
            "record_id": "DEAL-0042",
            "properties": {"next_step": "Wait"},
            "expected_version": 1,
        },
    ):
        with pytest.raises(ToolInputError, match=r"DEAL-0042 is at version 2 .* not at the expected version 1"):
            await ask(**arguments)
    assert (await get(ask, "deal", "DEAL-0042"))["stage"] == "closing"


async def test_properties_are_updated_and_the_changes_told(ask):
    answer = await ask(
        operation="update",
        record_type="deal",
        record_id="DEAL-0042",
        properties={"amount": "351000.50", "next_step": "Call Dana", "competitor": None},
        expected_version=1,
    )
    assert answer["changes"] == {
        "amount": {"from": "350064.00", "to": "351000.50"},
        "next_step": {
            "from": "Answer the three open points together \N{EN DASH} seat price, migration rehearsal, security annex",
            "to": "Call Dana",
        },
        "competitor": {"from": "Dealharbor", "to": None},
    }
    assert answer["record"]["amount"] == {"amount": "351000.50", "currency": "USD"}
    assert await get(ask, "deal", "DEAL-0042") == answer["record"]


async def test_an_account_that_is_renamed_is_found_by_its_new_name(ask):
    await ask(
        operation="update",
        record_type="account",
        record_id="ACC-0042",
        properties={"name": "Ünika AG"},
        expected_version=1,
    )
    assert (await ask(operation="search", record_type="account", query="acme corp"))["records"] == []
    found = await ask(operation="search", record_type="account", query="unika")
    assert [each["id"] for each in found["records"]] == ["ACC-0042"]


async def test_a_close_date_that_moves_back_is_counted_as_a_slip_and_one_that_moves_forward_is_not(ask):
    for version, day, slips in ((1, "2026-08-31", 3), (2, "2026-08-15", 3)):
        answer = await ask(
            operation="update",
            record_type="deal",
            record_id="DEAL-0042",
            properties={"close_date": day},
            expected_version=version,
        )
        assert answer["record"]["close_date_slips"] == slips


async def test_writing_what_is_there_already_changes_nothing_not_even_the_version(ask, audit):
    answer = await ask(
        operation="update",
        record_type="deal",
        record_id="DEAL-0042",
        properties={"competitor": "Dealharbor", "amount": "350064"},
        expected_version=1,
    )
    assert answer["changes"] == {}
    assert answer["record"]["version"] == 1
    assert audit("deal", "DEAL-0042") == []


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"stage": "won"}, "stage: Extra inputs are not permitted. Allowed: amount, close_date, competitor"),
        ({"tenant_id": "other"}, "tenant_id: Extra inputs"),
        ({"version": 9}, "version: Extra inputs"),
        ({"amount": "-1"}, "amount: Input should be greater than or equal to 0"),
        ({"amount": "1.005"}, "USD amounts have at most 2 digits after the point; got 1.005"),
        ({"amount": "lots"}, "amount: Input should be a valid decimal"),
        ({"close_date": "soon"}, "close_date: Input should be a valid date"),
        ({"name": " "}, "name: String should have at least 1 character"),
        ({"name": None}, "name: Input should be a valid string"),
        ({}, "Nothing to change: name at least one of amount, close_date"),
    ],
    ids=str,
)
async def test_a_property_that_may_not_be_written_is_refused_and_the_allowed_ones_are_named(ask, properties, message):
    with pytest.raises(ToolInputError, match=message):
        await ask(
            operation="update", record_type="deal", record_id="DEAL-0042", properties=properties, expected_version=1
        )
    assert (await get(ask, "deal", "DEAL-0042"))["version"] == 1


async def test_an_amount_has_the_digits_of_its_currency(ask):
    japanese = next(
        each
        for each in (await ask(operation="list", record_type="account", country="JP", limit=50))["records"]
        if each["country"] == "JP"
    )
    deal = (await ask(operation="list", record_type="deal", account_id=japanese["id"]))["records"][0]
    update = {"operation": "update", "record_type": "deal", "record_id": deal["id"], "expected_version": 1}
    with pytest.raises(ToolInputError, match="JPY amounts have at most 0 digits"):
        await ask(**update, properties={"amount": "100.5"})
    answer = await ask(**update, properties={"amount": "1234567"})
    assert answer["record"]["amount"] == {"amount": "1234567", "currency": "JPY"}


async def test_what_happened_is_not_rewritten(ask):
    of_the_deal = {"operation": "list", "record_type": "activity", "deal_id": "DEAL-0042", "limit": 1}
    (past,) = (await ask(**of_the_deal, kind="call"))["records"]
    with pytest.raises(ToolInputError, match="record of a past call; only notes and tasks can be changed"):
        await ask(
            operation="update",
            record_type="activity",
            record_id=past["id"],
            properties={"body": "x"},
            expected_version=1,
        )
    (note,) = (await ask(**of_the_deal, kind="note"))["records"]
    with pytest.raises(ToolInputError, match="is a note; status belong to tasks"):
        await ask(
            operation="update",
            record_type="activity",
            record_id=note["id"],
            properties={"status": "done"},
            expected_version=1,
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"operation": "create_note", "deal_id": "DEAL-9", "body": "x"}, "No deal 'DEAL-9'"),
        ({"operation": "create_note", "account_id": "ACC-9", "body": "x"}, "No account 'ACC-9'"),
        (
            {"operation": "create_note", "account_id": "ACC-0117", "deal_id": "DEAL-0042", "body": "x"},
            "DEAL-0042 belongs to ACC-0042, not to ACC-0117",
        ),
        (
            {"operation": "create_note", "deal_id": "DEAL-0042", "contact_id": "CON-0117-1", "body": "x"},
            "CON-0117-1 belongs to ACC-0117, not to ACC-0042",
        ),
        (
            {"operation": "create_contact", "account_id": "ACC-9", "properties": {"first_name": "A", "last_name": "B"}},
            "No account 'ACC-9'",
        ),
        (
            {"operation": "create_contact", "account_id": "ACC-0042", "properties": {"first_name": "A"}},
            "last_name: Field required",
        ),
        (
            {
                "operation": "create_contact",
                "account_id": "ACC-0042",
                "properties": {"first_name": "A", "last_name": "B", "email": "none"},
            },
            "email: String should match pattern",
        ),
    ],
    ids=str,
)
async def test_a_write_that_does_not_fit_together_is_refused(ask, arguments, message):
    with pytest.raises(ToolInputError, match=message):
        await ask(**arguments)


def every_row(store):
    def read(connection):
        return [sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables]

    return store.database.perform(read, writes=False)


WRITES = [
    {"operation": "create_note", "deal_id": "DEAL-0042", "body": "x"},
    {"operation": "create_task", "deal_id": "DEAL-0042", "subject": "x", "due_at": "2026-07-02T15:00:00Z"},
    {"operation": "create_contact", "account_id": "ACC-0042", "properties": {"first_name": "A", "last_name": "B"}},
    {"operation": "update_deal_stage", "deal_id": "DEAL-0042", "stage": "closing", "expected_version": 1},
    {
        "operation": "update",
        "record_type": "deal",
        "record_id": "DEAL-0042",
        "properties": {"amount": "1.00", "close_date": "2027-01-01"},
        "expected_version": 1,
    },
]


@pytest.mark.parametrize("arguments", WRITES, ids=lambda arguments: arguments["operation"])
async def test_a_dry_run_tells_what_the_write_then_does_and_changes_nothing(ask, store, arguments):
    before = every_row(store)
    told = await ask(**arguments, dry_run=True)
    assert told["dry_run"] is True
    assert every_row(store) == before
    done = await ask(**arguments)
    assert done["dry_run"] is False
    assert done["changes"] == told["changes"]


async def test_a_dry_run_refuses_what_the_write_would_refuse(ask):
    with pytest.raises(ToolInputError, match="not at the expected version 3"):
        await ask(operation="update_deal_stage", deal_id="DEAL-0042", stage="closing", expected_version=3, dry_run=True)
    with pytest.raises(ToolInputError, match="belongs to contact"):
        await ask(
            operation="create_contact",
            account_id="ACC-0042",
            properties={"first_name": "D", "last_name": "W", "email": "dana.whitfield@acme.example"},
            dry_run=True,
        )


async def test_a_refused_write_leaves_nothing_behind(ask, audit):
    with pytest.raises(ToolInputError):
        await ask(
            operation="update",
            record_type="contact",
            record_id="CON-0042-2",
            properties={"title": "New", "email": "dana.whitfield@acme.example"},
            expected_version=1,
        )
    assert (await get(ask, "contact", "CON-0042-2"))["title"] == "VP Sales Operations"
    assert audit("contact", "CON-0042-2") == []


async def test_a_contact_may_keep_its_own_address(ask):
    answer = await ask(
        operation="update",
        record_type="contact",
        record_id="CON-0042-1",
        properties={"email": "dana.whitfield@acme.example", "title": "CFO"},
        expected_version=1,
    )
    assert answer["changes"] == {"title": {"from": "Chief Financial Officer", "to": "CFO"}}


async def test_an_anonymous_write_is_audited_as_such(ask, audit):
    answer = await ask(operation="create_note", deal_id="DEAL-0042", body="x", _config={"configurable": {}})
    (entry,) = audit("activity", answer["record"]["id"])
    assert (entry["actor"], entry["actor_role"]) == (None, None)
    assert answer["record"]["owner_id"] is None


async def test_an_empty_or_huge_text_never_reaches_the_database(ask):
    for body in ("", "   ", "x" * 4001):
        with pytest.raises(ValueError, match="body"):
            await ask(operation="create_note", deal_id="DEAL-0042", body=body)


async def test_the_caller_is_never_an_argument(ask):
    for name in ("user_id", "tenant_id", "caller_role"):
        with pytest.raises(ValueError, match="Extra inputs are not permitted"):
            await ask(operation="create_note", deal_id="DEAL-0042", body="x", **{name: "boss"})
    assert config()["configurable"]["user_id"] == "u-7"
