"""Made-up requests: whatever is sent, the service never fails by itself, and answers as its OpenAPI document says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from starlette.testclient import TestClient

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.service import create_app

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
TOOLS = (
    *("knowledge_retriever", "price_calculator", "stage_classifier", "crm_integration"),
    *("competitor_analysis", "profile_reader", "compliance_check", "sms_outreach"),
)


def bounded(examples):
    """The same examples every time, so that a failure is one for everybody."""
    quiet = [
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ]
    phases = (Phase.explicit, Phase.generate)
    return settings(
        max_examples=examples,
        deadline=None,
        phases=phases,
        database=None,
        derandomize=True,
        suppress_health_check=quiet,
    )


@pytest.fixture(scope="module")
def app(data_dir):
    everybody = {name: ["system"] for name in TOOLS}
    toolkit = SalesToolkit(
        Settings(
            data_dir=data_dir, rate_limit_enabled=False, cache_enabled=False, health_timeout=30, allowed_roles=everybody
        )
    )
    yield create_app(toolkit)
    toolkit.close()


def survive(schema, app, examples):
    """Try every operation of a document; return the labels of those that were tried."""
    schema.app = app
    tried = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @bounded(examples)
        def answers(case):
            case.validate_response(case.call(base_url="http://localhost", timeout=120), checks=CHECKS)

        answers()
        tried.add(operation.label)
    return tried


def every_operation_survives(app, examples):
    tried = survive(schemathesis.openapi.from_dict(app.openapi()), app, examples)
    assert {"POST /tools/{name}/invoke", "POST /tools/batch", "GET /metrics"} <= tried


def every_tool_survives(app, examples):
    assert len(survive(schemathesis.openapi.from_dict(document_of_tools(app)), app, examples)) == len(TOOLS)


def document_of_tools(app):
    """A document with a path for each tool, whose body is described by the tool's own schema."""
    client = TestClient(app, base_url="http://localhost")
    described = {tool["name"]: tool["parameters"] for tool in client.get("/tools").json()}
    assert set(described) == set(TOOLS)
    usual = app.openapi()["paths"]["/tools/{name}/invoke"]["post"]["responses"]
    paths = {}
    for name, parameters in described.items():
        body = {
            "type": "object",
            "properties": {"payload": parameters},
            "required": ["payload"],
            "additionalProperties": False,
        }
        content = {"application/json": {"schema": body}}
        paths[f"/tools/{name}/invoke"] = {
            "post": {"requestBody": {"required": True, "content": content}, "responses": usual}
        }
    return {"openapi": "3.1.0", "info": {"title": "tools", "version": "1"}, "paths": paths}


@pytest.mark.timeout(180)
def test_no_operation_of_the_document_ends_in_a_server_error(app):
    every_operation_survives(app, 5)


@pytest.mark.timeout(180)
def test_no_tool_ends_in_a_server_error_whatever_its_schema_allows(app):
    every_tool_survives(app, 5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_operation_ends_in_a_server_error_in_the_long_form(app):
    every_operation_survives(app, 300)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_tool_ends_in_a_server_error_in_the_long_form(app):
    every_tool_survives(app, 500)
