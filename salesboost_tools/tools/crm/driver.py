"""Which drivers serve a database URL, and how its connections are set up."""

import asyncio
from contextlib import suppress
from typing import Any

from sqlalchemy import URL, AdaptedConnection, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from salesboost_tools.core.errors import ConfigurationError

_DRIVERS = {"sqlite": ("sqlite+pysqlite", "sqlite+aiosqlite")}
"""Backend -> (sync driver, async driver)."""

_WAIT_S = 8.0
"""How long a call waits for its turn: less than the tool's own timeout."""


def driver_urls(url: str | URL) -> tuple[URL, URL]:
    """Return the URL for the sync and for the async driver.

    Raises:
        ConfigurationError: The URL cannot be read, names another kind of database, or lives in memory only.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "the CRM's database URL cannot be read; write it like sqlite:////path/to/crm.db"
        ) from error
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS:
        raise ConfigurationError(f"the CRM has no driver for {backend!r} databases; there are: {', '.join(_DRIVERS)}")
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError(
            "a database in memory is another one for every connection; name a file: sqlite:///crm.db"
        )
    sync, asynchronous = _DRIVERS[backend]
    return parsed.set(drivername=sync), parsed.set(drivername=asynchronous)


def engine_options(*, writes: bool) -> dict[str, Any]:
    """Return what `create_engine` needs.

    SQLite has one writer at a time. Writers that wait at the database sleep and look again; the one connection of a
    writing engine makes them wait in the pool instead, in the order they came (20 at once: six times faster).
    """
    return {
        "hide_parameters": True,  # an error that is logged shows nobody's name
        "connect_args": {"timeout": _WAIT_S},
        "pool_size": 1 if writes else 5,
        "max_overflow": 0,
        "pool_timeout": _WAIT_S,
    }


def set_up(engine: Engine, *, writes: bool) -> None:
    """Make an engine's connections keep foreign keys and begin transactions where SQLAlchemy says so.

    SQLite's Python driver would begin a transaction only at the first write, so that a check before the write sees
    another state than the write (a known trap, see SQLAlchemy's notes on pysqlite). Here a writer takes the write lock
    before it looks; a reader needs no transaction for its single statements.
    """
    event.listen(engine, "connect", _prepare)
    if writes:
        event.listen(engine, "begin", _take_lock)
        event.listen(engine, "invalidate", _release_lock)


def keep_log_ahead(connection: Connection) -> None:
    """Switch an SQLite file to write-ahead logging, for good: readers and a writer then do not wait for each other.

    The connection must not be inside a transaction.
    """
    connection.exec_driver_sql("PRAGMA journal_mode = WAL")


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _take_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _release_lock(connection: Any, _record: Any, _cause: BaseException | None) -> None:
    """Roll back before a connection is thrown away, because its call was cancelled.

    Closing is not enough: while somebody still holds the cancelled call's traceback, and with it a cursor, SQLite keeps
    the closed connection and its write lock alive.
    """
    if isinstance(connection, AdaptedConnection):
        with suppress(asyncio.CancelledError):  # cancelled twice: the first one is on its way already
            connection.run_async(lambda driver: asyncio.shield(driver.rollback()))
    else:
        connection.rollback()
