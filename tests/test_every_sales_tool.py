"""What holds for each of the eight tools: closed and bounded arguments, small answers with sources, tenants apart."""

import json

import pytest
from pydantic import ValidationError

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.core.errors import ToolCallError
from salesboost_tools.tools.names import KNOWLEDGE, KNOWLEDGE_VARIANTS, TOOL_NAMES
from tests.nodes.messages import both_ways, run

COACH = {"configurable": {"caller_role": "coach"}}
EVERY_TOOL = pytest.mark.parametrize("name", [*TOOL_NAMES, *KNOWLEDGE_VARIANTS])


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    toolkit = SalesToolkit(Settings(data_dir=tmp_path_factory.mktemp("data"), rate_limit_enabled=False))
    found = toolkit.get_tools() + [variant for group in toolkit.groups for variant in group.variants]
    yield {tool.name: tool for tool in found}
    toolkit.close()


# ---------------------------------------------------------------- arguments


def shapes(schema, place, whole):
    """Yield every schema that a value may have to meet, with its place; references followed."""
    if "$ref" in schema:
        schema = {**whole["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
    yield place, schema
    for each in [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
        yield from shapes(each, place, whole)
    if "items" in schema:
        yield from shapes(schema["items"], f"{place}[]", whole)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from shapes(schema["additionalProperties"], f"{place}.*", whole)
    for name, each in schema.get("properties", {}).items():
        yield from shapes(each, f"{place}.{name}", whole)


def lacks(schema):
    """Return what a schema leaves open."""
    kind = schema.get("type")
    if schema.keys() & {"enum", "const", "$ref"} or kind in {None, "boolean", "null"}:
        return []
    if kind == "string":
        return [] if "maxLength" in schema or schema.get("format") in {"date", "date-time"} else ["maxLength"]
    if kind in {"integer", "number"}:
        bounds = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
        return [one for one, other in bounds if not schema.keys() & {one, other}]
    if kind == "array":
        return [] if schema.keys() >= {"maxItems", "items"} else ["maxItems"]
    if schema.get("additionalProperties") is False:
        return []
    bounded = "maxProperties" in schema and "maxLength" in schema.get("propertyNames", {})
    return [] if bounded else ["additionalProperties"]


@EVERY_TOOL
def test_every_argument_is_bounded_and_described_and_there_are_no_others(tools, name):
    schema = tools[name].args_schema.model_json_schema()
    shown = tools[name].args  # what is injected is not shown, and not a model's to give
    schema["properties"] = {field: each for field, each in schema["properties"].items() if field in shown}
    everything = list(shapes(schema, "", schema))
    assert len(everything) > 3
    assert schema["additionalProperties"] is False
    assert [(place, missing) for place, each in everything for missing in lacks(each)] == []
    undescribed = [
        f"{place}.{field}"
        for place, each in everything
        for field, told in each.get("properties", {}).items()
        if not told.get("description")
    ]
    assert undescribed == []


def test_a_schema_that_leaves_something_open_would_be_noticed():
    assert lacks({"type": "string"}) == ["maxLength"]
    assert lacks({"type": "integer", "minimum": 1}) == ["maximum"]
    assert lacks({"type": "array", "items": {}}) == ["maxItems"]
    assert lacks({"type": "object", "properties": {}}) == ["additionalProperties"]


@EVERY_TOOL
@pytest.mark.parametrize("argument", ["surprise", "tenant_id", "caller_role", "user_id", "config", "run_manager"])
def test_an_argument_that_there_is_not_is_refused_and_the_caller_is_never_one(tools, name, argument):
    family = KNOWLEDGE if name in KNOWLEDGE_VARIANTS else name
    with pytest.raises(ValidationError, match=argument):
        tools[name].invoke({**TYPICAL[family], argument: "x"}, COACH)


# ---------------------------------------------------------------- answers

TYPICAL = {
    "knowledge_retriever": {"query": "what does a migration cost"},
    "price_calculator": {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]},
    "stage_classifier": {"message": "How much is it?"},
    "crm_integration": {"operation": "list", "record_type": "deal", "stalled_days": 14},
    "competitor_analysis": {"competitor": "Dealharbor", "aspect": "comparison"},
    "profile_reader": {"subject": "account", "who": "ACC-0042"},
    "compliance_check": {"text": "We guarantee you 300% return, act now!"},
    "sms_outreach": {"operation": "history"},
}
LARGEST = {
    "knowledge_retriever": {"query": "price discount data security migration support contract", "top_k": 20},
    "price_calculator": {
        "lines": [{"sku": "PIPE-ENTERPRISE", "quantity": 1200}] * 100,
        "items": [{"description": "x" * 200, "unit_price": "1.000001", "quantity": 999_999}] * 100,
        "discounts": [{"fraction": "0.01", "reason": "r" * 200}] * 10,
    },
    "stage_classifier": {"history": [{"speaker": "prospect", "text": "It is too expensive. " * 190}] * 500},
    "crm_integration": {"operation": "list", "record_type": "deal", "limit": 50},
    "competitor_analysis": {"aspect": "pricing"},
    "profile_reader": {"subject": "account", "who": "ACC-0042", "limit": 50},
    "compliance_check": {"text": "We guarantee you 300% return! Call 216-555-0142. " * 400},
    "sms_outreach": {"operation": "history", "limit": 50},
}
SMALL_BYTES, LARGE_BYTES = 12_000, 100_000
CITED = {
    "knowledge_retriever": ("document", "section", "version"),
    "price_calculator": ("quote_id", "price_book", "version", "valid_until"),
    "stage_classifier": ("evidence", "words"),
    "crm_integration": ("id", "version", "as_of"),
    "competitor_analysis": ("battlecard", "version", "as_of"),
    "profile_reader": ("source", "at", "as_of"),
    "compliance_check": ("rule", "source", "start", "as_of"),
    "sms_outreach": ("id", "entered_at", "state"),
}


@pytest.fixture(scope="module")
def a_busy_outbox(tools):
    """Fifty long messages in the outbox, to as many people."""
    sms = tools["sms_outreach"]
    for number in range(50):
        to = {"to": f"+121655501{number:02}"}
        sms.invoke({"operation": "opt_in", "evidence": "web form", **to}, COACH)
        at = {"operation": "schedule", "body": "x" * 1500, "send_at": "2026-07-01T18:00:00Z", "campaign": "c"}
        sms.invoke({**at, **to}, COACH)


@pytest.mark.parametrize("name", TOOL_NAMES)
@both_ways
async def test_an_answer_is_plain_json_small_and_names_its_sources(tools, a_busy_outbox, name, way):
    answer = await run(tools[name].inner, TYPICAL[name], way, COACH)
    told = json.dumps(answer, ensure_ascii=False, allow_nan=False)
    assert json.loads(told) == answer
    assert len(told.encode()) <= SMALL_BYTES
    assert [key for key in CITED[name] if f'"{key}"' not in told] == []


@pytest.mark.parametrize("name", TOOL_NAMES)
def test_the_largest_question_has_a_bounded_answer(tools, a_busy_outbox, name):
    answer = tools[name].inner.invoke(LARGEST[name], COACH)
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= LARGE_BYTES


# ---------------------------------------------------------------- tenants

MARK = "Zyxwvut"
OWN, OTHER = (
    {"configurable": {"caller_role": "coach", "user_id": "u-7", "tenant_id": tenant, "idempotency_key": None}}
    for tenant in ("default", "globex-emea")
)
WRITTEN = [
    ("crm_integration", {"operation": "create_account", "properties": {"name": f"{MARK} Ltd"}}),
    ("crm_integration", {"operation": "create_note", "account_id": "ACC-0042", "body": f"They also talk to {MARK}."}),
    (
        "crm_integration",
        {
            "operation": "create_contact",
            "account_id": "ACC-0042",
            "properties": {"first_name": "Ida", "last_name": MARK, "email": f"ida@{MARK}.example".lower()},
        },
    ),
    (
        "crm_integration",
        {
            "operation": "update_deal_stage",
            "deal_id": "DEAL-0042",
            "stage": "lost",
            "reason": MARK,
            "competitor": "Fernpost",
            "expected_version": 1,
        },
    ),
    ("sms_outreach", {"operation": "opt_in", "to": "+12165550199", "evidence": f"told {MARK}"}),
    (
        "sms_outreach",
        {
            "operation": "schedule",
            "to": "+12165550199",
            "body": f"Hello {MARK}",
            "campaign": MARK,
            "send_at": "2026-07-01T18:00:00Z",
        },
    ),
]
READ = [
    ("crm_integration", {"operation": "search", "record_type": "account", "query": MARK}),
    ("crm_integration", {"operation": "get", "record_type": "account", "record_id": f"{MARK} Ltd"}),
    ("crm_integration", {"operation": "search", "record_type": "contact", "query": MARK}),
    ("crm_integration", {"operation": "get", "record_type": "deal", "record_id": "DEAL-0042"}),
    ("crm_integration", {"operation": "list", "record_type": "activity", "account_id": "ACC-0042"}),
    ("profile_reader", {"subject": "person", "who": f"Ida {MARK}"}),
    ("profile_reader", {"subject": "account", "who": f"{MARK} Ltd"}),
    ("profile_reader", {"subject": "account", "who": "ACC-0042"}),
    ("sms_outreach", {"operation": "history"}),
    ("sms_outreach", {"operation": "history", "campaign": MARK}),
    ("sms_outreach", {"operation": "statistics"}),
    ("sms_outreach", {"operation": "history", "to": "+12165550199"}),
    ("competitor_analysis", {"competitor": "Fernpost", "aspect": "overview"}),
    ("competitor_analysis", {"competitor": "Fernpost", "aspect": "comparison"}),
]


@pytest.fixture(scope="module")
def marked(tools):
    """The tools after one tenant has written something that only it can know."""
    for name, arguments in WRITTEN:
        tools[name].invoke(arguments, OWN)
    return tools


@pytest.mark.parametrize(("name", "asked"), READ, ids=str)
@both_ways
async def test_what_one_tenant_wrote_no_other_reads_neither_from_stores_nor_from_memory(marked, name, asked, way):
    """Asked by the owner, by the other, and both again: the second time answers come from memory where they are kept."""
    for _ in range(2):
        assert MARK in await told(marked[name], asked, way, OWN)
        assert MARK not in await told(marked[name], asked, way, OTHER)


async def told(tool, asked, way, who):
    """Return an answer, or a refusal without the name that was asked for: that may be repeated once."""
    try:
        return str(await run(tool, asked, way, who))
    except ToolCallError as refused:
        return refused.for_model.replace(next((repr(name) for name in asked.values() if MARK in name), "\0"), "", 1)


def test_the_same_key_of_two_tenants_is_two_writes(tools):
    note = {"operation": "create_note", "account_id": "ACC-0001", "body": "Called."}
    ids = set()
    for who in (OWN, OTHER):
        once = {"configurable": {**who["configurable"], "idempotency_key": "order-77"}}
        ids |= {tools["crm_integration"].invoke(note, once)["record"]["id"] for _ in range(2)}
    assert len(ids) == 2
