"""What an erasure changes in the CRM's tables, inside one transaction.

The record stays, so that deals and activities keep their references, but it says nothing of anybody: names, addresses
and everything else are gone, also from the texts of activities and from what the audit trail kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from salesboost_tools.tools.crm.records import Row
from salesboost_tools.tools.crm.schema import activities, audit_trail, contacts, deals
from salesboost_tools.tools.crm.scope import Scope

ERASED: Final = "[erased]"
_BLANK_CONTACT: Final[Mapping[str, Any]] = {
    "first_name": ERASED,
    "last_name": ERASED,
    "email": None,
    "phone": None,
    "title": None,
    "preferred_channel": None,
    "email_consent": "withdrawn",
    "search_text": "",
}
_SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Touched:
    """What names the person.

    Attributes:
        activities: Id -> new subject and body, of activities with the person or naming them.
        next_steps: Deal id -> new next step.
        audit_entries: How many entries of the audit trail tell of the person's record or of these activities.
    """

    activities: Mapping[str, Mapping[str, str]]
    next_steps: Mapping[str, str]
    audit_entries: int


def rows_to_erase(connection: Connection, person: Row, scope: Scope) -> Touched:
    """Return what an erasure will change beside the person's own record.

    The texts of activities with the person go as a whole; in other activities of the account the person's name and
    addresses are taken out.
    """
    naming = _naming(person)
    table = activities.c
    rows = connection.execute(
        select(table.id, table.contact_id, table.subject, table.body).where(
            table.tenant_id == scope.tenant_id, table.account_id == person["account_id"]
        )
    )
    changed: dict[str, Mapping[str, str]] = {}
    for row in rows:
        if row.contact_id == person["id"]:
            texts = {"subject": ERASED, "body": ERASED}
        else:
            texts = {"subject": naming.sub(ERASED, row.subject), "body": naming.sub(ERASED, row.body)}
        if texts != {"subject": row.subject, "body": row.body}:
            changed[row.id] = texts
    steps = connection.execute(
        select(deals.c.id, deals.c.next_step).where(
            deals.c.tenant_id == scope.tenant_id,
            deals.c.account_id == person["account_id"],
            deals.c.next_step.is_not(None),
        )
    )
    next_steps = {row.id: new for row in steps if (new := naming.sub(ERASED, row.next_step)) != row.next_step}
    entries = select(func.count()).select_from(audit_trail).where(*_audited(person, changed, scope))
    return Touched(changed, next_steps, int(connection.execute(entries).scalar() or 0))


def erase_rows(connection: Connection, person: Row, touched: Touched, scope: Scope) -> None:
    """Change what `rows_to_erase` found, and note the erasure in the audit trail without any personal data."""
    mine = (contacts.c.tenant_id == scope.tenant_id, contacts.c.id == person["id"])
    stamps = {"updated_at": scope.now, "version": contacts.c.version + 1}
    connection.execute(update(contacts).where(*mine).values(**_BLANK_CONTACT, **stamps))
    for activity_id, texts in touched.activities.items():
        which = (activities.c.tenant_id == scope.tenant_id, activities.c.id == activity_id)
        values = {**texts, "updated_at": scope.now, "version": activities.c.version + 1}
        connection.execute(update(activities).where(*which).values(**values))
    for deal_id, next_step in touched.next_steps.items():
        which = (deals.c.tenant_id == scope.tenant_id, deals.c.id == deal_id)
        values = {"next_step": next_step, "updated_at": scope.now, "version": deals.c.version + 1}
        connection.execute(update(deals).where(*which).values(**values))
    connection.execute(update(audit_trail).where(*_audited(person, touched.activities, scope)).values(changes={}))
    note: dict[str, Any] = {
        "tenant_id": scope.tenant_id,
        "at": scope.now,
        "actor": scope.actor,
        "actor_role": scope.actor_role,
        "operation": "erase",
        "record_type": "contact",
        "record_id": person["id"],
        "version": person["version"] + 1,
        "changes": {},
    }
    connection.execute(insert(audit_trail), note)


def _audited(person: Row, changed: Mapping[str, Any], scope: Scope) -> tuple[Any, ...]:
    """Return the condition for audit entries that may hold the person's data."""
    of_person = (audit_trail.c.record_type == "contact") & (audit_trail.c.record_id == person["id"])
    of_texts = (audit_trail.c.record_type == "activity") & audit_trail.c.record_id.in_(list(changed))
    return audit_trail.c.tenant_id == scope.tenant_id, of_person | of_texts


def _naming(person: Row) -> re.Pattern[str]:
    """Return what matches the person's name, its parts, and addresses, as whole words."""
    first, last = str(person["first_name"] or ""), str(person["last_name"] or "")
    known = [f"{first} {last}", person["email"], person["phone"], first, last]
    words = [re.escape(word) for word in known if word and len(word.strip()) >= _SHORTEST_NAME]
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else re.compile(r"(?!)")
