"""A CRM of one's own for every test, and one way to ask it, sync and async."""

import shutil
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import pytest

from salesboost_tools.tools.crm import CrmIntegration, CrmStore
from salesboost_tools.tools.crm.embedded import build

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


@pytest.fixture
def store(database, now):
    opened = CrmStore(f"sqlite:///{database}", now=now)
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
