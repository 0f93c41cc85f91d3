"""When the time for a message is up, what is late gets an error message and the rest is delivered."""

import asyncio
import math

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.nodes import lanes
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.messages import Crowd, answers, both_ways, calls
from tests.nodes.tools import READ, WRITE, BlockingHangingTool, BlockingMeetingTool, HangingTool, StubbornTool

SOON_S = 0.1
"""Where everything is late."""

ENOUGH_S = 0.5
"""Where somebody has to be in time."""


class WatchedThreads:
    """Starts threads as the real ones do, and can tell when all have ended."""

    def __init__(self, real):
        self._real = real
        self._outcomes = []

    def start(self, *call):
        outcome = self._real.start(*call)
        self._outcomes.append(outcome)
        return outcome

    def all_ended(self):
        return all(outcome.wait(5) for outcome in self._outcomes)


@pytest.fixture
def hanging():
    tool = HangingTool(spec=READ)
    yield tool
    tool.release()


@pytest.fixture
def threads(monkeypatch):
    """The threads that the node starts, to be waited for."""

    watched = WatchedThreads(lanes.THREADS)
    monkeypatch.setattr(lanes, "THREADS", watched)
    return watched


@both_ways
async def test_a_late_read_gets_an_error_message_and_the_rest_is_delivered(way, hanging):
    node = ToolFanOut([hanging, ScriptedTool(name="quick")], deadline_s=ENOUGH_S)
    messages = await answers(node, way, *calls("quick", "hanging", "quick"))
    assert [message.status for message in messages] == ["success", "error", "success"]
    assert messages[1].content == "`hanging` did not answer within 0.5 s. Continue without it."
    assert messages[1].tool_call_id == "c1"


async def test_a_late_read_is_cancelled_and_its_run_closed(hanging):
    ledger = RunLedger()
    await answers(ToolFanOut([hanging], deadline_s=SOON_S), "async", *calls("hanging"), config={"callbacks": [ledger]})
    assert hanging.cancelled == 1
    assert ledger.every_run_closed_once()


@both_ways
async def test_a_late_write_is_reported_unknown(way):
    write = HangingTool(spec=WRITE)
    try:
        [message] = await answers(ToolFanOut([write], deadline_s=SOON_S), way, *calls("hanging"))
    finally:
        write.release()
    assert message.content.endswith("It is not known whether it took effect; check before repeating it.")


@pytest.mark.parametrize("width", [1, 2])
async def test_calls_that_were_queued_are_not_started(width, hanging):
    queued = ScriptedTool(name="queued")
    node = ToolFanOut([hanging, queued], deadline_s=SOON_S, max_concurrency=width)
    messages = await answers(node, "async", *calls(*["hanging"] * width, "queued"))
    assert queued.started == 0
    assert {message.status for message in messages} == {"error"}
    assert messages[-1].content == (
        "`queued` did not answer within 0.1 s. It was not even started. Continue without it, or call it again."
    )


@both_ways
async def test_a_write_that_was_not_started_is_not_reported_unknown(way):
    first, second = HangingTool(name="first", spec=WRITE), HangingTool(name="second", spec=WRITE)
    try:
        messages = await answers(ToolFanOut([first, second], deadline_s=SOON_S), way, *calls("first", "second"))
    finally:
        first.release()
    assert "It is not known whether it took effect" in messages[0].content
    assert "It was not even started." in messages[1].content
    assert second.started == 0


@pytest.mark.parametrize("width", [1, 2])
async def test_calls_that_were_queued_in_a_sync_run_are_not_started_even_when_a_thread_comes_free(
    width, hanging, threads
):
    queued = ScriptedTool(name="queued")
    node = ToolFanOut([hanging, queued], deadline_s=SOON_S, max_concurrency=width)
    messages = await answers(node, "sync", *calls(*["hanging"] * width, "queued"))
    hanging.release()
    assert threads.all_ended()
    assert queued.started == 0
    assert {message.status for message in messages} == {"error"}


@pytest.mark.parametrize("width", [1, 2])
async def test_a_tool_that_takes_no_notice_of_the_deadline_is_the_last_one_started(width):
    stubborn, queued = StubbornTool(spec=READ), ScriptedTool(name="queued")
    node = ToolFanOut([stubborn, queued], deadline_s=SOON_S, max_concurrency=width)
    async with asyncio.timeout(5):
        messages = await answers(node, "async", *calls(*["hanging"] * width, "queued"))
    assert queued.started == 0
    assert [message.content for message in messages[:width]] == ["stayed"] * width
    assert messages[-1].status == "error"


async def test_a_blocking_tool_that_is_late_does_not_use_up_the_nodes_threads():
    stuck, quick = BlockingHangingTool(spec=READ), BlockingMeetingTool(Crowd(1), name="quick")
    node = ToolFanOut([stuck, quick], deadline_s=ENOUGH_S, max_concurrency=1)
    try:
        [late] = await answers(node, "async", *calls("hanging"))
        [in_time] = await answers(node, "async", *calls("quick"))
    finally:
        stuck.release()
    assert (late.status, in_time.status) == ("error", "success")


@both_ways
async def test_who_is_in_time_hears_nothing_of_the_deadline(way):
    node = ToolFanOut([ScriptedTool()], deadline_s=60)
    messages = await answers(node, way, *calls(*["scripted"] * 7))
    assert [message.content for message in messages] == ["answer"] * 7


async def test_cancellation_from_outside_is_not_taken_for_the_deadline(hanging):
    task = asyncio.create_task(answers(ToolFanOut([hanging], deadline_s=60), "async", *calls("hanging", "hanging")))
    await hanging.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@both_ways
async def test_a_timeout_error_of_a_tool_is_its_own(way):
    node = ToolFanOut([ScriptedTool(TimeoutError("of the tool"))], deadline_s=60)
    [message] = await answers(node, way, *calls("scripted"))
    assert "of the tool" in message.content


@pytest.mark.parametrize("name", ["deadline_s", "call_deadline_s"])
@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_a_deadline_of_no_time_is_refused(name, seconds):
    with pytest.raises(ConfigurationError, match=f"{name} is seconds, above 0"):
        ToolFanOut([], **{name: seconds})


# ---------------------------------------------------------------- a call's own deadline


@both_ways
async def test_a_call_that_is_late_gets_an_error_message_and_the_next_one_in_line_has_its_own_time(way, hanging):
    node = ToolFanOut([hanging, ScriptedTool(name="quick")], call_deadline_s=SOON_S, max_concurrency=1)
    messages = await answers(node, way, *calls("hanging", "quick"))
    assert [message.content for message in messages] == [
        "`hanging` did not answer within 0.1 s. Continue without it.",
        "answer",
    ]


async def test_a_late_call_is_cancelled_and_its_run_closed(hanging):
    ledger = RunLedger()
    node = ToolFanOut([hanging], call_deadline_s=SOON_S)
    await answers(node, "async", *calls("hanging", "hanging"), config={"callbacks": [ledger]})
    assert hanging.cancelled == 2
    assert ledger.every_run_closed_once()


@both_ways
@pytest.mark.parametrize("spec", [WRITE, UNSPECIFIED], ids=["a write", "nobody said"])
async def test_of_a_late_call_that_may_have_changed_something_the_outcome_is_unknown(way, spec):
    write = HangingTool(spec=spec)
    try:
        [message] = await answers(ToolFanOut([write], call_deadline_s=SOON_S), way, *calls("hanging"))
    finally:
        write.release()
    assert message.content.endswith("It is not known whether it took effect; check before repeating it.")


@both_ways
async def test_the_messages_deadline_holds_beside_that_of_its_calls(way, hanging):
    node = ToolFanOut([hanging], deadline_s=SOON_S, call_deadline_s=60)
    [message] = await answers(node, way, *calls("hanging"))
    assert "within 0.1 s" in message.content


async def test_cancellation_from_outside_is_not_taken_for_a_calls_deadline(hanging):
    task = asyncio.create_task(answers(ToolFanOut([hanging], call_deadline_s=60), "async", *calls("hanging")))
    await hanging.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
