"""A HubSpot object as the plain, JSON-able answer of the tool: the same fields as from a database."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.tools.argument import iso_utc
from salesboost_tools.tools.crm.hubspot.mapping import moment_of, typed
from salesboost_tools.tools.crm.hubspot.wire import ObjectType
from salesboost_tools.tools.crm.records import EXCERPT_LETTERS
from salesboost_tools.tools.crm.vocabulary import RecordType, Stage
from salesboost_tools.tools.pricing.money import MINOR_DIGITS


@dataclass(frozen=True, slots=True)
class Portal:
    """What is particular to one HubSpot account.

    Attributes:
        stages: Our stage -> the id of HubSpot's.
        competitor: HubSpot's name of a deal property that holds the competitor; None if there is none.
        now: The present moment (UTC).
    """

    stages: Mapping[Stage, str]
    competitor: str | None
    now: datetime

    def stage_of(self, theirs: str | None) -> str | None:
        """Return our stage for HubSpot's; one that has none of ours is shown as it is."""
        return next((ours for ours, known in self.stages.items() if known == theirs), theirs)


@dataclass(frozen=True, slots=True)
class Found:
    """One object as HubSpot tells it.

    Attributes:
        kind: What it is.
        object_id: HubSpot's id; "" for one that a dry run does not create.
        texts: HubSpot's names and texts.
        created_at: When it was created.
        updated_at: When it was last changed, by anybody.
        linked: Object type -> ids of the objects it is linked with, as far as they were asked for.
    """

    kind: ObjectType
    object_id: str
    texts: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    linked: Mapping[str, tuple[str, ...]]

    @property
    def version(self) -> int:
        """The moment of the last change, in milliseconds: HubSpot counts no versions."""
        return int(self.updated_at.timestamp() * 1000)

    @property
    def values(self) -> dict[str, Any]:
        """Our values of its properties."""
        return typed(self.kind, self.texts)

    @property
    def account_id(self) -> str | None:
        """The company it belongs to: the first linked one, else the one HubSpot calls primary."""
        linked = self.linked.get("companies")
        return linked[0] if linked else self.values.get("account_id")

    def changed_by(self, told: Mapping[str, Any]) -> "Found":
        """Return it as it is after an update, whose reply names some properties only."""
        after = found_in(self.kind, told)
        return replace(self, texts={**self.texts, **after.texts}, updated_at=after.updated_at)


def found_in(kind: ObjectType, told: Mapping[str, Any]) -> Found:
    """Return the object of a reply.

    Raises:
        UpstreamError: It is none.
    """
    created_at, updated_at = (moment_of(str(told.get(name))) for name in ("createdAt", "updatedAt"))
    object_id, texts = told.get("id"), told.get("properties")
    linked = cast("Mapping[str, Any]", told.get("associations") or {})
    if not isinstance(object_id, str) or not isinstance(texts, dict) or created_at is None or updated_at is None:
        raise _unusable()
    links = {name: tuple(dict.fromkeys(str(link["id"]) for link in results_in(linked[name]))) for name in linked}
    return Found(kind, object_id, cast("dict[str, Any]", texts), created_at, updated_at, links)


def results_in(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the list of a reply.

    Raises:
        UpstreamError: It has none.
    """
    results = told.get("results")
    if not isinstance(results, list) or not all(isinstance(each, dict) for each in cast("list[Any]", results)):
        raise _unusable()
    return cast("list[Mapping[str, Any]]", results)


def next_page_of(told: Mapping[str, Any]) -> str | None:
    """Return where the next page begins; None after the last."""
    paging = cast("Mapping[str, Any]", told.get("paging") or {})
    following = cast("Mapping[str, Any]", paging.get("next") or {}).get("after")
    return None if following is None else str(following)


def _unusable() -> UpstreamError:
    """Return the error for a reply of another shape; of a write that leaves open what happened."""
    return UpstreamError("HubSpot's reply has another shape than its CRM's", for_model="The CRM gave no usable answer.")


def answer(found: Found, portal: Portal, names: Mapping[str, str], *, excerpt: bool = False) -> dict[str, Any]:
    """Return one record. What HubSpot does not know is None.

    Args:
        found: The object.
        portal: Whose it is.
        names: Company id -> name.
        excerpt: Cut long texts to 500 letters and say so.
    """
    values = found.values
    match found.kind:
        case "companies":
            kind, own = "account", {**values, "time_zone": None, "annual_revenue": None}
            own["status"] = values["status"] or "prospect"
        case "contacts":
            kind, own = "contact", {**values, "preferred_channel": None, "account": _account(found, names)}
            own["email_consent"] = values["email_consent"] or "unknown"
            del own["account_id"]
        case "deals":
            kind, own = "deal", _deal(found, portal, names)
        case "notes" | "tasks":
            kind, own = "activity", _activity(found, names, excerpt=excerpt)
    stamps = {"created_at": iso_utc(found.created_at), "updated_at": iso_utc(found.updated_at)}
    return {"type": kind, "id": record_id_of(found), **own, **stamps, "version": found.version}


def record_id_of(found: Found) -> str | None:
    """Return the id the tool shows: HubSpot's, with the kind before it for an activity."""
    if not found.object_id:
        return None
    return f"{found.kind.removesuffix('s')}-{found.object_id}" if found.kind in {"notes", "tasks"} else found.object_id


def place_of(record_type: RecordType, record_id: str) -> tuple[ObjectType, str] | None:
    """Return where a record is: object type and HubSpot's id; None if it is no id of HubSpot's."""
    kind: ObjectType
    match record_type:
        case "account":
            kind = "companies"
        case "contact":
            kind = "contacts"
        case "deal":
            kind = "deals"
        case "activity":
            named, _, record_id = record_id.partition("-")
            if named not in {"note", "task"}:
                return None
            kind = "notes" if named == "note" else "tasks"
    return (kind, record_id) if record_id.isascii() and record_id.isdigit() else None


def money(amount: Decimal | None, currency: str | None) -> dict[str, str | None] | None:
    """Return an amount as exact text, with the digits of its currency where HubSpot names one."""
    if amount is None:
        return None
    digits = MINOR_DIGITS.get(currency or "")
    exact = amount if digits is None else amount.quantize(Decimal(1).scaleb(-digits))
    return {"amount": f"{exact:f}", "currency": currency}


def _account(found: Found, names: Mapping[str, str]) -> dict[str, str | None] | None:
    account_id = found.account_id
    return None if account_id is None else {"id": account_id, "name": names.get(account_id)}


def _deal(found: Found, portal: Portal, names: Mapping[str, str]) -> dict[str, Any]:
    values = found.values
    last = values["last_activity_at"] or found.created_at
    closed = values["is_closed"] == "true"
    close_date = values["close_date"]
    return {
        "name": values["name"],
        "account": _account(found, names),
        "stage": portal.stage_of(values["stage"]),
        "amount": money(values["amount"], values["currency"]),
        "line_items": None,
        "owner_id": values["owner_id"],
        "competitor": (found.texts.get(portal.competitor) or None) if portal.competitor else None,
        "next_step": values["next_step"],
        "close_date": close_date.isoformat() if close_date else None,
        "close_date_slips": None,
        "closed_at": close_date.isoformat() if closed and close_date else None,
        "close_reason": values["lost_reason"] or values["won_reason"] if closed else None,
        "last_activity_at": iso_utc(last),
        "days_since_activity": max(0, (portal.now - last).days),
    }


def _activity(found: Found, names: Mapping[str, str], *, excerpt: bool) -> dict[str, Any]:
    values = found.values
    body: str = values["body"] or ""
    cut = excerpt and len(body) > EXCERPT_LETTERS
    due_at, occurred_at = values.get("due_at"), values.get("occurred_at") or found.created_at
    return {
        "kind": found.kind.removesuffix("s"),
        "direction": None,
        "subject": values.get("subject") or body.partition("\n")[0][:80],
        "status": values["status"] or "open" if found.kind == "tasks" else None,
        "owner_id": values["owner_id"],
        "deal_id": next(iter(found.linked.get("deals", ())), None),
        "contact_id": next(iter(found.linked.get("contacts", ())), None),
        "body": body[:EXCERPT_LETTERS] + "…" if cut else body,
        "body_is_complete": not cut,
        "account": _account(found, names),
        "occurred_at": iso_utc(occurred_at),
        "due_at": iso_utc(due_at) if due_at else None,
    }
