"""Answers that change nothing. Each function runs inside one connection, sync or async alike."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from salesboost_tools.tools.argument import iso_utc
from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.commands import AuditTrail, Find, Get, WinLoss
from salesboost_tools.tools.crm.cursor import cursor_after, position
from salesboost_tools.tools.crm.hints import nothing_found, unknown
from salesboost_tools.tools.crm.records import Row, answer
from salesboost_tools.tools.crm.scope import Scope, ask
from salesboost_tools.tools.crm.vocabulary import RecordType
from salesboost_tools.tools.crm.win_loss import by_competitor


def get(connection: Connection, asked: Get, scope: Scope) -> dict[str, Any]:
    """Return one record.

    Raises:
        ToolInputError: There is none; the nearest is named.
    """
    row = known(connection, asked.record_type, asked.record_id, scope)
    return {"operation": "get", "record": answer(asked.record_type, row, now=scope.now)}


def find(connection: Connection, asked: Find, scope: Scope) -> dict[str, Any]:
    """Return one page of records and the cursor of the next; None after the last.

    Raises:
        ToolInputError: The account or deal to look in does not exist, or the cursor belongs elsewhere.
    """
    after = position(asked, scope.tenant_id)
    silent_since = None if asked.stalled_days is None else scope.now - timedelta(days=asked.stalled_days)
    rows = ask(connection, statements.page(asked, after=after, silent_since=silent_since), scope)
    hint = None
    if not rows and asked.cursor is None:
        _refuse_unknown_parents(connection, asked, scope)
        hint = nothing_found(connection, asked, scope)
    shown = rows[: asked.limit]
    last = [shown[-1][name] for name in statements.sort_key(asked.record_type)] if len(rows) > asked.limit else None
    return {
        "operation": asked.operation,
        "record_type": asked.record_type,
        "records": [answer(asked.record_type, row, now=scope.now, excerpt=True) for row in shown],
        "hint": hint,
        "next_cursor": None if last is None else cursor_after(asked, scope.tenant_id, last),
        "as_of": iso_utc(scope.now),
    }


def win_loss(connection: Connection, asked: WinLoss, scope: Scope) -> dict[str, Any]:
    """Return how closed deals ended, per competitor; those without one stand under None."""
    rows = ask(connection, statements.endings(asked.competitor), scope)
    return {
        "operation": "win_loss",
        "competitors": by_competitor(rows),
        "as_of": iso_utc(scope.now),
    }


def audit_trail(connection: Connection, asked: AuditTrail, scope: Scope) -> dict[str, Any]:
    """Return who changed a record, when and what, oldest first."""
    rows = ask(connection, statements.audit_of(asked.record_type, asked.record_id), scope)
    shown = ("actor", "actor_role", "operation", "version", "changes")
    return {
        "operation": "audit_trail",
        "record_id": asked.record_id,
        "entries": [{"at": iso_utc(row["at"]), **{name: row[name] for name in shown}} for row in rows],
    }


def known(connection: Connection, record_type: RecordType, record_id: str, scope: Scope) -> Row:
    """Return the row of a record of this tenant.

    Raises:
        ToolInputError: There is none; the nearest account or deal is named.
    """
    rows = ask(connection, statements.one(record_type), scope, record_id=record_id)
    if not rows:
        raise unknown(connection, record_type, record_id, scope)
    return rows[0]


def _refuse_unknown_parents(connection: Connection, asked: Find, scope: Scope) -> None:
    """Tell "nothing there" from "no such account": an empty page of an unknown account is an error."""
    if account_id := asked.filters.get("account_id"):
        known(connection, "account", account_id, scope)
    if deal_id := asked.filters.get("deal_id"):
        known(connection, "deal", deal_id, scope)
