"""The shipped rules, read once, and one way to ask them."""

from datetime import UTC, date, datetime

import pytest

from salesboost_tools.tools.compliance import ComplianceCheck
from salesboost_tools.tools.compliance.checker import Scope
from salesboost_tools.tools.compliance.tool import shipped_checker

TODAY = date(2026, 6, 30)
EVERYWHERE = Scope(day=TODAY)


def scope_of(rule):
    """Return the scope in which a rule is asked."""
    return Scope(day=TODAY, channel=rule.channels[0]) if rule.missing else EVERYWHERE


@pytest.fixture(scope="session")
def checker():
    return shipped_checker()


@pytest.fixture(scope="session")
def tool():
    return ComplianceCheck(now=lambda: datetime(2026, 6, 30, 9, tzinfo=UTC))


@pytest.fixture(params=["sync", "async"])
def check(request, tool):
    """Ask the tool, once by each door."""

    async def check(text, **arguments):
        if request.param == "sync":
            return tool.invoke({"text": text, **arguments})
        return await tool.ainvoke({"text": text, **arguments})

    return check
