"""Which drivers serve a database URL, and how its connections are set up."""

import asyncio
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from sqlalchemy import URL, AdaptedConnection, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError

_DRIVERS = {
    "sqlite": ("sqlite+pysqlite", "sqlite+aiosqlite"),
    "postgresql": ("postgresql+psycopg", "postgresql+psycopg"),
}
"""Backend -> (sync driver, async driver)."""
_ALSO_CALLED = {"postgres": "postgresql"}
"""How hosting companies write it, which SQLAlchemy does not know."""

_WAIT_S = 8.0
"""How long a call waits for its turn, or for one statement: less than the tool's own timeout."""


def driver_urls(url: str | URL) -> tuple[URL, URL]:
    """Return the URL for the sync and for the async driver.

    Raises:
        ConfigurationError: The URL cannot be read, names another kind of database, or lives in memory only.
        MissingExtraError: PostgreSQL's driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "the database URL cannot be read; write it like sqlite:////path/to/crm.db or postgresql://host/name "
            "(setting TOOL_DATABASE_URL)"
        ) from error
    named = parsed.drivername.partition("+")[0]
    backend = _ALSO_CALLED.get(named, named)
    if backend not in _DRIVERS:
        raise ConfigurationError(f"there is no driver for {backend!r} databases; there are: {', '.join(_DRIVERS)}")
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigurationError(
            "a database in memory is another one for every connection; name a file: sqlite:///crm.db"
        )
    if backend == "postgresql" and find_spec("psycopg") is None:
        raise MissingExtraError("a PostgreSQL database", "postgres")
    sync, asynchronous = _DRIVERS[backend]
    return parsed.set(drivername=sync), parsed.set(drivername=asynchronous)


def engine_options(url: URL, *, writes: bool) -> dict[str, Any]:
    """Return what `create_engine` needs."""
    backend = url.get_backend_name()
    own = _sqlite_options(writes=writes) if backend == "sqlite" else _postgresql_options(url, writes=writes)
    return {"hide_parameters": True, "pool_timeout": _WAIT_S, **own}  # an error that is logged shows nobody's name


def _sqlite_options(*, writes: bool) -> dict[str, Any]:
    """Return SQLite's options: it has one writer at a time.

    Writers that wait at the database sleep and look again; the one connection of a writing engine makes them wait in
    the pool instead, in the order they came (20 at once: six times faster).
    """
    return {"connect_args": {"timeout": _WAIT_S}, "pool_size": 1 if writes else 5, "max_overflow": 0}


def _postgresql_options(url: URL, *, writes: bool) -> dict[str, Any]:
    """Return PostgreSQL's options: a reader's statements stand alone, and the server itself refuses to let it write."""
    session = {"statement_timeout": int(_WAIT_S * 1000), "idle_in_transaction_session_timeout": 60_000}
    if not writes:
        session["default_transaction_read_only"] = 1
    given = url.query.get("options", "")
    asked = " ".join([*(f"-c {name}={value}" for name, value in session.items()), str(given)]).strip()
    arguments = {"options": asked, **({} if "connect_timeout" in url.query else {"connect_timeout": int(_WAIT_S)})}
    isolation = {} if writes else {"isolation_level": "AUTOCOMMIT"}
    return {"connect_args": arguments, "pool_size": 5, "max_overflow": 5, "pool_pre_ping": True, **isolation}


def set_up(engine: Engine, *, writes: bool) -> None:
    """Make SQLite's connections keep foreign keys and begin transactions where SQLAlchemy says so.

    SQLite's Python driver would begin a transaction only at the first write, so that a check before the write sees
    another state than the write (a known trap, see SQLAlchemy's notes on pysqlite). Here a writer takes the write lock
    before it looks; a reader needs no transaction for its single statements.
    """
    if engine.dialect.name != "sqlite":
        return
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
