"""A CRM of one's own for every test, and one way to ask it, sync and async."""

import shutil
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import psycopg
import pytest

from salesboost_tools.tools.crm import CrmIntegration, CrmStore, open_crm
from salesboost_tools.tools.crm.embedded import build
from salesboost_tools.tools.crm.seed import fill
from tests.databases import postgresql_database

AS_OF = datetime(2026, 6, 30, 9, tzinfo=UTC)


class FixedNow:
    """Stands still until it is told to advance."""

    def __init__(self, moment: datetime = AS_OF):
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **units: float) -> None:
        self.moment += timedelta(**units)


def config(*, user_id: str | None = "u-7", tenant_id: str | None = None, caller_role: str | None = "coach"):
    named = {"user_id": user_id, "tenant_id": tenant_id, "caller_role": caller_role}
    return {"configurable": {name: value for name, value in named.items() if value is not None}}


@pytest.fixture(scope="session")
def shipped_database(tmp_path_factory):
    """The embedded database as it is shipped; nobody writes to it."""
    path = tmp_path_factory.mktemp("shipped") / "crm.sqlite3"
    build(path, files("salesboost_tools") / "data")
    return path


@pytest.fixture
def database(shipped_database, tmp_path):
    return shutil.copy(shipped_database, tmp_path / "crm.sqlite3")


@pytest.fixture
def now():
    return FixedNow()


SHIPPED_TABLES = ("accounts", "contacts", "deals", "activities")
ON_EVERY_DATABASE = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
"""Marks tests that both databases pass: the contract of the store."""


@pytest.fixture(scope="session")
def postgresql_shipped(tmp_path_factory):
    """A PostgreSQL database with the shipped tables, and a copy of each beside it."""
    with postgresql_database() as url:
        store = open_crm(url, tmp_path_factory.getbasetemp() / "unused")
        store.database.perform(lambda rows: fill(rows, files("salesboost_tools") / "data"), writes=True)
        store.close()
        with psycopg.connect(url, autocommit=True) as connection:
            for table in SHIPPED_TABLES:
                connection.execute(f"CREATE TABLE shipped_{table} AS TABLE {table}")
        yield url


def as_shipped(url):
    """Undo what a test has written: every write leaves an audit row, and a written row is known by its version."""
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT NOT EXISTS (SELECT FROM audit_trail)").fetchone() == (True,):
            return
        connection.execute("SET LOCAL session_replication_role = replica")  # in any order, references or not
        connection.execute("TRUNCATE audit_trail, written_keys")
        for table in SHIPPED_TABLES:
            connection.execute(
                f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM shipped_{table} s "
                "WHERE (s.tenant_id, s.id, s.version) = (t.tenant_id, t.id, t.version))"
            )
            connection.execute(f"INSERT INTO {table} SELECT * FROM shipped_{table} ON CONFLICT DO NOTHING")


@pytest.fixture
def backend():
    return "sqlite"


@pytest.fixture
def database_url(backend, request):
    """A database with the shipped tables that a test may change."""
    if backend == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('database')}"
    else:
        url = request.getfixturevalue("postgresql_shipped")
        yield url
        as_shipped(url)


@pytest.fixture
def store(database_url, now):
    opened = CrmStore(database_url, now=now)
    yield opened
    opened.close()


@pytest.fixture
def tool(store):
    return CrmIntegration(crm=store)


@pytest.fixture(params=["sync", "async"])
def ask(request, tool):
    """Call the tool, once by each door."""

    async def ask(_config=None, **arguments):
        if request.param == "sync":
            return tool.invoke(arguments, config=_config or config())
        return await tool.ainvoke(arguments, config=_config or config())

    return ask


@pytest.fixture
def audit(store):
    """Return the audit trail of a record."""
    from salesboost_tools.core.call import Caller
    from salesboost_tools.tools.crm import AuditTrail

    def audit(record_type, record_id, tenant_id="default"):
        return store.perform(AuditTrail(record_type=record_type, record_id=record_id), Caller(tenant_id=tenant_id))[
            "entries"
        ]

    return audit
