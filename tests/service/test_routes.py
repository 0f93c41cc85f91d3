"""Every route answers as its description says."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.service import Access, create_app, health_router
from tests.service.conftest import bearer, token_for

QUOTE = {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}


def test_health_counts_tools_by_status(client, toolkit):
    answer = client.get("/health/tools").json()
    total = len(toolkit.get_tools())
    assert (answer["status"], answer["total_tools"], answer["healthy"]) == ("healthy", total, total)
    assert set(answer["tools"]) == {tool.name for tool in toolkit.get_tools()}


def test_the_health_of_one_tool_and_a_404_that_names_the_tools_there_are(client):
    assert client.get("/health/tools/price_calculator").json()["status"] == "healthy"
    missing = client.get("/health/tools/price_calculater")
    assert missing.status_code == 404
    assert "price_calculator" in missing.json()["detail"]


def test_a_refresh_probes_again(client):
    before = client.get("/health/tools").json()["tools"]["crm_integration"]["checked_at"]
    assert client.get("/health/tools").json()["tools"]["crm_integration"]["checked_at"] == before
    assert client.post("/health/tools/refresh").json()["tools"]["crm_integration"]["checked_at"] > before


def test_health_fits_into_an_application_of_ones_own(toolkit):
    app = FastAPI()
    app.include_router(health_router(toolkit, Access("secret")))
    client = TestClient(app)
    assert client.get("/health/tools").status_code == 401
    assert client.get("/health/tools", headers=bearer("secret")).json()["status"] == "healthy"


def test_the_whole_service_can_be_mounted_in_another_application(toolkit):
    app = FastAPI()
    app.mount("/tools-api", create_app(toolkit))
    client = TestClient(app, base_url="http://localhost")
    assert client.get("/tools-api/tools").status_code == 200
    assert "page/page.js" in client.get("/tools-api/").text


def test_a_process_is_alive_and_ready_while_some_tool_works(client, toolkit):
    assert client.get("/live").json() == {"status": "alive"}
    ready = client.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["tools_that_work"] == len(toolkit.get_tools())


def test_a_process_none_of_whose_tools_work_is_not_ready(open_client, toolkit, monkeypatch):
    monkeypatch.setattr(toolkit, "_tools", toolkit.get_tools()[:0])
    assert open_client().get("/ready").status_code == 503


def test_tools_are_listed_with_the_schemas_of_their_arguments(client, toolkit):
    listed = {tool["name"]: tool for tool in client.get("/tools").json()}
    assert set(listed) == {tool.name for tool in toolkit.get_tools()}
    assert listed["price_calculator"]["parameters"]["properties"]["lines"]["type"] == "array"


def test_a_call_is_answered_with_its_result_and_what_it_took(client):
    answer = client.post("/tools/price_calculator/invoke", json={"payload": QUOTE}).json()
    assert answer["ok"]
    assert answer["result"]["total"] == "5508.00"
    assert answer["attempts"] == 1


def test_failures_of_calls_have_a_status_and_a_kind_of_their_own(open_client, open_toolkit):
    client = open_client(toolkit=open_toolkit(rate_limits={"price_calculator": "2/minute"}))

    def invoke(payload, tool="price_calculator"):
        return client.post(f"/tools/{tool}/invoke", json={"payload": payload})

    wrong = invoke({"lines": [{"sku": "NO-SUCH", "quantity": 1}]})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:error:ToolInputError")
    assert invoke({"lines": "many"}).json()["type"] == "urn:error:ValidationError"
    assert invoke({"query": "x"}, "knowledge_retriever").status_code == 403
    assert invoke({}, "no_such_tool").status_code == 404
    assert invoke(QUOTE).status_code == 200
    busy = invoke({"lines": [{"sku": "PIPE-TEAM", "quantity": 13}]})
    assert busy.status_code == 429
    assert 0 < busy.json()["retry_after"] <= int(busy.headers["retry-after"]) <= 30


def test_a_batch_is_answered_in_order_and_a_failure_is_an_answer_among_others(client):
    calls = [
        {"name": "price_calculator", "payload": QUOTE, "tool_call_id": "a"},
        {"name": "price_calculator", "payload": {"lines": []}, "tool_call_id": "b"},
        {"name": "no_such_tool", "tool_call_id": "c"},
    ]
    answers = client.post("/tools/batch", json={"calls": calls}).json()
    assert [answer["tool_call_id"] for answer in answers] == ["a", "b", "c"]
    assert [answer["ok"] for answer in answers] == [True, False, False]


def test_an_idempotency_key_makes_a_repeated_write_happen_once(client):
    accounts = client.post(
        "/tools/crm_integration/invoke",
        json={"payload": {"operation": "list", "record_type": "account", "limit": 1}},
    ).json()["result"]["records"]
    write = {"operation": "create_note", "account_id": accounts[0]["id"], "body": "They called back."}
    answers = [
        client.post("/tools/crm_integration/invoke", json={"payload": write}, headers={"idempotency-key": "note-1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    assert answers[0].json()["result"] == answers[1].json()["result"]
    assert [answer.json()["attempts"] for answer in answers] == [1, 0]


def test_statistics_tell_what_was_done(client):
    for _ in range(2):
        client.post("/tools/price_calculator/invoke", json={"payload": QUOTE})
    cache = client.get("/cache").json()["tools"]["price_calculator"]
    assert (cache["hits"], cache["misses"], cache["hit_rate"]) == (1, 1, 0.5)
    limits = client.get("/limits").json()["tools"]
    assert limits["price_calculator"] == {"limit": "30/minute", "capacity": 30, "left": 29}
    assert limits["knowledge_retriever_lexical"]["left"] == 10
    selection = client.get("/selection").json()
    assert (selection["enabled"], selection["policy"].partition("@")[0]) == (False, "adaptive")


def test_of_every_tool_of_a_group_it_is_told_how_it_did_and_why_it_is_chosen(client, toolkit):
    for success in (True, True, False):
        _, decision_id = toolkit.selector.select_tool(toolkit.groups[0])
        toolkit.selector.record_feedback(decision_id, success, 20)
    tools = client.get("/selection").json()["groups"]["knowledge_retriever"]
    first, second = tools["knowledge_retriever_lexical"], tools["knowledge_retriever_semantic"]
    assert (first["pulls"], first["share"]) == (3, 1.0)
    assert first["reward_low"] < first["mean_reward"] < first["reward_high"]
    assert first["why"].startswith("the best so far; the policy would choose it ")
    assert (second["pulls"], second["mean_reward"], second["reward_low"]) == (0, None, None)
    assert second["why"].startswith("never tried; ")


def test_statistics_of_what_is_switched_off_are_empty(open_client, open_toolkit):
    client = open_client(toolkit=open_toolkit(cache_enabled=False, rate_limit_enabled=False))
    assert client.get("/cache").json() == client.get("/limits").json() == {"enabled": False, "tools": {}}


def test_metrics_come_in_the_format_the_scraper_accepts(client):
    client.post("/tools/price_calculator/invoke", json={"payload": QUOTE})
    plain = client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert 'salesboost_tool_calls_total{role="system",status="success",tool="price_calculator"}' in plain.text
    modern = client.get("/metrics", headers={"accept": "application/openmetrics-text"})
    assert modern.headers["content-type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")


def test_every_answer_tells_browsers_to_be_strict(client):
    for path in ("/", "/live", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_what_goes_wrong_inside_is_not_told(open_client, toolkit, monkeypatch):
    async def broken():
        raise RuntimeError("password=hunter2")

    async def gone():
        raise StateUnavailableError("redis://secret-host")

    async def misused():
        raise ConfigurationError("max_concurrent is 1 or more")

    client = open_client()
    for raising, status in ((broken, 500), (gone, 503), (misused, 422)):
        monkeypatch.setattr(type(toolkit.selector), "aget_statistics", lambda _, raising=raising: raising())
        answer = client.get("/selection")
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert "hunter2" not in answer.text
        assert "secret-host" not in answer.text


def test_the_openapi_document_describes_every_route_and_its_problems(client):
    document = client.get("/openapi.json").json()
    invoke = document["paths"]["/tools/{name}/invoke"]["post"]
    assert {"401", "403", "404", "409", "422", "429", "502", "503", "504"} <= set(invoke["responses"])
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            assert described.get("description") or described.get("summary"), (method, path)


def test_a_user_of_a_token_reads_his_own_tenant_in_a_batch_too(guarded):
    calls = {"calls": [{"name": "crm_integration", "payload": {"operation": "list", "record_type": "deal"}}]}
    answer = guarded.post(
        "/tools/batch", json=calls, headers=bearer(token_for(caller_role="coach", tenant_id="somebody-else"))
    )
    assert answer.json()[0]["result"]["records"] == []
