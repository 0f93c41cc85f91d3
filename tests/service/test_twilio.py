"""Twilio's callbacks over HTTP: only Twilio's own count, each as often as it comes for one."""

from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from twilio.request_validator import RequestValidator

from salesboost_tools.core.errors import ConfigurationError, UpstreamError
from salesboost_tools.service import Access, create_app
from salesboost_tools.service.problems import answer_with_problems
from salesboost_tools.service.routes.twilio import twilio_router
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms import SmsOutbox, SmsOutreach
from salesboost_tools.tools.sms.schema import SMS_SCHEMA
from salesboost_tools.tools.sms.twilio import Twilio
from salesboost_tools.tools.sms.twilio_callbacks import TwilioCallbacks
from tests.service.conftest import TOKEN, bearer
from tests.tools.crm.conftest import FixedNow
from tests.tools.sms.conftest import CLEVELAND, NOON_IN_NEW_YORK, agree, config, policy
from tests.tools.sms.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, twilio_server

PUBLIC = "https://sales.example.com/tools"
TWILIO = {
    "sms_provider": "twilio",
    "twilio_account_sid": ACCOUNT_SID,
    "twilio_auth_token": AUTH_TOKEN,
    "twilio_from": SENDER,
    "twilio_base_url": "http://127.0.0.1:1",
}


@pytest.fixture
def now():
    return FixedNow(NOON_IN_NEW_YORK)


@pytest.fixture
def provider_side(now):
    with twilio_server(now) as server:
        yield server


@pytest.fixture
def outbox(tmp_path, provider_side, now):
    database = Database(f"sqlite:///{tmp_path / 'sms.sqlite3'}")
    database.upgrade(SMS_SCHEMA)
    outbox = SmsOutbox(database, policy=policy(), provider=Twilio(provider_side.account()), now=now)
    agree(outbox, CLEVELAND)
    yield outbox
    outbox.close()


@pytest.fixture
def sent(outbox):
    """A message that Twilio has: our id and theirs."""
    send = {"operation": "send", "to": CLEVELAND, "body": "Hello", "idempotency_key": "k"}
    return SmsOutreach(outbox=outbox).invoke(send, config())["message"]["id"], f"SM{0:032x}"


@pytest.fixture
def call(outbox, now):
    """Calls as Twilio does: a form, signed by its own library. `signed` says with what, None for nothing."""
    app = FastAPI()
    answer_with_problems(app)
    app.include_router(twilio_router(TwilioCallbacks(outbox, AUTH_TOKEN, now=now), PUBLIC))
    client = TestClient(app, raise_server_exceptions=False)

    def call(path, fields, *, signed=AUTH_TOKEN, at=PUBLIC):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if signed is not None:
            headers["x-twilio-signature"] = RequestValidator(signed).compute_signature(at + path, fields)
        return client.post(path, content=urlencode(fields), headers=headers)

    return call


def asked(outbox, **arguments):
    return SmsOutreach(outbox=outbox).invoke(arguments, config())


def told(sid, state, **more):
    return {"MessageSid": sid, "MessageStatus": state, "AccountSid": ACCOUNT_SID, **more}


def texted(body, sid="SM-in-1", **more):
    return {"MessageSid": sid, "From": CLEVELAND, "To": SENDER, "Body": body, "ToState": "", **more}


def test_what_became_of_a_message_is_noted(call, outbox, sent):
    ours, theirs = sent
    answer = call(f"/twilio/status?message={ours}", told(theirs, "delivered"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert asked(outbox, operation="history")["messages"][0]["state"] == "delivered"


def test_reports_that_come_late_twice_and_out_of_order_change_no_end(call, outbox, sent):
    _, theirs = sent
    for state in ("sent", "delivered", "delivered", "sent", "failed", "queued"):
        assert call("/twilio/status", told(theirs, state)).status_code == 204
    assert asked(outbox, operation="history")["messages"][0]["state"] == "delivered"


def test_a_report_about_nobody_knows_what_is_taken_and_means_nothing(call, sent):
    assert call("/twilio/status", told("SM-of-somebody-else", "delivered")).status_code == 204
    assert call("/twilio/status", {"MessageStatus": "delivered"}).status_code == 204
    assert call("/twilio/status", told(sent[1], "on the moon")).status_code == 204


def test_a_stop_that_comes_twice_is_entered_once_and_nothing_is_sent_any_more(call, outbox, provider_side):
    for _ in range(2):
        answer = call("/twilio/inbound", texted("STOP"))
        assert (answer.status_code, answer.text) == (200, "<Response/>")
        assert answer.headers["content-type"].startswith("text/xml")
    with pytest.raises(Exception, match="opted out"):
        asked(outbox, operation="send", to=CLEVELAND, body="Hello again")
    assert provider_side.messages == []
    ledger = outbox.database.perform(
        lambda connection: connection.exec_driver_sql("SELECT consent FROM sms_consent_ledger").scalars().all(),
        writes=False,
    )
    assert ledger.count("withdrawn") == 1


def test_a_start_lets_texts_go_again_and_other_words_change_nothing(call, outbox):
    call("/twilio/inbound", texted("stop", "SM-in-1"))
    call("/twilio/inbound", texted("Thanks, when can we talk?", "SM-in-2"))
    with pytest.raises(Exception, match="opted out"):
        asked(outbox, operation="send", to=CLEVELAND, body="Hello")
    call("/twilio/inbound", texted("START", "SM-in-3"))
    assert asked(outbox, operation="send", to=CLEVELAND, body="Hello")["left_machine"]


@pytest.mark.parametrize("path", ["/twilio/status", "/twilio/inbound"])
@pytest.mark.parametrize(
    "how",
    [{"signed": None}, {"signed": "another secret"}, {"signed": ""}, {"at": "https://evil.example"}],
    ids=["no signature", "another secret", "an empty secret", "another address"],
)
def test_what_twilio_did_not_sign_is_refused_and_changes_nothing(call, outbox, sent, path, how):
    fields = {**told(sent[1], "failed"), **texted("STOP")}
    answer = call(path, fields, **how)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert asked(outbox, operation="history")["messages"][0]["state"] == "sent"
    assert asked(outbox, operation="send", to=CLEVELAND, body="Hello again")["left_machine"]


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe=1", b"{}", b"", b"&".join(b"a=%d" % number for number in range(600)), b"Body=STOP%00", b"=" * 9000],
    ids=["not UTF-8", "JSON", "empty", "many fields", "NUL", "no names"],
)
def test_a_body_that_is_no_form_of_twilios_is_refused(call, body):
    client = call.__closure__[0].cell_contents
    for headers in ({}, {"x-twilio-signature": "x"}, {"x-twilio-signature": "ü".encode()}):
        assert client.post("/twilio/inbound", content=body, headers=headers).status_code == 403


def test_while_the_database_is_away_twilio_is_asked_to_tell_it_again(call, outbox, sent, monkeypatch):
    async def away(*_, **__):
        raise UpstreamError("the database did not answer", for_model="Later.", retryable=True)

    monkeypatch.setattr(outbox.database, "aperform", away)
    assert call("/twilio/status", told(sent[1], "delivered")).status_code == 503


def test_a_service_that_texts_by_twilio_takes_its_callbacks_without_a_token(open_toolkit):
    toolkit = open_toolkit(**TWILIO, public_url=PUBLIC)
    client = TestClient(create_app(toolkit, access=Access(TOKEN)), base_url="http://sales.example.com")
    assert client.post("/twilio/inbound", headers=bearer(TOKEN)).status_code == 403
    fields = texted("HELP")
    signature = RequestValidator(AUTH_TOKEN).compute_signature(f"{PUBLIC}/twilio/inbound", fields)
    assert client.post("/twilio/inbound", data=fields, headers={"x-twilio-signature": signature}).status_code == 200


def test_without_a_proxy_the_address_is_what_the_request_says(open_toolkit):
    client = TestClient(create_app(open_toolkit(**TWILIO)), base_url="http://localhost")
    fields = texted("HELP")
    signature = RequestValidator(AUTH_TOKEN).compute_signature("http://localhost/twilio/inbound?a=b", fields)
    asked = client.post("/twilio/inbound?a=b", data=fields, headers={"x-twilio-signature": signature})
    assert asked.status_code == 200


def test_a_service_without_twilio_has_no_such_routes(client):
    assert client.post("/twilio/status").status_code in {404, 405}
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "twilio" in path]


def test_an_address_that_is_none_is_refused(open_toolkit):
    with pytest.raises(ConfigurationError, match="TOOL_PUBLIC_URL"):
        open_toolkit(public_url="sales.example.com")
