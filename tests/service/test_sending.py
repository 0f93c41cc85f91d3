"""Texts that are due leave while the service runs; it stops between two of them."""

import asyncio
import logging
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.service import create_app
from salesboost_tools.service.sending import SendingRounds, sending
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms import SmsOutbox, SmsOutreach
from salesboost_tools.tools.sms.flows import Dispatched
from salesboost_tools.tools.sms.schema import SMS_SCHEMA
from salesboost_tools.tools.sms.twilio import Twilio
from tests.service.test_twilio import TWILIO
from tests.tools.crm.conftest import FixedNow
from tests.tools.sms.conftest import BERLIN, CLEVELAND, NOON_IN_NEW_YORK, agree, config, policy
from tests.tools.sms.twilio_server import twilio_server


class ScriptedOutbox:
    """Plays what each round of sending does: a result, an error, or an event to wait for."""

    def __init__(self, *script):
        self.script = list(script)
        self.rounds = 0
        self.begun = asyncio.Event()
        self.cut_off = False

    async def adispatch_due(self, *, most):
        self.rounds += 1
        self.begun.set()
        step = self.script.pop(0) if self.script else Dispatched()
        if isinstance(step, Exception):
            raise step
        if isinstance(step, asyncio.Event):
            try:
                await step.wait()
            except asyncio.CancelledError:
                self.cut_off = True
                raise
            return Dispatched()
        return step


class Pauses:
    """Ends every pause at once and notes how long it would have been; after `most` of them, never."""

    def __init__(self, most):
        self.asked = []
        self.reached = asyncio.Event()
        self._most = most

    async def __call__(self, pause_s):
        self.asked.append(pause_s)
        if len(self.asked) >= self._most:
            self.reached.set()
            await asyncio.Event().wait()


async def pauses_of(outbox, most):
    pauses = Pauses(most)
    rounds = SendingRounds(outbox, 5, pause=pauses)
    running = asyncio.ensure_future(rounds.run())
    await pauses.reached.wait()
    rounds.stop()
    await running
    return pauses.asked


async def test_rounds_follow_one_another_at_the_pace_of_the_setting():
    outbox = ScriptedOutbox()
    assert await pauses_of(outbox, 3) == [5, 5, 5]
    assert outbox.rounds == 3


async def test_while_there_is_more_nobody_waits():
    outbox = ScriptedOutbox(Dispatched(handed_over=10), Dispatched(handed_over=6, held_back=4), Dispatched(1))
    assert await pauses_of(outbox, 1) == [5]
    assert outbox.rounds == 3


async def test_what_fails_is_tried_again_later_and_later_and_soon_again_once_it_went_well(caplog):
    outbox = ScriptedOutbox(OSError("gone"), Dispatched(stopped_by="Twilio is busy"), OSError(), Dispatched())
    with caplog.at_level(logging.WARNING):
        assert await pauses_of(outbox, 5) == [10, 20, 40, 5, 5]
    assert "Twilio is busy" in caplog.text


async def test_the_longest_pause_is_five_minutes():
    outbox = ScriptedOutbox(*(OSError() for _ in range(12)))
    assert max(await pauses_of(outbox, 12)) == 300


async def test_texts_of_unknown_fate_are_told_to_operators(caplog):
    outbox = ScriptedOutbox(Dispatched(still_unknown=2))
    with caplog.at_level(logging.WARNING):
        await pauses_of(outbox, 1)
    assert "2 texts" in caplog.text


async def test_at_the_end_the_round_under_way_is_let_finish():
    going_on = asyncio.Event()
    outbox = ScriptedOutbox(going_on)
    async with sending(outbox, 5):
        await outbox.begun.wait()
        asyncio.get_running_loop().call_soon(going_on.set)
    assert (outbox.rounds, outbox.cut_off) == (1, False)


async def test_a_round_that_does_not_end_is_cut_off():
    outbox = ScriptedOutbox(asyncio.Event())
    async with sending(outbox, 5, grace_s=0):
        await outbox.begun.wait()
    assert outbox.cut_off
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(("settings", "rounds"), [({}, 0), ({**TWILIO, "sms_dispatch_interval": 0}, 0), (TWILIO, 1)])
def test_the_service_sends_while_it_runs_if_somebody_carries_texts(open_toolkit, monkeypatch, settings, rounds):
    toolkit = open_toolkit(**settings)
    outbox = ScriptedOutbox()
    monkeypatch.setattr(toolkit.outbox, "adispatch_due", outbox.adispatch_due)
    with TestClient(create_app(toolkit), base_url="http://localhost") as client:
        assert client.get("/live").status_code == 200
    assert outbox.rounds == rounds


# ---------------------------------------------------------------- with a real outbox and Twilio's stand-in


@pytest.fixture
def provider_side():
    with twilio_server(lambda: NOON_IN_NEW_YORK) as server:
        yield server


@pytest.fixture
def open_worker(tmp_path, provider_side):
    """Makes what each worker has: an outbox of its own over the one database."""
    now, opened = FixedNow(NOON_IN_NEW_YORK), []

    def make():
        database = Database(f"sqlite:///{tmp_path / 'sms.sqlite3'}")
        database.upgrade(SMS_SCHEMA)
        opened.append(SmsOutbox(database, policy=policy(), provider=Twilio(provider_side.account()), now=now))
        return opened[-1], now

    yield make
    for outbox in opened:
        outbox.close()


async def test_a_scheduled_text_leaves_when_its_time_has_come_once_though_three_workers_send(
    open_worker, provider_side
):
    (outbox, now), *others = [open_worker() for _ in range(3)]
    agree(outbox, CLEVELAND, BERLIN)
    later = NOON_IN_NEW_YORK + timedelta(minutes=30)
    for number in (CLEVELAND, BERLIN):
        text = {"operation": "schedule", "to": number, "body": "Shall we talk?", "send_at": later.isoformat()}
        SmsOutreach(outbox=outbox).invoke(text, config())
    assert await pauses_of(outbox, 1) == [5]
    assert provider_side.messages == []
    now.advance(minutes=31)
    outboxes = [outbox, *(other for other, _ in others)]
    await asyncio.gather(*(pauses_of(each, 2) for each in outboxes))
    assert sorted(message["to"] for message in provider_side.messages) == [CLEVELAND, BERLIN]


async def test_while_twilio_is_away_texts_wait_and_then_leave_once(open_worker, provider_side):
    outbox, now = open_worker()
    agree(outbox, CLEVELAND)
    send = {"operation": "send", "to": CLEVELAND, "body": "Hello", "idempotency_key": "k"}
    provider_side.posts.extend([401, 401])
    with pytest.raises(UpstreamError):
        SmsOutreach(outbox=outbox).invoke(send, config())
    now.advance(minutes=30)
    assert await pauses_of(outbox, 2) == [10, 5]  # it was tried again and put off
    assert provider_side.messages == []
    now.advance(minutes=30)
    await pauses_of(outbox, 2)
    assert len(provider_side.messages) == 1
