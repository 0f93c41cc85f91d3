"""Who calls is in the token, and nowhere else."""

import pytest

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.service.access import Access, NotAuthenticatedError, bearer_token
from tests.service.conftest import JWT_KEY, TOKEN, bearer, token_for

QUOTE = {"payload": {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}}

FOR_ANYBODY = [
    ("GET", "/health/tools"),
    ("GET", "/health/tools/price_calculator"),
    ("GET", "/tools"),
    ("POST", "/tools/price_calculator/invoke"),
    ("POST", "/tools/batch"),
]
FOR_OPERATORS = [
    ("POST", "/health/tools/refresh"),
    ("GET", "/metrics"),
    ("GET", "/selection"),
    ("GET", "/cache"),
    ("GET", "/limits"),
]
WITHOUT_TOKEN = {"/live", "/ready", "/", "/page/page.css", "/page/page.js", "/openapi.json"}


def test_every_route_stands_in_one_of_these_lists(guarded):
    listed = {path.replace("price_calculator", "{name}") for _, path in FOR_ANYBODY + FOR_OPERATORS} | WITHOUT_TOKEN
    served = {path.replace("{tool_name}", "{name}") for path in guarded.get("/openapi.json").json()["paths"]}
    assert served <= listed, served - listed


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer("wrong"),
        bearer(""),
        {"authorization": f"Basic {TOKEN}"},
        bearer(token_for(key="another key of at least 32 bytes, but wrong", caller_role="system")),
        bearer(token_for(lives_s=-60, caller_role="system")),
        bearer(token_for(caller_role=["system"])),
        bearer("eyJhbGciOiJub25lIn0.eyJjYWxsZXJfcm9sZSI6InN5c3RlbSIsImV4cCI6OTk5OTk5OTk5OX0."),
    ],
    ids=["none", "wrong", "empty", "other scheme", "other key", "expired", "claim of a wrong kind", "unsigned"],
)
def test_without_a_valid_token_nothing_is_told(guarded, headers):
    for method, path in FOR_ANYBODY + FOR_OPERATORS:
        answer = guarded.request(method, path, headers=headers, json=QUOTE if method == "POST" else None)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer", path
        assert answer.headers["content-type"] == "application/problem+json", path


@pytest.mark.parametrize(("method", "path"), FOR_OPERATORS)
def test_what_goes_on_in_all_tenants_is_for_operators_only(guarded, method, path):
    assert guarded.request(method, path, headers=bearer(token_for(caller_role="coach"))).status_code == 403
    assert guarded.request(method, path, headers=bearer(token_for(caller_role="system"))).status_code == 200
    assert guarded.request(method, path, headers=bearer(TOKEN)).status_code == 200


@pytest.mark.parametrize("path", sorted(WITHOUT_TOKEN))
def test_what_holds_no_data_needs_no_token(guarded, path):
    assert guarded.get(path).status_code == 200


def test_the_role_of_the_token_decides_what_may_be_called(guarded):
    url = "/tools/price_calculator/invoke"
    assert guarded.post(url, json=QUOTE, headers=bearer(token_for(caller_role="npc"))).status_code == 200
    assert guarded.post(url, json=QUOTE, headers=bearer(token_for(caller_role="rag"))).status_code == 403
    assert guarded.post(url, json=QUOTE, headers=bearer(token_for())).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {**QUOTE, "caller_role": "npc"},
        {"payload": {**QUOTE["payload"], "caller_role": "npc"}},
        {**QUOTE, "config": {"configurable": {"caller_role": "npc"}}},
    ],
    ids=["beside the payload", "among the arguments", "as configuration"],
)
def test_a_role_in_the_body_is_refused_or_means_nothing(guarded, body):
    answer = guarded.post("/tools/price_calculator/invoke", json=body, headers=bearer(token_for(caller_role="rag")))
    assert answer.status_code in {403, 422}


def test_a_tenant_sees_nothing_of_another_one(guarded):
    ask = {"payload": {"operation": "list", "record_type": "deal", "limit": 3}}
    url = "/tools/crm_integration/invoke"
    mine = guarded.post(url, json=ask, headers=bearer(token_for(caller_role="coach"))).json()["result"]
    other = bearer(token_for(caller_role="coach", tenant_id="somebody-else"))
    theirs = guarded.post(url, json=ask, headers=other).json()["result"]
    assert mine["records"]
    assert theirs["records"] == []


def test_claims_name_the_caller_and_sub_stands_for_the_user():
    access = Access(jwt_key=JWT_KEY)
    token = token_for(caller_role="coach", sub="u1", tenant_id="acme", session_id="s1")
    assert access.caller_of(token) == Caller("coach", "u1", "acme", "s1")
    assert access.caller_of(token_for(user_id="u2", sub="u1")).user_id == "u2"


def test_the_secret_calls_as_whom_the_settings_say():
    caller = Caller("coach", tenant_id="acme")
    assert Access(TOKEN, caller).caller_of(TOKEN) == caller
    with pytest.raises(NotAuthenticatedError):
        Access(TOKEN, caller).caller_of(TOKEN + "x")


def test_without_any_secret_everybody_is_that_caller():
    assert not Access().is_guarded
    assert Access(token_caller=Caller("coach")).caller_of(None) == Caller("coach")


@pytest.mark.parametrize("values", [{"token": ""}, {"token": " "}, {"jwt_key": "short"}], ids=repr)
def test_a_secret_that_guards_nothing_is_refused(values):
    with pytest.raises(ConfigurationError, match="TOOL_API_"):
        Access(**values)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer  ", None),
        ("Basic abc", None),
        ("Bearer abc", "abc"),
        ("bearer abc ", "abc"),
    ],
)
def test_only_bearer_tokens_are_read(header, token):
    assert bearer_token(header) == token
