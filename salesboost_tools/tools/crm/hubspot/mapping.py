"""Our typed properties and HubSpot's texts. One table per record type is the allow-list and the translation."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.crm.hubspot.wire import ObjectType
from salesboost_tools.tools.crm.vocabulary import RecordType

Read = Callable[[str], Any]
Written = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Property:
    """One property: HubSpot's name and how its text is read and written. `written` None: HubSpot alone writes it."""

    name: str
    read: Read = str
    written: Written | None = str


def moment_of(text: str) -> datetime | None:
    """Return a moment HubSpot tells: ISO 8601, or milliseconds since 1970 in older properties; None if neither."""
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def moment_text(moment: datetime) -> str:
    """Return a moment as HubSpot takes it: ISO 8601 in UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _whole(text: str) -> int | None:
    try:
        return int(Decimal(text))
    except (InvalidOperation, OverflowError, ValueError):
        return None


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _amount_text(amount: Decimal) -> str:
    return f"{amount:f}"


def _day(text: str) -> date | None:
    moment = moment_of(text)
    return moment.date() if moment else None


def _day_text(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"


def _status(text: str) -> str:
    return "customer" if text in {"customer", "evangelist"} else "prospect"


def _consent(text: str) -> str:
    return "withdrawn" if text == "true" else "unknown"


def note_html(text: str) -> str:
    """Return a text as the HTML that HubSpot's notes and tasks hold; what looks like a tag stays text."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def note_text(markup: str) -> str:
    """Return the text of HubSpot's HTML."""
    lines = re.sub(r"(?i)<br\s*/?>|</(p|div|li)>", "\n", markup)
    return html.unescape(re.sub(r"<[^>]*>", "", lines)).strip()


_ROLES = {
    "economic_buyer": "BUDGET_HOLDER",
    "champion": "CHAMPION",
    "user": "END_USER",
    "influencer": "INFLUENCER",
}
_TASK_STATUS = {"open": "NOT_STARTED", "done": "COMPLETED"}


def _role(text: str) -> str | None:
    return next((ours for ours, theirs in _ROLES.items() if theirs in text.split(";")), None)


def _role_text(role: str) -> str:
    if role not in _ROLES:
        raise wrong_input(f"HubSpot has no buying_role {role!r}; it has {', '.join(_ROLES)}.")
    return _ROLES[role]


def _task_status(text: str) -> str:
    return "done" if text == "COMPLETED" else "open"


KINDS: Mapping[RecordType, tuple[ObjectType, ...]] = {
    "account": ("companies",),
    "contact": ("contacts",),
    "deal": ("deals",),
    "activity": ("notes", "tasks"),
}

PROPERTIES: Mapping[ObjectType, Mapping[str, Property]] = {
    "companies": {
        "name": Property("name"),
        "domain": Property("domain"),
        "industry": Property("industry"),
        "employees": Property("numberofemployees", _whole),
        "country": Property("country"),
        "city": Property("city"),
        "phone": Property("phone"),
        "status": Property("lifecyclestage", _status, written=None),
        "owner_id": Property("hubspot_owner_id"),
    },
    "contacts": {
        "first_name": Property("firstname"),
        "last_name": Property("lastname"),
        "email": Property("email"),
        "phone": Property("phone"),
        "title": Property("jobtitle"),
        "buying_role": Property("hs_buying_role", _role, _role_text),
        "email_consent": Property("hs_email_optout", _consent, written=None),
        "account_id": Property("associatedcompanyid", written=None),
    },
    "deals": {
        "name": Property("dealname"),
        "amount": Property("amount", _amount, _amount_text),
        "currency": Property("deal_currency_code"),
        "stage": Property("dealstage"),
        "close_date": Property("closedate", _day, _day_text),
        "owner_id": Property("hubspot_owner_id"),
        "next_step": Property("hs_next_step"),
        "won_reason": Property("closed_won_reason"),
        "lost_reason": Property("closed_lost_reason"),
        "is_closed": Property("hs_is_closed", written=None),
        "last_activity_at": Property("notes_last_contacted", moment_of, written=None),
        "account_id": Property("hs_primary_associated_company", written=None),
    },
    "notes": {
        "body": Property("hs_note_body", note_text, note_html),
        "occurred_at": Property("hs_timestamp", moment_of, moment_text),
        "owner_id": Property("hubspot_owner_id"),
    },
    "tasks": {
        "subject": Property("hs_task_subject"),
        "body": Property("hs_task_body", note_text, note_html),
        "due_at": Property("hs_timestamp", moment_of, moment_text),
        "status": Property("hs_task_status", _task_status, _TASK_STATUS.__getitem__),
        "owner_id": Property("hubspot_owner_id"),
    },
}
"""Object type -> our name -> HubSpot's property."""

LINKS: Mapping[tuple[ObjectType, ObjectType], int] = {
    ("contacts", "companies"): 1,
    ("deals", "companies"): 5,
    ("notes", "companies"): 190,
    ("notes", "contacts"): 202,
    ("notes", "deals"): 214,
    ("tasks", "companies"): 192,
    ("tasks", "contacts"): 204,
    ("tasks", "deals"): 216,
}
"""HubSpot's numbers for the kinds of links it defines; a contact's and a deal's company is its primary one."""


def names_of(kind: ObjectType, competitor: str | None = None) -> list[str]:
    """Return HubSpot's names of the properties that are shown."""
    own = [each.name for each in PROPERTIES[kind].values()]
    return [*own, competitor] if competitor and kind == "deals" else own


def typed(kind: ObjectType, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return our values of HubSpot's texts; an empty or missing one is None, and so is one that cannot be read."""
    found: dict[str, Any] = {}
    for name, each in PROPERTIES[kind].items():
        text = properties.get(each.name)
        found[name] = each.read(text) if isinstance(text, str) and text else None
    return found


def texts(kind: ObjectType, values: Mapping[str, Any]) -> dict[str, str]:
    """Return HubSpot's texts of our values; None becomes the empty text, which clears a property.

    Raises:
        ToolInputError: HubSpot has no such property, or does not let others write it; those it lets are named.
    """
    table = PROPERTIES[kind]
    told: dict[str, str] = {}
    for name, value in values.items():
        each = table.get(name)
        if each is None or each.written is None:
            allowed = ", ".join(sorted(key for key, known in table.items() if known.written))
            raise wrong_input(f"On HubSpot {name} cannot be written here. Allowed: {allowed}.")
        told[each.name] = "" if value is None else each.written(value)
    return told
