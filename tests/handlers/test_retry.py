"""A read that failed is tried again while there is hope and budget; a write only if nothing can have happened."""

import asyncio

import pytest
import tenacity
from langchain_core.tools import ToolException
from langgraph.errors import GraphInterrupt
from tenacity import RetryCallState, Retrying

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import (
    ConfigurationError,
    RateLimitError,
    ToolInputError,
    ToolTimeoutError,
    UpstreamError,
)
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers import retry
from salesboost_tools.handlers.retry import Backoff, RetryHandler, may_be_repeated, may_help, seconds_asked_for
from tests.doubles import ScriptedTool
from tests.handlers.doubles import WRITE, EventLedger, Naps

LOST = ConnectionError("connection lost")


@pytest.fixture
def naps():
    return Naps()


@pytest.fixture
def retrying(naps):
    """Makes a handler that writes its waits down instead of sleeping."""

    def make(*args, **kwargs):
        kwargs = {"jitter_s": 0.0, **kwargs}
        return RetryHandler(*args, sleep=naps.sleep, asleep=naps.asleep, **kwargs)

    return make


# ---------------------------------------------------------------- trying again


async def test_a_call_that_succeeds_is_made_once(ask, retrying, naps):
    tool = ScriptedTool()
    assert await ask(govern(tool, retrying())) == "answer"
    assert (tool.started, naps.taken_s) == (1, [])


async def test_a_read_that_failed_is_tried_again_until_it_succeeds(ask, retrying, naps):
    tool = ScriptedTool(LOST, LOST, "answer")
    assert await ask(govern(tool, retrying(3))) == "answer"
    assert (tool.started, naps.taken_s) == (3, [1.0, 2.0])


async def test_when_all_attempts_have_failed_the_last_error_is_raised_as_it_was(ask, retrying):
    errors = [ConnectionError("first"), TimeoutError("second"), ConnectionResetError("third")]
    tool = ScriptedTool(*errors)
    with pytest.raises(ConnectionResetError) as raised:
        await ask(govern(tool, retrying(3)))
    assert raised.value is errors[2]
    assert tool.started == 3


async def test_one_attempt_means_no_retry(ask, retrying, naps):
    tool = ScriptedTool(LOST)
    with pytest.raises(ConnectionError):
        await ask(govern(tool, retrying(1)))
    assert (tool.started, naps.taken_s) == (1, [])


async def test_two_calls_do_not_share_their_attempts(ask, retrying):
    tool = ScriptedTool(LOST, "first", LOST, "second")
    governed = govern(tool, retrying(2))
    assert [await ask(governed), await ask(governed)] == ["first", "second"]


async def test_the_record_and_observers_tell_of_every_attempt(ask, retrying):
    ledger = EventLedger()
    await ask(govern(ScriptedTool(LOST, TimeoutError(), "answer"), retrying(), ledger))
    assert ledger.events == [
        ("retrying", {"attempt": 2, "wait_s": 1.0, "error": "ConnectionError"}),
        ("retrying", {"attempt": 3, "wait_s": 2.0, "error": "TimeoutError"}),
    ]
    record = ledger.calls[0].record
    assert (record.attempts, record.waited_s) == (3, 3.0)


async def test_a_wait_is_over_the_handlers_own_clock_unless_told_otherwise(ask):
    tool = ScriptedTool(LOST, "answer")
    assert await ask(govern(tool, RetryHandler(base_delay_s=0, jitter_s=0))) == "answer"


async def test_a_wait_can_be_cancelled(retrying):
    waiting = asyncio.Event()

    async def wait_for_ever(seconds):
        waiting.set()
        await asyncio.Event().wait()

    tool = ScriptedTool(LOST, "answer")
    call = asyncio.create_task(govern(tool, RetryHandler(asleep=wait_for_ever)).ainvoke({"query": "q"}))
    await waiting.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert tool.started == 1


# ---------------------------------------------------------------- what is not tried again


@pytest.mark.parametrize("spec", [WRITE, ToolSpec(effect=lambda args: Effect.WRITE)])
async def test_a_write_is_never_repeated(ask, retrying, naps, spec):
    tool = ScriptedTool(LOST, "answer", spec=spec)
    with pytest.raises(ConnectionError):
        await ask(govern(tool, retrying(retry=tenacity.retry_always)))
    assert (tool.started, naps.taken_s) == (1, [])


@pytest.mark.parametrize(
    ("error", "repeated"),
    [
        (UpstreamError("busy", status=429, retryable=True), True),
        (UpstreamError("refused", retryable=True, outcome_unknown=False), True),
        (UpstreamError("not found", status=404), False),
        (UpstreamError("down", status=503, retryable=True), False),
        (ToolTimeoutError("late", timeout_s=1, outcome_unknown=True), False),
        (LOST, False),
    ],
    ids=str,
)
def test_under_an_idempotency_key_a_write_is_repeated_if_it_is_certain_that_nothing_happened(error, repeated):
    write = ToolCall(name="crm", args={}, spec=WRITE)
    assert not may_be_repeated(write, error)
    assert may_be_repeated(write.under_key("key"), error) is repeated


async def test_whether_a_call_is_a_write_may_depend_on_its_arguments(ask, retrying):
    spec = ToolSpec(effect=lambda args: Effect.READ if args["query"] == "list" else Effect.WRITE)
    governed = govern(ScriptedTool(LOST, "answer", LOST, spec=spec), retrying())
    assert await ask(governed, "list") == "answer"
    with pytest.raises(ConnectionError):
        await ask(governed, "create")


async def test_an_interrupt_passes_untouched(ask, retrying, naps):
    interrupt = GraphInterrupt(())
    tool = ScriptedTool(interrupt, "answer")
    with pytest.raises(GraphInterrupt) as raised:
        await ask(govern(tool, retrying(retry=tenacity.retry_always)))
    assert raised.value is interrupt
    assert (tool.started, naps.taken_s) == (1, [])


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_the_end_of_the_program_passes_untouched(retrying, naps, ending):
    tool = ScriptedTool(ending(), "answer")
    with pytest.raises(ending):
        govern(tool, retrying(retry=tenacity.retry_always)).invoke({"query": "q"})
    assert (tool.started, naps.taken_s) == (1, [])


async def test_a_cancellation_passes_untouched(retrying, naps):
    tool = ScriptedTool(asyncio.CancelledError(), "answer")
    with pytest.raises(asyncio.CancelledError):
        await govern(tool, retrying()).ainvoke({"query": "q"})
    assert (tool.started, naps.taken_s) == (1, [])


@pytest.mark.parametrize(
    "error",
    [
        ToolException("no such account"),
        ToolInputError("no such account"),
        RateLimitError("busy", retry_after=0.1),
        ToolTimeoutError("late", timeout_s=1, outcome_unknown=True),
        UpstreamError("not found", status=404),
        ConfigurationError("half a handler"),
        ValueError("x"),
        TypeError("x"),
        KeyError("x"),
        ZeroDivisionError("x"),
        NotImplementedError("x"),
        FileNotFoundError("x"),
        PermissionError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_answer_or_a_bug_would_only_come_back(ask, retrying, naps, error):
    tool = ScriptedTool(error, "answer")
    with pytest.raises(type(error)) as raised:
        await ask(govern(tool, retrying()))
    assert raised.value is error
    assert (tool.started, naps.taken_s) == (1, [])
    assert not may_help(error)


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        TimeoutError(),
        OSError("network is unreachable"),
        RuntimeError("the provider's own"),
        UpstreamError("busy", status=503, retryable=True),
        ToolTimeoutError("late", timeout_s=1, outcome_unknown=False),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_may_have_passed_is_worth_another_attempt(ask, retrying, error):
    assert await ask(govern(ScriptedTool(error, "answer"), retrying())) == "answer"
    assert may_help(error)


# ---------------------------------------------------------------- how long to wait


def test_waits_double_from_attempt_to_attempt_up_to_a_bound():
    state = RetryCallState(Retrying(), None, (), {})
    waits_s = []
    for _ in range(7):
        waits_s.append(Backoff(0.5, 10.0, 0.0)(state))
        state.prepare_for_next_attempt()
    assert waits_s == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_chance_adds_at_most_the_jitter_and_never_more_than_the_bound():
    state = RetryCallState(Retrying(), None, (), {})
    assert Backoff(1.0, 30.0, 2.0, chance=lambda: 0.0)(state) == 1.0
    assert Backoff(1.0, 30.0, 2.0, chance=lambda: 0.75)(state) == 2.5
    assert Backoff(1.0, 2.0, 2.0, chance=lambda: 0.75)(state) == 2.0
    assert {round(Backoff(1.0, 30.0, 2.0)(state), 6) for _ in range(20)} != {1.0}


def test_a_great_many_attempts_still_have_a_wait():
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = 100_000
    assert Backoff(1.0, 30.0, 1.0)(state) == 30.0


async def test_a_wait_that_the_provider_asks_for_is_honoured(ask, retrying, naps):
    busy = UpstreamError("busy", status=429, retryable=True, retry_after=7.5)
    assert await ask(govern(ScriptedTool(busy, "answer"), retrying())) == "answer"
    assert naps.taken_s == [7.5]


async def test_a_provider_that_asks_for_less_gets_the_usual_wait(ask, retrying, naps):
    busy = UpstreamError("busy", status=429, retryable=True, retry_after=0.2)
    await ask(govern(ScriptedTool(busy, "answer"), retrying()))
    assert naps.taken_s == [1.0]


@pytest.mark.parametrize("asked_s", [30.1, float("inf")])
async def test_a_provider_that_asks_for_more_than_is_allowed_ends_the_attempts_at_once(ask, retrying, naps, asked_s):
    busy = UpstreamError("busy", status=429, retryable=True, retry_after=asked_s)
    tool = ScriptedTool(busy, "answer")
    with pytest.raises(UpstreamError) as raised:
        await ask(govern(tool, retrying(max_delay_s=30.0)))
    assert raised.value is busy
    assert (tool.started, naps.taken_s) == (1, [])


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(3, 3.0), (2.5, 2.5), (None, 0.0), ("30", 0.0), (float("nan"), 0.0), (-5, 0.0), (object(), 0.0)],
)
def test_a_wait_is_asked_for_in_a_number(retry_after, seconds):
    error = ConnectionError("x")
    error.retry_after = retry_after
    assert seconds_asked_for(error) == seconds
    assert seconds_asked_for(ConnectionError("x")) == 0.0


# ---------------------------------------------------------------- the budget


async def test_retries_of_a_tool_are_bounded_over_all_its_callers(ask, retrying, naps):
    ledger = EventLedger()
    tool = ScriptedTool(LOST)
    governed = govern(tool, retrying(10, budget=RateLimit(calls=3, per_s=3600)), ledger)
    for _ in range(4):
        with pytest.raises(ConnectionError):
            await ask(governed)
    assert len(naps.taken_s) == 3
    assert tool.started == 4 + 3
    assert len(ledger.of("retry_budget_spent")) == 4


async def test_one_tools_failures_do_not_spend_anothers_budget(ask, retrying):
    handler = retrying(3, budget=RateLimit(calls=2, per_s=3600))
    down, well = govern(ScriptedTool(LOST, name="down"), handler), govern(ScriptedTool(LOST, "answer"), handler)
    with pytest.raises(ConnectionError):
        await ask(down)
    assert await ask(well) == "answer"


async def test_without_a_budget_there_is_no_bound(ask, retrying, naps):
    governed = govern(ScriptedTool(LOST), retrying(20, budget=None))
    for _ in range(10):
        with pytest.raises(ConnectionError):
            await ask(governed)
    assert len(naps.taken_s) == 190


# ---------------------------------------------------------------- tenacity's objects


async def test_a_stop_object_decides_when_to_give_up(ask, retrying):
    tool = ScriptedTool(LOST)
    with pytest.raises(ConnectionError):
        await ask(govern(tool, retrying(stop=tenacity.stop_after_attempt(5))))
    assert tool.started == 5


async def test_a_stop_object_counts_from_the_beginning_of_the_first_attempt(ask, retrying, clock, monkeypatch):
    monkeypatch.setattr(retry.time, "monotonic", clock)

    def slow(query):
        clock.advance(8)
        raise LOST

    tool = ScriptedTool(slow)
    with pytest.raises(ConnectionError):
        await ask(govern(tool, retrying(stop=tenacity.stop_after_delay(20))))
    assert tool.started == 3  # 8 and 16 seconds are within the 20, 24 are not


async def test_a_stop_object_knows_how_long_the_next_wait_would_be(ask, retrying, naps):
    tool = ScriptedTool(LOST)
    with pytest.raises(ConnectionError):
        await ask(govern(tool, retrying(stop=tenacity.stop_before_delay(2.5))))
    assert naps.taken_s == [1.0, 2.0]  # no time passes here, and the next wait would be 4


async def test_a_wait_object_decides_how_long_to_wait(ask, retrying, naps):
    wait = tenacity.wait_chain(tenacity.wait_fixed(3), tenacity.wait_fixed(5))
    await ask(govern(ScriptedTool(LOST, LOST, LOST, "answer"), retrying(4, wait=wait)))
    assert naps.taken_s == [3, 5, 5]


async def test_a_wait_object_may_look_at_the_error(ask, retrying, naps):
    wait = tenacity.wait_exception(lambda error: 4.0 if isinstance(error, TimeoutError) else 2.0)
    await ask(govern(ScriptedTool(LOST, TimeoutError(), "answer"), retrying(wait=wait)))
    assert naps.taken_s == [2.0, 4.0]


async def test_a_retry_object_decides_what_is_worth_another_attempt(ask, retrying):
    handler = retrying(retry=tenacity.retry_if_exception_type(KeyError))
    assert await ask(govern(ScriptedTool(KeyError("x"), "answer"), handler)) == "answer"
    with pytest.raises(ConnectionError):
        await ask(govern(ScriptedTool(LOST, "answer"), handler))


async def test_retry_objects_combine(ask, retrying):
    either = tenacity.retry_if_exception_type(KeyError) | tenacity.retry_if_exception_message(match="lost")
    tool = ScriptedTool(KeyError("x"), ConnectionError("lost"), "answer")
    assert await ask(govern(tool, retrying(retry=either))) == "answer"


async def test_a_call_that_succeeds_never_meets_tenacity(ask, retrying, monkeypatch):
    def meets_tenacity(*args):
        raise AssertionError("a state was made for a call that did not fail")

    governed = govern(ScriptedTool(), retrying())
    monkeypatch.setattr(retry, "RetryCallState", meets_tenacity)
    assert await ask(governed) == "answer"


# ---------------------------------------------------------------- set-up


@pytest.mark.parametrize("attempts", [0, -1])
def test_there_is_at_least_one_attempt(attempts):
    with pytest.raises(ConfigurationError, match="max_attempts is 1 or more"):
        RetryHandler(attempts)


@pytest.mark.parametrize(
    "delays",
    [
        {"base_delay_s": -1},
        {"base_delay_s": 31, "max_delay_s": 30},
        {"base_delay_s": float("nan")},
        {"jitter_s": -0.1},
        {"jitter_s": float("nan")},
    ],
    ids=repr,
)
def test_delays_are_seconds_in_order(delays):
    with pytest.raises(ConfigurationError, match="delays are seconds"):
        RetryHandler(**delays)
