"""A write with the same key happens once; what became of it is told, and what is not known is said to be unknown."""

import asyncio
import threading

import pytest
from langchain_core.messages import ToolMessage
from langgraph.errors import GraphInterrupt
from langgraph.types import Command

from salesboost_tools.core import errors
from salesboost_tools.core.call import Caller as Who
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.governed import govern
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.timeout import TimeoutHandler
from salesboost_tools.handlers.write_outcome import fingerprint_of, key_of
from salesboost_tools.state import MemoryState
from tests.doubles import FakeClock, ScriptedTool
from tests.handlers.doubles import READ, WRITE, Caller, EventLedger, GatedTool, Naps, until

THREAD = {"thread_id": "t1"}


@pytest.fixture(params=["sync", "async"])
def do(request):
    """Makes a model's call: `await do(tool, "query", call_id="c1", user_id=...)`; `call_id=None` makes a program's."""

    async def do(tool, query="q", *, call_id="c1", **configurable):
        config = {"configurable": {**THREAD, **configurable}}
        given = {"query": query}
        if call_id is not None:
            given = {"name": tool.name, "args": given, "id": call_id, "type": "tool_call"}
        answer = tool.invoke(given, config) if request.param == "sync" else await tool.ainvoke(given, config)
        return answer.content if isinstance(answer, ToolMessage) and call_id is not None else answer

    return do


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def state(clock):
    return MemoryState(clock)


@pytest.fixture
def ledger():
    return EventLedger()


@pytest.fixture
def handler(state):
    return IdempotencyHandler(state, wait_s=0)


def begun_elsewhere(state, lease_s):
    """Begin the write of `do`'s default call as another process would."""
    call = ToolCall(name="scripted", args={"query": "q"}, spec=WRITE, tool_call_id="c1", **THREAD)
    return state.records.begin(key_of(call), fingerprint_of(call), lease_s)


def writing(*script, around, spec=WRITE, **kwargs):
    return govern(ScriptedTool(*script, spec=spec, **kwargs), *around)


class DownRecords:
    """Records that answer until the call named; from then on they are down."""

    def __init__(self, records, fails_from):
        self._records, self._fails_from, self._down = records, fails_from, False

    def __getattr__(self, name):
        actual = getattr(self._records, name)
        plain = name.removeprefix("a") if name.startswith("a") else name

        def down():
            self._down = self._down or plain == self._fails_from
            if self._down:
                raise errors.StateUnavailableError("redis did not answer within 100 ms")

        if name.startswith("a"):

            async def aanswer(*args):
                down()
                return await actual(*args)

            return aanswer

        def answer(*args):
            down()
            return actual(*args)

        return answer


class DownState:
    def __init__(self, state, fails_from="begin"):
        self.records = DownRecords(state.records, fails_from)


# ---------------------------------------------------------------- once


async def test_the_same_call_again_gets_the_stored_result(do, handler, ledger):
    tool = writing("sent 1", "sent 2", around=[handler, ledger])
    assert await do(tool) == "sent 1"
    assert await do(tool) == "sent 1"
    assert tool.inner.started == 1
    assert [event for event, _ in ledger.events] == ["replayed"]
    assert ledger.calls[0].record.cached


async def test_sync_and_async_calls_are_one_write(handler):
    tool = writing("sent 1", "sent 2", around=[handler])
    config = {"configurable": THREAD}
    call = {"name": "scripted", "args": {"query": "q"}, "id": "c1", "type": "tool_call"}
    assert tool.invoke(call, config).content == (await tool.ainvoke(call, config)).content == "sent 1"


async def test_another_call_id_is_another_write(do, handler):
    tool = writing("sent 1", "sent 2", around=[handler])
    assert await do(tool, call_id="c1") == "sent 1"
    assert await do(tool, call_id="c2") == "sent 2"


@pytest.mark.parametrize("other", [{"tenant_id": "b"}, {"thread_id": "t2"}], ids=str)
async def test_another_tenant_or_conversation_never_gets_a_stored_result(do, handler, other):
    tool = writing("sent 1", "sent 2", around=[handler])
    assert await do(tool, tenant_id="a") == "sent 1"
    assert await do(tool, **{"tenant_id": "a", **other}) == "sent 2"


async def test_another_user_who_resumes_the_conversation_does_not_send_again(do, handler):
    tool = writing("sent 1", "sent 2", around=[handler])
    assert await do(tool, user_id="dana", session_id="1") == "sent 1"
    assert await do(tool, user_id="boss", session_id="2") == "sent 1"


def test_a_key_holds_the_conversation_or_the_session_or_the_user():
    def key(**facts):
        who = Who(**{name: facts.pop(name) for name in ("user_id", "session_id", "tenant_id") if name in facts})
        return key_of(ToolCall(name="t", args={}, spec=WRITE, caller=who, **facts))

    keys = [
        key(tool_call_id="c", thread_id="x"),
        key(tool_call_id="c", session_id="x"),
        key(tool_call_id="c", user_id="x"),
        key(tool_call_id="c", user_id="y"),
        key(tool_call_id="c"),
        key(tool_call_id="c", thread_id="x", tenant_id="x"),
        key(asked_key="c"),
        key(asked_key="c", tenant_id="x"),
    ]
    assert len(set(keys)) == len(keys)
    assert all(one.startswith("t:") for one in keys)
    assert key() is None
    assert key(tool_call_id="c", thread_id="x", session_id="1") == key(tool_call_id="c", thread_id="x", user_id="1")


async def test_a_program_names_its_write_itself(do, handler):
    tool = writing("sent 1", "sent 2", around=[handler])
    assert await do(tool, call_id=None, idempotency_key="order 7") == "sent 1"
    assert await do(tool, call_id=None, idempotency_key="order 7") == "sent 1"
    assert await do(tool, call_id=None, idempotency_key="order 8") == "sent 2"


async def test_a_models_call_is_named_by_its_id_alone(do, handler):
    tool = writing("sent 1", "sent 2", around=[handler])
    assert await do(tool, call_id="c1", idempotency_key="order 7") == "sent 1"
    assert await do(tool, call_id="c2", idempotency_key="order 7") == "sent 2"


async def test_a_write_that_nothing_names_passes_and_that_is_told(do, handler, ledger):
    tool = writing("sent 1", "sent 2", around=[handler, ledger])
    assert await do(tool, call_id=None) == "sent 1"
    assert await do(tool, call_id=None) == "sent 2"
    assert [event for event, _ in ledger.events] == ["unprotected"] * 2
    assert ledger.calls[0].idempotency_key is None


async def test_a_read_passes(do, handler, ledger):
    tool = writing("a", "b", around=[handler, ledger], spec=READ)
    assert [await do(tool), await do(tool)] == ["a", "b"]
    assert ledger.events == []


async def test_a_tool_of_which_nothing_is_known_is_taken_for_a_write(do, handler):
    tool = writing("sent 1", "sent 2", around=[handler], spec=UNSPECIFIED)
    assert [await do(tool), await do(tool)] == ["sent 1"] * 2


async def test_the_result_is_kept_for_its_time(do, clock, state):
    tool = writing("sent 1", "sent 2", around=[IdempotencyHandler(state, keep_s=100)])
    await do(tool)
    clock.advance(99)
    assert await do(tool) == "sent 1"
    clock.advance(2)
    assert await do(tool) == "sent 2"


@pytest.mark.parametrize("name", ["lease_s", "keep_s", "wait_s"])
def test_seconds_out_of_range_are_refused(name):
    with pytest.raises(errors.ConfigurationError, match="got"):
        IdempotencyHandler(**{name: -1})


# ---------------------------------------------------------------- results


async def test_callers_cannot_change_what_is_stored(do, handler):
    tool = writing({"ids": [1]}, around=[handler])
    first = await do(tool, call_id=None, idempotency_key="k")
    first["ids"].append(2)
    second = await do(tool, call_id=None, idempotency_key="k")
    assert second == {"ids": [1]}
    second["ids"].append(3)
    assert await do(tool, call_id=None, idempotency_key="k") == {"ids": [1]}


@pytest.mark.parametrize("empty", [None, "", [], {}, 0, False], ids=repr)
async def test_an_empty_result_is_a_result(do, handler, empty):
    tool = writing(empty, "again", around=[handler])
    assert await do(tool, call_id=None, idempotency_key="k") == empty
    assert await do(tool, call_id=None, idempotency_key="k") == empty


async def test_messages_and_commands_are_replayed_for_the_same_call(do, handler):
    message = ToolMessage("sent", tool_call_id="c1", artifact={"sid": 1})
    tool = writing(Command(update={"messages": [message]}), "again", around=[handler])
    first, second = await do(tool), await do(tool)
    assert first.update["messages"][0].content == second.update["messages"][0].content == "sent"
    assert tool.inner.started == 1


async def test_a_result_that_cannot_be_stored_is_reported_as_done_and_never_repeated(do, handler):
    tool = writing(threading.Lock(), "again", around=[handler])
    await do(tool, call_id=None, idempotency_key="k")
    with pytest.raises(errors.IdempotencyError, match="has been done") as raised:
        await do(tool, call_id=None, idempotency_key="k")
    assert "already been done" in raised.value.for_model
    assert not raised.value.outcome_unknown
    assert tool.inner.started == 1


async def test_the_same_key_with_other_arguments_is_an_error(do, handler):
    tool = writing("sent", around=[handler])
    await do(tool, "to dana")
    with pytest.raises(errors.IdempotencyError, match="other arguments"):
        await do(tool, "to bob")
    assert tool.inner.seen == ["to dana"]


async def test_arguments_without_a_canonical_form_are_all_alike(handler):
    def send(*args):
        return f"sent {len(args)}"

    call = ToolCall(name="t", args={"x": object()}, spec=WRITE, tool_call_id="c", thread_id="x", body=send)
    again = ToolCall(name="t", args={"x": object()}, spec=WRITE, tool_call_id="c", thread_id="x", body=send)
    assert handler.around(call, lambda call: "sent") == handler.around(again, lambda call: "again") == "sent"


# ---------------------------------------------------------------- races


async def test_callers_who_race_get_the_first_ones_result_in_threads(state):
    def let_the_first_one_end(seconds):
        gated.open()
        first.wait()

    gated = GatedTool(outcome="sent", spec=WRITE)
    tool = govern(gated, IdempotencyHandler(state, sleep=let_the_first_one_end))
    call = {"name": "gated", "args": {}, "id": "c1", "type": "tool_call"}
    first = Caller(tool.invoke, call)
    await until(lambda: tool.inner.started)
    others = [Caller(tool.invoke, call) for _ in range(5)]
    assert {caller.wait().content for caller in (first, *others)} == {"sent"}
    assert tool.inner.started == 1


async def test_callers_who_race_get_the_first_ones_result_in_an_event_loop(state):
    tool = govern(GatedTool(outcome="sent", spec=WRITE), IdempotencyHandler(state, asleep=lambda _: asyncio.sleep(0)))
    call = {"name": "gated", "args": {}, "id": "c1", "type": "tool_call"}
    calls = [asyncio.create_task(tool.ainvoke(call)) for _ in range(6)]
    await until(lambda: tool.inner.started)
    tool.inner.open()
    assert {message.content for message in await asyncio.gather(*calls)} == {"sent"}
    assert tool.inner.started == 1


async def test_whoever_waits_too_long_may_ask_again(do, state):
    naps = Naps()
    tool = writing("sent", around=[IdempotencyHandler(state, wait_s=1, sleep=naps.sleep, asleep=naps.asleep)])
    begun_elsewhere(state, lease_s=60)
    with pytest.raises(errors.IdempotencyError, match="under way") as raised:
        await do(tool)
    assert raised.value.retryable
    assert raised.value.retry_after == 60
    assert sum(naps.taken_s) == pytest.approx(1)
    assert naps.taken_s[:4] == [0.02, 0.04, 0.08, 0.16]
    assert tool.inner.started == 0


async def test_nobody_waits_longer_than_the_lease_of_the_one_who_has_it(do, state):
    naps = Naps()
    tool = writing("sent", around=[IdempotencyHandler(state, wait_s=0.01, sleep=naps.sleep, asleep=naps.asleep)])
    begun_elsewhere(state, lease_s=0.005)
    with pytest.raises(errors.IdempotencyError, match="under way"):
        await do(tool)
    assert naps.taken_s == [pytest.approx(0.005)]


async def test_a_write_given_back_by_the_one_who_had_it_is_done_by_the_one_who_waits(state):
    failing = GatedTool(outcome=errors.ToolInputError("no such number"), spec=WRITE)
    tool = govern(failing, IdempotencyHandler(state, asleep=lambda _: asyncio.sleep(0)))
    call = {"name": "gated", "args": {}, "id": "c1", "type": "tool_call"}
    calls = [asyncio.create_task(tool.ainvoke(call)) for _ in range(2)]
    await until(lambda: failing.started)
    failing.open()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [errors.ToolInputError] * 2
    assert failing.started == 2


# ---------------------------------------------------------------- failures


NOTHING_HAPPENED = [
    errors.ToolInputError("no such number"),
    errors.ToolPermissionError("not you"),
    errors.RateLimitError("full", retry_after=1.0),
    errors.CircuitOpenError("open", retry_after=1.0),
    errors.UpstreamError("not found", status=404),
    errors.UpstreamError("slow down", status=429),
    errors.UpstreamError("refused", outcome_unknown=False),
    GraphInterrupt(),
]
PERHAPS = [
    errors.UpstreamError("server error", status=500, retryable=True),
    errors.UpstreamError("conflict", status=409),
    errors.ToolTimeoutError("late", timeout_s=1.0, outcome_unknown=True),
    ConnectionResetError("cut"),
    ValueError("bad answer"),
    asyncio.CancelledError(),
]


@pytest.mark.parametrize("error", NOTHING_HAPPENED, ids=repr)
async def test_after_an_error_before_any_effect_the_write_may_be_done(do, handler, error):
    tool = writing(error, "sent", around=[handler])
    with pytest.raises(type(error)):
        await do(tool)
    assert await do(tool) == "sent"


@pytest.mark.parametrize("error", PERHAPS, ids=repr)
async def test_after_any_other_error_it_is_unknown_and_never_done_again(do, handler, error):
    tool = writing(error, "sent", around=[handler])
    with pytest.raises(type(error)):
        await do(tool)
    for _ in range(3):
        with pytest.raises(errors.IdempotencyError, match="unknown") as raised:
            await do(tool)
    assert raised.value.outcome_unknown
    assert not raised.value.retryable
    assert "Do not repeat it" in raised.value.for_model
    assert tool.inner.started == 1


@pytest.mark.parametrize("error", [ConnectionResetError("cut"), asyncio.CancelledError()], ids=repr)
async def test_a_failure_before_the_tool_was_started_leaves_the_write_to_be_done(do, handler, error):
    class Failing(EventLedger):
        order = 70
        fails = True

        def around(self, call, proceed):
            if self.fails:
                raise error
            return proceed(call)

        async def aaround(self, call, proceed):
            if self.fails:
                raise error
            return await proceed(call)

    failing = Failing()
    tool = writing("sent", around=[handler, failing])
    with pytest.raises(type(error)):
        await do(tool)
    failing.fails = False
    assert await do(tool) == "sent"


async def test_a_refused_attempt_leaves_the_write_to_be_done(do, handler, clock):
    limiter = RateLimitHandler(MemoryState(clock), default="1/minute")
    tool = writing("sent 1", "sent 2", around=[handler, limiter])
    await do(tool, call_id="c1")
    with pytest.raises(errors.RateLimitError):
        await do(tool, call_id="c2")
    clock.advance(61)
    assert await do(tool, call_id="c2") == "sent 2"


async def test_a_write_that_ran_out_of_time_before_its_thread_began_is_unknown(handler):
    def late(call):
        raise errors.ToolTimeoutError("late", timeout_s=1.0, outcome_unknown=True)

    call = ToolCall(name="t", args={}, spec=WRITE, tool_call_id="c", thread_id="x")
    with pytest.raises(errors.ToolTimeoutError):
        handler.around(call, late)
    with pytest.raises(errors.IdempotencyError, match="unknown"):
        handler.around(call, late)


async def test_a_write_that_ran_out_of_time_is_unknown(do, handler):
    tool = govern(GatedTool(spec=WRITE), handler, TimeoutHandler(0.01))
    with pytest.raises(errors.ToolTimeoutError):
        await do(tool)
    with pytest.raises(errors.IdempotencyError, match="unknown"):
        await do(tool)
    tool.inner.open()


async def test_a_cancelled_write_is_unknown(handler):
    tool = govern(GatedTool(spec=WRITE), handler)
    call = {"name": "gated", "args": {}, "id": "c1", "type": "tool_call"}
    task = asyncio.create_task(tool.ainvoke(call))
    await until(lambda: tool.inner.started)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(errors.IdempotencyError, match="unknown"):
        await tool.ainvoke(call)


def test_a_call_that_is_thrown_away_becomes_unknown_when_its_lease_ends(handler, clock):
    class Parked:
        def __await__(self):
            yield

    async def parked(call):
        await Parked()

    call = ToolCall(name="t", args={}, spec=WRITE, tool_call_id="c", thread_id="x")
    coroutine = handler.aaround(call, parked)
    coroutine.send(None)
    coroutine.close()
    with pytest.raises(errors.IdempotencyError, match="under way"):
        handler.around(call, lambda call: "again")
    clock.advance(121)
    with pytest.raises(errors.IdempotencyError, match="unknown"):
        handler.around(call, lambda call: "again")


async def test_a_process_that_died_leaves_an_unknown_write(do, handler, state, clock):
    begun_elsewhere(state, lease_s=120)
    clock.advance(121)
    with pytest.raises(errors.IdempotencyError, match="unknown"):
        await do(writing("sent", around=[handler]))


async def test_an_owner_who_took_longer_than_his_lease_still_has_his_say(do, handler, state, clock):
    claim = begun_elsewhere(state, lease_s=120)
    clock.advance(121)
    tool = writing("again", around=[handler])
    with pytest.raises(errors.IdempotencyError, match="unknown"):
        await do(tool)
    call = ToolCall(name="scripted", args={}, spec=WRITE, tool_call_id="c1", **THREAD)
    state.records.finish(key_of(call), claim.token, "sent", 60)
    assert await do(tool) == "sent"


# ---------------------------------------------------------------- retries


async def test_a_write_under_a_key_is_tried_again_if_it_certainly_did_not_happen(do, handler):
    naps = Naps()
    retry = RetryHandler(jitter_s=0, sleep=naps.sleep, asleep=naps.asleep)
    refused = errors.UpstreamError("slow down", status=429, retryable=True, retry_after=2.0)
    tool = writing(refused, "sent", around=[handler, retry])
    assert await do(tool) == "sent"
    assert naps.taken_s == [2.0]


@pytest.mark.parametrize(
    "error",
    [
        errors.UpstreamError("server error", status=503, retryable=True),
        errors.UpstreamError("wrong", status=422),
        ConnectionResetError("cut"),
    ],
    ids=repr,
)
async def test_a_write_that_may_have_happened_or_will_never_do_is_not_tried_again(do, handler, error):
    tool = writing(error, "sent", around=[handler, RetryHandler(sleep=None, asleep=None)])
    with pytest.raises(type(error)):
        await do(tool)
    assert tool.inner.started == 1


async def test_a_write_that_nothing_names_is_not_tried_again(do, handler):
    refused = errors.UpstreamError("slow down", status=429, retryable=True)
    tool = writing(refused, "sent", around=[handler, RetryHandler(sleep=None, asleep=None)])
    with pytest.raises(errors.UpstreamError):
        await do(tool, call_id=None)
    with pytest.raises(errors.UpstreamError):
        await do(writing(refused, "sent", around=[RetryHandler(sleep=None, asleep=None)]), idempotency_key="k")


# ---------------------------------------------------------------- state that is down


async def test_without_an_answer_from_the_state_a_write_is_not_run(do, state):
    tool = writing("sent", around=[IdempotencyHandler(DownState(state))])
    with pytest.raises(errors.IdempotencyError, match="state did not answer") as raised:
        await do(tool)
    assert raised.value.retryable
    assert not raised.value.outcome_unknown
    assert tool.inner.started == 0


async def test_a_read_does_not_need_the_state(do, state):
    assert await do(writing("a", around=[IdempotencyHandler(DownState(state))], spec=READ)) == "a"


@pytest.mark.parametrize(
    ("script", "fails_from", "outcome"),
    [
        ("sent", "finish", "done"),
        (errors.ToolInputError("wrong"), "release", "nothing_happened"),
        (ConnectionResetError("cut"), "leave_unknown", "unknown"),
    ],
)
async def test_an_outcome_that_cannot_be_recorded_reaches_the_caller_and_becomes_unknown(
    do, state, script, fails_from, outcome
):
    ledger, clock = EventLedger(), state.records._now
    tool = writing(script, "again", around=[IdempotencyHandler(DownState(state, fails_from)), ledger])
    if isinstance(script, str):
        assert await do(tool) == script
    else:
        with pytest.raises(type(script)):
            await do(tool)
    assert ledger.of("unrecorded") == [{"outcome": outcome}]
    clock.advance(121)
    recovered = govern(tool.inner, IdempotencyHandler(state))
    with pytest.raises(errors.IdempotencyError, match="unknown"):
        await do(recovered)
    assert tool.inner.started == 1


def test_without_a_state_records_are_kept_in_the_process():
    handler = IdempotencyHandler()
    call = ToolCall(name="t", args={}, spec=WRITE, tool_call_id="c", thread_id="x")
    assert handler.around(call, lambda call: call.idempotency_key) == key_of(call)
    assert handler.around(call, lambda call: "again") == key_of(call)
