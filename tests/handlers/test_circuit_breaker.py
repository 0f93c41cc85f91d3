"""A tool that keeps failing is not called for a while; then one call finds out for all."""

import asyncio
import contextlib

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import ToolException
from langgraph.errors import GraphInterrupt

from salesboost_tools.core import errors
from salesboost_tools.core.breaker import CircuitState
from salesboost_tools.core.call import ToolCall
from salesboost_tools.governed import govern
from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.state import MemoryState
from tests.doubles import FakeClock, ScriptedTool
from tests.handlers.doubles import READ, Caller, EventLedger, GatedTool, until

DOWN = errors.UpstreamError("down", status=503)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def ledger():
    return EventLedger()


@pytest.fixture
def breaker(clock):
    return CircuitBreakerHandler(3, window_s=10, open_s=30, clock=clock)


async def fail(ask, tool, times, error=errors.UpstreamError):
    for _ in range(times):
        with pytest.raises(error):
            await ask(tool)


async def opened(ask, breaker, *script):
    """Return a tool whose breaker is open; further answers come from the script."""
    tool = govern(ScriptedTool(DOWN, DOWN, DOWN, *script), breaker)
    await fail(ask, tool, 3)
    return tool


async def test_a_tool_that_keeps_failing_is_not_called_and_the_wait_is_exact(ask, breaker, clock):
    tool = await opened(ask, breaker, "back")
    with pytest.raises(errors.CircuitOpenError, match="failed too often") as raised:
        await ask(tool)
    assert tool.inner.started == 3
    assert raised.value.retry_after == pytest.approx(30, abs=1e-5)
    assert "31 seconds" in raised.value.for_model
    clock.advance(29.9)
    with pytest.raises(errors.CircuitOpenError) as raised:
        await ask(tool)
    clock.advance(raised.value.retry_after)
    assert await ask(tool) == "back"


async def test_a_hundred_waits_as_told_are_a_hundred_times_enough(ask, clock):
    breaker = CircuitBreakerHandler(1, open_s=1 / 3, clock=clock)
    tool = govern(ScriptedTool(DOWN), breaker)
    await fail(ask, tool, 1)
    for step in range(100):
        clock.advance(step / 997)
        try:
            await ask(tool)
        except errors.CircuitOpenError as error:
            clock.advance(error.retry_after)
            await fail(ask, tool, 1)
        except errors.UpstreamError:
            pass


async def test_a_working_tool_costs_no_memory(ask, breaker):
    tool = govern(ScriptedTool("a"), breaker)
    assert await ask(tool) == "a"
    assert breaker._breakers == {}


async def test_sync_and_async_calls_share_one_breaker(breaker):
    tool = govern(ScriptedTool(DOWN), breaker)
    for _ in range(2):
        with pytest.raises(errors.UpstreamError):
            tool.invoke({})
    with pytest.raises(errors.UpstreamError):
        await tool.ainvoke({})
    with pytest.raises(errors.CircuitOpenError):
        tool.invoke({})


async def test_each_tool_has_its_own(ask, breaker):
    await opened(ask, breaker)
    assert await ask(govern(ScriptedTool("a", name="other"), breaker)) == "a"
    assert breaker.is_open("scripted")
    assert not breaker.is_open("other")


async def test_a_key_may_part_a_tool_by_tenant(ask, clock):
    breaker = CircuitBreakerHandler(1, key=lambda call: f"{call.name}:{call.caller.tenant_id}", clock=clock)
    tool = govern(ScriptedTool(DOWN, "a"), breaker)
    with pytest.raises(errors.UpstreamError):
        await ask(tool, tenant_id="a")
    with pytest.raises(errors.CircuitOpenError, match="scripted:a"):
        await ask(tool, tenant_id="a")
    assert await ask(tool, tenant_id="b") == "a"


async def test_few_failures_among_many_successes_leave_it_closed(ask, breaker):
    tool = govern(ScriptedTool(DOWN, *["ok"] * 5, DOWN, "ok", DOWN, "ok"), breaker)
    for _ in range(10):
        with contextlib.suppress(errors.UpstreamError):
            await ask(tool)
    assert await ask(tool) == "ok"


# ---------------------------------------------------------------- what counts


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        GraphInterrupt(),
        errors.RateLimitError("full", retry_after=1.0),
        errors.UpstreamError("slow down", status=429),
        errors.UpstreamError("no such deal", status=404),
        errors.ToolPermissionError("no"),
        errors.ToolInputError("wrong"),
        ToolException("no such account"),
        ValueError("not a number"),
    ],
    ids=repr,
)
async def test_what_is_not_the_providers_failure_does_not_count(ask, breaker, error):
    tool = govern(ScriptedTool(error), breaker)
    for _ in range(10):
        with pytest.raises(type(error)):
            await ask(tool)
    assert breaker.state_of("scripted") is CircuitState.CLOSED


async def test_own_refusals_inside_do_not_count(ask, breaker, clock):
    tool = govern(ScriptedTool("a"), breaker, RateLimitHandler(MemoryState(clock), default="1/hour"))
    await ask(tool)
    await fail(ask, tool, 10, errors.RateLimitError)
    assert breaker.state_of("scripted") is CircuitState.CLOSED


async def test_every_attempt_of_a_retry_counts_and_a_refusal_ends_the_attempts(ask, breaker):
    retry = RetryHandler(10, 0, 0, jitter_s=0)
    tool = govern(ScriptedTool(errors.UpstreamError("down", status=503, retryable=True)), retry, breaker)
    with pytest.raises(errors.CircuitOpenError):
        await ask(tool)
    assert tool.inner.started == 3


async def test_what_counts_can_be_said_otherwise(ask, clock):
    breaker = CircuitBreakerHandler(1, counts=lambda error: isinstance(error, KeyError), clock=clock)
    tool = govern(ScriptedTool(DOWN, KeyError("x")), breaker)
    await fail(ask, tool, 1)
    await fail(ask, tool, 1, KeyError)
    assert breaker.is_open("scripted")


# ---------------------------------------------------------------- half-open


async def test_of_twenty_who_come_when_its_time_is_up_exactly_one_gets_through(clock, breaker):
    gated = GatedTool(outcome=DOWN)
    tool = govern(gated, breaker)
    gated.open()
    for _ in range(3):
        with pytest.raises(errors.UpstreamError):
            await tool.ainvoke({})
    gated.close()
    clock.advance(30)
    gated.outcome = "back"
    calls = [asyncio.create_task(tool.ainvoke({})) for _ in range(20)]
    await until(lambda: sum(call.done() for call in calls) == 19)
    assert breaker.state_of("gated") is CircuitState.HALF_OPEN
    assert breaker.is_open("gated")
    gated.open()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert gated.started == 3 + 1
    assert outcomes.count("back") == 1
    assert sum(isinstance(outcome, errors.CircuitOpenError) for outcome in outcomes) == 19
    assert await tool.ainvoke({}) == "back"


async def test_of_twenty_threads_exactly_one_gets_through(clock, breaker):
    gated = GatedTool(outcome=DOWN)
    tool = govern(gated, breaker)
    gated.open()
    for _ in range(3):
        with pytest.raises(errors.UpstreamError):
            tool.invoke({})
    gated.close()
    clock.advance(30)
    gated.outcome = "back"
    callers = [Caller(tool.invoke, {}) for _ in range(20)]
    await until(lambda: sum(not caller.thread.is_alive() for caller in callers) == 19)
    gated.open()
    answers = [caller.wait() for caller in callers]
    assert answers.count("back") == 1
    assert gated.started == 3 + 1


async def test_a_cancelled_probe_gives_its_place_to_the_next_call(clock, breaker):
    gated = GatedTool(outcome=DOWN)
    tool = govern(gated, breaker)
    gated.open()
    for _ in range(3):
        with pytest.raises(errors.UpstreamError):
            await tool.ainvoke({})
    gated.close()
    clock.advance(30)
    probe = asyncio.create_task(tool.ainvoke({}))
    await until(lambda: gated.started == 4)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert not breaker.is_open("gated")
    gated.outcome = "back"
    gated.open()
    assert await tool.ainvoke({}) == "back"


@pytest.mark.parametrize("told_nothing", [errors.ToolInputError("wrong"), GraphInterrupt()], ids=repr)
async def test_a_probe_that_tells_nothing_gives_its_place_away_too(ask, breaker, clock, told_nothing):
    tool = await opened(ask, breaker, told_nothing, "back")
    clock.advance(30)
    await fail(ask, tool, 1, type(told_nothing))
    assert breaker.state_of("scripted") is CircuitState.HALF_OPEN
    assert await ask(tool) == "back"
    assert breaker.state_of("scripted") is CircuitState.CLOSED


async def test_an_error_message_as_an_answer_tells_nothing(ask, breaker, clock):
    message = ToolMessage("it failed", tool_call_id="", status="error")
    tool = await opened(ask, breaker, message, "back")
    clock.advance(30)
    await ask(tool)
    assert breaker.state_of("scripted") is CircuitState.HALF_OPEN


async def test_a_probe_that_fails_opens_it_again(ask, breaker, clock):
    tool = await opened(ask, breaker, DOWN, "back")
    clock.advance(30)
    await fail(ask, tool, 1)
    await fail(ask, tool, 1, errors.CircuitOpenError)
    assert breaker.state_of("scripted") is CircuitState.OPEN


async def test_a_mask_may_let_the_probe_be_chosen(ask, breaker, clock):
    await opened(ask, breaker)
    assert breaker.is_open("scripted")
    clock.advance(30)
    assert not breaker.is_open("scripted")
    assert not breaker.is_open("scripted")  # looking takes no place


# ---------------------------------------------------------------- told and forgotten


async def test_opening_and_closing_is_told_once(ask, breaker, clock, ledger):
    tool = govern(ScriptedTool(DOWN, DOWN, DOWN, DOWN, "back"), breaker, ledger)
    await fail(ask, tool, 3)
    await fail(ask, tool, 2, errors.CircuitOpenError)
    clock.advance(30)
    await fail(ask, tool, 1)
    clock.advance(30)
    await ask(tool)
    await ask(tool)
    told = {"key": "scripted", "open_s": 30.0, "error": "UpstreamError", "now_open": 1}
    assert ledger.of("circuit_opened") == [told, told]
    assert ledger.of("circuit_closed") == [{"key": "scripted", "now_open": 0}]


async def test_it_is_told_how_many_of_a_tools_breakers_are_open(ask, clock, ledger):
    breaker = CircuitBreakerHandler(1, open_s=30, key=lambda call: f"{call.name}:{call.args['query']}", clock=clock)
    down = {"a", "b"}

    def provider(query):
        if query in down:
            raise DOWN
        return "back"

    tool = govern(ScriptedTool(provider), breaker, ledger)
    for query in "ab":
        with pytest.raises(errors.UpstreamError):
            await ask(tool, query)
    down.clear()
    clock.advance(30)
    for query in "ba":
        await ask(tool, query)
    assert [details["now_open"] for event in ("circuit_opened", "circuit_closed") for details in ledger.of(event)] == [
        *(1, 2),
        *(1, 0),
    ]


def test_breakers_of_keys_that_are_not_asked_for_any_more_are_forgotten(clock):
    breaker = CircuitBreakerHandler(2, window_s=10, key=lambda call: call.tool_call_id, clock=clock)

    def down(call):
        raise DOWN

    def ask_for(key):
        with pytest.raises(errors.UpstreamError):
            breaker.around(ToolCall(name="t", args={}, spec=READ, tool_call_id=key), down)

    ask_for("opened")
    ask_for("opened")
    assert breaker._open_keys == {"t": {"opened"}}
    for number in range(3_000):
        clock.advance(0.1)
        ask_for(str(number))
    assert len(breaker._breakers) <= 1025
    assert breaker._open_keys == {"t": set()}
