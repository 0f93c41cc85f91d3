"""Talks that change nothing: one record, a page, how deals ended, who changed what."""

from collections.abc import Generator, Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

from salesboost_tools.core.errors import ToolInputError, UpstreamError
from salesboost_tools.tools.argument import iso_utc, wrong_input
from salesboost_tools.tools.crm.commands import AuditTrail, Find, Get, WinLoss
from salesboost_tools.tools.crm.cursor import cursor_after, position
from salesboost_tools.tools.crm.hubspot import wire
from salesboost_tools.tools.crm.hubspot.mapping import PROPERTIES, moment_of, moment_text, names_of
from salesboost_tools.tools.crm.hubspot.objects import (
    Found,
    Portal,
    answer,
    found_in,
    next_page_of,
    place_of,
    results_in,
)
from salesboost_tools.tools.crm.hubspot.wire import Filter, ObjectType, Request, Talk
from salesboost_tools.tools.crm.vocabulary import RecordType
from salesboost_tools.tools.crm.win_loss import by_competitor
from salesboost_tools.tools.pricing.money import MINOR_DIGITS

_LINKED: Mapping[ObjectType, tuple[str, ...]] = {
    "companies": (),
    "contacts": ("companies",),
    "deals": ("companies",),
    "notes": ("companies", "deals", "contacts"),
    "tasks": ("companies", "deals", "contacts"),
}
_SORTED_BY: Mapping[ObjectType, str] = {
    "companies": "name",
    "contacts": "lastname",
    "deals": "-notes_last_contacted",
    "notes": "-hs_timestamp",
    "tasks": "-hs_timestamp",
}
_LAGS = "HubSpot's search follows its writes by some seconds: a record that was just written is read by its id."
_PAGES_OF_ENDINGS = 10

Fetch = Generator[Request, dict[str, Any], Found]


def get(asked: Get, portal: Portal) -> Talk:
    """Return one record as it is now; HubSpot's reads by id see every earlier write.

    Raises:
        ToolInputError: There is none.
    """
    found = yield from fetch(asked.record_type, asked.record_id, portal)
    names = yield from company_names([found])
    return {"operation": "get", "record": answer(found, portal, names)}


def fetch(record_type: RecordType, record_id: str, portal: Portal) -> Fetch:
    """Return an object by the id the tool shows.

    Raises:
        ToolInputError: There is none.
    """
    place = place_of(record_type, record_id)
    if place is None:
        raise _unknown(record_type, record_id)
    kind, object_id = place
    request = wire.get(kind, object_id, names_of(kind, portal.competitor), associations=_LINKED[kind])
    try:
        told = yield request
    except UpstreamError as error:
        if error.status == 404:
            raise _unknown(record_type, record_id) from error
        raise
    return found_in(kind, told)


def company_names(found: Iterable[Found]) -> Generator[Request, dict[str, Any], dict[str, str]]:
    """Return the names of the companies that objects belong to, all in one request."""
    ids = sorted({each.account_id for each in found if each.kind != "companies" and each.account_id})
    if not ids:
        return {}
    told = yield wire.batch_read("companies", ids, ["name"])
    companies = (found_in("companies", each) for each in results_in(told))
    return {each.object_id: each.values["name"] or "" for each in companies}


def find(asked: Find, portal: Portal, tenant_id: str) -> Talk:
    """Return one page of records, as far as HubSpot's search knows them by now.

    Raises:
        ToolInputError: A filter HubSpot cannot answer, or an account or deal that does not exist.
    """
    kind = _kind_of(asked)
    after = position(asked, tenant_id)
    request = wire.search(
        kind,
        names_of(kind, portal.competitor),
        any_of=_conditions(asked, portal),
        query=asked.query,
        sort="notes_last_contacted" if asked.stalled_days is not None else _SORTED_BY[kind],
        limit=asked.limit,
        after=str(after[0]) if after else None,
    )
    told = yield request
    found = [found_in(kind, each) for each in results_in(told)]
    if not found and asked.cursor is None:
        for record_type, name in (("account", "account_id"), ("deal", "deal_id")):
            if name in asked.filters:
                yield from fetch(record_type, asked.filters[name], portal)  # pyright: ignore[reportArgumentType]
    names = yield from company_names(found)
    following = next_page_of(told)
    return {
        "operation": asked.operation,
        "record_type": asked.record_type,
        "records": [answer(each, portal, names, excerpt=True) for each in found],
        "hint": None if found else f"Nothing found. {_LAGS}",
        "next_cursor": cursor_after(asked, tenant_id, [following]) if following else None,
        "as_of": iso_utc(portal.now),
        "consistency": "eventual",
    }


def win_loss(asked: WinLoss, portal: Portal) -> Talk:
    """Return how closed deals ended, per competitor; `complete` is False if there were more than were read.

    Raises:
        ToolInputError: Nobody said which of HubSpot's properties holds the competitor.
    """
    competitor = competitor_property(portal)
    named = Filter(competitor, "EQ", asked.competitor) if asked.competitor else Filter(competitor, "HAS_PROPERTY")
    rows: list[dict[str, Any]] = []
    after: str | None = None
    for _ in range(_PAGES_OF_ENDINGS):
        told = yield wire.search(
            "deals", names_of("deals", competitor), any_of=[[Filter("hs_is_closed", "EQ", "true"), named]], after=after
        )
        rows += [_ending(found_in("deals", each), portal, competitor) for each in results_in(told)]
        after = next_page_of(told)
        if not after:
            break
    known = [row for row in rows if row["stage"] in {"won", "lost"}]
    return {
        "operation": "win_loss",
        "competitors": by_competitor(known),
        "complete": not after,
        "as_of": iso_utc(portal.now),
    }


def audit_trail(asked: AuditTrail, portal: Portal) -> Talk:
    """Return who changed a record, when and what, oldest first, from HubSpot's own history of its properties.

    Changes made here are the private app's there; who asked for them stands in the log of this program.
    """
    place = place_of(asked.record_type, asked.record_id)
    if place is None:
        raise _unknown(asked.record_type, asked.record_id)
    kind, object_id = place
    told = yield wire.get(kind, object_id, [], history=names_of(kind, portal.competitor))
    ours = {each.name: name for name, each in PROPERTIES[kind].items()}
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    history = cast("Mapping[str, list[Mapping[str, Any]]]", told.get("propertiesWithHistory") or {})
    for theirs, values in history.items():
        before: Any = None
        for value in sorted(values, key=lambda each: each["timestamp"]):
            actor = value.get("updatedByUserId") or value.get("sourceId")
            moment = moment_of(value["timestamp"])
            entry = entries.setdefault(
                (value["timestamp"], str(actor)),
                {
                    "at": iso_utc(moment) if moment else value["timestamp"],
                    "actor": None if actor is None else str(actor),
                    "actor_role": value.get("sourceType"),
                    "operation": "update",
                    "version": int(moment.timestamp() * 1000) if moment else 0,
                    "changes": {},
                },
            )
            entry["changes"][ours.get(theirs, theirs)] = {"from": before, "to": value["value"]}
            before = value["value"]
    told_entries = [entries[key] for key in sorted(entries)]
    return {"operation": "audit_trail", "record_id": asked.record_id, "entries": told_entries}


def competitor_property(portal: Portal) -> str:
    """Return HubSpot's name of the property that holds the competitor.

    Raises:
        ToolInputError: There is none.
    """
    if portal.competitor is None:
        raise ToolInputError(
            "HubSpot has no property for the competitor; name one of yours in TOOL_HUBSPOT_COMPETITOR_PROPERTY",
            for_model="This CRM keeps no competitors: leave competitor out.",
        )
    return portal.competitor


def stage_id(stage: str, portal: Portal) -> str:
    """Return HubSpot's id of a stage.

    Raises:
        ToolInputError: Its pipeline has none for it; those it has are named.
    """
    for ours, theirs in portal.stages.items():
        if ours == stage:
            return theirs
    raise ToolInputError(
        f"HubSpot's pipeline has no stage for {stage!r}; there are: {', '.join(portal.stages)} "
        "(setting TOOL_HUBSPOT_STAGES)",
        for_model=f"This CRM has no stage {stage!r}; use one of {', '.join(portal.stages)}.",
    )


def _unknown(record_type: RecordType, record_id: str) -> ToolInputError:
    how = (
        "Ids look like note-123 and task-123; list the notes or tasks of an account or deal."
        if record_type == "activity"
        else f"Search {record_type}s by name{' or e-mail' if record_type == 'contact' else ''}."
    )
    return wrong_input(f"No {record_type} {record_id!r}. {how}")


def _kind_of(asked: Find) -> ObjectType:
    if asked.record_type == "activity":
        match asked.filters.get("kind"):
            case "note":
                return "notes"
            case "task":
                return "tasks"
            case _:
                raise wrong_input("On HubSpot activities are listed by kind: note or task.")
    kinds: Mapping[str, ObjectType] = {"account": "companies", "contact": "contacts", "deal": "deals"}
    return kinds[asked.record_type]


def _conditions(asked: Find, portal: Portal) -> list[list[Filter]]:
    """Return the groups of conditions, one of which has to hold."""
    group = [_condition(name, value, portal) for name, value in asked.filters.items() if name != "kind"]
    if asked.stalled_days is None:
        return [group] if group else []
    group.append(Filter("hs_is_closed", "EQ", "false"))
    silent_since = moment_text(portal.now - timedelta(days=asked.stalled_days))
    never = [Filter("notes_last_contacted", "NOT_HAS_PROPERTY"), Filter("createdate", "LTE", silent_since)]
    return [[*group, Filter("notes_last_contacted", "LTE", silent_since)], [*group, *never]]


def _condition(name: str, value: str, portal: Portal) -> Filter:
    match name:
        case "account_id":
            return Filter("associations.company", "EQ", value)
        case "deal_id":
            return Filter("associations.deal", "EQ", value)
        case "stage":
            return Filter("dealstage", "EQ", stage_id(value, portal))
        case "owner_id":
            return Filter("hubspot_owner_id", "EQ", value)
        case "competitor":
            return Filter(competitor_property(portal), "EQ", value)
        case _:  # industry, country: HubSpot calls them the same
            return Filter(name, "EQ", value)


def _ending(found: Found, portal: Portal, competitor: str) -> dict[str, Any]:
    values = found.values
    stage = portal.stage_of(values["stage"])
    currency, amount = values["currency"], values["amount"]
    digits = MINOR_DIGITS.get(currency or "")
    return {
        "competitor": found.texts.get(competitor),
        "stage": stage,
        "close_reason": values[f"{stage}_reason"] if stage in {"won", "lost"} else None,
        "currency": currency,
        "amount_minor": None if amount is None or digits is None else int(amount.scaleb(digits)),
        "deals": 1,
    }
