"""A HubSpot of one's own with one customer in it, and one way to ask, sync and async."""

from datetime import UTC, datetime

import pytest

from salesboost_tools.tools.crm import CrmIntegration
from salesboost_tools.tools.crm.hubspot import HubSpotCrm
from tests.hubspot_server import TOKEN, hubspot_server
from tests.tools.crm.conftest import config

NOW = datetime(2026, 6, 30, 9, tzinfo=UTC)


@pytest.fixture
def server():
    with hubspot_server() as started:
        yield started


@pytest.fixture
def customer(server):
    """Acme with Dana, a deal, and what HubSpot calls them."""
    acme = server.add("companies", name="Acme Corp", domain="acme.example", numberofemployees="1850")
    at_acme = [("companies", acme)]
    dana = server.add("contacts", at_acme, firstname="Dana", lastname="Whitfield", email="dana@acme.example")
    deal = server.add(
        "deals",
        at_acme,
        dealname="Renewal",
        amount="1200.5",
        deal_currency_code="USD",
        dealstage="contractsent",
        closedate="2026-08-31T00:00:00Z",
        notes_last_contacted="2026-05-14T15:20:00Z",
    )
    return {"account": acme, "contact": dana, "deal": deal}


@pytest.fixture
def hubspot(server):
    opened = HubSpotCrm(TOKEN, base_url=server.url, timeout_s=5, now=lambda: NOW)
    yield opened
    opened.close()


@pytest.fixture(params=["sync", "async"])
async def ask(request, hubspot):
    tool = CrmIntegration(crm=hubspot)

    async def ask(_config=None, **arguments):
        if request.param == "sync":
            return tool.invoke(arguments, config=_config or config())
        return await tool.ainvoke(arguments, config=_config or config())

    yield ask
    await hubspot.aclose()
