"""A worker that is killed between the outbox and the provider loses nothing and has nothing sent twice."""

import os
import signal
from datetime import datetime

import pytest

from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms import SmsOutbox, SmsOutreach
from salesboost_tools.tools.sms.provider import Submit
from salesboost_tools.tools.sms.twilio import Twilio
from tests.services import process_context
from tests.tools.sms.conftest import BOTH_DATABASES, CLEVELAND, agree, config, policy
from tests.tools.sms.twilio_server import twilio_server

SEND = {"operation": "send", "to": CLEVELAND, "body": "Hello", "idempotency_key": "k-1"}


@pytest.fixture(params=BOTH_DATABASES)
def backend(request):
    return request.param


@pytest.fixture
def server(now):
    with twilio_server(now) as running:
        yield running


class DyingTwilio(Twilio):
    """Kills its own process when it is to submit: before the request, or after the answer."""

    def __init__(self, account, *, when: str):
        super().__init__(account)
        self._when = when

    def ask(self, request):
        if not isinstance(request, Submit):
            return super().ask(request)
        if self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = super().ask(request)
        os.kill(os.getpid(), signal.SIGKILL)
        return answer


def send_and_die(url: str, account, when: str, moment: datetime, operation: str) -> None:
    outbox = SmsOutbox(Database(url), policy=policy(), provider=DyingTwilio(account, when=when), now=lambda: moment)
    if operation == "send":
        SmsOutreach(outbox=outbox).invoke(SEND, config())
    else:
        outbox.dispatch_due()


@pytest.mark.parametrize("operation", ["send", "dispatch"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_worker_costs_time_and_no_message(*, open_outbox, database_url, server, now, when, operation):
    outbox = open_outbox(Twilio(server.account()))
    agree(outbox, CLEVELAND)
    tool = SmsOutreach(outbox=outbox)
    if operation == "dispatch":
        tool.invoke(SEND | {"operation": "schedule", "send_at": "2026-06-30T16:00:01Z"}, config())
        now.advance(seconds=1)
    given = (database_url, server.account(), when, now(), operation)
    worker = process_context().Process(target=send_and_die, args=given)
    worker.start()
    worker.join(50)
    assert worker.exitcode == -signal.SIGKILL
    taken = 0 if when == "before" else 1
    assert len(server.messages) == taken

    (message,) = tool.invoke({"operation": "history"}, config())["messages"]
    assert message["state"] == "sending"
    assert outbox.dispatch_due().handed_over == 0  # the lease of the dead one still holds
    for _ in range(3):
        now.advance(minutes=3)
        outbox.dispatch_due()
    (message,) = tool.invoke({"operation": "history"}, config())["messages"]
    assert message["state"] == "sent"
    assert len(server.messages) == 1
    if operation == "send":
        assert tool.invoke(SEND, config())["message"]["id"] == message["id"]  # the call that is repeated
        assert len(server.messages) == 1
