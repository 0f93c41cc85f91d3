"""Every route the service has, as it has it: nobody gets further than a token says."""

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.service import Access, create_app
from tests.service.conftest import JWT_KEY, TOKEN, bearer, token_for
from tests.service.test_twilio import TWILIO

OPEN = {"/", "/page/icon.svg", "/page/page.css", "/page/page.js", "/live", "/ready", "/openapi.json"}
"""They hold no data."""
SIGNED = {"/twilio/status", "/twilio/inbound"}
"""Twilio's signature stands for a token."""
OPERATORS = {"/metrics", "/selection", "/cache", "/limits", "/health/tools/refresh", "/ws/tools"}
CALLERS = {"/health/tools", "/health/tools/{tool_name}", "/tools", "/tools/batch", "/tools/{name}/invoke"}

WITHOUT_TOKEN = {
    "no token": {},
    "a wrong one": bearer("wrong"),
    "an empty one": bearer(""),
    "another scheme": {"authorization": f"Basic {TOKEN}"},
    "another key": bearer(token_for(key="another key of at least 32 bytes, but wrong", caller_role="system")),
    "one that has expired": bearer(token_for(lives_s=-60, caller_role="system")),
    "in a cookie": {"cookie": f"token={TOKEN}"},
    "in another header": {"x-api-key": TOKEN, "proxy-authorization": f"Bearer {TOKEN}"},
}


@pytest.fixture(scope="module")
def app(data_dir):
    toolkit = SalesToolkit(Settings(data_dir=data_dir, health_timeout=30, rate_limit_enabled=False, **TWILIO))
    yield create_app(toolkit, access=Access(TOKEN, jwt_key=JWT_KEY))
    toolkit.close()


@pytest.fixture(scope="module")
def guarded_client(app):
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def routes_of(owner):
    """Every route, those of included routers too."""
    for route in owner.routes:
        inner = getattr(route, "original_router", None)
        yield from [route] if inner is None else routes_of(inner)


def http_routes(app):
    """Every pair of method and path."""
    routes = [route for route in routes_of(app) if isinstance(route, APIRoute | Route)]
    return [(method, route.path) for route in routes for method in sorted(route.methods)]


def sockets_of(app):
    return [route.path for route in routes_of(app) if isinstance(route, APIWebSocketRoute)]


def ask(client, method, path, **options):
    filled = path.replace("{tool_name}", "price_calculator").replace("{name}", "price_calculator")
    body = {"calls": []} if "batch" in path else {"payload": {"lines": [{"sku": "PIPE-TEAM", "quantity": 2}]}}
    return client.request(method, filled, json=body if method == "POST" else None, **options)


def test_every_route_is_known_here(app):
    kinds = {type(route) for route in routes_of(app)}
    assert kinds <= {Route, APIRoute, APIWebSocketRoute}, "mounted applications are not looked into"
    assert {path for _, path in http_routes(app)} | set(sockets_of(app)) == OPEN | SIGNED | OPERATORS | CALLERS


@pytest.mark.parametrize("how", WITHOUT_TOKEN)
def test_without_a_token_that_is_valid_no_route_tells_anything(app, guarded_client, how):
    for method, path in http_routes(app):
        answer = ask(guarded_client, method, path, headers=WITHOUT_TOKEN[how])
        if path in OPEN:
            assert answer.status_code == 200, (method, path)
        elif path in SIGNED:
            assert answer.status_code == 403, (method, path)
        else:
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_in_the_address_is_none(app, guarded_client):
    for method, path in http_routes(app):
        if path in OPERATORS | CALLERS:
            asked = ask(guarded_client, method, path, params={"token": TOKEN, "access_token": TOKEN})
            assert asked.status_code == 401, (method, path)


@pytest.mark.parametrize("role", ["coach", "SYSTEM", "system ", "operator", "", None])
def test_another_role_than_the_operators_sees_no_statistics(app, guarded_client, role):
    headers = bearer(token_for(caller_role=role))
    for method, path in http_routes(app):
        if path in OPERATORS or path in SIGNED:
            assert ask(guarded_client, method, path, headers=headers).status_code == 403, (method, path)


def test_operators_and_callers_get_what_is_theirs(app, guarded_client):
    for method, path in http_routes(app):
        if path in OPERATORS | CALLERS:
            assert ask(guarded_client, method, path, headers=bearer(TOKEN)).status_code == 200, (method, path)
        if path in CALLERS:
            headers = bearer(token_for(caller_role="coach"))
            assert ask(guarded_client, method, path, headers=headers).status_code == 200, (method, path)


@pytest.mark.parametrize("headers", [*WITHOUT_TOKEN.values(), bearer(token_for(caller_role="coach"))])
def test_no_socket_opens_without_an_operators_token(app, guarded_client, headers):
    sockets = sockets_of(app)
    assert sockets == ["/ws/tools"]
    for path in (*sockets, *(f"{path}?token={TOKEN}" for path in sockets)):
        with (
            pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
            guarded_client.websocket_connect(path, headers=headers) as socket,
        ):
            socket.receive_json()


# ---------------------------------------------------------------- another tenant


def test_another_tenant_sees_no_record_and_no_stored_answer_of_ours(guarded_client):
    def invoke(tool, payload, **claims):
        headers = bearer(token_for(caller_role="coach", user_id="u-1", **claims))
        return guarded_client.post(f"/tools/{tool}/invoke", json={"payload": payload}, headers=headers)

    listing = {"operation": "list", "record_type": "account", "limit": 5}
    ours = invoke("crm_integration", listing).json()["result"]["records"]
    assert ours
    assert invoke("crm_integration", listing, tenant_id="somebody-else").json()["result"]["records"] == []
    one = {"operation": "get", "record_type": "account", "record_id": ours[0]["id"]}
    profile = {"subject": "account", "who": ours[0]["id"]}
    for tool, payload in (("crm_integration", one), ("profile_reader", profile)):
        assert ours[0]["name"] in invoke(tool, payload).text, tool
        theirs = invoke(tool, payload, tenant_id="somebody-else")
        assert theirs.status_code == 422, (tool, theirs.text)
        assert ours[0]["name"] not in theirs.text, tool
    calls = {"calls": [{"name": "crm_integration", "payload": listing}, {"name": "profile_reader", "payload": profile}]}
    headers = bearer(token_for(caller_role="coach", tenant_id="somebody-else"))
    batched = guarded_client.post("/tools/batch", json=calls, headers=headers)
    assert ours[0]["name"] not in batched.text
