"""An outbox of one's own for every test, and one way to ask it, sync and async."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms import Policy, SmsOutbox, SmsOutreach
from salesboost_tools.tools.sms.cap import Cap
from salesboost_tools.tools.sms.quiet_hours_file import default_quiet_hours
from salesboost_tools.tools.sms.schema import SMS_SCHEMA
from tests.databases import postgresql_database
from tests.tools.crm.conftest import FixedNow

NOON_IN_NEW_YORK = datetime(2026, 6, 30, 16, tzinfo=UTC)
BOTH_DATABASES = ("sqlite", "postgresql")

CLEVELAND = "+12165550123"
BERLIN = "+4915123456789"


def config(*, tenant_id=None, user_id="u-7", caller_role="coach", **more):
    named = {"user_id": user_id, "tenant_id": tenant_id, "caller_role": caller_role, **more}
    return {"configurable": {name: value for name, value in named.items() if value is not None}}


def policy(**changed):
    usual = {"quiet_hours": default_quiet_hours(), "cap": Cap(3, timedelta(hours=24))}
    return Policy(**{**usual, **changed})


@pytest.fixture
def now():
    return FixedNow(NOON_IN_NEW_YORK)


@pytest.fixture
def backend():
    return "sqlite"


@pytest.fixture(scope="session")
def postgresql_url():
    """A PostgreSQL database with the tables of texting."""
    with postgresql_database() as url:
        database = Database(url)
        database.upgrade(SMS_SCHEMA)
        yield url
        database.close()


@pytest.fixture
def database_url(backend, request, tmp_path):
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'sms.sqlite3'}"
    url = request.getfixturevalue("postgresql_url")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE sms_messages, sms_recipients, sms_consent_ledger")
    return url


@pytest.fixture
def open_outbox(database_url, now):
    """Makes outboxes over the same database, as several workers would, and closes them."""
    opened = []

    def make(provider=None, **changed):
        database = Database(database_url)
        database.upgrade(SMS_SCHEMA)
        outbox = SmsOutbox(database, policy=policy(**changed), provider=provider, now=now)
        opened.append(outbox)
        return outbox

    yield make
    for outbox in opened:
        outbox.close()


@pytest.fixture
def outbox(open_outbox):
    return open_outbox()


@pytest.fixture
def tool(outbox):
    return SmsOutreach(outbox=outbox)


@pytest.fixture(params=["sync", "async"])
def ask(request, tool):
    """Call the tool, once by each door."""

    async def ask(_config=None, **arguments):
        if request.param == "sync":
            return tool.invoke(arguments, config=_config or config())
        return await tool.ainvoke(arguments, config=_config or config())

    return ask


def agree(outbox, *numbers, tenant_id="default"):
    """Let people agree to be texted."""
    tool = SmsOutreach(outbox=outbox)
    for number in numbers:
        tool.invoke({"operation": "opt_in", "to": number, "evidence": "web form"}, config(tenant_id=tenant_id))
