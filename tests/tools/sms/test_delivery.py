"""Between the outbox and the provider nothing is lost and nothing is sent twice, whatever goes wrong."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from salesboost_tools.core.aftermath import may_have_happened
from salesboost_tools.core.errors import ToolCallError, ToolInputError, UpstreamError
from salesboost_tools.tools.sms import SmsOutreach
from salesboost_tools.tools.sms.twilio import Twilio
from tests.tools.sms.conftest import BERLIN, BOTH_DATABASES, CLEVELAND, agree, config
from tests.tools.sms.twilio_server import SENDER, twilio_server

BODY = "Hello"
SEND = {"operation": "send", "to": CLEVELAND, "body": BODY, "idempotency_key": "k-1"}
UNCLEAR = ["accept_500", "accept_broken", "accept_cut", "accept_slow"]
NOT_TAKEN = [(429, 20429, (("Retry-After", "7"),)), 401]


@pytest.fixture(params=BOTH_DATABASES)
def backend(request):
    return request.param


@pytest.fixture
def server(now):
    with twilio_server(now) as running:
        yield running


@pytest.fixture
def provider(server):
    return Twilio(server.account(), timeout_s=0.3)


@pytest.fixture
def outbox(open_outbox, provider):
    opened = open_outbox(provider)
    agree(opened, CLEVELAND, BERLIN)
    return opened


@pytest.fixture
def perform(request, tool, way):
    async def perform(**arguments):
        return tool.invoke(arguments, config()) if way == "sync" else await tool.ainvoke(arguments, config())

    return perform


@pytest.fixture(params=["sync", "async"])
def way(request):
    return request.param


@pytest.fixture
def dispatch(outbox, way):
    async def dispatch():
        return outbox.dispatch_due() if way == "sync" else await outbox.adispatch_due()

    return dispatch


def status(outbox, message_id="", **asked):
    """Return the only message, or the one of an id, as the outbox has it; nobody asks the provider."""
    found = SmsOutreach(outbox=outbox).invoke({"operation": "history", **asked}, config())["messages"]
    (message,) = [each for each in found if message_id in ("", each["id"])]
    return message


# ---------------------------------------------------------------- when all goes well


async def test_a_message_is_sent_once_and_its_answer_says_so(perform, server, outbox):
    answer = await perform(**SEND)
    assert answer["left_machine"]
    assert answer["message"]["state"] == "sent"
    again = await perform(**SEND)
    assert again["replayed"]
    assert again["message"] == answer["message"]
    assert [(each["to"], each["from"], each["body"]) for each in server.messages] == [(CLEVELAND, SENDER, BODY)]


async def test_the_status_is_what_the_provider_says_now_and_the_old_one_if_it_does_not_answer(perform, server):
    message_id = (await perform(**SEND))["message"]["id"]
    server.messages[0].update(status="undelivered", error_code=30003)
    server.gets.append(500)
    stale = await perform(operation="status", message_id=message_id)
    assert stale["message"]["state"] == "sent"
    assert "did not say" in stale["note"]
    fresh = (await perform(operation="status", message_id=message_id))["message"]
    assert (fresh["state"], fresh["error_code"]) == ("failed", 30003)
    assert "switched off" in fresh["error"]
    requests = len(server.seen)
    await perform(operation="status", message_id=message_id)
    assert len(server.seen) == requests  # an end is an end


async def test_what_is_scheduled_goes_when_it_is_due_and_not_before(perform, dispatch, server, now):
    await perform(**SEND | {"operation": "schedule", "send_at": "2026-06-30T18:00:00Z"})
    assert (await dispatch()).handed_over == 0
    now.advance(hours=2)
    assert (await dispatch()).handed_over == 1
    assert (await dispatch()).handed_over == 0
    assert len(server.messages) == 1


# ---------------------------------------------------------------- when it does not


@pytest.mark.parametrize("step", UNCLEAR)
async def test_an_unclear_answer_is_cleared_up_by_looking_not_by_sending(perform, server, outbox, step):
    server.posts.append(step)
    answer = await perform(**SEND)
    assert answer["message"]["state"] == "sent"
    assert len(server.messages) == 1


@pytest.mark.parametrize("step", UNCLEAR)
async def test_while_nobody_can_look_the_outcome_is_unknown_and_said_to_be(
    *, perform, dispatch, server, outbox, now, step
):
    server.posts.append(step)
    server.gets += ["cut", 500, "broken"]
    with pytest.raises(UpstreamError) as unknown:
        await perform(**SEND)
    assert may_have_happened(unknown.value)
    assert not unknown.value.retryable
    assert status(outbox)["state"] == "unknown"
    again = await perform(**SEND)  # the same call again does not send again
    assert again["message"]["state"] == "unknown"
    assert "do not send it again" in again["note"]
    with pytest.raises(ToolInputError, match="not known yet"):
        await perform(operation="cancel", message_id=again["message"]["id"])
    for _ in range(2):
        now.advance(minutes=10)
        assert (await dispatch()).still_unknown == 1
    now.advance(minutes=10)
    assert (await dispatch()).cleared_up == 1
    assert status(outbox)["state"] == "sent"
    assert len(server.messages) == 1


@pytest.mark.parametrize("step", ["cut", (500, 20500)], ids=str)
async def test_what_was_never_taken_is_sent_again_but_only_when_that_is_certain(
    *, perform, dispatch, server, outbox, now, step
):
    server.posts.append(step)
    with pytest.raises(UpstreamError) as unknown:
        await perform(**SEND)
    assert may_have_happened(unknown.value)
    now.advance(seconds=60)
    await dispatch()  # the provider's list may not be complete yet
    assert (status(outbox)["state"], len(server.messages)) == ("unknown", 0)
    now.advance(seconds=61)
    report = await dispatch()
    assert (report.cleared_up, report.handed_over) == (1, 1)
    assert (status(outbox)["state"], len(server.messages)) == ("sent", 1)


async def test_a_message_that_is_never_taken_is_given_up(perform, dispatch, server, outbox, now):
    server.posts += ["cut"] * 5
    with pytest.raises(UpstreamError):
        await perform(**SEND)
    for _ in range(5):
        now.advance(minutes=10)
        await dispatch()
    message = status(outbox)
    assert (message["state"], message["error"]) == ("failed", "The provider did not take it in 3 attempts.")
    assert sum(each["method"] == "POST" for each in server.seen) == 3


async def test_a_message_that_the_provider_may_have_changed_is_not_sent_again(perform, dispatch, server, outbox, now):
    server.posts.append("accept_cut")
    server.gets.append("cut")
    with pytest.raises(UpstreamError):
        await perform(**SEND)
    server.messages[0]["body"] = "Hello (changed on the way)"
    for _ in range(3):
        now.advance(hours=1)
        await dispatch()
    assert status(outbox)["state"] == "unknown"
    assert len(server.messages) == 1


async def test_two_equal_messages_are_told_apart_however_they_were_answered(perform, dispatch, server, outbox, now):
    server.posts += ["accept_cut", "accept_500"]
    server.gets += ["cut", "cut"]
    for key in ("a", "b"):
        with pytest.raises(UpstreamError):
            await perform(**SEND | {"idempotency_key": key})
    now.advance(minutes=10)
    assert (await dispatch()).cleared_up == 2
    assert len(server.messages) == 2


@pytest.mark.parametrize("step", NOT_TAKEN, ids=str)
async def test_a_provider_that_takes_nothing_leaves_the_message_in_the_outbox(
    *, perform, dispatch, server, outbox, now, step
):
    server.posts.append(step)
    with pytest.raises(UpstreamError) as refused:
        await perform(**SEND)
    assert not may_have_happened(refused.value)
    assert refused.value.retryable == (step != 401)
    assert refused.value.retry_after == (7.0 if step != 401 else None)
    assert status(outbox)["state"] == "queued"
    assert (await perform(**SEND))["message"]["state"] == "queued"  # too early
    now.advance(seconds=31)
    assert (await perform(**SEND))["message"]["state"] == "sent"  # the same call, now that it is due
    assert len(server.messages) == 1


async def test_a_busy_provider_ends_the_round(dispatch, server, tool, now):
    for number in (CLEVELAND, BERLIN):
        at = {"operation": "schedule", "send_at": "2026-06-30T16:30:00Z", "body": BODY, "to": number}
        tool.invoke(at, config())
    now.advance(hours=1)
    server.posts.append((429, 20429))
    report = await dispatch()
    assert (report.handed_over, report.stopped_by) == (1, "Twilio is busy (status 429)")
    now.advance(minutes=5)
    assert (await dispatch()).handed_over == 2
    assert len(server.messages) == 2


@pytest.mark.parametrize(
    ("code", "what"),
    [(21211, "does not exist"), (21614, "no mobile number"), (21610, "opted out"), (21408, "country"), (9, "error 9")],
)
async def test_a_refusal_says_why_and_a_person_who_opted_out_there_has_opted_out_here(
    perform, server, outbox, code, what
):
    server.posts.append((400, code))
    with pytest.raises(UpstreamError, match=what) as refused:
        await perform(**SEND)
    assert not may_have_happened(refused.value)
    assert what in refused.value.for_model
    message = status(outbox)
    assert (message["state"], message["error_code"]) == ("failed", code)
    consent = (await perform(operation="history", to=CLEVELAND))["consent"]
    assert consent == ("withdrawn" if code == 21610 else "given")
    if code == 21610:
        with pytest.raises(ToolInputError, match="Only they can take that back"):
            await perform(operation="opt_in", to=CLEVELAND, evidence="they called")


# ---------------------------------------------------------------- rules hold at the last moment too


async def test_who_says_stop_while_a_message_waits_does_not_get_it(perform, dispatch, server, outbox, now):
    await perform(**SEND | {"operation": "schedule", "send_at": "2026-06-30T18:00:00Z"})
    await perform(operation="opt_out", to=CLEVELAND)
    now.advance(hours=3)
    assert (await dispatch()).handed_over == 0
    assert status(outbox)["state"] == "cancelled"
    assert server.messages == []


async def test_a_message_that_is_late_into_the_night_waits_for_the_morning(perform, dispatch, server, outbox, now):
    await perform(**SEND | {"operation": "schedule", "send_at": "2026-07-01T00:30:00Z"})
    now.advance(hours=10)
    assert (await dispatch()).held_back == 1
    assert (status(outbox)["state"], status(outbox)["send_at"]) == ("scheduled", "2026-07-01T12:00:00Z")
    now.advance(hours=10)
    assert (await dispatch()).handed_over == 1


async def test_a_message_that_is_long_overdue_is_not_sent(perform, dispatch, server, outbox, now):
    await perform(**SEND | {"operation": "schedule", "send_at": "2026-06-30T18:00:00Z"})
    now.advance(days=2)
    await dispatch()
    assert (status(outbox)["state"], status(outbox)["error"]) == ("failed", "It was overdue and was not sent.")
    assert server.messages == []


async def test_what_was_meant_for_nobody_is_not_sent_once_there_is_a_provider(open_outbox, provider, server):
    kept = open_outbox()
    agree(kept, CLEVELAND)
    tool = SmsOutreach(outbox=kept)
    tool.invoke(SEND, config())
    assert kept.dispatch_due().stopped_by == "no provider is set up (setting TOOL_SMS_PROVIDER)"
    with_provider = open_outbox(provider)
    assert with_provider.dispatch_due().handed_over == 0
    assert SmsOutreach(outbox=with_provider).invoke(SEND, config())["message"]["state"] == "queued"
    assert server.messages == []


# ---------------------------------------------------------------- many at once


def test_twenty_threads_with_one_key_make_one_row_and_one_request(open_outbox, provider, server):
    tools = [SmsOutreach(outbox=open_outbox(provider)) for _ in range(2)]
    agree(tools[0].outbox, CLEVELAND)
    barrier = threading.Barrier(20)

    def send(at):
        barrier.wait(10)
        return tools[at % 2].invoke(SEND, config())["message"]["id"]

    with ThreadPoolExecutor(20) as pool:
        ids = set(pool.map(send, range(20)))
    assert len(ids) == 1
    assert len(server.seen) == len(server.messages) == 1


async def test_twenty_tasks_with_one_key_make_one_row_and_one_request(open_outbox, provider, server):
    tool = SmsOutreach(outbox=open_outbox(provider))
    agree(tool.outbox, CLEVELAND)
    answers = await asyncio.gather(*(tool.ainvoke(SEND, config()) for _ in range(20)))
    assert len({answer["message"]["id"] for answer in answers}) == 1
    assert len(server.seen) == len(server.messages) == 1
    await tool.outbox.aclose()


def test_twenty_threads_with_keys_of_their_own_keep_to_the_cap(open_outbox, provider, server):
    tool = SmsOutreach(outbox=open_outbox(provider))
    agree(tool.outbox, CLEVELAND)

    def send(at):
        try:
            return tool.invoke(SEND | {"idempotency_key": f"k-{at}"}, config())["message"]["state"]
        except ToolInputError:
            return "refused"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(send, range(20)))
    assert outcomes.count("sent") == 3 == len(server.messages)
    assert outcomes.count("refused") == 17


def test_workers_that_dispatch_side_by_side_send_each_message_once(open_outbox, provider, server, now):
    outboxes = [open_outbox(provider) for _ in range(3)]
    numbers = [f"+1216555{at:04d}" for at in range(150, 162)]
    agree(outboxes[0], *numbers)
    tool = SmsOutreach(outbox=outboxes[0])
    for number in numbers:
        tool.invoke({"operation": "schedule", "to": number, "body": BODY, "send_at": "2026-06-30T16:30:00Z"}, config())
    now.advance(hours=1)
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda outbox: outbox.dispatch_due(), outboxes))
    assert sum(report.handed_over for report in reports) == 12
    assert sorted(each["to"] for each in server.messages) == numbers


def test_a_message_that_is_being_sent_cannot_be_cancelled_and_the_answer_says_so(open_outbox, server, now):
    tool = SmsOutreach(outbox=open_outbox(Twilio(server.account(), timeout_s=20)))
    agree(tool.outbox, CLEVELAND)
    server.posts.append("accept_slow")
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(tool.invoke, SEND, config())
        assert server.taken.wait(20)
        message_id = status(tool.outbox)["id"]
        with pytest.raises(ToolInputError, match="being sent right now"):
            tool.invoke({"operation": "cancel", "message_id": message_id}, config())
        server.hold.set()
        assert sending.result()["message"]["state"] == "sent"
    with pytest.raises(ToolInputError, match="has been sent"):
        tool.invoke({"operation": "cancel", "message_id": message_id}, config())


async def test_a_call_that_is_cancelled_while_sending_leaves_a_message_that_is_cleared_up(open_outbox, server, now):
    outbox = open_outbox(Twilio(server.account(), timeout_s=20))
    agree(outbox, CLEVELAND)
    server.posts.append("accept_slow")
    sending = asyncio.ensure_future(SmsOutreach(outbox=outbox).ainvoke(SEND, config()))
    await asyncio.to_thread(server.taken.wait, 20)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    server.hold.set()
    assert status(outbox)["state"] == "sending"
    now.advance(minutes=10)
    assert (await outbox.adispatch_due()).cleared_up == 1
    assert (status(outbox)["state"], len(server.messages)) == ("sent", 1)
    await outbox.aclose()


# ---------------------------------------------------------------- nothing personal gets out


def logged(caplog):
    """Return what was logged, but for what the database's driver says at DEBUG: every statement."""
    return " ".join(each.getMessage() for each in caplog.records if each.name not in {"aiosqlite", "asyncio"})


PERSONAL = (CLEVELAND, CLEVELAND[1:], "4711", "Our price")
PRICE = SEND | {"body": "Our price for you is 4711"}


@pytest.mark.parametrize("step", [*UNCLEAR, *NOT_TAKEN, (400, 21211), (400, 21610), "cut"], ids=str)
async def test_neither_logs_nor_errors_hold_a_number_or_a_text(perform, server, caplog, step):
    caplog.set_level(logging.DEBUG)
    server.posts.append(step)
    server.gets.append("cut")
    with pytest.raises(ToolCallError) as failed:
        await perform(**PRICE)
    said = f"{failed.value} {failed.value.for_model} {failed.value.__cause__!r} {logged(caplog)}"
    assert not [personal for personal in PERSONAL if personal in said]


async def test_nor_do_logs_when_all_goes_well(perform, server, caplog):
    caplog.set_level(logging.DEBUG)
    server.posts.append("accept_500")
    sent = await perform(**PRICE)  # looked for at the provider, by number and text
    await perform(operation="status", message_id=sent["message"]["id"])
    assert len(server.seen) == 3
    assert not [personal for personal in PERSONAL if personal in logged(caplog)]
