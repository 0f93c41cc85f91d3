"""What retries, circuit breakers and metrics get wrong, and ours do not."""

import asyncio
import contextlib
from collections import Counter

import prometheus_client
import pytest
from langchain.agents.middleware import ToolRetryMiddleware
from langgraph.prebuilt import ToolNode
from prometheus_client import CollectorRegistry

from salesboost_tools import (
    CacheHandler,
    CircuitBreakerHandler,
    CircuitOpenError,
    Effect,
    IdempotencyHandler,
    MetricsHandler,
    RetryHandler,
    ToolMiddleware,
    ToolPermissionError,
    ToolSpec,
    ToolTimeoutError,
    UpstreamError,
    govern,
)
from salesboost_tools.core.breaker import CircuitState
from tests.doubles import ScriptedTool
from tests.handlers.doubles import GatedTool, turns
from tests.nodes.messages import asks, call, graph_of
from tests.peers.conftest import ours_and

READ, WRITE = ToolSpec(effect=Effect.READ), ToolSpec(effect=Effect.WRITE)
DOWN = UpstreamError("down", status=503, retryable=True)


async def no_wait(seconds):
    await asyncio.sleep(0)


def retrying():
    return RetryHandler(3, 0, jitter_s=0, sleep=lambda seconds: None, asleep=no_wait)


@pytest.mark.parametrize(
    "error", [TimeoutError("read timed out"), ToolTimeoutError("late", timeout_s=1.0, outcome_unknown=True)], ids=repr
)
async def test_a_write_that_may_have_happened_is_not_tried_again(error):
    """A retry that looks at the error alone sends twice after a read timed out."""
    tool = ScriptedTool(error, "sent twice", spec=WRITE)
    governed = govern(tool, IdempotencyHandler(), retrying())
    with pytest.raises(type(error)):
        await governed.ainvoke(call("scripted", "c1"), {"configurable": {"thread_id": "t"}})
    assert tool.started == 1


@ours_and(langchain=ToolRetryMiddleware)
async def test_a_middleware_that_retries_leaves_writes_alone(kind):
    """LangChain's tries any tool again that raised, also one that may have sent its letter."""
    tool = ScriptedTool(TimeoutError("read timed out"), "sent twice", spec=WRITE)
    if kind == "ours":
        middleware = ToolMiddleware(IdempotencyHandler(), retrying())
    else:
        middleware = kind(max_retries=2, initial_delay=0, jitter=False)
    node = ToolNode(
        [tool],
        wrap_tool_call=middleware.wrap_tool_call,
        awrap_tool_call=middleware.awrap_tool_call,
        handle_tool_errors=False,
    )
    with contextlib.suppress(TimeoutError):
        await graph_of(node).ainvoke(asks(call("scripted", "c1")), {"configurable": {"thread_id": "t"}})
    assert tool.started == 1


async def test_of_twenty_calls_that_come_when_a_breaker_may_close_one_is_the_probe(clock):
    """A half-open state without a place of its own lets all twenty through."""
    tool = GatedTool(outcome=DOWN)
    breaker = CircuitBreakerHandler(1, open_s=30, clock=clock)
    governed = govern(tool, breaker)
    tool.open()
    with pytest.raises(UpstreamError):
        await governed.ainvoke({})
    tool.close()
    clock.advance(30)
    asked = [asyncio.create_task(governed.ainvoke({})) for _ in range(20)]
    await turns()
    tool.outcome = "back"
    tool.open()
    ends = await asyncio.gather(*asked, return_exceptions=True)
    assert tool.started == 1 + 1
    assert [end for end in ends if not isinstance(end, CircuitOpenError)] == ["back"]


@pytest.mark.parametrize("kind", ["cancelled", "forbidden"])
async def test_what_is_not_the_providers_failure_opens_no_breaker(kind):
    """A breaker that counts every exception is opened by users who change their minds."""
    tool = GatedTool(outcome=ToolPermissionError("not yours"))
    breaker = CircuitBreakerHandler(1)
    governed = govern(tool, breaker)
    for _ in range(3):
        asked = asyncio.create_task(governed.ainvoke({}))
        await turns()
        if kind == "cancelled":
            asked.cancel()
        else:
            tool.open()
        with pytest.raises((asyncio.CancelledError, ToolPermissionError)):
            await asked
    assert breaker.state_of("gated") is CircuitState.CLOSED


async def test_no_caller_can_make_a_new_time_series():
    """A label with the caller's own words in it makes a series for each of them."""
    registry = CollectorRegistry()
    governed = govern(ScriptedTool(), MetricsHandler(registry))
    for number in range(200):
        await governed.ainvoke({}, {"configurable": {"caller_role": f"role-{number}"}})
    roles = {s.labels["role"] for family in registry.collect() for s in family.samples if "role" in s.labels}
    assert roles == {"other"}


async def test_the_hit_rate_of_all_workers_follows_from_what_each_has_counted():
    """A gauge of the rate in every process cannot be put together; nor can a rate per number of the attempt."""
    registries = [CollectorRegistry() for _ in range(2)]
    for registry, questions in zip(registries, (1, 4), strict=True):
        governed = govern(ScriptedTool(spec=READ), CacheHandler(), MetricsHandler(registry))
        for number in range(8):
            await governed.ainvoke({"query": str(number % questions)})
    samples = [s for registry in registries for family in registry.collect() for s in family.samples]
    counted = Counter()
    for sample in samples:
        if sample.name == "salesboost_tool_cache_operations_total":
            counted[sample.labels["operation"]] += sample.value
    assert counted == {"hit": 7 + 4, "miss": 1 + 4}
    assert not any("attempt" in sample.labels for sample in samples)


async def test_labels_are_looked_up_once_and_not_on_every_call(monkeypatch):
    """Asking Prometheus for the labelled child on every update costs six times the update."""
    governed = govern(ScriptedTool(), MetricsHandler(CollectorRegistry()))
    await governed.ainvoke({})
    looked_up, labels = [], prometheus_client.Counter.labels
    for kind in (prometheus_client.Counter, prometheus_client.Histogram):
        monkeypatch.setattr(kind, "labels", lambda self, *names: [looked_up.append(names), labels(self, *names)][1])
    for _ in range(10):
        await governed.ainvoke({})
    assert looked_up == []
