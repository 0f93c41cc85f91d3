"""Over the wire we say what HubSpot's own SDK says, and what its published description allows."""

from inspect import isfunction
from typing import get_type_hints

import jsonschema
import pytest
from hubspot import HubSpot
from hubspot.crm import companies, contacts, deals
from hubspot.crm.association_type import AssociationType
from hubspot.crm.objects import notes, tasks

from salesboost_tools.tools.crm.hubspot import wire
from salesboost_tools.tools.crm.hubspot.client import HubSpotClient
from salesboost_tools.tools.crm.hubspot.mapping import LINKS
from salesboost_tools.tools.crm.hubspot.wire import Filter
from tests.descriptions import published
from tests.hubspot_server import TOKEN
from tests.tools.crm.hubspot.conftest import NOW

PACKAGES = {"companies": companies, "contacts": contacts, "deals": deals, "notes": notes, "tasks": tasks}
KINDS = pytest.mark.parametrize("kind", PACKAGES)


@pytest.fixture
def sdk(server):
    client = HubSpot(access_token=TOKEN, host=server.url)

    def of(kind):
        return (
            getattr(client.crm, kind)
            if kind in {"companies", "contacts", "deals"}
            else getattr(client.crm.objects, kind)
        )

    return of


@pytest.fixture
def send(server):
    client = HubSpotClient(TOKEN, base_url=server.url, timeout_s=5, now=lambda: NOW)

    def send(request):
        def talk():
            return (yield request)

        return client.follow(talk())

    yield send
    client.close()


def said(server):
    """Return the last request, without what every client says in its own way."""
    method, path, query, headers, body, _, _ = server.exchanges[-1]
    told = {name: value for name, value in headers.items() if name in {"Authorization", "Accept"}}
    return method, path, sorted(query), told, body, headers.get("Content-Type") if body else None


def put(server, kind):
    texts = {"notes": {"hs_note_body": "x"}, "tasks": {"hs_task_subject": "x"}, "deals": {"dealname": "x"}}
    return server.add(kind, **texts.get(kind, {"phone": "+1 555"}))


def equal(server, ours, theirs):
    ours()
    first = said(server)
    theirs()
    assert said(server) == first


def test_every_operation_there_is_stands_beside_the_sdks_below():
    operations = {
        name
        for name, each in vars(wire).items()
        if isfunction(each) and get_type_hints(each).get("return") is wire.Request
    }
    assert operations == {"get", "first_page", "create", "update", "search", "batch_read"}


@KINDS
def test_reading_one(server, send, sdk, kind):
    object_id = put(server, kind)
    equal(
        server,
        lambda: send(wire.get(kind, object_id, ["phone", "hubspot_owner_id"], associations=["companies", "deals"])),
        lambda: sdk(kind).basic_api.get_by_id(
            object_id, properties=["phone", "hubspot_owner_id"], associations=["companies", "deals"]
        ),
    )


@KINDS
def test_reading_the_history_of_one(server, send, sdk, kind):
    object_id = put(server, kind)
    equal(
        server,
        lambda: send(wire.get(kind, object_id, [], history=["phone", "city"])),
        lambda: sdk(kind).basic_api.get_by_id(object_id, properties_with_history=["phone", "city"]),
    )


def test_reading_a_contact_by_its_address(server, send, sdk):
    server.add("contacts", email="o'neil+1@x.example")
    equal(
        server,
        lambda: send(wire.get("contacts", "o'neil+1@x.example", ["email"], id_property="email")),
        lambda: sdk("contacts").basic_api.get_by_id("o'neil+1@x.example", properties=["email"], id_property="email"),
    )


@KINDS
def test_the_probe(server, send, sdk, kind):
    equal(server, lambda: send(wire.first_page(kind, 1)), lambda: sdk(kind).basic_api.get_page(limit=1))


@KINDS
def test_creating(server, send, sdk, kind):
    text = {"notes": "hs_note_body", "tasks": "hs_task_body", "deals": "dealname"}.get(kind, "phone")
    company = server.add("companies", name="Acme")
    number = LINKS.get((kind, "companies"))
    linked = [(company, number)] if number else []
    theirs = [
        {"to": {"id": company}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}]}
    ]
    sent = PACKAGES[kind].SimplePublicObjectInputForCreate(
        properties={text: "Grüße"}, **({"associations": theirs} if number else {})
    )
    equal(
        server,
        lambda: send(wire.create(kind, {text: "Grüße"}, linked)),
        lambda: sdk(kind).basic_api.create(sent),
    )
    assert server.count(kind) == (3 if kind == "companies" else 2)


@KINDS
def test_updating(server, send, sdk, kind):
    object_id = put(server, kind)
    text = {"notes": "hs_note_body", "tasks": "hs_task_body", "deals": "hs_next_step"}.get(kind, "phone")
    equal(
        server,
        lambda: send(wire.update(kind, object_id, {text: ""})),
        lambda: sdk(kind).basic_api.update(object_id, PACKAGES[kind].SimplePublicObjectInput(properties={text: ""})),
    )


@KINDS
def test_searching(server, send, sdk, kind):
    package = PACKAGES[kind]
    groups = [[Filter("phone", "EQ", "x"), Filter("city", "HAS_PROPERTY")], [Filter("phone", "NOT_HAS_PROPERTY")]]
    theirs = package.PublicObjectSearchRequest(
        query="a b",
        limit=7,
        after="0",
        sorts=["-phone"],
        properties=["phone"],
        filter_groups=[
            package.FilterGroup(
                filters=[
                    package.Filter(
                        property_name=each.name, operator=each.operator, **({"value": each.value} if each.value else {})
                    )
                    for each in group
                ]
            )
            for group in groups
        ],
    )
    equal(
        server,
        lambda: send(wire.search(kind, ["phone"], any_of=groups, query="a b", sort="-phone", limit=7, after="0")),
        lambda: sdk(kind).search_api.do_search(theirs),
    )


@KINDS
def test_reading_many(server, send, sdk, kind):
    package = PACKAGES[kind]
    ids = [put(server, kind), put(server, kind)]
    theirs = package.BatchReadInputSimplePublicObjectId(
        properties=["phone"],
        properties_with_history=[],
        inputs=[package.SimplePublicObjectId(id=object_id) for object_id in ids],
    )
    equal(server, lambda: send(wire.batch_read(kind, ids, ["phone"])), lambda: sdk(kind).batch_api.read(theirs))


def test_the_numbers_of_links_are_hubspots():
    singular = {"companies": "COMPANY", "contacts": "CONTACT", "deals": "DEAL", "notes": "NOTE", "tasks": "TASK"}
    for (of, to), number in LINKS.items():
        name = f"{singular[of]}_TO_{singular[to]}"
        primary = getattr(AssociationType, f"PRIMARY_{name}", None)
        assert number == (primary or getattr(AssociationType, name))


# ---------------------------------------------------------------- the published description


@pytest.fixture(scope="module")
def description():
    return published("hubspot_crm_min.json")


def plain(schema):
    """Return an OpenAPI 3.0 schema as JSON Schema: there `nullable` stands beside the type."""
    if isinstance(schema, list):
        return [plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    told = {key: plain(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [told, {"type": "null"}]} if schema.get("nullable") is True else told


def conform(description, value, schema):
    whole = {**plain(schema), "components": plain(description["components"])}
    jsonschema.validate(value, whole)


def described(description, path, method):
    """Return the operation for a path; None where the description leaves it out (tasks, batch reads)."""
    parts = path.split("/")
    for template, operations in description["paths"].items():
        names = template.split("/")
        if len(names) != len(parts) or (parts[-1] == "search" and names[-1] != "search"):
            continue
        if all(name in {part, "{objectId}"} for name, part in zip(names, parts, strict=True)):
            return operations.get(method.lower())
    return None


async def test_every_request_and_reply_of_the_tool_conforms_to_the_description(ask, server, customer, description):
    deal, account = customer["deal"], customer["account"]
    version = (await ask(operation="get", record_type="deal", record_id=deal))["record"]["version"]
    contact = {"first_name": "A", "last_name": "B", "email": "ab@acme.example"}
    new_deal = {"name": "P", "amount": "1.50", "currency": "EUR", "close_date": "2026-12-31"}
    for arguments in (
        {"operation": "search", "record_type": "account", "query": "acme"},
        {"operation": "list", "record_type": "deal", "stalled_days": 5, "limit": 1},
        {"operation": "list", "record_type": "contact", "account_id": account},
        {"operation": "list", "record_type": "activity", "deal_id": deal, "kind": "note"},
        {"operation": "create_note", "deal_id": deal, "body": "x"},
        {"operation": "create_account", "properties": {"name": "N", "domain": "n.example", "employees": 5}},
        {"operation": "create_contact", "account_id": account, "properties": contact},
        {"operation": "create_deal", "account_id": account, "properties": new_deal},
        {"operation": "upsert", "record_type": "contact", "properties": {**contact, "title": "CFO"}},
        {"operation": "upsert", "record_type": "account", "properties": {"domain": "acme.example", "city": "Graz"}},
        {"operation": "update_deal_stage", "deal_id": deal, "stage": "won", "expected_version": version},
    ):
        await ask(**arguments)
    for fault in ("429", "500"):
        server.faults = [fault]
        with pytest.raises(Exception, match="HubSpot"):
            await ask(operation="get", record_type="deal", record_id=deal)
    with pytest.raises(Exception, match="No deal"):
        await ask(operation="get", record_type="deal", record_id="99999")
    checked = 0
    for method, path, query, _, body, status, reply in server.exchanges:
        operation = described(description, path, method)
        if operation is None:
            continue
        checked += 1
        names = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        assert {name for name, _ in query} <= names
        if body is not None:
            conform(description, body, operation["requestBody"]["content"]["application/json"]["schema"])
        replies = operation["responses"]
        told = replies.get(str(status), replies["default"])["content"]["application/json"]["schema"]
        conform(description, reply, told)
    assert checked >= 20
