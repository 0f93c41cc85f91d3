"""The CRM in an SQL database: the same statements behind a sync and an async door."""

import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.tools.argument import DEFAULT_TENANT, Now, utc_now
from salesboost_tools.tools.crm import reading, statements, writing
from salesboost_tools.tools.crm.commands import (
    AddActivity,
    AuditTrail,
    Command,
    CreateContact,
    Find,
    Get,
    MoveDeal,
    Update,
    WinLoss,
    changes_something,
)
from salesboost_tools.tools.crm.driver import keep_log_ahead
from salesboost_tools.tools.crm.engines import Engines
from salesboost_tools.tools.crm.record_id import RANDOM_BITS, record_id
from salesboost_tools.tools.crm.schema import metadata
from salesboost_tools.tools.crm.scope import Scope


class CrmStore:
    """A `Crm` in an SQL database.

    Sync and async callers use the same functions of a connection: the async door runs them by SQLAlchemy's `run_sync`
    over the async driver.

    Args:
        url: An SQLAlchemy URL; its driver is chosen here, for each door.
        now: The present moment (UTC): written into records, and what `stalled_days` counts from.

    Raises:
        ConfigurationError: The URL names no database this can work with.
    """

    def __init__(self, url: str | URL, *, now: Now = utc_now) -> None:
        self._engines = Engines(url)
        self._now = now

    def perform(self, command: Command, caller: Caller) -> dict[str, Any]:
        """Answer a command for a caller, of the caller's tenant only; a write is one transaction.

        Raises:
            ToolInputError: What was asked does not exist, is stale or is not allowed; the message says what is.
            UpstreamError: The database did not answer; retryable.
        """
        writes, work = changes_something(command), self._work(command, caller)
        with _upstream(), self._engines.sync[writes].connect() as connection:
            return _transacted(connection, work, writes=writes)

    async def aperform(self, command: Command, caller: Caller) -> dict[str, Any]:
        """Do what `perform` does without blocking the event loop."""
        writes, work = changes_something(command), self._work(command, caller)
        with _upstream():
            async with self._engines.of_this_loop()[writes].connect() as connection:
                return await connection.run_sync(_transacted, work, writes=writes)

    def create_tables(self) -> None:
        """Create the tables that are missing."""
        with _upstream():
            with self._engines.sync.reading.connect() as connection:
                keep_log_ahead(connection)
            with self._engines.sync.writing.begin() as connection:
                metadata.create_all(connection)

    def probe(self) -> None:
        """Read from the database.

        Raises:
            UpstreamError: It did not answer, or has no tables.
        """
        with _upstream(), self._engines.sync.reading.connect() as connection:
            connection.execute(statements.touch())

    async def aprobe(self) -> None:
        """Read from the database without blocking the event loop.

        Raises:
            UpstreamError: It did not answer, or has no tables.
        """
        with _upstream():
            async with self._engines.of_this_loop().reading.connect() as connection:
                await connection.execute(statements.touch())

    def close(self) -> None:
        """Give back all connections, those of other event loops too. The store can be used again."""
        self._engines.close()

    async def aclose(self) -> None:
        """Give back all connections, this loop's in good order. The store can be used again."""
        await self._engines.aclose()

    def _work(self, command: Command, caller: Caller) -> Callable[[Connection], dict[str, Any]]:
        """Bind a command to its moment and its tenant."""
        scope = Scope(caller.tenant_id or DEFAULT_TENANT, self._now(), caller.user_id, caller.role)
        return lambda connection: _answer(connection, command, scope)


def _answer(connection: Connection, command: Command, scope: Scope) -> dict[str, Any]:
    def new_id(prefix: str) -> str:
        return record_id(prefix, scope.now, secrets.randbits(RANDOM_BITS))

    match command:
        case Get():
            return reading.get(connection, command, scope)
        case Find():
            return reading.find(connection, command, scope)
        case WinLoss():
            return reading.win_loss(connection, command, scope)
        case AuditTrail():
            return reading.audit_trail(connection, command, scope)
        case AddActivity():
            return writing.add_activity(connection, command, scope, new_id)
        case CreateContact():
            return writing.create_contact(connection, command, scope, new_id)
        case MoveDeal():
            return writing.move_deal(connection, command, scope)
        case Update():
            return writing.update(connection, command, scope)


def _transacted(
    connection: Connection, work: Callable[[Connection], dict[str, Any]], *, writes: bool
) -> dict[str, Any]:
    """Run `work`; a write in one transaction, so that it happens whole, audit row included, or not at all."""
    if not writes:
        return work(connection)
    with connection.begin():
        return work(connection)


@contextmanager
def _upstream() -> Generator[None, None, None]:
    """Turn a failure of the database into the error tools raise; it shows no statement and no values."""
    try:
        yield
    except PoolTimeoutError as error:
        raise _unanswered("all connections are busy", retryable=True) from error
    except DBAPIError as error:
        raise _unanswered(str(error.orig), retryable=isinstance(error, OperationalError)) from error


def _unanswered(why: str, *, retryable: bool) -> UpstreamError:
    return UpstreamError(
        f"the CRM database did not answer: {why}",
        retryable=retryable,
        for_model="The CRM does not answer. Continue without it, or try again in a moment.",
    )
