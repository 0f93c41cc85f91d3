"""Requests are bounded in size and time, and must be addressed to this machine if nobody needs a token."""

import asyncio

import pytest
from starlette.testclient import TestClient

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.service import Access, create_app
from salesboost_tools.service.bounds import Bounds, announced_bytes, host_of
from salesboost_tools.service.listen import is_loopback, refuse_open_door
from tests.service.conftest import TOKEN

URL = "/tools/price_calculator/invoke"
JSON = {"content-type": "application/json"}


def chunks(count, size):
    for _ in range(count):
        yield b"x" * size


def test_a_body_that_announces_too_much_is_refused_unread(open_client):
    answer = open_client(max_body_bytes=1000).post(URL, content=b"x" * 1001, headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


def test_a_body_that_announces_nothing_is_refused_when_it_gets_too_large(open_client):
    answer = open_client(max_body_bytes=1000).post(URL, content=chunks(11, 100), headers=JSON)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)


async def test_a_request_that_takes_too_long_is_ended_and_told_so():
    async def slow(scope, receive, send):
        await asyncio.sleep(60)

    sent = []

    async def send(message):
        sent.append(message)

    bounded = Bounds(slow, max_body_bytes=1000, timeout_s=0.01)
    await bounded({"type": "http", "headers": []}, lambda: None, send)
    assert sent[0]["status"] == 503
    assert b"not known" in sent[1]["body"]


def test_without_a_token_only_this_machines_own_names_will_do(toolkit):
    app = create_app(toolkit)
    for host in ("localhost", "127.0.0.1", "[::1]", "localhost:8080"):
        assert TestClient(app, base_url=f"http://{host}").get("/live").status_code == 200
    for host in ("tools.example", "127.0.0.1.nip.example", "localhost.example"):
        assert TestClient(app, base_url=f"http://{host}").get("/live").status_code == 421


def test_with_a_token_any_name_will_do_unless_names_are_given(toolkit):
    access = Access(TOKEN)
    assert TestClient(create_app(toolkit, access=access), base_url="http://tools.example").get("/live").is_success
    named = create_app(toolkit, access=access, hosts=["tools.example"])
    assert TestClient(named, base_url="http://tools.example").get("/live").status_code == 200
    assert TestClient(named, base_url="http://other.example").get("/live").status_code == 421


@pytest.mark.parametrize("options", [{"max_body_bytes": 0}, {"timeout_s": 0}], ids=repr)
def test_bounds_that_let_nothing_through_are_refused(toolkit, options):
    with pytest.raises(ConfigurationError, match="max_body_bytes"):
        create_app(toolkit, **options)


@pytest.mark.parametrize(
    ("host", "name"),
    [(b"a.example:80", "a.example"), (b"A.example", "a.example"), (b"[::1]:80", "::1"), (b"", "")],
)
def test_the_host_is_read_without_its_port(host, name):
    assert host_of({"headers": [(b"host", host)]}) == name


@pytest.mark.parametrize("length", [b"", b"-5", b"abc", "²".encode("latin-1")])
def test_a_length_that_is_no_number_announces_nothing(length):
    assert announced_bytes({"headers": [(b"content-length", length)]}) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machines_own_addresses_need_no_token(host):
    assert is_loopback(host)
    refuse_open_door(host, Access())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tools.example", ""])
def test_others_are_let_in_with_a_token_only(host):
    assert not is_loopback(host)
    with pytest.raises(ConfigurationError, match="TOOL_API_TOKEN"):
        refuse_open_door(host, Access())
    refuse_open_door(host, Access(TOKEN))
