"""How a change is written: under its version, with an audit row beside it, or only shown in a dry run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Executable, insert
from sqlalchemy.exc import IntegrityError

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.argument import iso_utc, wrong_input
from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.reading import known
from salesboost_tools.tools.crm.records import Row, answer
from salesboost_tools.tools.crm.schema import audit_trail, folded
from salesboost_tools.tools.crm.scope import Scope
from salesboost_tools.tools.crm.vocabulary import RecordType
from salesboost_tools.tools.pricing.money import money_text

_SEARCHED: Mapping[RecordType, tuple[str, ...]] = {
    "account": ("name", "domain"),
    "contact": ("first_name", "last_name", "email"),
    "deal": ("name",),
    "activity": (),
}
_NOT_TOLD = frozenset({"tenant_id", "id", "search_text", "created_at", "updated_at", "version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that is ready to be written.

    Attributes:
        operation: What the caller asked for, for the audit trail.
        before: The row as it was read; None for a new one.
        expected_version: The version the caller saw; 0 for a new record.
        values: Columns to write, new values.
        beside: Columns the answer shows beside the table's own, `account_name` for one.
    """

    operation: str
    record_type: RecordType
    values: Mapping[str, Any]
    dry_run: bool
    before: Row | None = None
    expected_version: int = 0
    beside: Mapping[str, Any] | None = None


def create(connection: Connection, change: Change, scope: Scope) -> dict[str, Any]:
    """Write a new record; in a dry run, show it without an id.

    Raises:
        ToolInputError: Somebody has written a record with the same unique value in this very moment.
    """
    row = {
        "tenant_id": scope.tenant_id,
        **change.values,
        "created_at": scope.now,
        "updated_at": scope.now,
        "version": 1,
    }
    searched = search_text(change.record_type, row)
    if searched is not None:
        row["search_text"] = searched
    if change.dry_run:
        row["id"] = None
    else:
        _write(connection, insert(statements.TABLES[change.record_type]), row)
    return _told(connection, change, {**row, **(change.beside or {})}, before={}, written=row, scope=scope)


def apply(connection: Connection, change: Change, scope: Scope) -> dict[str, Any]:
    """Write other values to a record; values it already has change nothing, not even the version.

    Raises:
        ToolInputError: The record has another version than expected, or a unique value is taken.
    """
    before = dict(change.before or {})
    if before["version"] != change.expected_version:
        raise _stale(before, change.expected_version)
    written = {name: value for name, value in change.values.items() if before[name] != value}
    if not written:
        return _told(connection, change, before, before=before, written={}, scope=scope)
    written["updated_at"] = scope.now
    searched = search_text(change.record_type, {**before, **written})
    if searched is not None:
        written["search_text"] = searched
    if not change.dry_run:
        statement = statements.change(change.record_type, before["id"], version=change.expected_version, values=written)
        if _write(connection, statement, {statements.TENANT: scope.tenant_id}) == 0:
            raise _stale(known(connection, change.record_type, before["id"], scope), change.expected_version)
    version = before["version"] if change.dry_run else before["version"] + 1
    after = {**before, **written, "version": version}
    return _told(connection, change, after, before=before, written=written, scope=scope)


def search_text(record_type: RecordType, row: Row) -> str | None:
    """Return what a search looks through; None for records that are not searched."""
    names = _SEARCHED[record_type]
    return folded(*(row[name] for name in names)) if names else None


def _told(
    connection: Connection, change: Change, after: Row, *, before: Row, written: Mapping[str, Any], scope: Scope
) -> dict[str, Any]:
    """Audit what was written and return the answer."""
    changes = _changes(before, written, currency=after.get("currency"))
    if written and not change.dry_run:
        row = {
            "tenant_id": scope.tenant_id,
            "at": scope.now,
            "actor": scope.actor,
            "actor_role": scope.actor_role,
            "operation": change.operation,
            "record_type": change.record_type,
            "record_id": after["id"],
            "version": after["version"],
            "changes": changes,
        }
        connection.execute(insert(audit_trail), row)
    return {
        "operation": change.operation,
        "dry_run": change.dry_run,
        "changes": changes,
        "record": answer(change.record_type, after, now=scope.now, excerpt=True),
    }


def _changes(before: Row, written: Mapping[str, Any], currency: str | None) -> dict[str, dict[str, Any]]:
    """Return property -> {from, to}; a new record's text is left to the record itself."""
    hidden = _NOT_TOLD if before else _NOT_TOLD | {"body"}
    return {
        name.removesuffix("_minor"): {
            "from": _plain(name, before.get(name), currency),
            "to": _plain(name, value, currency),
        }
        for name, value in written.items()
        if name not in hidden and before.get(name) != value
    }


def _plain(column: str, value: Any, currency: str | None) -> Any:
    if column.endswith("_minor") and value is not None and currency is not None:
        return money_text(value, currency)
    if isinstance(value, datetime):
        return iso_utc(value)
    return value.isoformat() if isinstance(value, date) else value


def _write(connection: Connection, statement: Executable, parameters: Mapping[str, Any]) -> int:
    """Execute and return how many rows were touched."""
    try:
        return connection.execute(statement, parameters).rowcount
    except IntegrityError as error:
        raise wrong_input(
            "Another record with the same unique value was written at this very moment. Search for it and use it."
        ) from error


def _stale(row: Row, expected_version: int) -> ToolInputError:
    return wrong_input(
        f"{row['id']} is at version {row['version']} (changed {iso_utc(row['updated_at'])}), not at the expected "
        f"version {expected_version}. Get it again and repeat the change on what you find."
    )
