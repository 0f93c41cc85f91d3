"""What to say when there is nothing: what exists instead."""

import re

from sqlalchemy import Connection

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.argument import nearest, wrong_input
from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.commands import Find
from salesboost_tools.tools.crm.records import Row
from salesboost_tools.tools.crm.scope import Scope, ask
from salesboost_tools.tools.crm.vocabulary import RecordType

_ZEROS = re.compile("-0+")
_CANDIDATES_AT_MOST = 1000
_VALUES_AT_MOST = 20
_RECORDS_AT_MOST = 3
_NAMED_RECORDS = ("account", "deal")
"""The others are people and their words: those are not named unasked."""
_PLURAL = {"activity": "activities"}
_NAMED_VALUES = ("competitor", "industry", "country", "owner_id")


def unknown(connection: Connection, record_type: RecordType, record_id: str, scope: Scope) -> ToolInputError:
    """Return the error for an id that is not there. People and their notes are not named in it."""
    if record_type == "contact":
        return wrong_input(f"No contact {record_id!r}. Search contacts by name or e-mail.")
    if record_type == "activity":
        return wrong_input(f"No activity {record_id!r}. List the activities of an account or deal.")
    near = _nearest(connection, record_type, record_id, scope)
    return wrong_input(f"No {record_type} {record_id!r}. {near or f'Search {record_type}s by name.'}")


def nothing_found(connection: Connection, asked: Find, scope: Scope) -> str:
    """Return what could have been meant by a query or filter that found nothing, or how much there is to look for."""
    for name in _NAMED_VALUES:
        value = asked.filters.get(name)
        if value is not None and not ask(connection, statements.with_value(asked.record_type, name, value), scope):
            in_use = ask(connection, statements.values_in_use(asked.record_type, name, _VALUES_AT_MOST), scope)
            values = ", ".join(row[name] for row in in_use) or "none"
            return f"No {asked.record_type} has {name} {value!r}; there are: {values}."
    near = None
    if asked.query is not None and asked.record_type in _NAMED_RECORDS:
        near = _nearest(connection, asked.record_type, asked.query, scope)
    return near or _how_many(connection, asked, scope)


def _how_many(connection: Connection, asked: Find, scope: Scope) -> str:
    (row,) = ask(connection, statements.how_many(asked.record_type), scope)
    several = _PLURAL.get(asked.record_type, f"{asked.record_type}s")
    if not row["records"]:
        return f"There are no {several} yet."
    fewer = "use fewer words or filters" if asked.query is not None else "use fewer filters"
    hint = f"None of the {row['records']} {several} fits all of this; {fewer}."
    if asked.record_type not in _NAMED_RECORDS:
        return hint
    some = ask(connection, statements.first_by_name(asked.record_type, _RECORDS_AT_MOST), scope)
    named = ", ".join(f"{row['name']!r} ({row['id']})" for row in some)
    return f"{hint} There are, among others: {named}."


def _nearest(connection: Connection, record_type: RecordType, wanted: str, scope: Scope) -> str | None:
    candidates = ask(connection, statements.alike(record_type, wanted, _CANDIDATES_AT_MOST), scope)
    rows = {row["id"]: row for row in candidates}
    near = nearest(wanted, {key: _also_known_as(row) for key, row in rows.items()})
    return f"Nearest: {rows[near]['name']!r} ({near})." if near else None


def _also_known_as(row: Row) -> list[str]:
    """Return what people call it: id with and without zeros, name and its first word, domain and its first part."""
    known_id, name, domain = str(row["id"]), str(row["name"]), str(row.get("domain") or "")
    return [known_id, _ZEROS.sub("-", known_id), name, name.partition(" ")[0], domain, domain.partition(".")[0]]
