"""Texts that are due leave while the service runs; it stops between two of them."""

import asyncio
import logging

import pytest
from starlette.testclient import TestClient

from salesboost_tools.service import create_app
from salesboost_tools.service.sending import SendingRounds, sending
from salesboost_tools.tools.sms.flows import Dispatched
from tests.service.test_twilio import TWILIO


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
