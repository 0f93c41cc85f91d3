"""Which arguments go together, what the model is shown, and what a call does given its arguments."""

import json
from typing import get_args

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.core.spec import Effect
from salesboost_tools.tools.crm.arguments import SHAPES, CrmArguments, Operation, command_of
from salesboost_tools.tools.crm.tool import CRM_SPEC

GOOD = {
    "record_id": "X-1",
    "query": "x",
    "account_id": "ACC-1",
    "deal_id": "DEAL-1",
    "contact_id": "CON-1",
    "stage": "closing",
    "owner_id": "REP-01",
    "competitor": "Dealharbor",
    "industry": "energy",
    "country": "US",
    "kind": "note",
    "stalled_days": 5,
    "limit": 5,
    "cursor": "x",
    "subject": "s",
    "body": "b",
    "due_at": "2026-07-01T00:00:00Z",
    "reason": "price",
    "properties": {"first_name": "A", "last_name": "B"},
    "expected_version": 1,
    "dry_run": True,
}
PROPERTIES = {"account": {"name": "x"}, "contact": {"title": "x"}, "deal": {"name": "x"}, "activity": {"subject": "x"}}


NEW = {
    "account": {"name": "x", "domain": "x.example"},
    "contact": {"first_name": "A", "last_name": "B", "email": "a@x.example"},
    "deal": {"name": "x", "amount": "1.50", "currency": "EUR", "close_date": "2026-12-31"},
}


def arguments(operation, record_type, names):
    given = {name: GOOD[name] for name in names}
    if "properties" in given:
        created = record_type or operation.removeprefix("create_")
        given["properties"] = PROPERTIES[record_type] if operation == "update" else NEW.get(created, GOOD["properties"])
    return {"operation": operation, **({"record_type": record_type} if record_type else {}), **given}


@pytest.mark.parametrize(("key", "shape"), SHAPES.items(), ids=str)
def test_every_operation_takes_what_its_shape_allows_and_nothing_else(key, shape):
    operation, record_type = key
    allowed = shape.needed | shape.one_of | shape.more
    command_of(CrmArguments(**arguments(operation, record_type, shape.needed | set(sorted(shape.one_of)[:1]))))
    command_of(CrmArguments(**arguments(operation, record_type, allowed)))
    for missing in shape.needed:
        with pytest.raises(ToolInputError, match=f"Missing: {missing}"):
            command_of(CrmArguments(**arguments(operation, record_type, allowed - {missing})))
    if shape.one_of:
        with pytest.raises(ToolInputError, match=f"Missing: {' or '.join(sorted(shape.one_of))}"):
            command_of(CrmArguments(**arguments(operation, record_type, shape.needed)))
    for excess in GOOD.keys() - allowed:
        with pytest.raises(ToolInputError, match=f"Not allowed: {excess}") as raised:
            command_of(CrmArguments(**arguments(operation, record_type, allowed | {excess})))
        assert all(name in raised.value.for_model for name in shape.needed)


def test_every_operation_has_a_shape():
    assert {operation for operation, _ in SHAPES} == set(get_args(Operation))


def test_a_record_type_that_an_operation_does_not_know_is_refused_and_the_known_ones_are_named():
    with pytest.raises(
        ToolInputError, match="`search` needs a record_type, one of account, contact, deal; got 'activity'"
    ):
        command_of(CrmArguments(operation="search", record_type="activity", query="x"))
    with pytest.raises(ToolInputError, match="got none"):
        command_of(CrmArguments(operation="get", record_id="x"))
    with pytest.raises(ToolInputError, match="`create_note` takes no record_type"):
        command_of(CrmArguments(operation="create_note", record_type="deal", deal_id="x", body="x"))


def test_stalled_deals_are_open_deals():
    with pytest.raises(ToolInputError, match="stalled_days is about open deals"):
        command_of(CrmArguments(operation="list", record_type="deal", stage="won", stalled_days=10))


@pytest.mark.parametrize(
    "wrong",
    [
        {"operation": "delete"},
        {"record_type": "ticket"},
        {"stage": "almost"},
        {"kind": "fax"},
        {"limit": 0},
        {"limit": 51},
        {"stalled_days": 0},
        {"stalled_days": 3651},
        {"expected_version": 0},
        {"query": "x" * 201},
        {"query": ""},
        {"country": "us"},
        {"due_at": "2026-07-01T00:00:00"},
        {"record_id": "x" * 65},
        {"cursor": "x" * 2001},
        {"properties": {"a": 1.5}},
        {"anything": "else"},
    ],
    ids=str,
)
def test_values_out_of_bounds_are_refused_before_anything_is_looked_up(wrong):
    with pytest.raises(ValidationError):
        CrmArguments(**{"operation": "list", **wrong})


def test_the_model_sees_one_flat_closed_described_schema(tool):
    schema = convert_to_openai_tool(tool)["function"]["parameters"]
    assert "$defs" not in json.dumps(schema)
    assert schema["required"] == ["operation"]
    assert all(each.get("description") for each in schema["properties"].values())
    assert set(schema["properties"]["operation"]["enum"]) == set(get_args(Operation))
    assert "config" not in schema["properties"]
    assert len(json.dumps(schema)) < 7000


@pytest.mark.parametrize("operation", ["get", "search", "list"])
def test_looking_is_a_read(operation):
    assert CRM_SPEC.effect_of({"operation": operation}) is Effect.READ


@pytest.mark.parametrize("operation", sorted(set(get_args(Operation)) - {"get", "search", "list"}))
def test_changing_is_a_write_unless_it_is_a_dry_run(operation):
    assert CRM_SPEC.effect_of({"operation": operation, "dry_run": False}) is Effect.WRITE
    assert CRM_SPEC.effect_of({"operation": operation}) is Effect.WRITE
    assert CRM_SPEC.effect_of({"operation": operation, "dry_run": True}) is Effect.READ


def test_arguments_without_an_operation_count_as_a_write():
    assert CRM_SPEC.effect_of({}) is Effect.WRITE


def test_the_spec_says_who_how_often_and_how_long(tool):
    assert tool.spec.allowed_roles == {"coach", "npc", "system"}
    assert tool.spec.rate_limit == RateLimit("5/minute")
    assert tool.spec.timeout_s == 10
    assert tool.spec.results_shared
