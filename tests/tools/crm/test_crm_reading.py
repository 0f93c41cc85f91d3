"""What the CRM answers: one record, a search, a list, and what it says when there is nothing."""

from datetime import UTC, datetime

import pytest

from salesboost_tools.core.errors import ToolInputError
from tests.tools.crm.conftest import ON_EVERY_DATABASE, config

pytestmark = ON_EVERY_DATABASE


async def test_a_deal_is_found_by_its_id_with_its_account_money_and_silence(ask):
    answer = await ask(operation="get", record_type="deal", record_id="DEAL-0042")
    deal = answer["record"]
    assert deal["account"] == {"id": "ACC-0042", "name": "Acme Corp"}
    assert deal["amount"] == {"amount": "350064.00", "currency": "USD"}
    assert deal["line_items"] == [{"sku": "PIPE-BUSINESS", "quantity": 420}, {"sku": "INS-BUSINESS", "quantity": 60}]
    assert (deal["stage"], deal["competitor"], deal["close_date_slips"]) == ("negotiation", "Dealharbor", 2)
    assert deal["last_activity_at"] == "2026-05-14T15:20:00Z"
    assert deal["days_since_activity"] == 46
    assert deal["version"] == 1


@pytest.mark.parametrize(
    ("record_type", "record_id", "shown"),
    [
        ("account", "ACC-0042", {"name": "Acme Corp", "domain": "acme.example", "country": "US", "employees": 1850}),
        ("contact", "CON-0042-1", {"first_name": "Dana", "last_name": "Whitfield", "buying_role": "economic_buyer"}),
        ("deal", "DEAL-0117", {"stage": "proposal", "competitor": "Fernpost"}),
    ],
)
async def test_every_type_of_record_is_found_by_its_id(ask, record_type, record_id, shown):
    record = (await ask(operation="get", record_type=record_type, record_id=record_id))["record"]
    assert record["type"] == record_type
    assert record["id"] == record_id
    assert shown.items() <= record.items()
    assert record["created_at"].endswith("Z")


async def test_an_activity_is_shown_whole_by_get_and_cut_in_a_list(ask):
    long = "word " * 400
    created = await ask(operation="create_note", deal_id="DEAL-0042", body=long)
    note_id = created["record"]["id"]
    whole = (await ask(operation="get", record_type="activity", record_id=note_id))["record"]
    assert whole["body"] == long.strip()
    assert whole["body_is_complete"]
    listed = (await ask(operation="list", record_type="activity", deal_id="DEAL-0042", limit=1))["records"][0]
    assert listed["id"] == note_id
    assert len(listed["body"]) == 501
    assert not listed["body_is_complete"]


async def test_an_unknown_account_is_answered_with_the_nearest(ask):
    with pytest.raises(ToolInputError, match=r"No account 'acmee'. Nearest: 'Acme Corp' \(ACC-0042\)") as raised:
        await ask(operation="get", record_type="account", record_id="acmee")
    assert "ACC-0042" in raised.value.for_model


@pytest.mark.parametrize("wanted", ["Acme Corp", "acme", "acme.example", "acc-0042"])
async def test_names_domains_and_other_spellings_lead_to_the_id(ask, wanted):
    with pytest.raises(ToolInputError, match="ACC-0042"):
        await ask(operation="get", record_type="account", record_id=wanted)


async def test_an_unknown_deal_is_answered_with_the_nearest(ask):
    with pytest.raises(ToolInputError, match=r"No deal 'DEAL-42'. Nearest: .*DEAL-0042"):
        await ask(operation="get", record_type="deal", record_id="DEAL-42")


async def test_nothing_alike_is_not_invented(ask):
    with pytest.raises(ToolInputError, match=r"No account '§§§'. Search accounts by name."):
        await ask(operation="get", record_type="account", record_id="§§§")


async def test_an_unknown_person_is_refused_without_naming_another(ask):
    with pytest.raises(ToolInputError, match=r"No contact 'Dana Whitfeld'. Search contacts by name or e-mail.$"):
        await ask(operation="get", record_type="contact", record_id="Dana Whitfeld")


async def test_an_unknown_activity_is_refused_with_a_way_to_find_one(ask):
    with pytest.raises(ToolInputError, match=r"No activity 'ACT-X'. List the activities of an account or deal.$"):
        await ask(operation="get", record_type="activity", record_id="ACT-X")


@pytest.mark.parametrize("query", ["acme", "ACME corp", "acme.example", "corp acme"])
async def test_a_search_finds_all_words_in_any_case_and_order(ask, query):
    found = (await ask(operation="search", record_type="account", query=query))["records"]
    assert "ACC-0042" in [record["id"] for record in found]


async def test_contacts_are_searched_by_name_and_e_mail(ask):
    for query in ("oyelaran", "marcus.oyelaran@acme.example"):
        found = (await ask(operation="search", record_type="contact", query=query))["records"]
        assert [record["id"] for record in found] == ["CON-0042-2"]


async def test_a_search_does_not_mind_accents(ask):
    await ask(
        operation="create_contact", account_id="ACC-0117", properties={"first_name": "Jörg", "last_name": "Müßig"}
    )
    for query in ("jorg mussig", "JÖRG"):
        found = (await ask(operation="search", record_type="contact", query=query))["records"]
        assert [record["last_name"] for record in found] == ["Müßig"]


@pytest.mark.parametrize("query", ["%", "_", "\\", "'", "a%b"])
async def test_signs_with_a_meaning_in_sql_are_only_signs(ask, query):
    assert (await ask(operation="search", record_type="account", query=query))["records"] == []


async def test_a_search_is_narrowed_by_filters(ask):
    found = (await ask(operation="search", record_type="account", query="group", country="GB", limit=50))["records"]
    assert found
    assert {record["country"] for record in found} == {"GB"}


async def test_a_search_that_finds_nothing_says_what_is_near(ask):
    answer = await ask(operation="search", record_type="account", query="akme corp")
    assert answer["records"] == []
    assert answer["hint"] == "Nearest: 'Acme Corp' (ACC-0042)."


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        (
            {"operation": "search", "record_type": "account", "query": "§§§"},
            "accounts fits all of this; use fewer words or filters. There are, among others: 'Acme Corp' (ACC-0042),",
        ),
        (
            {"operation": "search", "record_type": "contact", "query": "nobody"},
            "None of the 944 contacts fits all of this; use fewer words or filters.",
        ),
        (
            {"operation": "list", "record_type": "deal", "competitor": "Quotiva", "account_id": "ACC-0042"},
            "fits all of this; use fewer filters. There are, among others: ",
        ),
    ],
    ids=str,
)
async def test_where_nothing_is_near_the_answer_says_how_much_there_is_and_names_no_person(ask, asked, hint):
    answer = await ask(**asked)
    assert answer["records"] == []
    assert hint in answer["hint"]
    assert asked["record_type"] != "contact" or answer["hint"].endswith("filters.")


async def test_where_there_is_nothing_at_all_the_answer_says_so(ask):
    answer = await ask(config(tenant_id="nobody"), operation="search", record_type="account", query="x")
    assert answer["hint"] == "There are no accounts yet."


async def test_a_filter_that_finds_nothing_says_what_there_is(ask):
    answer = await ask(operation="list", record_type="deal", competitor="Dealharbour")
    assert answer["records"] == []
    assert "No deal has competitor 'Dealharbour'; there are: Dealharbor, Fernpost," in answer["hint"]


async def test_a_filter_of_names_does_not_mind_case(ask):
    answer = await ask(operation="list", record_type="deal", competitor="dealHARBOR", stage="negotiation")
    assert "DEAL-0042" in [record["id"] for record in answer["records"]]


async def test_stalled_deals_are_open_and_silent_and_come_longest_silent_first(ask):
    answer = await ask(operation="list", record_type="deal", stalled_days=30, limit=50)
    silences = [record["days_since_activity"] for record in answer["records"]]
    assert {"DEAL-0042", "DEAL-0117"} <= {record["id"] for record in answer["records"]}
    assert silences == sorted(silences, reverse=True)
    assert min(silences) >= 30
    assert not {"won", "lost"} & {record["stage"] for record in answer["records"]}


async def test_only_contact_with_the_customer_ends_a_silence(ask):
    """Our own notes, tasks and unanswered mails do not make a stalled deal look alive."""
    await ask(operation="create_note", deal_id="DEAL-0042", body="Talked about it internally.")
    deal = (await ask(operation="get", record_type="deal", record_id="DEAL-0042"))["record"]
    assert deal["last_activity_at"] == "2026-05-14T15:20:00Z"


async def test_a_deal_exactly_so_many_days_silent_counts_as_stalled(ask, now):
    now.moment = datetime(2026, 6, 13, 15, 20, tzinfo=UTC)
    stalled = await ask(operation="list", record_type="deal", stalled_days=30, limit=50)
    assert "DEAL-0042" in [record["id"] for record in stalled["records"]]
    now.advance(seconds=-1)
    stalled = await ask(operation="list", record_type="deal", stalled_days=30, limit=50)
    assert "DEAL-0042" not in [record["id"] for record in stalled["records"]]


async def test_contacts_of_an_account_are_its_buying_committee(ask):
    found = (await ask(operation="list", record_type="contact", account_id="ACC-0042"))["records"]
    assert {(each["last_name"], each["buying_role"]) for each in found} == {
        ("Whitfield", "economic_buyer"),
        ("Oyelaran", "champion"),
        ("Raman", "technical_buyer"),
        ("Zielinski", "procurement"),
    }


async def test_activities_come_newest_first_and_are_filtered_by_kind(ask):
    answer = await ask(operation="list", record_type="activity", deal_id="DEAL-0042", kind="email", limit=50)
    found = answer["records"]
    moments = [each["occurred_at"] for each in found]
    assert moments == sorted(moments, reverse=True)
    assert {each["kind"] for each in found} == {"email"}


async def test_an_empty_list_of_a_known_account_is_no_error_and_of_an_unknown_one_is(ask):
    created = await ask(
        operation="create_contact", account_id="ACC-0042", properties={"first_name": "A", "last_name": "B"}
    )
    assert created["record"]["account"]["id"] == "ACC-0042"
    empty = await ask(operation="list", record_type="activity", account_id="ACC-0042", kind="note", deal_id="DEAL-0117")
    assert empty["records"] == []
    with pytest.raises(ToolInputError, match="No account 'ACC-9042'"):
        await ask(operation="list", record_type="contact", account_id="ACC-9042")
    with pytest.raises(ToolInputError, match="No deal 'DEAL-9042'"):
        await ask(operation="list", record_type="activity", deal_id="DEAL-9042")


@pytest.mark.parametrize(
    "arguments",
    [
        {"record_type": "account"},
        {"record_type": "deal"},
        {"record_type": "deal", "stalled_days": 10},
        {"record_type": "activity", "account_id": "ACC-0042"},
        {"record_type": "contact", "account_id": "ACC-0042"},
    ],
    ids=lambda arguments: "-".join(map(str, arguments.values())),
)
async def test_paging_shows_every_record_once_in_the_same_order_as_one_page(ask, arguments):
    whole = [each["id"] for each in (await ask(operation="list", limit=50, **arguments))["records"]]
    seen, cursor = [], None
    for _ in range(len(whole) // 7 + 2):
        page = await ask(operation="list", limit=7, **arguments, **({"cursor": cursor} if cursor else {}))
        assert len(page["records"]) <= 7
        seen += [each["id"] for each in page["records"]]
        cursor = page["next_cursor"]
        if cursor is None or len(seen) >= 50:
            break
    assert len(set(seen)) == len(seen)
    assert seen[: len(whole)] == whole


async def test_the_last_page_has_no_cursor(ask):
    answer = await ask(operation="list", record_type="contact", account_id="ACC-0042", limit=4)
    assert len(answer["records"]) == 4
    assert answer["next_cursor"] is None


async def test_records_that_appear_between_two_pages_shift_nothing(ask):
    first = await ask(operation="list", record_type="activity", deal_id="DEAL-0042", limit=3)
    second = await ask(
        operation="list", record_type="activity", deal_id="DEAL-0042", limit=3, cursor=first["next_cursor"]
    )
    await ask(operation="create_note", deal_id="DEAL-0042", body="New on top")
    again = await ask(
        operation="list", record_type="activity", deal_id="DEAL-0042", limit=3, cursor=first["next_cursor"]
    )
    assert again["records"] == second["records"]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "W10", "bnVsbA", "eyJhIjoxfQ", "WyJhIiwxXQ", "🙂", "W1tb" * 450])
async def test_a_broken_cursor_is_refused_with_a_way_out(ask, cursor):
    with pytest.raises(ToolInputError, match="leave the cursor out to start from the beginning"):
        await ask(operation="list", record_type="deal", cursor=cursor)


async def test_a_cursor_of_another_query_is_refused(ask):
    first = await ask(operation="list", record_type="deal", stage="won", limit=2)
    with pytest.raises(ToolInputError, match="does not belong to this query"):
        await ask(operation="list", record_type="deal", stage="lost", limit=2, cursor=first["next_cursor"])


async def test_the_page_size_may_change_between_pages(ask):
    first = await ask(operation="list", record_type="deal", stage="won", limit=2)
    second = await ask(operation="list", record_type="deal", stage="won", limit=5, cursor=first["next_cursor"])
    assert len(second["records"]) == 5
