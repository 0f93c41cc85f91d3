"""A database that stores share: the same functions of a connection behind a sync and an async door."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.database.driver import keep_log_ahead
from salesboost_tools.tools.database.engines import Engines
from salesboost_tools.tools.database.migration import Schema, is_current, upgrade

_T = TypeVar("_T")
_PRODUCTS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_REPEATED_IN_POSTGRESQL = ("40001", "40P01")
"""SQLSTATE of a serialization failure and of a deadlock: nothing was written, and another try may succeed."""


class Database:
    """One SQL database: SQLite or PostgreSQL.

    Stores hand it functions of a connection. The async door runs the same functions by SQLAlchemy's `run_sync` over the
    async driver. All stores of one database should share one of these: SQLite's writers then wait for each other in
    its pool, in turn, instead of sleeping at the file.

    Args:
        url: An SQLAlchemy URL; its driver is chosen here, for each door.

    Raises:
        ConfigurationError: The URL names no database this can work with.
        MissingExtraError: Its driver is not installed.
    """

    def __init__(self, url: str | URL) -> None:
        self._engines = Engines(url)

    @property
    def product(self) -> str:
        """Whose database it is: 'SQLite' or 'PostgreSQL'."""
        return _PRODUCTS[self._engines.sync.reading.dialect.name]

    def perform(self, work: Callable[[Connection], _T], *, writes: bool) -> _T:
        """Return what `work` makes of a connection; if it writes, in one transaction: whole or not at all.

        Raises:
            UpstreamError: The database did not answer; `outcome_unknown` is False unless the commit itself failed.
            ToolInputError: The database cannot hold a value.
        """
        with _upstream(), self._engines.sync[writes].connect() as connection:
            return _transacted(connection, work, writes=writes)

    async def aperform(self, work: Callable[[Connection], _T], *, writes: bool) -> _T:
        """Do what `perform` does without blocking the event loop."""
        with _upstream():
            async with self._engines.of_this_loop()[writes].connect() as connection:
                return await connection.run_sync(_transacted, work, writes=writes)

    def upgrade(self, *schemas: Schema) -> None:
        """Bring the tables of modules up to date, each by its own migrations; costs one look if they are.

        Processes and threads that come at once wait for each other; a migration happens whole or not at all.

        Raises:
            ConfigurationError: A later version of this package has changed the tables.
            UpstreamError: The database did not answer, or may not be changed.
        """
        with _upstream():
            with self._engines.sync.reading.connect() as connection:
                outdated = [schema for schema in schemas if not is_current(connection, schema)]
                if outdated and connection.dialect.name == "sqlite":
                    keep_log_ahead(connection)
            if not outdated:
                return
            with self._engines.sync.writing.begin() as connection:
                for schema in outdated:
                    upgrade(connection, schema)

    def probe(self) -> None:
        """Ask the database for next to nothing.

        Raises:
            UpstreamError: It did not answer.
        """
        self.perform(_touch, writes=False)

    async def aprobe(self) -> None:
        """Do what `probe` does without blocking the event loop."""
        await self.aperform(_touch, writes=False)

    def close(self) -> None:
        """Give back all connections, those of other event loops too. The database can be used again."""
        self._engines.close()

    async def aclose(self) -> None:
        """Give back all connections, this loop's in good order. The database can be used again."""
        await self._engines.aclose()


def _touch(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def _transacted(connection: Connection, work: Callable[[Connection], _T], *, writes: bool) -> _T:
    if not writes:
        return work(connection)
    with connection.begin() as transaction:
        answer = work(connection)
        try:
            transaction.commit()
        except DBAPIError as error:  # the answer to the commit is lost, not necessarily the commit
            raise _unanswered(error, outcome_unknown=True) from error
    return answer


@contextmanager
def _upstream() -> Generator[None, None, None]:
    """Turn a failure of the database into the error tools raise; it shows no statement and no values."""
    try:
        yield
    except PoolTimeoutError as error:
        raise _upstream_error("all connections are busy", retryable=True, outcome_unknown=False) from error
    except DataError as error:
        raise wrong_input(
            "The database cannot hold one of these values: a text with a NUL, or a number out of range."
        ) from error
    except DBAPIError as error:
        raise _unanswered(error, outcome_unknown=False) from error


def _unanswered(error: DBAPIError, *, outcome_unknown: bool) -> UpstreamError:
    repeated = getattr(error.orig, "sqlstate", None) in _REPEATED_IN_POSTGRESQL
    retryable = repeated or error.connection_invalidated or isinstance(error, OperationalError)
    return _upstream_error(said(error.orig), retryable=retryable, outcome_unknown=outcome_unknown and not repeated)


def said(original: Any) -> str:
    """Return a driver's message; of PostgreSQL's only the first part, for its details name values."""
    primary: str | None = getattr(getattr(original, "diag", None), "message_primary", None)
    return primary or str(original)


def _upstream_error(why: str, *, retryable: bool, outcome_unknown: bool) -> UpstreamError:
    return UpstreamError(
        f"the database did not answer: {why}",
        retryable=retryable,
        outcome_unknown=outcome_unknown,
        for_model="The database behind this tool does not answer. Continue without it, or try again in a moment.",
    )
