"""A probe touches what its tool needs on every back end: the tool is unhealthy once that is really broken, and says why."""

import asyncio
import shutil
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from salesboost_tools import HealthStatus, SalesToolkit, Settings
from salesboost_tools.tools.names import TOOL_NAMES
from tests.databases import postgresql_database
from tests.hubspot_server import TOKEN, hubspot_server
from tests.tools.sms.conftest import NOON_IN_NEW_YORK
from tests.tools.sms.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, twilio_server

SHIPPED = Path(str(files("salesboost_tools") / "data"))
DATABASE_TOOLS = {"crm_integration", "profile_reader", "sms_outreach"}
SCOPE_MISSING = (403, {"category": "MISSING_SCOPES", "message": "no", "correlationId": "c", "errors": []}, {})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def examine(data_dir):
    """Opens a toolkit and returns a function that probes tools anew: which are unhealthy and why, what probes told."""
    opened = []

    def open_toolkit(**settings):
        # where all state is in this process and nobody calls, health is what probes find
        toolkit = SalesToolkit(Settings(data_dir=data_dir, health_timeout=30, **settings))
        opened.append(toolkit)
        toolkit.get_tools()

        async def examine(names=TOOL_NAMES):
            found = {name: await toolkit.health.check(name, refresh=True) for name in names}
            await next(tool.inner.crm for tool in toolkit.get_tools() if tool.name == "crm_integration").aclose()
            broken = {name: health for name, health in found.items() if health.status is not HealthStatus.HEALTHY}
            assert all(health.status is HealthStatus.UNHEALTHY for health in broken.values())
            told = {name: health.probed.details for name, health in found.items()}
            return {name: "; ".join(health.reasons) for name, health in broken.items()}, told

        return examine

    yield open_toolkit
    for toolkit in opened:
        toolkit.close()


async def test_with_everything_in_place_all_tools_tell_what_they_work_on(examine):
    broken, told = await examine()()
    assert broken == {}
    assert told["crm_integration"] == {"back_end": "SQLite"}
    assert told["profile_reader"] == {"back_end": "SQLite", "erases": True}
    assert told["sms_outreach"] == {"back_end": "SQLite", "provider": "outbox"}
    assert told["price_calculator"]["products"] > 10
    assert all(told.values())


async def test_an_sqlite_file_that_was_overwritten(examine, tmp_path):
    file = tmp_path / "own.db"
    look = examine(database_url=f"sqlite:///{file}")
    assert (await look(DATABASE_TOOLS))[0] == {}
    for each in tmp_path.glob("own.db*"):
        each.write_bytes(b"this is no database " * 5000)
    broken, _ = await look(DATABASE_TOOLS | {"competitor_analysis"})
    assert set(broken) == DATABASE_TOOLS
    assert all("database did not answer" in why for why in broken.values())


async def test_a_postgresql_database_that_is_gone(examine):
    with postgresql_database() as url:
        look = examine(database_url=url)
        broken, told = await look(DATABASE_TOOLS)
        assert broken == {}
        assert {told[name]["back_end"] for name in DATABASE_TOOLS} == {"PostgreSQL"}
    broken, _ = await look(DATABASE_TOOLS)
    assert set(broken) == DATABASE_TOOLS
    assert all("database did not answer" in why for why in broken.values())


async def test_a_table_that_is_gone_breaks_the_tools_that_need_it(examine):
    with postgresql_database() as url:
        look = examine(database_url=url)
        with psycopg.connect(url, autocommit=True) as connection:
            for table, tools in (
                ("sms_messages", {"sms_outreach"}),
                ("profile_erasures", {"sms_outreach", "profile_reader"}),
                ("accounts", DATABASE_TOOLS),
            ):
                connection.execute(f"DROP TABLE {table} CASCADE")
                assert set((await look(DATABASE_TOOLS))[0]) == tools


async def test_a_hubspot_that_does_not_know_the_token_lacks_a_scope_or_is_away(examine):
    with hubspot_server() as server:
        stranger = examine(hubspot_token="pat-wrong", hubspot_base_url=server.url)
        broken, _ = await stranger(DATABASE_TOOLS)
        assert set(broken) == {"crm_integration", "profile_reader"}
        assert all("TOOL_HUBSPOT_TOKEN" in why and "pat-wrong" not in why for why in broken.values())

        look = examine(hubspot_token=TOKEN, hubspot_base_url=server.url)
        broken, told = await look(DATABASE_TOOLS)
        assert broken == {}
        assert told["profile_reader"] == {"back_end": "HubSpot", "erases": False}
        asked = {path for _, path, *_ in server.exchanges}
        assert asked == {f"/crm/v3/objects/{kind}" for kind in ("contacts", "companies", "deals")}  # a scope each
        server.faults = [SCOPE_MISSING] * 6
        broken, _ = await look({"crm_integration", "profile_reader"})
        assert all("lacks a scope" in why for why in broken.values())
        server.faults = []
    broken, _ = await look(DATABASE_TOOLS)
    assert set(broken) == {"crm_integration", "profile_reader"}
    assert all("cannot be reached" in why for why in broken.values())


async def test_a_twilio_that_does_not_know_the_secret_or_is_away(examine):
    account = {"sms_provider": "twilio", "twilio_account_sid": ACCOUNT_SID, "twilio_from": SENDER}
    with twilio_server(lambda: NOON_IN_NEW_YORK) as server:
        stranger = examine(twilio_auth_token="wrong", twilio_base_url=server.url, **account)
        broken, _ = await stranger(DATABASE_TOOLS)
        assert set(broken) == {"sms_outreach"}
        assert "TOOL_TWILIO_AUTH_TOKEN" in broken["sms_outreach"]
        assert "wrong" not in broken["sms_outreach"]

        look = examine(twilio_auth_token=AUTH_TOKEN, twilio_base_url=server.url, **account)
        broken, told = await look(DATABASE_TOOLS)
        assert broken == {}
        assert told["sms_outreach"] == {"back_end": "SQLite", "provider": "twilio"}
    broken, _ = await look({"sms_outreach"})
    assert "could not be reached" in broken["sms_outreach"]


@pytest.mark.parametrize("how", ["gone", "unreadable"])
async def test_compliance_rules_that_cannot_be_read_any_more(examine, tmp_path, how):
    rules = Path(shutil.copytree(SHIPPED / "compliance", tmp_path / "rules"))
    look = examine(compliance_rules=rules)
    if how == "gone":
        shutil.rmtree(rules)
    else:
        await asyncio.to_thread((rules / "gdpr.yaml").write_text, "a: [")
    broken, _ = await look({"compliance_check", "price_calculator"})
    assert set(broken) == {"compliance_check"}
    assert ("gdpr.yaml" if how == "unreadable" else str(rules)) in broken["compliance_check"]


async def test_a_price_book_and_battlecards_that_are_gone(examine, tmp_path):
    book, cards = shutil.copy(SHIPPED / "price_book.yaml", tmp_path), tmp_path / "cards"
    shutil.copytree(SHIPPED / "battlecards", cards)
    look = examine(price_book=Path(book), battlecards=cards)
    about_these = {"price_calculator", "competitor_analysis", "stage_classifier"}
    assert (await look(about_these))[0] == {}
    await asyncio.to_thread(Path(book).unlink)
    broken, _ = await look(about_these)
    assert set(broken) == {"price_calculator"}
    assert book in broken["price_calculator"]
    shutil.rmtree(cards)
    broken, _ = await look(about_these)
    assert set(broken) == {"price_calculator", "competitor_analysis"}
