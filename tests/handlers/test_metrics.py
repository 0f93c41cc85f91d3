"""Every call and every attempt is counted and timed, under the word of the table that says how it ended."""

import asyncio

import prometheus_client
import pytest
from langchain_core.messages import ToolMessage
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.types import Command
from prometheus_client import CollectorRegistry

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import (
    ApprovalRejectedError,
    CircuitOpenError,
    IdempotencyError,
    RateLimitError,
    ToolPermissionError,
    ToolTimeoutError,
    UpstreamError,
)
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.handlers.metrics import MetricsHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.timeout import TimeoutHandler
from salesboost_tools.observe import metrics as table
from salesboost_tools.state import MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.clock_naps import ClockNaps
from tests.handlers.doubles import READ, WRITE, GatedTool, Naps, turns
from tests.handlers.failing_state import FailingState


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def value(registry):
    """Reads a sample; 0 for one that is not there."""

    def value(name, **labels):
        return registry.get_sample_value(f"salesboost_tool_{name}", {"tool": "scripted", **labels}) or 0

    return value


def statuses(registry):
    return {
        sample.labels["status"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "salesboost_tool_calls_total"
    }


class SpecialRateLimitError(RateLimitError):
    """Somebody's own kind of a known error."""


ENDINGS = [
    ("success", "answer"),
    ("success", ToolMessage("fine", tool_call_id="1")),
    ("error", ToolMessage("no", tool_call_id="1", status="error")),
    ("error", ValueError("no")),
    ("error", UpstreamError("down")),
    ("refused", ToolPermissionError("no")),
    ("refused", ApprovalRejectedError("no")),
    ("rate_limited", RateLimitError("no", retry_after=1.0)),
    ("rate_limited", SpecialRateLimitError("no", retry_after=1.0)),
    ("circuit_open", CircuitOpenError("no", retry_after=1.0)),
    ("conflict", IdempotencyError("no")),
    ("timeout", ToolTimeoutError("no", timeout_s=1.0, outcome_unknown=False)),
    ("interrupted", GraphInterrupt(())),
    ("interrupted", ParentCommand(Command())),
]


@pytest.mark.parametrize(("status", "ending"), ENDINGS, ids=lambda value: type(value).__name__)
async def test_a_call_counts_once_under_the_word_for_how_it_ended(ask, registry, value, status, ending):
    governed = govern(ScriptedTool(ending), MetricsHandler(registry))
    raised = ()
    try:
        await ask(governed)
    except Exception as error:
        raised = (type(error),)
    assert raised == ((type(ending),) if isinstance(ending, Exception) else ())
    assert statuses(registry) == {status: 1}
    assert value("call_duration_seconds_count") == 1
    failed = isinstance(ending, Exception) and status != "interrupted"
    assert value("errors_total", error_type=type(ending).__name__) == failed


async def test_an_answer_from_memory_counts_as_cached(ask, registry, value, clock):
    governed = govern(ScriptedTool(), MetricsHandler(registry), CacheHandler())
    for _ in range(3):
        await ask(governed)
    assert statuses(registry) == {"success": 1, "cached": 2}
    assert value("cache_operations_total", operation="miss") == 1
    assert value("cache_operations_total", operation="hit") == 2
    assert value("attempt_duration_seconds_count") == 1


async def test_an_answer_shared_with_an_equal_call_counts_as_cached_too(registry):
    tool = GatedTool()
    governed = govern(tool, MetricsHandler(registry), CacheHandler())
    calls = [asyncio.create_task(governed.ainvoke({"query": "q"})) for _ in range(3)]
    await turns()
    tool.open()
    await asyncio.gather(*calls)
    assert statuses(registry) == {"success": 1, "cached": 2}
    assert (
        registry.get_sample_value("salesboost_tool_cache_operations_total", {"tool": "gated", "operation": "shared"})
        == 2
    )


async def test_a_cancelled_call_counts_as_cancelled_and_not_as_an_error(registry):
    tool = GatedTool()
    call = asyncio.create_task(govern(tool, MetricsHandler(registry)).ainvoke({"query": "q"}))
    await turns()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert statuses(registry) == {"cancelled": 1}
    assert registry.get_sample_value("salesboost_tool_attempt_duration_seconds_count", {"tool": "gated"}) == 1
    assert not [s for f in registry.collect() for s in f.samples if s.name == "salesboost_tool_errors_total"]


async def test_every_word_of_the_table_is_one_that_calls_end_with():
    row = next(line for line in (table.__doc__ or "").splitlines() if "calls_total" in line)
    words = set(row.rsplit("status:", 1)[1].strip(" |").split(", "))
    assert words == {status for status, _ in ENDINGS} | {"cached", "cancelled"}


async def test_every_attempt_is_timed_and_a_call_but_once(ask, registry, value):
    naps = Naps()
    retry = RetryHandler(sleep=naps.sleep, asleep=naps.asleep)
    governed = govern(ScriptedTool(ConnectionError(), TimeoutError(), "answer"), MetricsHandler(registry), retry)
    assert await ask(governed) == "answer"
    assert value("attempt_duration_seconds_count") == 3
    assert value("call_duration_seconds_count") == 1
    assert value("retries_total") == 2
    assert statuses(registry) == {"success": 1}


async def test_an_attempt_that_the_rate_limit_refused_is_counted_but_never_began(ask, registry, value, clock):
    governed = govern(ScriptedTool(), MetricsHandler(registry), RateLimitHandler(default="1/minute"))
    await ask(governed)
    with pytest.raises(RateLimitError):
        await ask(governed)
    assert value("rate_limited_total") == 1
    assert value("attempt_duration_seconds_count") == 1
    assert statuses(registry) == {"success": 1, "rate_limited": 1}


async def test_a_call_that_ran_out_of_time_counts_as_such(ask, registry):
    tool = GatedTool()
    spec = ToolSpec(effect=Effect.READ, timeout_s=0.01)
    with pytest.raises(ToolTimeoutError):
        await ask(govern(tool, MetricsHandler(registry), TimeoutHandler(), spec=spec))
    tool.open()
    assert statuses(registry) == {"timeout": 1}


@pytest.mark.parametrize(("role", "label"), [("coach", "coach"), ("intruder", "other"), (None, "none")])
async def test_a_call_counts_for_the_role_of_its_caller(ask, registry, value, role, label):
    await ask(govern(ScriptedTool(), MetricsHandler(registry)), caller_role=role)
    assert value("calls_total", status="success", role=label) == 1


async def test_events_it_does_not_know_are_none_of_its_business(ask, registry):
    handler = MetricsHandler(registry)
    before = [*registry.collect()]
    handler.observe(None, "selected", {})
    assert [family.samples for family in registry.collect()] == [family.samples for family in before]


async def test_two_handlers_may_count_in_one_registry(ask, registry, value):
    for handler in (MetricsHandler(registry), MetricsHandler(registry)):
        await ask(govern(ScriptedTool(), handler))
    assert value("calls_total", status="success", role="none") == 2


async def test_without_a_registry_it_counts_in_prometheus_own(ask):
    await ask(govern(ScriptedTool(name="in_the_default_registry"), MetricsHandler()))
    labels = {"tool": "in_the_default_registry", "status": "success", "role": "none"}
    assert prometheus_client.REGISTRY.get_sample_value("salesboost_tool_calls_total", labels)


async def test_a_registry_that_fails_never_harms_a_call(ask, registry, monkeypatch, caplog):
    def disk_full(*args):
        raise OSError("no space left")

    monkeypatch.setattr(prometheus_client.Counter, "inc", disk_full)
    monkeypatch.setattr(prometheus_client.Histogram, "observe", disk_full)
    handler = MetricsHandler(registry)
    tool = ScriptedTool("answer", ValueError("the tool's own"))
    governed = govern(tool, handler, CacheHandler())
    assert [await ask(governed, query) for query in "aa"] == ["answer"] * 2
    with pytest.raises(ValueError, match="the tool's own"):
        await ask(governed, "b")
    assert tool.started == 2
    # three calls, two attempts, two misses and a hit
    assert handler.observer_failures == 3 + 2 + 3
    assert "recording a call of `scripted` failed" in caplog.text


# ---------------------------------------------------------------- what other handlers report


REPORTS = [
    ("approval_requested", "approvals_total", {"outcome": "requested"}),
    ("approved", "approvals_total", {"outcome": "approved"}),
    ("rejected", "approvals_total", {"outcome": "rejected"}),
    ("replayed", "idempotency_total", {"outcome": "replayed"}),
    ("unprotected", "idempotency_total", {"outcome": "unprotected"}),
    ("unrecorded", "idempotency_total", {"outcome": "unrecorded"}),
    ("circuit_opened", "circuit_changes_total", {"state": "opened"}),
    ("circuit_closed", "circuit_changes_total", {"state": "closed"}),
    ("store_failed", "state_failures_total", {"store": "cache"}),
    ("waited", "rate_limit_wait_seconds_total", {}),
]
DETAILS = {"by": "kim", "key": "scripted:acme", "now_open": 1, "store": "cache", "wait_s": 1.0}


@pytest.mark.parametrize(("event", "name", "labels"), REPORTS)
async def test_what_handlers_report_is_counted_under_its_word(registry, value, event, name, labels):
    handler = MetricsHandler(registry)
    handler.observe(ToolCall("scripted", {}, READ), event, DETAILS)
    assert value(name, **labels) == 1
    counted = [s for f in registry.collect() for s in f.samples if s.name.endswith("_total")]
    assert len(counted) == 1


@pytest.mark.parametrize(
    "name", ["approvals_total", "idempotency_total", "circuit_changes_total", "state_failures_total"]
)
async def test_the_table_has_every_word_that_is_counted(name):
    row = next(line for line in (table.__doc__ or "").splitlines() if f"`salesboost_tool_{name}`" in line)
    for _, counted, labels in REPORTS:
        if counted == name:
            ((label, word),) = labels.items()
            assert word in row.rsplit(f"{label}:", 1)[1]


async def test_an_answer_kept_in_a_way_it_does_not_know_is_a_hit(registry, value):
    MetricsHandler(registry).observe(ToolCall("scripted", {}, READ), "cached", {"how": "otherwise"})
    assert value("cache_operations_total", operation="hit") == 1


async def test_a_breaker_that_opens_is_counted_once(ask, registry, value, clock):
    breaker = CircuitBreakerHandler(failure_threshold=2, clock=clock)
    governed = govern(ScriptedTool(ConnectionError("down")), MetricsHandler(registry), breaker)
    for expected in (ConnectionError, ConnectionError, CircuitOpenError):
        with pytest.raises(expected):
            await ask(governed)
    assert value("circuit_changes_total", state="opened") == 1
    assert value("open_circuits") == 1
    assert statuses(registry) == {"error": 2, "circuit_open": 1}


async def test_a_breaker_that_closed_is_open_no_more(ask, registry, value, clock):
    breaker = CircuitBreakerHandler(failure_threshold=1, open_s=5, clock=clock)
    governed = govern(ScriptedTool(ConnectionError("down"), "back"), MetricsHandler(registry), breaker)
    with pytest.raises(ConnectionError):
        await ask(governed)
    assert value("open_circuits") == 1
    clock.advance(5)
    await ask(governed)
    assert value("open_circuits") == 0


async def test_seconds_waited_for_a_turn_add_up(ask, registry, value, clock):
    naps = ClockNaps(clock)
    limit = RateLimitHandler(
        MemoryState(clock), default="1/10s", max_wait_s=60, clock=clock, sleep=naps.sleep, asleep=naps.asleep
    )
    governed = govern(ScriptedTool(), MetricsHandler(registry), limit)
    for _ in range(3):
        await ask(governed)
    assert value("rate_limit_wait_seconds_total") == pytest.approx(20, abs=1e-4)


async def test_a_store_that_does_not_answer_is_counted_by_tool_and_store(ask, registry, value, clock):
    state = FailingState(clock)
    state.is_down = True
    read = govern(ScriptedTool(), MetricsHandler(registry), CacheHandler(state), RateLimitHandler(state))
    await ask(read)
    write = govern(ScriptedTool(spec=WRITE), MetricsHandler(registry), IdempotencyHandler(state))
    with pytest.raises(IdempotencyError):
        await ask(write, idempotency_key="letter-1")
    assert {store: value("state_failures_total", store=store) for store in ("cache", "limits", "records")} == {
        "cache": 1,
        "limits": 1,
        "records": 1,
    }
