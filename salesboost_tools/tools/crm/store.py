"""The CRM in an SQL database."""

import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Connection

from salesboost_tools.core.call import Caller
from salesboost_tools.tools.argument import DEFAULT_TENANT, Now, utc_now
from salesboost_tools.tools.crm import reading, statements, writing
from salesboost_tools.tools.crm.commands import (
    AddActivity,
    AuditTrail,
    Command,
    Create,
    Find,
    Get,
    MoveDeal,
    Update,
    Upsert,
    WinLoss,
    Write,
    changes_something,
)
from salesboost_tools.tools.crm.once import once
from salesboost_tools.tools.crm.record_id import RANDOM_BITS, record_id
from salesboost_tools.tools.crm.scope import Scope
from salesboost_tools.tools.crm.upserting import upsert
from salesboost_tools.tools.database import Database


class CrmStore:
    """A `Crm` in an SQL database.

    Args:
        database: A database whose CRM tables are up to date, or its URL; other stores may share it.
        now: The present moment (UTC): written into records, and what `stalled_days` counts from.

    Raises:
        ConfigurationError: The URL names no database this can work with.
    """

    def __init__(self, database: Database | str | URL, *, now: Now = utc_now) -> None:
        self.database = database if isinstance(database, Database) else Database(database)
        self._now = now

    def perform(self, command: Command, caller: Caller, key: str | None = None) -> dict[str, Any]:
        """Answer a command for a caller, of the caller's tenant only; a write is one transaction, its key included.

        Raises:
            ToolInputError: What was asked does not exist, is stale or is not allowed; the message says what is.
            IdempotencyError: The key came before with another write.
            UpstreamError: The database did not answer.
        """
        return self.database.perform(self._work(command, caller, key), writes=changes_something(command))

    async def aperform(self, command: Command, caller: Caller, key: str | None = None) -> dict[str, Any]:
        """Do what `perform` does without blocking the event loop."""
        return await self.database.aperform(self._work(command, caller, key), writes=changes_something(command))

    @property
    def product(self) -> str:
        """Whose database it is."""
        return self.database.product

    def probe(self) -> None:
        """Read from the database.

        Raises:
            UpstreamError: It did not answer, or has no tables.
        """
        self.database.perform(_touch, writes=False)

    async def aprobe(self) -> None:
        """Read from the database without blocking the event loop.

        Raises:
            UpstreamError: It did not answer, or has no tables.
        """
        await self.database.aperform(_touch, writes=False)

    def close(self) -> None:
        """Give back all connections, those of other event loops too. The store can be used again."""
        self.database.close()

    async def aclose(self) -> None:
        """Give back all connections, this loop's in good order. The store can be used again."""
        await self.database.aclose()

    def _work(self, command: Command, caller: Caller, key: str | None) -> Callable[[Connection], dict[str, Any]]:
        """Bind a command to its moment and its tenant."""
        scope = Scope(caller.tenant_id or DEFAULT_TENANT, self._now(), caller.user_id, caller.role)
        if key is None or not changes_something(command):
            return lambda connection: _answer(connection, command, scope)
        return lambda connection: once(connection, command, key, scope, lambda: _answer(connection, command, scope))


def _answer(connection: Connection, command: Command, scope: Scope) -> dict[str, Any]:
    match command:
        case Get():
            return reading.get(connection, command, scope)
        case Find():
            return reading.find(connection, command, scope)
        case WinLoss():
            return reading.win_loss(connection, command, scope)
        case AuditTrail():
            return reading.audit_trail(connection, command, scope)
        case _:
            return _write(connection, command, scope)


def _write(connection: Connection, command: Write, scope: Scope) -> dict[str, Any]:
    def new_id(prefix: str) -> str:
        return record_id(prefix, scope.now, secrets.randbits(RANDOM_BITS))

    match command:
        case AddActivity():
            return writing.add_activity(connection, command, scope, new_id)
        case Create():
            return writing.create_record(connection, command, scope, new_id)
        case Upsert():
            return upsert(connection, command, scope, new_id)
        case MoveDeal():
            return writing.move_deal(connection, command, scope)
        case Update():
            return writing.update(connection, command, scope)


def _touch(connection: Connection) -> None:
    connection.execute(statements.touch())
