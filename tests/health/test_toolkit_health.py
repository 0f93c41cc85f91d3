"""The toolkit's tools are probed for what they really need; breaking it shows."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from salesboost_tools import HealthStatus, SalesToolkit, Settings
from salesboost_tools.handlers.status import StatusHandler
from tests.nodes.messages import answers, both_ways, call
from tests.services import RedisServer


@pytest.fixture
def toolkit(data_dir):
    toolkit = SalesToolkit(Settings(data_dir=data_dir, health_timeout=30))
    yield toolkit
    toolkit.close()


async def test_every_tool_and_variant_of_the_toolkit_is_healthy(toolkit):
    report = await toolkit.health.check_all()
    assert {name: health.reasons for name, health in report.tools.items()} == {
        tool.name: () for tool in toolkit.get_tools()
    }
    assert report.status is HealthStatus.HEALTHY
    assert set(report.variants) == {variant.name for group in toolkit.groups for variant in group.variants}


async def until_healthy(toolkit):
    """Ask until it is: on a busy machine an answer of Redis may be late, which counts as none."""
    for _ in range(600):
        report = await toolkit.health.check_all(refresh=True)
        if report.status is HealthStatus.HEALTHY:
            return
        await asyncio.sleep(0.05)
    pytest.fail(str(report))


async def test_a_state_store_that_is_gone_degrades_every_tool_until_it_is_back(data_dir, tmp_path):
    server = RedisServer(tmp_path)
    server.start()
    toolkit = SalesToolkit(Settings(data_dir=data_dir, redis_url=server.url, health_timeout=30))
    try:
        await until_healthy(toolkit)
        server.kill()
        report = await toolkit.health.check_all(refresh=True)
        assert report.status is HealthStatus.DEGRADED
        assert all("state store" in " ".join(health.reasons) for health in report.tools.values())
        server.start()
        await until_healthy(toolkit)
    finally:
        toolkit.close()
        server.kill()


def test_asking_from_two_event_loops_is_fine(toolkit):
    first, second = (asyncio.run(toolkit.health.check_all(refresh=True)) for _ in range(2))
    assert first.status is second.status is HealthStatus.HEALTHY


@both_ways
async def test_a_variant_that_broke_is_passed_over_by_the_toolkits_node_once_its_failures_show(way, data_dir, tmp_path):
    for file in data_dir.glob("knowledge*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    alone = dict.fromkeys(("cache_enabled", "circuit_breaker_enabled", "rate_limit_enabled", "retry_enabled"), False)
    toolkit = SalesToolkit(Settings(data_dir=tmp_path, **alone))
    try:
        node, feed = toolkit.fan_out(), toolkit.handler(StatusHandler).feed
        with closing(sqlite3.connect(tmp_path / "knowledge.sqlite")) as connection:
            connection.execute("DELETE FROM words_data WHERE id > 10")  # of FTS5's index; texts are elsewhere
            connection.commit()

        for number in range(6):
            asked = call("knowledge_retriever", query=f"discount {number}")
            [message] = await answers(node, way, asked, config={"configurable": {"caller_role": "coach"}})
            assert (message.status, message.response_metadata["variant"]) == ("success", "knowledge_retriever_semantic")
        tried = [event.tool for event in feed.recent() if event.kind == "selected"]
        both = ["knowledge_retriever_lexical", "knowledge_retriever_semantic"]
        assert tried == [*both * 5, both[1]]
        assert toolkit.health.is_unhealthy("knowledge_retriever_lexical")
    finally:
        toolkit.close()
