"""A write under an idempotency key happens once per tenant, in the database itself."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from salesboost_tools import IdempotencyHandler, govern
from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import IdempotencyError, ToolInputError
from salesboost_tools.tools.crm import CrmIntegration, CrmStore
from salesboost_tools.tools.crm.commands import Create, Find
from tests.services import process_context
from tests.tools.crm.conftest import ON_EVERY_DATABASE, config

pytestmark = ON_EVERY_DATABASE

CALLER = Caller(tenant_id="default", user_id="u-7", role="coach")
NAMELESS = Create(record_type="contact", account_id="ACC-0042", properties={"first_name": "A", "last_name": "Once"})
CONTACT = {
    "operation": "create_contact",
    "account_id": "ACC-0042",
    "properties": {"first_name": "A", "last_name": "Once"},
}
KEYS = {"configurable": {**config()["configurable"], "idempotency_key": "order-1"}}


def rows(store):
    """Return how many contacts there are that nothing but the key keeps from being many."""
    return len(store.perform(Find(operation="search", record_type="contact", query="once"), CALLER)["records"])


def test_a_second_create_with_the_same_key_answers_with_the_first_row(store):
    first = store.perform(NAMELESS, CALLER, "k")
    second = store.perform(NAMELESS, CALLER, "k")
    assert second == {**first, "replayed": True}
    assert rows(store) == 1


def test_twenty_threads_with_one_key_give_one_row(store):
    with ThreadPoolExecutor(20) as threads:
        told = list(threads.map(lambda _: store.perform(NAMELESS, CALLER, "k"), range(20)))
    assert len({each["record"]["id"] for each in told}) == 1
    assert sum("replayed" not in each for each in told) == 1
    assert rows(store) == 1


async def test_twenty_tasks_with_one_key_give_one_row(store):
    told = await asyncio.gather(*(store.aperform(NAMELESS, CALLER, "k") for _ in range(20)))
    assert len({each["record"]["id"] for each in told}) == 1
    await store.aclose()
    assert rows(store) == 1


def create_in_a_process(url, barrier, ids):
    store = CrmStore(url)
    barrier.wait(timeout=30)
    with ThreadPoolExecutor(5) as threads:
        told = list(threads.map(lambda _: store.perform(NAMELESS, CALLER, "k"), range(5)))
    ids.put({each["record"]["id"] for each in told})
    store.close()


def test_twenty_creates_in_four_processes_with_one_key_give_one_row(store, database_url):
    context = process_context()
    barrier, ids = context.Barrier(4), context.Queue()
    processes = [context.Process(target=create_in_a_process, args=(database_url, barrier, ids)) for _ in range(4)]
    for process in processes:
        process.start()
    found = set().union(*(ids.get(timeout=50) for _ in processes))
    for process in processes:
        process.join()
    assert len(found) == 1
    assert rows(store) == 1


def test_one_key_stands_for_one_write(store):
    store.perform(NAMELESS, CALLER, "k")
    other = Create(record_type="contact", account_id="ACC-0042", properties={"first_name": "B", "last_name": "Once"})
    with pytest.raises(IdempotencyError, match="a create_contact was written under the key 'k'"):
        store.perform(other, CALLER, "k")
    assert rows(store) == 1


def test_another_tenants_key_is_another_key(store):
    store.perform(NAMELESS, CALLER, "k")
    there = Create(record_type="contact", account_id="ACC-0001", properties=NAMELESS.properties)
    told = store.perform(there, Caller(tenant_id="globex-emea"), "k")
    assert "replayed" not in told


def test_a_refused_write_leaves_its_key_free(store):
    nowhere = Create(record_type="contact", account_id="ACC-9042", properties=NAMELESS.properties)
    with pytest.raises(ToolInputError):
        store.perform(nowhere, CALLER, "k")
    assert "replayed" not in store.perform(NAMELESS, CALLER, "k")


async def test_a_program_names_its_write_in_the_configuration(ask, store):
    first = await ask(KEYS, **CONTACT)
    second = await ask(KEYS, **CONTACT)
    assert second["record"] == first["record"]
    assert rows(store) == 1
    await store.aclose()


async def test_a_stage_moved_twice_under_one_key_is_moved_once(ask, audit, store):
    move = {"operation": "update_deal_stage", "deal_id": "DEAL-0042", "stage": "closing", "expected_version": 1}
    first = await ask(KEYS, **move)
    second = await ask(KEYS, **move)
    assert second == {**first, "replayed": True}
    assert len(audit("deal", "DEAL-0042")) == 1
    await store.aclose()


async def test_a_dry_run_takes_no_key(ask, store):
    await ask(KEYS, **CONTACT, dry_run=True)
    assert "replayed" not in await ask(KEYS, **CONTACT)
    await store.aclose()


def call(call_id):
    return {"name": "crm_integration", "args": CONTACT, "id": call_id, "type": "tool_call"}


async def test_the_handlers_key_reaches_the_database_so_that_a_lost_record_costs_no_second_row(store):
    """Two handlers that share nothing stand for one whose memory is gone."""
    in_a_conversation = {"configurable": {**config()["configurable"], "thread_id": "t-1"}}
    for _ in range(2):
        governed = govern(CrmIntegration(crm=store), IdempotencyHandler())
        await governed.ainvoke(call("call-1"), in_a_conversation)
        governed.invoke(call("call-1"), in_a_conversation)
    assert rows(store) == 1
    await govern(CrmIntegration(crm=store), IdempotencyHandler()).ainvoke(call("call-2"), in_a_conversation)
    assert rows(store) == 2
    await store.aclose()


def test_a_bare_and_a_governed_tool_come_to_the_same_key(store):
    tool = CrmIntegration(crm=store)
    first = tool.invoke(CONTACT, KEYS)
    second = govern(tool, IdempotencyHandler()).invoke(CONTACT, KEYS)
    assert second["record"]["id"] == first["record"]["id"]
