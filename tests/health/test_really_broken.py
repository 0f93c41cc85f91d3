"""Each status of the README's table, over HTTP, after something was really broken."""

import asyncio
import contextlib
import shutil
import sqlite3
from importlib.resources import files

import pytest
from langchain_core.tools import tool
from starlette.testclient import TestClient

from salesboost_tools import Effect, HealthStatus, SalesToolkit, Settings, ToolHealthChecker, ToolSpec, govern
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.service import create_app
from tests.services import RedisServer

LISTING = {"operation": "list", "record_type": "account", "limit": 1}


@pytest.fixture
def own(data_dir, tmp_path):
    """Stores and rules that a test may break."""
    stores = shutil.copytree(data_dir, tmp_path / "stores")
    rules = shutil.copytree(str(files("salesboost_tools") / "data" / "compliance"), tmp_path / "rules")
    return stores, rules


@pytest.fixture
def open_toolkit(own):
    opened = []

    def make(**settings):
        stores, rules = own
        usual = {"data_dir": stores, "compliance_rules": rules, "health_timeout": 30, "health_ttl": 0}
        opened.append(
            SalesToolkit(Settings(**{**usual, "rate_limit_enabled": False, "cache_enabled": False, **settings}))
        )
        return opened[-1]

    yield make
    for toolkit in opened:
        toolkit.close()


def drop_tables(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            with contextlib.suppress(sqlite3.OperationalError):  # shadow tables go with their virtual table
                database.execute(f'DROP TABLE "{name}"')
        database.commit()


def statuses_of(client):
    told = client.get("/health/tools").json()
    return told["status"], {name: health["status"] for name, health in told["tools"].items()}


def test_stores_and_files_that_are_gone_make_their_tools_unhealthy_and_no_others(open_toolkit, own):
    stores, rules = own
    client = TestClient(create_app(open_toolkit()), base_url="http://localhost")
    status, before = statuses_of(client)
    assert status == "healthy", before
    assert set(before.values()) == {"healthy"}
    drop_tables(next(stores.glob("crm*.sqlite3")))
    drop_tables(next(stores.glob("sms*.sqlite3")))
    shutil.rmtree(rules)
    status, after = statuses_of(client)
    assert status == "unhealthy"
    broken = {name for name, found in after.items() if found == "unhealthy"}
    assert {"crm_integration", "sms_outreach", "compliance_check"} <= broken
    assert {after[name] for name in ("price_calculator", "stage_classifier", "knowledge_retriever")} == {"healthy"}
    told = client.get("/health/tools/compliance_check").json()["reasons"]
    assert any("rules" in reason for reason in told), told
    assert client.get("/ready").status_code == 200  # the others still serve


def test_an_index_that_is_gone_makes_the_search_unhealthy(open_toolkit, own):
    stores, _ = own
    client = TestClient(create_app(open_toolkit()), base_url="http://localhost")
    assert statuses_of(client)[1]["knowledge_retriever"] == "healthy"
    files = [file for file in stores.iterdir() if "knowledge" in file.name and file.is_file()]
    assert files
    for file in files:
        file.write_bytes(b"damaged" * 1000)
    assert statuses_of(client)[1]["knowledge_retriever"] == "unhealthy"


async def test_calls_that_fail_in_part_make_a_tool_degraded_and_in_half_unhealthy(open_toolkit, own):
    toolkit = open_toolkit(retry_enabled=False, circuit_breaker_enabled=False)
    checker, executor = toolkit.health, toolkit.executor()

    async def call(times):
        return [(await executor.execute("crm_integration", LISTING, "coach"))["ok"] for _ in range(times)]

    assert all(await call(8))
    assert (await checker.check("crm_integration")).status is HealthStatus.HEALTHY
    file = next(own[0].glob("crm*.sqlite3"))
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("ALTER TABLE accounts RENAME TO elsewhere")
        database.commit()
        assert not any(await call(1))
        database.execute("ALTER TABLE elsewhere RENAME TO accounts")
        database.commit()
        health = await checker.check("crm_integration", refresh=True)
        assert health.status is HealthStatus.DEGRADED, health
        database.execute("ALTER TABLE accounts RENAME TO elsewhere")
        database.commit()
        assert not any(await call(8))
        database.execute("ALTER TABLE elsewhere RENAME TO accounts")
        database.commit()
    health = await checker.check("crm_integration", refresh=True)
    assert health.status is HealthStatus.UNHEALTHY, health  # its probe succeeds; what calls showed still counts
    assert "calls failed" in health.reasons[0]


async def test_a_breaker_that_opened_makes_its_tool_unhealthy(open_toolkit, own):
    toolkit = open_toolkit(retry_enabled=False, circuit_breaker_failures=2)
    with contextlib.closing(sqlite3.connect(next(own[0].glob("crm*.sqlite3")))) as database:
        database.execute("ALTER TABLE accounts RENAME TO elsewhere")
        database.commit()
        for _ in range(3):
            await toolkit.executor().execute("crm_integration", LISTING, "coach")
        database.execute("ALTER TABLE elsewhere RENAME TO accounts")
        database.commit()
    health = await toolkit.health.check("crm_integration", refresh=True)
    assert (health.status, health.reasons) == (HealthStatus.UNHEALTHY, ("its circuit breaker is open",))


async def test_of_a_tool_without_a_probe_nothing_is_known_until_it_is_called(open_toolkit):
    @tool
    async def look_up(number: int) -> str:
        """Look a number up."""
        return "found"

    toolkit = open_toolkit()
    governed = govern(look_up, *toolkit.handlers, spec=ToolSpec(effect=Effect.READ))
    checker = ToolHealthChecker([governed], feed=toolkit.handler(StatusHandler).feed)
    assert (await checker.check("look_up")).status is HealthStatus.UNKNOWN
    for number in range(5):
        await governed.ainvoke({"number": number}, {"configurable": {"caller_role": "coach"}})
    await asyncio.sleep(0)
    assert (await checker.check("look_up")).status is HealthStatus.HEALTHY
    checker.close()


async def test_a_state_store_that_is_killed_degrades_every_tool(open_toolkit, tmp_path):
    server = RedisServer(tmp_path)
    server.start()
    toolkit = open_toolkit(redis_url=server.url)
    server.kill()
    report = await toolkit.health.check_all()
    assert {health.status for health in report.tools.values()} == {HealthStatus.DEGRADED}
