"""Requests to HubSpot's CRM API, version 3, as values: what goes over the wire is decided here and nowhere else."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

ObjectType = Literal["companies", "contacts", "deals", "notes", "tasks"]

PAGE_AT_MOST = 100
"""Records that one request may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        path: Percent-encoded.
        query: Names may repeat, as HubSpot wants its lists.
        body: To be sent as JSON; None for none.
        writes: Whether it changes something. A search is a POST that does not.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, Any] | None = None
    writes: bool = False


Talk = Generator[Request, dict[str, Any], dict[str, Any]]
"""A rule that asks HubSpot step by step: it yields requests, is sent their answers and returns the tool's answer. It
knows nothing of sync and async; an error of a request is raised where it was yielded."""


def get(
    kind: ObjectType,
    object_id: str,
    properties: Sequence[str],
    *,
    associations: Sequence[str] = (),
    id_property: str | None = None,
    history: Sequence[str] = (),
) -> Request:
    """Ask for one object by its id, or by another property whose values are unique."""
    query = [("properties", name) for name in properties]
    query += [("propertiesWithHistory", name) for name in history]
    query += [("associations", name) for name in associations]
    query += [("idProperty", id_property)] if id_property else []
    return Request(method="GET", path=f"/crm/v3/objects/{kind}/{quote(object_id, safe='')}", query=query)


def first_page(kind: ObjectType, limit: int) -> Request:
    """Ask for some objects, whichever they are."""
    return Request(method="GET", path=f"/crm/v3/objects/{kind}", query=[("limit", str(limit))])


def create(kind: ObjectType, properties: Mapping[str, str], linked: Sequence[tuple[str, int]] = ()) -> Request:
    """Create an object.

    Args:
        kind: What it is.
        properties: HubSpot's names and texts.
        linked: (Id of another object, HubSpot's number for this kind of link).
    """
    body: dict[str, Any] = {"properties": dict(properties)}
    if linked:
        body["associations"] = [
            {
                "to": {"id": object_id},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}],
            }
            for object_id, number in linked
        ]
    return Request(method="POST", path=f"/crm/v3/objects/{kind}", body=body, writes=True)


def update(kind: ObjectType, object_id: str, properties: Mapping[str, str]) -> Request:
    """Write some properties of an object; an empty text clears one."""
    path = f"/crm/v3/objects/{kind}/{quote(object_id, safe='')}"
    return Request(method="PATCH", path=path, body={"properties": dict(properties)}, writes=True)


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a search."""

    name: str
    operator: Literal["EQ", "LTE", "IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY"]
    value: str | None = None
    values: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as HubSpot reads it."""
        told: dict[str, Any] = {"propertyName": self.name, "operator": self.operator}
        if self.value is not None:
            told["value"] = self.value
        if self.values:
            told["values"] = list(self.values)
        return told


def search(
    kind: ObjectType,
    properties: Sequence[str],
    *,
    any_of: Sequence[Sequence[Filter]] = (),
    query: str | None = None,
    sort: str | None = None,
    limit: int = PAGE_AT_MOST,
    after: str | None = None,
) -> Request:
    """Search objects. HubSpot's index follows its writes by some seconds.

    Args:
        kind: What to search.
        properties: What to return of each.
        any_of: Groups of conditions: all of one group have to hold.
        query: Words to look for in HubSpot's default properties.
        sort: A property; with a leading "-" descending.
        limit: 1 to 100.
        after: Where the page before ended.
    """
    body: dict[str, Any] = {"limit": limit, "properties": list(properties)}
    if any_of:
        body["filterGroups"] = [{"filters": [each.as_json() for each in group]} for group in any_of]
    if query is not None:
        body["query"] = query
    if sort is not None:
        body["sorts"] = [sort]
    if after is not None:
        body["after"] = after
    return Request(method="POST", path=f"/crm/v3/objects/{kind}/search", body=body)


def batch_read(kind: ObjectType, object_ids: Sequence[str], properties: Sequence[str]) -> Request:
    """Ask for up to 100 objects by their ids; those that are not there are left out."""
    body = {
        "properties": list(properties),
        "propertiesWithHistory": [],
        "inputs": [{"id": object_id} for object_id in object_ids],
    }
    return Request(method="POST", path=f"/crm/v3/objects/{kind}/batch/read", body=body)
