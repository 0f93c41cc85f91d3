"""Who is erased is gone, everywhere and for good; what remains says that it was done and by whom, and no more."""

import asyncio
import json

import pytest
from sqlalchemy import inspect

from salesboost_tools import IdempotencyHandler, govern
from salesboost_tools.core.errors import IdempotencyError, ToolInputError, ToolPermissionError
from salesboost_tools.state import MemoryState
from salesboost_tools.tools.crm.commands import Update
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.profile import ProfileReader
from salesboost_tools.tools.profile.erasures import Erase
from salesboost_tools.tools.profile.schema import PROFILE_SCHEMA, metadata
from tests.tools.profile.conftest import ACME, COACH, DANA, DIRECTOR, ON_EVERY_DATABASE, config

ERASE = {"operation": "erase", "subject": "person", "who": DANA}


@ON_EVERY_DATABASE
async def test_an_erasure_leaves_no_trace_of_the_person_in_any_table(ask, everything):
    before = everything()
    assert "Whitfield" in before
    answer = await ask(DIRECTOR, **ERASE)
    assert (answer["already_erased"], answer["erased_at"]) == (False, "2026-06-30T09:00:00Z")
    assert answer["removed_from"]["activities"] >= 5
    left = everything()
    for trace in ("Whitfield", "dana.whitfield", "burnt by year two"):
        assert trace not in left
    assert left.count("+1-216-555-0110") == before.count("+1-216-555-0110") - 1
    assert "Oyelaran" in left


@ON_EVERY_DATABASE
async def test_a_dry_run_says_what_would_go_and_removes_nothing(ask, everything):
    before = everything()
    tried = await ask(DIRECTOR, **ERASE, dry_run=True)
    assert everything() == before
    done = await ask(DIRECTOR, **ERASE)
    assert tried["removed_from"] == done["removed_from"]
    assert (tried["dry_run"], tried["erased_at"], done["dry_run"]) == (True, None, False)


@ON_EVERY_DATABASE
async def test_the_audit_trail_tells_who_erased_whom_and_when_without_personal_data(ask, audit, store, caller):
    change = Update(record_type="contact", record_id=DANA, properties={"title": "Group CFO"}, expected_version=1)
    store.perform(change, caller)
    await ask(DIRECTOR, **ERASE)
    entries = audit("contact", DANA)
    assert [entry["operation"] for entry in entries] == ["update", "erase"]
    assert (entries[-1]["actor"], entries[-1]["actor_role"]) == ("d-1", "session_director")
    assert [entry["changes"] for entry in entries] == [{}, {}]


@ON_EVERY_DATABASE
async def test_erased_stays_erased_even_if_the_crm_is_filled_again(ask, store, caller):
    await ask(DIRECTOR, **ERASE)
    again = {"first_name": "Dana", "last_name": "Whitfield", "title": "CFO"}
    store.perform(Update(record_type="contact", record_id=DANA, properties=again, expected_version=2), caller)
    person = await ask(DIRECTOR, subject="person", who=DANA)
    assert (person["name"], person["fields"], person["erased_at"]) == (None, {}, "2026-06-30T09:00:00Z")
    account = await ask(DIRECTOR, subject="account", who=ACME, limit=50)
    assert "Whitfield" not in json.dumps(account)
    assert {"id": DANA, "erased": True} in account["fields"]["buying_committee"]["people"]
    assert DANA not in account["fields"]["consent"]["email"]
    assert DANA not in {pain["person_id"] for pain in account["fields"]["pains"]}


@ON_EVERY_DATABASE
async def test_erasing_twice_changes_nothing_and_says_when_it_was_done(ask, everything, now):
    first = await ask(DIRECTOR, **ERASE)
    left = everything()
    now.advance(days=1)
    again = await ask(DIRECTOR, **ERASE)
    assert (again["already_erased"], again["erased_at"]) == (True, first["erased_at"])
    assert set(again["removed_from"].values()) == {0}
    assert everything() == left


@ON_EVERY_DATABASE
async def test_twenty_at_once_erase_once(erasures, caller, audit):
    asked = Erase(person_id=DANA, dry_run=False)
    answers = await asyncio.gather(*(erasures.aerase(asked, caller) for _ in range(20)))
    assert sorted(answer["already_erased"] for answer in answers) == [False] + [True] * 19
    assert [entry["operation"] for entry in audit("contact", DANA)] == ["erase"]


@ON_EVERY_DATABASE
async def test_one_key_never_means_two_people(ask):
    keyed = {"configurable": {**DIRECTOR["configurable"], "idempotency_key": "request-7"}}
    await ask(keyed, **ERASE)
    assert (await ask(keyed, **ERASE))["already_erased"]
    with pytest.raises(IdempotencyError, match="CON-0042-1 was erased"):
        await ask(keyed, **{**ERASE, "who": "CON-0042-2"})


async def test_a_governed_erasure_is_answered_from_its_record_the_second_time(tool, audit):
    governed = govern(tool, IdempotencyHandler(MemoryState()), spec=tool.spec)
    keyed = {"configurable": {**DIRECTOR["configurable"], "idempotency_key": "request-8"}}
    first = await governed.ainvoke(ERASE, config=keyed)
    assert await governed.ainvoke(ERASE, config=keyed) == first
    assert len(audit("contact", DANA)) == 1


async def test_a_coach_may_not_erase_and_is_told_who_may(ask, everything):
    before = everything()
    for dry_run in (True, False):
        with pytest.raises(ToolPermissionError, match="session_director") as error:
            await ask(COACH, **ERASE, dry_run=dry_run)
        assert "Ask a session director" in error.value.for_model
    assert everything() == before


async def test_somebody_of_another_tenant_cannot_be_erased(ask, everything):
    before = everything()
    with pytest.raises(ToolInputError, match="No contact"):
        await ask(config(caller_role="session_director", tenant_id="globex-emea"), **ERASE)
    assert everything() == before


async def test_somebody_who_is_not_there_cannot_be_erased(ask):
    with pytest.raises(ToolInputError, match="No contact 'CON-9999-9'"):
        await ask(DIRECTOR, **{**ERASE, "who": "CON-9999-9"})


async def test_where_people_are_erased_elsewhere_the_tool_says_so(store):
    tool = ProfileReader(store)
    tool.probe()
    with pytest.raises(ToolInputError, match="in the CRM itself"):
        await tool.ainvoke(ERASE, config=DIRECTOR)
    assert (await tool.ainvoke({"subject": "person", "who": DANA}, config=DIRECTOR))["id"] == DANA


@ON_EVERY_DATABASE
def test_the_migration_makes_the_table_that_the_code_expects(database_url, erasures):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def difference(connection):
        context = MigrationContext.configure(connection, opts={"include_name": only_ours})
        return compare_metadata(context, metadata)

    def only_ours(name, kind, _parents):
        return kind != "table" or name == "profile_erasures"

    database = Database(database_url)
    try:
        database.upgrade(PROFILE_SCHEMA)
        assert database.perform(difference, writes=False) == []
        assert database.perform(lambda connection: inspect(connection).has_table("profile_revision"), writes=False)
    finally:
        database.close()
