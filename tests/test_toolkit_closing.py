"""A toolkit gives back what it has opened, and nothing else."""

import threading
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from sqlalchemy import make_url

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.mcp.http import create_mcp_app
from salesboost_tools.service import create_app
from salesboost_tools.state.redis import RedisState
from tests.databases import postgresql_database
from tests.hubspot_server import TOKEN, hubspot_server
from tests.nodes.messages import answers, call
from tests.services import redis_server

COACH = {"configurable": {"caller_role": "coach"}}
DEAL = {"operation": "get", "record_type": "deal"}


@pytest.fixture
def redis(tmp_path):
    with redis_server(tmp_path) as started:
        yield started


@pytest.fixture
def hubspot():
    with hubspot_server() as started:
        yield started


@pytest.fixture
def deal(hubspot):
    return {**DEAL, "record_id": hubspot.add("deals", dealname="Renewal", dealstage="contractsent")}


@pytest.fixture
def settings(redis, hubspot, data_dir):
    back_ends = {"redis_url": redis.url, "hubspot_token": TOKEN, "hubspot_base_url": hubspot.url}
    return Settings(data_dir=data_dir, cache_enabled=False, **back_ends)


def connections_to(port):
    """Return how many connections this process holds to a port of this machine."""
    own = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            own.add(str(each.readlink()))
        except OSError:  # the folder itself was open a moment ago
            continue
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[2].split(":")[1], 16) == port and f"socket:[{row[9]}]" in own for row in rows)


def port_of(hubspot):
    return int(hubspot.url.rsplit(":", 1)[1])


def merging_threads():
    return {thread for thread in threading.enumerate() if thread.name == "selection-merges"}


def crm_of(toolkit):
    return next(tool for tool in toolkit.get_tools() if tool.name == "crm_integration")


async def use(toolkit, deal):
    """Use both doors of everything."""
    assert "Renewal" in str(await crm_of(toolkit).ainvoke(deal, COACH))
    assert "Renewal" in str(crm_of(toolkit).invoke(deal, COACH))
    await answers(toolkit.fan_out(), "async", call("knowledge_retriever", "c", query="discount"), config=COACH)


async def test_at_the_end_of_an_async_block_no_connection_and_no_thread_is_left(settings, redis, hubspot, deal):
    threads = merging_threads()
    async with SalesToolkit(settings) as toolkit:
        await use(toolkit, deal)
        assert connections_to(redis.port) >= 2
        assert connections_to(port_of(hubspot)) == 2
        assert len(merging_threads() - threads) == 1
    assert (connections_to(redis.port), connections_to(port_of(hubspot))) == (0, 0)
    assert merging_threads() <= threads
    await use(toolkit, deal)  # what was handed out opens again what it needs
    for _ in range(2):
        await toolkit.aclose()
    assert (connections_to(redis.port), connections_to(port_of(hubspot))) == (0, 0)


def test_at_the_end_of_a_block_no_connection_is_left_whatever_happened_in_it(settings, redis, hubspot, deal):
    with pytest.raises(ZeroDivisionError), SalesToolkit(settings) as toolkit:
        crm_of(toolkit).invoke(deal, COACH)
        assert connections_to(redis.port) == connections_to(port_of(hubspot)) == 1
        raise ZeroDivisionError
    for _ in range(2):
        assert (connections_to(redis.port), connections_to(port_of(hubspot))) == (0, 0)
        toolkit.close()


async def test_connections_to_a_database_are_given_back_by_both_doors(tmp_path):
    listing = {"operation": "list", "record_type": "deal"}
    with postgresql_database() as url:
        port = make_url(url).port
        others = connections_to(port)  # who made the database holds one
        async with SalesToolkit(Settings(data_dir=tmp_path, database_url=url, cache_enabled=False)) as toolkit:
            await crm_of(toolkit).ainvoke(listing, COACH)
            crm_of(toolkit).invoke(listing, COACH)
            assert connections_to(port) >= others + 2
        assert connections_to(port) == others
        crm_of(toolkit).invoke(listing, COACH)
        assert connections_to(port) > others
        toolkit.close()
        assert connections_to(port) == others


class Shelf(BaseRetriever):
    """Has a `close` that nobody else should call."""

    closed: int = 0

    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(f"about {query}")]

    def close(self):
        self.closed += 1


async def test_what_was_given_is_left_open(settings, redis, deal):
    state, shelf = RedisState(redis.url), Shelf()
    async with SalesToolkit(settings, state=state, retrievers={"shelf": shelf}) as toolkit:
        await use(toolkit, deal)
        held = connections_to(redis.port)
    toolkit.close()
    assert connections_to(redis.port) == held >= 2
    assert shelf.closed == 0
    await state.aclose()
    assert connections_to(redis.port) == 0


@pytest.mark.parametrize("make", [create_app, create_mcp_app])
@pytest.mark.parametrize("is_given", [False, True])
async def test_an_application_closes_the_toolkit_it_has_made_and_no_other(redis, data_dir, monkeypatch, make, is_given):
    threads = merging_threads()
    monkeypatch.setenv("TOOL_DATA_DIR", str(data_dir))
    monkeypatch.setenv("TOOL_REDIS_URL", redis.url)
    given = SalesToolkit() if is_given else None
    app = make(given)
    async with app.router.lifespan_context(app):
        assert len(merging_threads() - threads) == 1
    assert len(merging_threads() - threads) == is_given
    if given is not None:
        given.close()
