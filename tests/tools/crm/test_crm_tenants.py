"""No tenant sees, names or touches another tenant's records."""

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError, StatementError

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.crm import WinLoss, statements
from salesboost_tools.tools.crm.commands import Find
from salesboost_tools.tools.crm.schema import contacts
from tests.tools.crm.conftest import AS_OF, ON_EVERY_DATABASE, config

pytestmark = ON_EVERY_DATABASE
EMEA = config(tenant_id="globex-emea")


async def test_the_same_id_is_another_record_for_another_tenant(ask):
    own = await ask(operation="get", record_type="account", record_id="ACC-0001")
    other = await ask(EMEA, operation="get", record_type="account", record_id="ACC-0001")
    assert own["record"]["name"] != other["record"]["name"]


async def test_a_record_of_another_tenant_does_not_exist_and_is_not_suggested(ask):
    with pytest.raises(ToolInputError, match="No account 'ACC-0042'") as raised:
        await ask(EMEA, operation="get", record_type="account", record_id="ACC-0042")
    assert "Acme" not in str(raised.value)
    with pytest.raises(ToolInputError) as raised:
        await ask(EMEA, operation="get", record_type="account", record_id="Acme Corp")
    assert "Acme Corp' (" not in str(raised.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"operation": "list", "record_type": "account"},
        {"operation": "list", "record_type": "deal"},
        {"operation": "list", "record_type": "deal", "stalled_days": 1},
        {"operation": "search", "record_type": "contact", "query": "example"},
        {"operation": "search", "record_type": "deal", "query": "e"},
        {"operation": "list", "record_type": "contact", "account_id": "ACC-0001"},
        {"operation": "list", "record_type": "activity", "account_id": "ACC-0001"},
    ],
    ids=str,
)
async def test_lists_and_searches_never_mix_tenants(ask, store, arguments):
    async def all_of(who):
        seen, cursor = [], None
        while True:
            page = await ask(who, **{"limit": 50, **arguments}, **({"cursor": cursor} if cursor else {}))
            seen += page["records"]
            cursor = page["next_cursor"]
            if cursor is None:
                return seen

    own, other = await all_of(config()), await all_of(EMEA)
    assert other

    def about(record):
        return (
            record.get("domain") or record.get("email") or record.get("name") or (record["body"], record["occurred_at"])
        )

    assert not {about(each) for each in own} & {about(each) for each in other}


async def test_a_cursor_of_another_tenant_is_refused(ask):
    page = await ask(operation="list", record_type="deal", limit=2)
    with pytest.raises(ToolInputError, match="does not belong to this query"):
        await ask(EMEA, operation="list", record_type="deal", limit=2, cursor=page["next_cursor"])


async def test_a_write_reaches_only_the_own_record(ask):
    await ask(EMEA, operation="update_deal_stage", deal_id="DEAL-0001", stage="lost", reason="t", expected_version=1)
    own = await ask(operation="get", record_type="deal", record_id="DEAL-0001")
    assert own["record"]["version"] == 1
    assert own["record"]["close_reason"] != "t"


async def test_one_address_may_be_known_to_two_tenants(ask):
    answer = await ask(
        EMEA,
        operation="create_contact",
        account_id="ACC-0001",
        properties={"first_name": "D", "last_name": "W", "email": "dana.whitfield@acme.example"},
    )
    assert answer["record"]["email"] == "dana.whitfield@acme.example"


def test_the_audit_trail_is_the_tenants_own(tool, audit):
    tool.invoke({"operation": "create_note", "deal_id": "DEAL-0001", "body": "x"}, config=EMEA)
    assert audit("deal", "DEAL-0001") == []
    note = tool.invoke(
        {"operation": "list", "record_type": "activity", "deal_id": "DEAL-0001", "limit": 1}, config=EMEA
    )
    note_id = note["records"][0]["id"]
    assert len(audit("activity", note_id, tenant_id="globex-emea")) == 1
    assert audit("activity", note_id) == []


def test_win_and_loss_are_the_tenants_own(store):
    own = store.perform(WinLoss(), Caller(tenant_id="default"))["competitors"]
    other = store.perform(WinLoss(), Caller(tenant_id="globex-emea"))["competitors"]
    assert sum(each["won"] + each["lost"] for each in other) < sum(each["won"] + each["lost"] for each in own) / 10
    assert store.perform(WinLoss(), Caller(tenant_id="nobody"))["competitors"] == []


def test_an_unknown_tenant_sees_an_empty_crm(tool):
    answer = tool.invoke({"operation": "list", "record_type": "account"}, config=config(tenant_id="nobody"))
    assert answer["records"] == []


@pytest.mark.parametrize(
    "statement",
    [
        statements.one("deal"),
        statements.page(Find(operation="list", record_type="deal"), after=None, silent_since=AS_OF),
        statements.alike("account", "x", 5),
        statements.with_value("deal", "competitor", "x"),
        statements.values_in_use("deal", "competitor", 5),
        statements.how_many("deal"),
        statements.first_by_name("deal", 3),
        statements.contact_with_email("x"),
        statements.change("deal", "x", version=1, values={"name": "x"}),
        statements.audit_of("deal", "x"),
        statements.endings(None),
    ],
    ids=lambda statement: str(statement)[:60],
)
def test_a_statement_that_is_executed_without_a_tenant_fails(store, statement):
    with store.database._engines.sync.reading.connect() as connection, pytest.raises(StatementError, match="of_tenant"):
        connection.execute(statement, {"record_id": "x"})


def test_the_database_itself_refuses_a_row_that_refers_to_another_tenant(store):
    row = {
        "tenant_id": "globex-emea",
        "id": "CON-X",
        "account_id": "ACC-0042",
        "first_name": "A",
        "last_name": "B",
        "email_consent": "unknown",
        "search_text": "",
        "created_at": AS_OF,
        "updated_at": AS_OF,
        "version": 1,
    }
    with pytest.raises(IntegrityError), store.database._engines.sync.writing.begin() as connection:
        connection.execute(insert(contacts), row)
