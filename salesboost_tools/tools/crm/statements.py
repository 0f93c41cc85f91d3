"""The questions to the database, as SQLAlchemy statements: pure functions.

Every statement has an open parameter for the tenant, which is filled in where it is executed. One that is executed
without a tenant fails, instead of answering for all of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    String,
    Table,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from salesboost_tools.tools.crm.commands import Find
from salesboost_tools.tools.crm.cursor import Key
from salesboost_tools.tools.crm.schema import (
    accounts,
    activities,
    audit_trail,
    contacts,
    deals,
    folded,
    written_keys,
)
from salesboost_tools.tools.crm.vocabulary import CLOSED_STAGES, CUSTOMER_CONTACT, OPEN_STAGES, RECORD_TYPES, RecordType

TABLES: Mapping[RecordType, Table] = {
    "account": accounts,
    "contact": contacts,
    "deal": deals,
    "activity": activities,
}

TENANT = "of_tenant"
"""Name of the open parameter."""
OF_TENANT = bindparam(TENANT, type_=String)

_last_contact = (
    select(func.max(activities.c.occurred_at))
    .where(
        activities.c.tenant_id == deals.c.tenant_id,
        activities.c.deal_id == deals.c.id,
        activities.c.kind.in_(CUSTOMER_CONTACT),
        or_(activities.c.kind != "email", activities.c.direction.is_(None), activities.c.direction != "outbound"),
    )
    .correlate(deals)
    .scalar_subquery()
)


def _record(record_type: RecordType) -> FromClause:
    """Return the tenant's records of one type with the name of their account and, for deals, the last contact."""
    table = TABLES[record_type]
    if record_type == "account":
        return select(accounts).where(accounts.c.tenant_id == OF_TENANT).subquery("record")
    more: list[ColumnElement[Any]] = [accounts.c.name.label("account_name")]
    if record_type == "deal":
        more.append(func.coalesce(_last_contact, deals.c.created_at).label("last_activity_at"))
    same_account = (accounts.c.tenant_id == table.c.tenant_id) & (accounts.c.id == table.c.account_id)
    mine = table.c.tenant_id == OF_TENANT
    return select(table, *more).join(accounts, same_account).where(mine).subquery("record")


_RECORDS: Mapping[RecordType, FromClause] = {record_type: _record(record_type) for record_type in RECORD_TYPES}
_ONE: Mapping[RecordType, Executable] = {
    record_type: select(record).where(record.c.id == bindparam("record_id")) for record_type, record in _RECORDS.items()
}
_NAMES = frozenset({"competitor", "industry"})
_SORT_KEYS: Mapping[RecordType, tuple[str, str]] = {
    "account": ("name", "id"),
    "contact": ("last_name", "id"),
    "deal": ("last_activity_at", "id"),
    "activity": ("occurred_at", "id"),
}


def one(record_type: RecordType) -> Executable:
    """Select one record, parameter `record_id`, with everything its answer shows."""
    return _ONE[record_type]


def page(asked: Find, *, after: Sequence[Key] | None, silent_since: datetime | None) -> Executable:
    """Select one page and one record more, so that the caller sees whether another page follows.

    Accounts and contacts come by name, activities newest first, deals by the last contact with the customer: latest
    first, or longest silent first when stalled ones are asked for.

    Args:
        asked: Filters and limit.
        after: Sort key of the last record of the page before.
        silent_since: Only open deals without contact with the customer after this moment.
    """
    rows = _RECORDS[asked.record_type]
    wanted = select(rows).where(*(_equals(rows.c[name], value) for name, value in asked.filters.items()))
    wanted = wanted.where(*(rows.c.search_text.contains(word, autoescape=True) for word in _words(asked.query)))
    if silent_since is not None:
        wanted = wanted.where(rows.c.stage.in_(OPEN_STAGES), rows.c.last_activity_at <= silent_since)
    keys = [rows.c[name] for name in sort_key(asked.record_type)]
    rising = silent_since is not None or asked.record_type in {"account", "contact"}
    if after is not None:
        here = tuple_(*keys)
        there = tuple_(*(literal(value, key.type) for key, value in zip(keys, after, strict=True)))
        wanted = wanted.where(here > there if rising else here < there)
    return wanted.order_by(*(key.asc() if rising else key.desc() for key in keys)).limit(asked.limit + 1)


def sort_key(record_type: RecordType) -> tuple[str, str]:
    """Return the columns a page is sorted by."""
    return _SORT_KEYS[record_type]


def alike(record_type: RecordType, wanted: str, most: int) -> Executable:
    """Select ids and names that may resemble `wanted`: those that begin alike first, `most` at most."""
    table = TABLES[record_type]
    start = folded(wanted)[:2]
    begins_alike = table.c.search_text.startswith(start, autoescape=True)
    known_as = [table.c.domain] if record_type == "account" else []
    return (
        select(table.c.id, table.c.name, *known_as)
        .where(table.c.tenant_id == OF_TENANT)
        .order_by(case((begins_alike, 0), else_=1), table.c.name)
        .limit(most)
    )


def values_in_use(record_type: RecordType, column: str, most: int) -> Executable:
    """Select the different values of a column, sorted, `most` at most."""
    table = TABLES[record_type]
    value = table.c[column]
    return (
        select(value).distinct().where(table.c.tenant_id == OF_TENANT, value.is_not(None)).order_by(value).limit(most)
    )


def how_many(record_type: RecordType) -> Executable:
    """Count the records of a type."""
    table = TABLES[record_type]
    return select(func.count().label("records")).select_from(table).where(table.c.tenant_id == OF_TENANT)


def first_by_name(record_type: RecordType, most: int) -> Executable:
    """Select ids and names, `most` at most."""
    table = TABLES[record_type]
    named = select(table.c.id, table.c.name).where(table.c.tenant_id == OF_TENANT)
    return named.order_by(table.c.name, table.c.id).limit(most)


def with_value(record_type: RecordType, column: str, value: str) -> Executable:
    """Select a record that has this value in a column, if there is one."""
    table = TABLES[record_type]
    return select(table.c.id).where(table.c.tenant_id == OF_TENANT, _equals(table.c[column], value)).limit(1)


def contact_with_email(email: str) -> Executable:
    """Select the contact that has this e-mail address (lower case)."""
    return select(contacts.c.id).where(contacts.c.tenant_id == OF_TENANT, contacts.c.email == email)


def known_as(record_type: RecordType, values: Mapping[str, Any]) -> Executable:
    """Select the ids of the records that have these values, the first two: more than one is one too many."""
    table = TABLES[record_type]
    same = (table.c[name] == value for name, value in values.items())
    return select(table.c.id).where(table.c.tenant_id == OF_TENANT, *same).order_by(table.c.id).limit(2)


def claim_key(dialect: str) -> Executable:
    """Insert a row of `written_keys` and return its key; nothing if it is there. Waits for whoever is writing it."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(written_keys).on_conflict_do_nothing().returning(written_keys.c.key)


def settle_key(values: Mapping[str, Any]) -> Executable:
    """Write what became of a claimed key, parameter `claimed`."""
    mine = (written_keys.c.tenant_id == OF_TENANT, written_keys.c.key == bindparam("claimed"))
    return update(written_keys).where(*mine).values(**values)


def written_under() -> Executable:
    """Select what was written under a key, parameter `claimed`."""
    mine = (written_keys.c.tenant_id == OF_TENANT, written_keys.c.key == bindparam("claimed"))
    return select(written_keys).where(*mine)


def change(record_type: RecordType, record_id: str, *, version: int, values: Mapping[str, Any]) -> Executable:
    """Write `values` unless somebody else has changed the record since `version`; then no row is touched."""
    table = TABLES[record_type]
    return (
        update(table)
        .where(table.c.tenant_id == OF_TENANT, table.c.id == record_id, table.c.version == version)
        .values(**values, version=version + 1)
    )


def audit_of(record_type: RecordType, record_id: str) -> Executable:
    """Select who changed a record, oldest first."""
    trail = audit_trail.c
    return (
        select(audit_trail)
        .where(trail.tenant_id == OF_TENANT, trail.record_type == record_type, trail.record_id == record_id)
        .order_by(trail.id)
    )


def endings(competitor: str | None) -> Executable:
    """Select how many deals ended how and why, and for how much, per competitor and currency."""
    counted = (deals.c.competitor, deals.c.stage, deals.c.close_reason, deals.c.currency)
    wanted = select(*counted, func.count().label("deals"), func.sum(deals.c.amount_minor).label("amount_minor")).where(
        deals.c.tenant_id == OF_TENANT, deals.c.stage.in_(CLOSED_STAGES)
    )
    if competitor is not None:
        wanted = wanted.where(func.lower(deals.c.competitor) == competitor.lower())
    return wanted.group_by(*counted).order_by(*counted)


def touch() -> Executable:
    """Select next to nothing, from the table everything hangs on."""
    return select(accounts.c.id).limit(1)


def _equals(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """Compare names without regard to case, codes and ids exactly."""
    return func.lower(column) == value.lower() if column.key in _NAMES else column == value


def _words(query: str | None) -> list[str]:
    return folded(query).split()
