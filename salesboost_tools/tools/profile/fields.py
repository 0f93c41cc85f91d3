"""The fields of a profile, each fact with its source and the time it is from. Pure functions of what the CRM holds."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from salesboost_tools.tools.crm.vocabulary import BuyingRole
from salesboost_tools.tools.profile.arguments import ProfileField, Subject
from salesboost_tools.tools.profile.erasing import ERASED
from salesboost_tools.tools.profile.roles import Kind, RoleRule
from salesboost_tools.tools.profile.signs import Said, heard, shipped_signs

Record = Mapping[str, Any]

_FIRMOGRAPHICS: Final[Mapping[str, Kind | None]] = {
    "name": None,
    "domain": None,
    "industry": None,
    "employees": None,
    "annual_revenue": None,
    "country": None,
    "city": None,
    "time_zone": None,
    "phone": None,  # a company's switchboard is nobody's number
    "status": None,
    "owner_id": None,
}
_IDENTITY: Final[Mapping[str, Kind | None]] = {
    "first_name": "name",
    "last_name": "name",
    "title": None,
    "buying_role": None,
    "email": "email",
    "phone": "phone",
    "account": None,
}
_EXCERPT_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What a profile is made from.

    Attributes:
        record: The account or person.
        members: The people of the account.
        activities: Latest first.
        gone: People that have been erased; nothing is told of them, whatever the CRM still holds.
        rule: What the asking role sees.
        limit: Entries of the timeline at most.
    """

    record: Record
    members: Sequence[Record]
    activities: Sequence[Record]
    gone: frozenset[str]
    rule: RoleRule
    limit: int


def full_name(person: Record, rule: RoleRule) -> str | None:
    """Return a person's name as a role sees it."""
    name = f"{person['first_name'] or ''} {person['last_name'] or ''}".strip()
    return rule.shown("name", name or None)


def _facts(record: Record, kinds: Mapping[str, Kind | None], rule: RoleRule) -> dict[str, Any]:
    return {
        name: _fact(record[name] if kind is None else rule.shown(kind, record[name]), record)
        for name, kind in kinds.items()
        if record.get(name) is not None
    }


def _fact(value: Any, record: Record) -> dict[str, Any]:
    return {"value": value, "source": _source(record), "at": record["updated_at"]}


def _source(record: Record) -> str:
    return f"crm:{record['type']}:{record['id']}"


def _firmographics(known: Known) -> dict[str, Any]:
    return _facts(known.record, _FIRMOGRAPHICS, known.rule)


def _identity(known: Known) -> dict[str, Any]:
    return _facts(known.record, _IDENTITY, known.rule)


def _buying_committee(known: Known) -> dict[str, Any]:
    roles = {each["buying_role"] for each in known.members if each["id"] not in known.gone}
    return {
        "people": [_member(each, known) for each in known.members],
        "roles_nobody_holds": [role for role in get_args(BuyingRole) if role not in roles],
    }


def _member(person: Record, known: Known) -> dict[str, Any]:
    if person["id"] in known.gone:
        return {"id": person["id"], "erased": True}
    rule = known.rule
    return {
        "id": person["id"],
        "name": full_name(person, rule),
        "title": person["title"],
        "buying_role": person["buying_role"],
        "email": rule.shown("email", person["email"]),
        "phone": rule.shown("phone", person["phone"]),
        "source": _source(person),
        "at": person["updated_at"],
    }


def _said(known: Known, said: Said) -> list[dict[str, Any]]:
    """Return topics with the sentence that shows each; who was erased is not quoted."""
    quotable = [each for each in known.activities if each["contact_id"] not in known.gone]
    return [
        {
            "topic": each.topic,
            "value": known.rule.shown("text", each.sentence),
            "times": each.times,
            "person_id": each.activity["contact_id"],
            "source": _source(each.activity),
            "at": each.activity["occurred_at"],
        }
        for each in heard(quotable, shipped_signs()[said])
    ]


def _pains(known: Known) -> list[dict[str, Any]]:
    return _said(known, "pains")


def _preferences_of_account(known: Known) -> dict[str, Any]:
    channels = {
        each["id"]: _fact(each["preferred_channel"], each)
        for each in known.members
        if each["preferred_channel"] and each["id"] not in known.gone
    }
    return {"channels": channels, "stated": _said(known, "preferences")}


def _preferences_of_person(known: Known) -> dict[str, Any]:
    channel = known.record["preferred_channel"]
    return {
        "channel": None if channel is None else _fact(channel, known.record),
        "stated": _said(known, "preferences"),
    }


def _consent_of_account(known: Known) -> dict[str, Any]:
    here = [each for each in known.members if each["id"] not in known.gone]
    return {
        "email": {each["id"]: _fact(each["email_consent"], each) for each in here},
        "counts": dict(sorted(Counter(each["email_consent"] for each in here).items())),
    }


def _consent_of_person(known: Known) -> dict[str, Any]:
    return {"email": _fact(known.record["email_consent"], known.record)}


def _timeline(known: Known) -> dict[str, Any]:
    shown = known.activities[: known.limit]
    return {"entries": [_entry(each, known) for each in shown], "more": len(known.activities) > len(shown)}


def _entry(activity: Record, known: Known) -> dict[str, Any]:
    gone = activity["contact_id"] in known.gone
    body = activity["body"]
    excerpt = body if len(body) <= _EXCERPT_LETTERS else f"{body[:_EXCERPT_LETTERS]}…"
    return {
        "at": activity["occurred_at"],
        "kind": activity["kind"],
        "direction": activity["direction"],
        "subject": ERASED if gone else known.rule.shown("text", activity["subject"]),
        "text": ERASED if gone else known.rule.shown("text", excerpt),
        "person_id": activity["contact_id"],
        "deal_id": activity["deal_id"],
        "source": _source(activity),
    }


FIELDS: Final[Mapping[tuple[Subject, ProfileField], Callable[[Known], Any]]] = {
    ("account", "firmographics"): _firmographics,
    ("account", "buying_committee"): _buying_committee,
    ("account", "pains"): _pains,
    ("account", "preferences"): _preferences_of_account,
    ("account", "consent"): _consent_of_account,
    ("account", "timeline"): _timeline,
    ("person", "identity"): _identity,
    ("person", "pains"): _pains,
    ("person", "preferences"): _preferences_of_person,
    ("person", "consent"): _consent_of_person,
    ("person", "timeline"): _timeline,
}
