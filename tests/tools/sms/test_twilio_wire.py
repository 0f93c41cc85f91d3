"""What goes over the wire to Twilio is what its own SDK sends, and what its description allows."""

import asyncio
from datetime import timedelta
from urllib.parse import unquote

import jsonschema
import pytest
from twilio.rest import Client

from salesboost_tools.core.errors import ConfigurationError, UpstreamError
from salesboost_tools.tools.sms.provider import Fetch, Found, NotTaken, Refused, Report, Search, Submit, Unclear
from salesboost_tools.tools.sms.twilio import Twilio
from salesboost_tools.tools.sms.twilio_errors import _REASONS, reason_for
from salesboost_tools.tools.sms.twilio_wire import TwilioAccount, report_from
from salesboost_tools.tools.sms.vocabulary import State
from tests.descriptions import published
from tests.tools.sms.conftest import NOON_IN_NEW_YORK
from tests.tools.sms.twilio_server import ACCOUNT_SID, AUTH_TOKEN, SENDER, twilio_server

CALLBACK = "https://hooks.example.com/sms/status?from=us"
TO = "+12165550123"
SERVICE = "MG" + "0b" * 16


@pytest.fixture
def server():
    with twilio_server(lambda: NOON_IN_NEW_YORK) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def ask(request):
    async def ask(provider, asked):
        return provider.ask(asked) if request.param == "sync" else await provider.aask(asked)

    return ask


def submit(body="Hello, “Dana” & co: 10% off? €5 + 😀\nBye"):
    return Submit(message_id="SMS-1", to=TO, body=body)


def search(body="Hello"):
    return Search(to=TO, body=body, since=NOON_IN_NEW_YORK)


def sdk(server):
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.get_hostname = lambda uri: uri.replace("https://api.twilio.com", server.url)
    return client


# ---------------------------------------------------------------- the same request as the SDK's


def core(request):
    """Return what of a request Twilio acts on; the rest names the client."""
    headers = {name: request["headers"].get(name) for name in ("authorization", "accept", "accept-charset")}
    form = {"content-type": request["headers"].get("content-type")} if request["method"] == "POST" else {}
    return {**request, "headers": {**headers, **form}}


def through_sdk(server, operation):
    client = sdk(server)
    match operation:
        case "create":
            client.messages.create(to=TO, from_=SENDER, body=submit().body, status_callback=f"{CALLBACK}&message=SMS-1")
        case "create_by_service":
            client.messages.create(to=TO, messaging_service_sid=SERVICE, body=submit().body)
        case "fetch":
            client.messages("SM" + "0" * 32).fetch()
        case "list":
            client.messages.list(to=TO, from_=SENDER, page_size=200)
        case "list_by_service":
            client.messages.list(to=TO, page_size=200)
        case "probe":
            client.messages.page(page_size=1)


async def through_us(server, operation, ask):
    by_service = {"sender": None, "messaging_service_sid": SERVICE}
    match operation:
        case "create":
            await ask(Twilio(server.account(status_callback_url=CALLBACK)), submit())
        case "create_by_service":
            await ask(Twilio(server.account(**by_service)), submit())
        case "fetch":
            await ask(Twilio(server.account()), Fetch(provider_id="SM" + "0" * 32))
        case "list":
            await ask(Twilio(server.account()), search())
        case "list_by_service":
            await ask(Twilio(server.account(**by_service)), search())
        case "probe":
            Twilio(server.account()).probe()


OPERATIONS = ["create", "create_by_service", "fetch", "list", "list_by_service", "probe"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK keeps its session open
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_every_request_is_the_one_the_official_sdk_sends(server, ask, operation):
    server.accept({"To": TO, "From": SENDER, "Body": "Hello"})
    server.page_size_at_most = 1 if operation == "list" else 1000
    server.accept({"To": TO, "From": SENDER, "Body": "Hello"})
    await asyncio.to_thread(through_sdk, server, operation)
    theirs = [core(each) for each in server.seen]
    server.seen.clear()
    del server.messages[2:]
    await through_us(server, operation, ask)
    ours = [core(each) for each in server.seen]
    assert ours == theirs
    assert len(ours) == (2 if operation == "list" else 1)  # the second page is asked for in the same way too


# ---------------------------------------------------------------- what Twilio's own description allows


def resolved(spec, node):
    """Return a schema with its references filled in and OpenAPI's `nullable` in JSON Schema's words."""
    if isinstance(node, list):
        return [resolved(spec, each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        found = spec
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(spec, found)
    made = {name: resolved(spec, each) for name, each in node.items() if name not in {"nullable", "format"}}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") else made


@pytest.fixture(params=["twilio_messages.json", "twilio_messages_strict.json"])
def spec(request):
    return published(request.param)


def operation_of(spec, seen):
    name = seen["path"].rpartition("/")[2]
    path = "Messages.json" if name == "Messages.json" else "Messages/{Sid}.json"
    return spec["paths"][f"/2010-04-01/Accounts/{{AccountSid}}/{path}"][seen["method"].lower()]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_requests_and_answers_are_as_twilio_describes_them(server, ask, spec, operation):
    taken = server.accept({"To": TO, "From": SENDER, "Body": "Hello"})
    await through_us(server, operation, ask)
    (seen,) = server.seen
    described = operation_of(spec, seen)
    if seen["method"] == "POST":
        schema = described["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        jsonschema.validate(seen["form"], resolved(spec, schema))
    parameters = {each["name"]: each["schema"] for each in described["parameters"] if each["in"] == "query"}
    for name, value in seen["query"]:
        typed = int(value) if parameters[name]["type"] == "integer" else value
        jsonschema.validate(typed, resolved(spec, parameters[name]))
    status = "201" if seen["method"] == "POST" else "200"
    answer = described["responses"][status]["content"]["application/json"]["schema"]
    told = {"messages": [taken]} if operation in {"list", "list_by_service", "probe"} else taken
    jsonschema.validate(told, resolved(spec, answer))  # the stand-in speaks as Twilio does


# ---------------------------------------------------------------- what the answers mean


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("accept", Report(provider_id="SM" + "0" * 32, state=State.SENT)),
        ((400, 21211), Refused(status=400, error_code=21211, reason=reason_for(21211))),
        ((400, 21610), Refused(status=400, error_code=21610, reason=reason_for(21610), opted_out=True)),
        ((400, 21614), Refused(status=400, error_code=21614, reason=reason_for(21614))),
        (
            (429, 20429, (("Retry-After", "7"),)),
            NotTaken(why="Twilio is busy (status 429)", status=429, retry_after_s=7.0),
        ),
        ((429, 20429), NotTaken(why="Twilio is busy (status 429)", status=429)),
        ((409, 20409), Unclear(why="Twilio answered with status 409", status=409)),
        ((500, 20500), Unclear(why="Twilio answered with status 500", status=500)),
        ("accept_500", Unclear(why="Twilio answered with status 500", status=500)),
        ("accept_broken", Unclear(why="the answer could not be read", status=201)),
        ("accept_cut", Unclear(why="no answer (RemoteProtocolError)")),
        ("cut", Unclear(why="no answer (RemoteProtocolError)")),
        ("accept_slow", Unclear(why="no answer (ReadTimeout)")),
    ],
    ids=str,
)
async def test_what_twilio_answers_to_a_message_is_told_as_it_is(server, ask, step, answer):
    server.posts.append(step)
    assert await ask(Twilio(server.account(), timeout_s=0.3), submit()) == answer
    assert len(server.seen) == 1  # nothing is tried twice


@pytest.mark.parametrize("step", [(404, 20404), (403, 20003), (401, 20003)], ids=str)
async def test_an_account_that_twilio_does_not_know_is_not_the_messages_fault(server, ask, step):
    server.posts.append(step)
    answer = await ask(Twilio(server.account()), submit())
    assert isinstance(answer, NotTaken)
    assert not answer.soon
    assert "TOOL_TWILIO_ACCOUNT_SID" in answer.why


async def test_a_machine_without_network_has_not_sent_anything(ask):
    account = TwilioAccount(account_sid="AC1", auth_token="x", sender=SENDER, base_url="http://127.0.0.1:1")
    assert await ask(Twilio(account), submit()) == NotTaken(why="Twilio could not be reached (ConnectError)")


async def test_a_search_goes_through_all_pages_and_sorts_what_it_finds(server, ask):
    server.page_size_at_most = 2
    early = NOON_IN_NEW_YORK - timedelta(hours=1)
    server.accept({"To": TO, "From": SENDER, "Body": "Hello"}, made_at=early)
    ours = server.accept({"To": TO, "From": SENDER, "Body": "Hello"})
    trial = server.accept({"To": TO, "From": SENDER, "Body": "Sent from a trial account - Hello"})
    other = server.accept({"To": TO, "From": SENDER, "Body": "Hello again"})
    inbound = server.accept({"To": TO, "From": SENDER, "Body": "Hello"})
    inbound["direction"] = "inbound"
    answer = await ask(Twilio(server.account()), search())
    assert isinstance(answer, Found)
    assert {each.provider_id for each in answer.reports} == {ours["sid"], trial["sid"]}
    assert answer.others == (other["sid"],)
    assert answer.complete
    assert len(server.seen) == 3


async def test_a_list_that_never_ends_is_not_complete(server, ask):
    server.page_size_at_most = 1
    for _ in range(12):
        server.accept({"To": TO, "From": SENDER, "Body": "x"})
    answer = await ask(Twilio(server.account()), search())
    assert not answer.complete
    assert len(server.seen) == 10


@pytest.mark.parametrize("step", ["broken", "cut", 500, 401])
async def test_a_search_that_fails_finds_nothing_out(server, ask, step):
    server.gets.append(step)
    assert isinstance(await ask(Twilio(server.account()), search()), Unclear | NotTaken)


async def test_credentials_go_to_no_other_address(server, ask):
    message = server.accept({"To": TO, "From": SENDER, "Body": "x"})
    message["status"] = "delivered"
    found = await ask(Twilio(server.account()), Fetch(provider_id=message["sid"]))
    assert found == Report(provider_id=message["sid"], state=State.DELIVERED)
    await ask(Twilio(server.account()), Fetch(provider_id="../../../x?y"))
    assert unquote(server.seen[-1]["path"]).endswith("/Messages/../../../x?y.json")
    assert "%2F" in server.seen[-1]["path"]


def test_the_states_of_twilio_are_all_known_but_those_of_inbound_messages(spec):
    known = set(spec["components"]["schemas"]["message_enum_status"]["enum"])
    read = {status for status in known if report_from("SM1", status, None) is not None}
    assert known - read == {"receiving", "received"}


def test_a_reason_names_nobody_and_says_what_to_do():
    for code in (*_REASONS, None, 99999):
        assert reason_for(code).endswith(".")
        assert not any(
            each.isdigit() for each in reason_for(code).replace("10DLC", "").replace("99999", "").replace("A2P", "")
        )


# ---------------------------------------------------------------- set-up


async def test_the_probe_needs_credentials_and_network(server):
    provider = Twilio(server.account())
    provider.probe()
    await provider.aprobe()
    stranger = Twilio(server.account(auth_token="wrong"))
    with pytest.raises(UpstreamError, match="TOOL_TWILIO_AUTH_TOKEN"):
        stranger.probe()
    with pytest.raises(UpstreamError, match="status 401"):
        await stranger.aprobe()
    away = Twilio(server.account(base_url="http://127.0.0.1:1"))
    with pytest.raises(UpstreamError, match="could not be reached"):
        away.probe()


@pytest.mark.parametrize(
    ("missing", "named"),
    [({"account_sid": ""}, "TOOL_TWILIO_ACCOUNT_SID"), ({"auth_token": ""}, "AUTH_TOKEN"), ({"sender": None}, "FROM")],
)
def test_an_account_that_is_not_complete_names_the_setting(missing, named):
    usual = {"account_sid": "AC1", "auth_token": "x", "sender": SENDER}
    with pytest.raises(ConfigurationError, match=named):
        TwilioAccount(**{**usual, **missing})


def test_the_secret_is_not_shown():
    account = TwilioAccount(account_sid="AC1", auth_token="hunter2", sender=SENDER)
    assert "hunter2" not in repr(account) + repr(Twilio(account))
    assert TO not in repr(submit()) + repr(search())
