"""How a profile is put together: pure steps that say what they need and get it, so that sync and async share them."""

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.argument import iso_utc, wrong_input
from salesboost_tools.tools.crm.commands import Command, Find, Get
from salesboost_tools.tools.profile import fields
from salesboost_tools.tools.profile.arguments import ProfileArguments, Subject
from salesboost_tools.tools.profile.roles import RoleRule

Record = Mapping[str, Any]

_ID = re.compile(r"[A-Za-z]{2,6}-[\w-]+|\d+")
_PAGES_AT_MOST = 4
_PAGE = 50
_NAMED_AT_MOST = 5
_RECORD_OF: Mapping[Subject, Any] = {"account": "account", "person": "contact"}


@dataclass(frozen=True, slots=True)
class ErasedAmong:
    """Asks which of these people have been erased, and when."""

    person_ids: frozenset[str]


Steps = Generator[Command | ErasedAmong, Any, dict[str, Any]]
"""Yields a command of the CRM or a question about erasures, is sent its answer (or thrown its `ToolInputError`), and
returns the profile."""


def profile(asked: ProfileArguments, rule: RoleRule, now: datetime) -> Steps:
    """Return the steps to a profile as one role sees it.

    Raises:
        ToolInputError: Nobody of that name, or several; the message says who there is.
    """
    record = yield from _found(asked.subject, asked.who)
    answer: dict[str, Any] = {
        "operation": "read",
        "subject": asked.subject,
        "id": record["id"],
        "as_of": iso_utc(now),
    }
    if asked.subject == "person":
        erased = yield ErasedAmong(frozenset([record["id"]]))
        if record["id"] in erased:
            return {**answer, "name": None, "erased_at": iso_utc(erased[record["id"]]), "fields": {}}
    wanted = set(asked.fields)
    account_id = record["id"] if asked.subject == "account" else record["account"]["id"]
    members: Sequence[Record] = []
    if asked.subject == "account" and wanted & {"buying_committee", "preferences", "consent"}:
        members = yield from _listed("contact", account_id)
    activities: Sequence[Record] = []
    if wanted & {"pains", "preferences", "timeline"}:
        activities = yield from _listed("activity", account_id)
        if asked.subject == "person":
            activities = [each for each in activities if each["contact_id"] == record["id"]]
    people = {each["id"] for each in members} | {each["contact_id"] for each in activities if each["contact_id"]}
    gone: Mapping[str, datetime] = {}
    if people:
        gone = yield ErasedAmong(frozenset(people))
    known = fields.Known(record, members, activities, frozenset(gone), rule, asked.limit)
    name = record["name"] if asked.subject == "account" else fields.full_name(record, rule)
    made = {field: fields.FIELDS[asked.subject, field](known) for field in asked.fields}
    return {**answer, "name": name, "erased_at": None, "fields": made}


def _found(subject: Subject, who: str) -> Generator[Any, Any, Record]:
    """Return the record that is meant, by id, else by name, domain or e-mail address."""
    record_type = _RECORD_OF[subject]
    unknown_id: ToolInputError | None = None
    if _ID.fullmatch(who):
        try:
            got = yield Get(record_type=record_type, record_id=who)
        except ToolInputError as error:
            unknown_id = error
        else:
            return got["record"]
    page = yield Find(operation="search", record_type=record_type, query=who, limit=_NAMED_AT_MOST + 1)
    records = page["records"]
    exact = [each for each in records if who.casefold() in _called(each)]
    if len(exact) == 1 or len(records) == 1:
        return (exact or records)[0]
    if records:
        raise _several(subject, who, records)
    if unknown_id is not None:
        raise unknown_id
    if subject == "person":
        raise wrong_input(f"No person {who!r}. The buying_committee of their account says who is known there.")
    raise wrong_input(f"No account {who!r}. {page['hint']}")


def _several(subject: Subject, who: str, records: Sequence[Record]) -> ToolInputError:
    if subject == "account":
        named = [f"{each['name']!r} ({each['id']})" for each in records]
    else:  # people are not named in errors: those go further than answers
        named = [f"{each['id']} at {each['account']['name']!r}" for each in records]
    more = " and more" if len(records) > _NAMED_AT_MOST else ""
    return wrong_input(f"{who!r} may be {', '.join(named[:_NAMED_AT_MOST])}{more}. Ask again with an id.")


def _called(record: Record) -> set[str]:
    full = f"{record.get('first_name') or ''} {record.get('last_name') or ''}".strip()
    known: Iterable[Any] = (record.get("name"), record.get("domain"), record.get("email"), full)
    return {str(name).casefold() for name in known if name}


def _listed(record_type: Any, account_id: str) -> Generator[Any, Any, list[Record]]:
    """Return the records of an account: 200 at most, of activities the latest."""
    records: list[Record] = []
    cursor: str | None = None
    for _ in range(_PAGES_AT_MOST):
        page = yield Find(
            operation="list",
            record_type=record_type,
            filters={"account_id": account_id},
            limit=_PAGE,
            cursor=cursor,
        )
        records += page["records"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return records
