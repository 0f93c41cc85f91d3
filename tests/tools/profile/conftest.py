"""The shipped CRM with the note of erasures beside it, on both databases."""

import psycopg
import pytest

from salesboost_tools.core.call import Caller
from salesboost_tools.tools.profile import ProfileReader, SqlErasures
from salesboost_tools.tools.profile.schema import PROFILE_SCHEMA
from tests.tools.crm.conftest import (  # noqa: F401  (fixtures)
    ON_EVERY_DATABASE,
    audit,
    backend,
    config,
    database,
    database_url,
    now,
    postgresql_shipped,
    shipped_database,
    store,
)

COACH = config(caller_role="coach")
DIRECTOR = config(caller_role="session_director", user_id="d-1")
DANA, ACME = "CON-0042-1", "ACC-0042"


@pytest.fixture
def erasures(store, database_url, now):  # noqa: F811
    store.database.upgrade(PROFILE_SCHEMA)
    yield SqlErasures(store.database, now=now)
    if database_url.startswith("postgresql"):
        with psycopg.connect(database_url) as connection:
            connection.execute("TRUNCATE profile_erasures")


@pytest.fixture
def tool(store, erasures, now):  # noqa: F811
    return ProfileReader(store, erasures, now=now)


@pytest.fixture(params=["sync", "async"])
def ask(request, tool):
    """Call the tool, once by each door."""

    async def ask(_config=COACH, **arguments):
        if request.param == "sync":
            return tool.invoke(arguments, config=_config)
        return await tool.ainvoke(arguments, config=_config)

    return ask


@pytest.fixture
def everything(store):  # noqa: F811
    """Return all text that the CRM's tables hold, of one tenant."""
    from sqlalchemy import select

    from salesboost_tools.tools.crm.schema import activities, audit_trail, contacts, deals

    def everything(tenant_id="default"):
        def read(connection):
            rows = [
                str(tuple(row))
                for table in (contacts, activities, deals, audit_trail)
                for row in connection.execute(select(table).where(table.c.tenant_id == tenant_id))
            ]
            return "\n".join(rows)

        return store.database.perform(read, writes=False)

    return everything


@pytest.fixture
def caller():
    return Caller(tenant_id="default", role="session_director", user_id="d-1")
