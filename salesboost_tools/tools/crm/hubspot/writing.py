"""Talks that change something: look, check, then write once.

HubSpot keeps no versions that a write could be conditional on. A record is read, its moment of change compared with
the version the caller saw, and then written: somebody who writes between the two is overwritten, in the properties
named and in no others. HubSpot also moves that moment for values it computes, so a version may be called stale although
nobody changed what the caller read; never the other way round.
"""

from collections.abc import Generator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from salesboost_tools.core.errors import ToolInputError, UpstreamError
from salesboost_tools.tools.argument import iso_utc, wrong_input
from salesboost_tools.tools.crm.commands import AddActivity, Create, MoveDeal, Update, Upsert
from salesboost_tools.tools.crm.deal_rule import move
from salesboost_tools.tools.crm.hubspot import wire
from salesboost_tools.tools.crm.hubspot.mapping import LINKS, PROPERTIES, names_of, texts, typed
from salesboost_tools.tools.crm.hubspot.objects import Found, Portal, answer, found_in, results_in
from salesboost_tools.tools.crm.hubspot.reading import company_names, competitor_property, fetch, stage_id
from salesboost_tools.tools.crm.hubspot.replies import ConflictError
from salesboost_tools.tools.crm.hubspot.wire import Filter, ObjectType, Request, Talk
from salesboost_tools.tools.crm.properties import KNOWN_BY, SET_AT_CREATION, properties_of_new
from salesboost_tools.tools.crm.vocabulary import OPEN_STAGES, Created
from salesboost_tools.tools.pricing.money import digits_of

_KINDS: Mapping[Created, ObjectType] = {"account": "companies", "contact": "contacts", "deal": "deals"}
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def add_activity(asked: AddActivity, portal: Portal) -> Talk:
    """Write a note or a task on an account or a deal.

    Raises:
        ToolInputError: An unknown account, deal or contact, or ones that do not belong together.
    """
    account_id = asked.account_id
    if asked.deal_id is not None:
        deal = yield from fetch("deal", asked.deal_id, portal)
        account_id = _same_account(asked.deal_id, deal, account_id)
    else:
        yield from fetch("account", account_id or "", portal)
    if asked.contact_id is not None:
        contact = yield from fetch("contact", asked.contact_id, portal)
        account_id = _same_account(asked.contact_id, contact, account_id)
    kind: ObjectType = "notes" if asked.kind == "note" else "tasks"
    linked = {"companies": account_id, "deals": asked.deal_id, "contacts": asked.contact_id}
    if asked.kind == "note":
        titled = asked.body.startswith(asked.subject.removesuffix("…"))
        body = asked.body if titled else f"{asked.subject}\n\n{asked.body}"  # HubSpot's notes have no title
        values: dict[str, Any] = {"body": body, "occurred_at": portal.now}
    else:
        values = {"subject": asked.subject, "body": asked.body, "due_at": asked.due_at, "status": "open"}
    if asked.owner_id:
        values["owner_id"] = asked.owner_id
    links = {name: (object_id,) for name, object_id in linked.items() if object_id}
    told = texts(kind, values)
    return (yield from _create(asked.operation, kind, told, links, portal, dry_run=asked.dry_run))


def create_record(asked: Create, portal: Portal) -> Talk:
    """Write a new account, or a new person or deal at one.

    Raises:
        ToolInputError: The account is unknown, the e-mail address belongs to a contact already, or HubSpot cannot hold
            a property.
    """
    kind = _KINDS[asked.record_type]
    links: dict[str, tuple[str, ...]] = {}
    if asked.record_type != "account":
        company = yield from fetch("account", asked.account_id or "", portal)
        links = {"companies": (company.object_id,)}
    values = dict(asked.properties)
    if asked.record_type == "deal":
        values = {"stage": OPEN_STAGES[0], **values}
    told = _in_theirs(kind, values, portal, values.get("currency"))
    try:
        operation = f"create_{asked.record_type}"
        return (yield from _create(operation, kind, told, links, portal, dry_run=asked.dry_run))
    except ConflictError as error:
        known = error.existing_id or "(HubSpot does not say which)"
        raise wrong_input(f"This e-mail address belongs to contact {known} already; update that one.") from error


def upsert(asked: Upsert, portal: Portal) -> Talk:
    """Change the record that is known by its e-mail address, domain or name, or create it.

    A contact is read by its address, which HubSpot keeps unique: at once, and never twice. Companies and deals have to
    be searched: two upserts of a new one within the seconds by which the search lags create two.

    Raises:
        ToolInputError: Several are known by this name, the record belongs to another account, has another version than
            expected, or lacks what a new one needs.
    """
    found = yield from _known_as(asked, portal)
    if found is None:
        try:
            told = yield from create_record(_as_create(asked), portal)
        except ToolInputError as error:
            if not isinstance(error.__cause__, ConflictError):
                raise
            found = yield from _contact_with(asked.properties["email"], portal)  # somebody was faster
            if found is None:
                raise
        else:
            return {**told, "operation": "upsert", "created": True}
    told = yield from _change(*_as_change(asked, found, portal), portal, operation="upsert", dry_run=asked.dry_run)
    return {**told, "created": False}


def move_deal(asked: MoveDeal, portal: Portal) -> Talk:
    """Put a deal into another stage.

    Raises:
        ToolInputError: Unknown deal, stale version, a stage the pipeline lacks, or a rule of the stages.
    """
    found = yield from fetch("deal", asked.deal_id, portal)
    stage = portal.stage_of(found.values["stage"])
    moved = move({"stage": stage, "closed_at": None, "competitor": None}, asked, portal.now)
    values: dict[str, Any] = {"stage": moved["stage"]}
    if asked.reason:
        values[f"{asked.stage}_reason"] = asked.reason
    if asked.competitor:
        values["competitor"] = asked.competitor
    theirs = _in_theirs("deals", values, portal, None)
    return (
        yield from _change(
            found, asked.expected_version, theirs, portal, operation="update_deal_stage", dry_run=asked.dry_run
        )
    )


def update(asked: Update, portal: Portal) -> Talk:
    """Write other values for some properties of a record.

    Raises:
        ToolInputError: Unknown record, stale version, or a property HubSpot cannot hold.
    """
    found = yield from fetch(asked.record_type, asked.record_id, portal)
    theirs = _in_theirs(found.kind, asked.properties, portal, found.values.get("currency"))
    return (
        yield from _change(found, asked.expected_version, theirs, portal, operation="update", dry_run=asked.dry_run)
    )


# ---------------------------------------------------------------- one write each


def _create(
    operation: str,
    kind: ObjectType,
    theirs: Mapping[str, str],
    links: Mapping[str, tuple[str, ...]],
    portal: Portal,
    *,
    dry_run: bool,
) -> Talk:
    found = Found(kind, "", theirs, portal.now, portal.now, links)
    names = yield from company_names([found])  # before the write: what fails after it must not hide it
    if not dry_run:
        numbered = [(ids[0], LINKS[kind, name]) for name, ids in links.items()]  # pyright: ignore[reportArgumentType]
        told = found_in(kind, (yield wire.create(kind, theirs, numbered)))
        found = Found(kind, told.object_id, {**theirs, **told.texts}, told.created_at, told.updated_at, links)
    changes = _changes({}, theirs, kind, portal)
    return _told(operation, found, changes, portal, names, dry_run=dry_run)


def _change(
    found: Found, expected_version: int, theirs: Mapping[str, str], portal: Portal, *, operation: str, dry_run: bool
) -> Talk:
    if found.version != expected_version:
        raise wrong_input(
            f"{found.object_id} is at version {found.version} (changed {iso_utc(found.updated_at)}), not at the "
            f"expected version {expected_version}. Get it again and repeat the change on what you find."
        )
    written = {name: text for name, text in theirs.items() if not _same(found.texts.get(name), text)}
    names = yield from company_names([found])
    changes = _changes(found.texts, written, found.kind, portal)
    if dry_run:
        found = Found(
            found.kind, found.object_id, {**found.texts, **written}, found.created_at, found.updated_at, found.linked
        )
    elif written:
        found = found.changed_by((yield wire.update(found.kind, found.object_id, written)))
    return _told(operation, found, changes, portal, names, dry_run=dry_run)


def _told(
    operation: str,
    found: Found,
    changes: Mapping[str, Any],
    portal: Portal,
    names: Mapping[str, str],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    record = answer(found, portal, names, excerpt=True)
    return {"operation": operation, "dry_run": dry_run, "changes": changes, "record": record}


def _same(before: Any, after: str) -> bool:
    """Return whether HubSpot's text stays what it is: an empty one and none are one, and so are 1200.5 and 1200.50."""
    if (before or "") == after:
        return True
    try:
        return Decimal(before) == Decimal(after)
    except (ArithmeticError, TypeError, ValueError):
        return False


def _changes(
    before: Mapping[str, Any], written: Mapping[str, str], kind: ObjectType, portal: Portal
) -> dict[str, dict[str, Any]]:
    """Return property -> {from, to} in our words; a new record's text is left to the record itself."""
    was, becomes = typed(kind, before), typed(kind, written)
    ours = {each.name: name for name, each in PROPERTIES[kind].items()}
    told: dict[str, dict[str, Any]] = {}
    for theirs in written:
        if theirs == portal.competitor:
            told["competitor"] = {"from": before.get(theirs) or None, "to": written[theirs] or None}
            continue
        name = ours[theirs]
        if name == "body" and not before:
            continue
        shown = portal.stage_of if name == "stage" else _plain
        told[name] = {"from": shown(was[name]), "to": shown(becomes[name])}
    return told


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value


# ---------------------------------------------------------------- what goes before it


def _in_theirs(kind: ObjectType, values: Mapping[str, Any], portal: Portal, currency: str | None) -> dict[str, str]:
    """Return HubSpot's texts of our values: the stage by its id, the competitor in the property somebody named."""
    told = dict(values)
    extra: dict[str, str] = {}
    if kind == "deals" and "competitor" in told:
        extra[competitor_property(portal)] = told.pop("competitor") or ""
    if kind == "deals" and "stage" in told:
        told["stage"] = stage_id(told["stage"], portal)
    amount = told.get("amount")
    if isinstance(amount, Decimal) and currency and -int(amount.as_tuple().exponent) > digits_of(currency):
        raise wrong_input(
            f"{currency} amounts have at most {digits_of(currency)} digits after the point; got {amount}."
        )
    return {**texts(kind, told), **extra}


def _same_account(record_id: str, found: Found, account_id: str | None) -> str | None:
    if account_id is not None and found.account_id not in {None, account_id}:
        raise wrong_input(f"{record_id} belongs to {found.account_id}, not to {account_id}.")
    return account_id or found.account_id


def _known_as(asked: Upsert, portal: Portal) -> Generator[Request, dict[str, Any], Found | None]:
    name = KNOWN_BY[asked.record_type]
    value = str(asked.properties[name])
    if asked.record_type == "contact":
        return (yield from _contact_with(value, portal))
    kind = _KINDS[asked.record_type]
    conditions = [Filter(PROPERTIES[kind][name].name, "EQ", value)]
    if asked.record_type == "deal":
        conditions.append(Filter("associations.company", "EQ", asked.account_id))
    told = yield wire.search(kind, ["hs_object_id"], any_of=[conditions], limit=2)
    ids = [str(each["id"]) for each in results_in(told)]
    if len(ids) > 1:
        raise wrong_input(f"Several {asked.record_type}s have this {name}, {' and '.join(ids)} among them: update one.")
    return (yield from fetch(asked.record_type, ids[0], portal)) if ids else None


def _contact_with(email: str, portal: Portal) -> Generator[Request, dict[str, Any], Found | None]:
    names = names_of("contacts", portal.competitor)
    try:
        told = yield wire.get("contacts", email, names, associations=["companies"], id_property="email")
    except UpstreamError as error:
        if error.status == 404:
            return None
        raise
    return found_in("contacts", told)


def _as_create(asked: Upsert) -> Create:
    name = KNOWN_BY[asked.record_type]
    if asked.expected_version is not None:
        raise wrong_input(
            f"There is no {asked.record_type} with this {name} any more, so not with version "
            f"{asked.expected_version} either. Leave expected_version out to create it."
        )
    if asked.record_type != "account" and asked.account_id is None:
        raise wrong_input(f"No {asked.record_type} has this {name}; to create it, name its account_id.")
    properties = properties_of_new(asked.record_type, asked.properties)
    return Create(
        record_type=asked.record_type, account_id=asked.account_id, properties=properties, dry_run=asked.dry_run
    )


def _as_change(asked: Upsert, found: Found, portal: Portal) -> tuple[Found, int, dict[str, str]]:
    if asked.account_id is not None and found.account_id not in {None, asked.account_id}:
        raise wrong_input(f"{found.object_id} belongs to {found.account_id}, not to {asked.account_id}.")
    for name in sorted(SET_AT_CREATION & asked.properties.keys()):
        now = found.values.get(name)
        now = portal.stage_of(now) if name == "stage" else now
        if now != asked.properties[name]:
            how = "update_deal_stage changes it" if name == "stage" else "it stays as it was created"
            raise wrong_input(f"{found.object_id} has {name} {now!r}, not {asked.properties[name]!r}; {how}.")
    values = {name: value for name, value in asked.properties.items() if name not in SET_AT_CREATION}
    theirs = _in_theirs(found.kind, values, portal, found.values.get("currency"))
    return found, asked.expected_version or found.version, theirs
