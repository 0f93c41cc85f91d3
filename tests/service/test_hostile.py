"""Hostile requests do no harm: never a 5xx of our own making, never a word of the inside."""

import json

import pytest

DEEP = "[" * 50_000
BIG = 10**400

BODIES = {
    "not JSON": b"{",
    "not UTF-8": b'{"payload": {"query": "\xff\xfe"}}',
    "half a character": rb'{"payload": {"query": "\ud800"}}',
    "NUL": rb'{"payload": {"query": "a\u0000b"}}',
    "very deep": ('{"payload": {"query": ' + DEEP).encode(),
    "deep and closed": ('{"payload": {"query": ' + "[" * 900 + "]" * 900 + "}}").encode(),
    "not an object": b"[1, 2]",
    "null": b"null",
    "empty": b"",
    "wrong type": b'{"payload": {"query": {"$ne": 1}}}',
    "huge number": b'{"payload": {"query": "a", "top_k": ' + str(BIG).encode() + b"}}",
    "NaN": b'{"payload": {"query": "a", "min_score": NaN}}',
    "infinite": b'{"payload": {"query": "a", "min_score": 1e999}}',
    "keys twice": b'{"payload": {"query": "a"}, "payload": {"query": "b"}}',
    "unknown keys": b'{"payload": {"query": "a"}, "__class__": "x"}',
}
QUERIES = {
    "SQL": "'; DROP TABLE passages; --",
    "FTS5 operators": 'NEAR("a" "b", 5) OR * AND NOT ( ^ : -',
    "FTS5 column filter": "title:secret {body title} : x",
    "lone quote": '"',
    "script": "<script>alert(1)</script>",
    "CRLF": "a\r\nSet-Cookie: x=1\r\n\r\n<html>",
    "format": "%s%s%n {0} {config} ${jndi:ldap://127.0.0.1/a}",
    "right to left": "\u202etxt.exe",
    "emoji": "👩‍👩‍👧‍👦" * 50,
}


@pytest.mark.parametrize("path", ["/tools/knowledge_retriever/invoke", "/tools/batch"])
def test_a_hostile_body_is_refused_politely(client, path):
    for name, body in BODIES.items():
        answer = client.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in {200, 400, 403, 422}, (name, answer.text)
        assert "Traceback" not in answer.text, name


@pytest.fixture
def rag_client(open_client, open_toolkit):
    return open_client(toolkit=open_toolkit(api_role="rag", rate_limit_enabled=False))


@pytest.fixture
def unlimited_client(open_client, open_toolkit):
    """Everybody may call every tool, as often as they like."""
    roles = {tool: ["system"] for tool in TEXTS}
    return open_client(toolkit=open_toolkit(allowed_roles=roles, rate_limit_enabled=False, cache_enabled=False))


@pytest.mark.parametrize("name", QUERIES)
def test_a_hostile_question_is_only_a_question(rag_client, name):
    url = "/tools/knowledge_retriever/invoke"
    answer = rag_client.post(url, json={"payload": {"query": QUERIES[name]}})
    assert answer.status_code == 200, answer.text
    assert "set-cookie" not in answer.headers
    usual = rag_client.post(url, json={"payload": {"query": "data residency"}}).json()
    assert usual["result"]["answer_found"]


TEXTS = {
    "crm_integration": lambda text: {"operation": "search", "record_type": "account", "query": text},
    "profile_reader": lambda text: {"subject": "account", "who": text},
    "competitor_analysis": lambda text: {"competitor": text},
    "compliance_check": lambda text: {"text": text},
    "stage_classifier": lambda text: {"message": text},
    "price_calculator": lambda text: {"lines": [{"sku": text, "quantity": 1}]},
    "sms_outreach": lambda text: {"operation": "history", "campaign": text},
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_hostile_text_does_no_harm_to_any_tool(unlimited_client, name):
    listing = {"payload": {"operation": "list", "record_type": "account", "limit": 3}}
    before = unlimited_client.post("/tools/crm_integration/invoke", json=listing).json()["result"]["records"]
    for tool, payload in TEXTS.items():
        answer = unlimited_client.post(f"/tools/{tool}/invoke", json={"payload": payload(QUERIES[name])})
        assert answer.status_code in {200, 422}, (tool, answer.text)
        assert "Traceback" not in answer.text
        assert "set-cookie" not in answer.headers
    assert unlimited_client.post("/tools/crm_integration/invoke", json=listing).json()["result"]["records"] == before


@pytest.mark.parametrize("name", QUERIES)
def test_a_hostile_text_that_is_written_is_read_as_it_was_written(unlimited_client, name):
    url = "/tools/crm_integration/invoke"
    listing = {"payload": {"operation": "list", "record_type": "account", "limit": 1}}
    account = unlimited_client.post(url, json=listing).json()["result"]["records"][0]["id"]
    note = {"operation": "create_note", "account_id": account, "body": QUERIES[name]}
    written = unlimited_client.post(url, json={"payload": note}, headers={"idempotency-key": name})
    assert written.status_code == 200, written.text
    latest = {"operation": "list", "record_type": "activity", "account_id": account, "limit": 50}
    found = unlimited_client.post(url, json={"payload": latest}).json()["result"]["records"]
    assert QUERIES[name] in [activity["body"] for activity in found]


@pytest.mark.parametrize("kb", ["../../etc/passwd", "/etc/passwd", "..\\..\\windows", "kb\u0000", "%2e%2e%2f"])
def test_the_name_of_a_knowledge_base_leads_nowhere(rag_client, kb):
    answer = rag_client.post("/tools/knowledge_retriever/invoke", json={"payload": {"query": "a", "kb": kb}})
    assert answer.status_code == 422
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/tools/..%2f..%2fetc%2fpasswd/invoke",
        "/tools/%00/invoke",
        "/tools/" + "a" * 5000 + "/invoke",
        "/page/..%2f..%2fapp.py",
        "/page/../app.py",
        "/health/tools/%ff%fe",
        "/health/tools/<script>",
    ],
)
def test_a_hostile_path_leads_nowhere(client, path):
    for method in ("GET", "POST"):
        answer = client.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code in {404, 405, 422}, (path, answer.status_code)
        assert "<script>" not in answer.text or answer.headers["content-type"] == "application/problem+json"


def test_headers_that_a_client_makes_up_mean_nothing(client):
    answer = client.get("/live", headers={"x-forwarded-host": "evil.example", "x-http-method-override": "DELETE"})
    assert answer.json() == {"status": "alive"}


def test_very_many_calls_in_one_batch_are_refused(client):
    calls = [{"name": "price_calculator", "payload": {}}] * 101
    assert client.post("/tools/batch", content=json.dumps({"calls": calls})).status_code == 422
