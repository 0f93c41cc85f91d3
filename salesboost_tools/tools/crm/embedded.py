"""The CRM that works without any set-up: an SQLite file made from the shipped tables."""

import os
import tempfile
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sqlalchemy import URL, NullPool, create_engine

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.crm.scenario import scenario_now
from salesboost_tools.tools.crm.schema import CRM_SCHEMA
from salesboost_tools.tools.crm.seed import fill
from salesboost_tools.tools.crm.store import CrmStore
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.database.driver import keep_log_ahead
from salesboost_tools.tools.database.migration import upgrade

FILE_NAME = "crm-v1.sqlite3"
"""The 1 stays: later versions of the package upgrade the file they find."""


def open_crm(url: str | None, data_dir: Path, *, tables: Traversable | None = None, now: Now | None = None) -> CrmStore:
    """Return the CRM at `url`, or the embedded one if there is no URL.

    Args:
        url: An SQLAlchemy URL of the user's own database, SQLite or PostgreSQL: its tables are made or upgraded,
            nothing is filled in, and the wall clock counts. None for the embedded SQLite file, made on first use.
        data_dir: Folder of the embedded file; created if missing.
        tables: Folder of CSV files the embedded file is made from; the shipped scenario by default.
        now: The present moment; by default the wall clock, for the shipped scenario the scenario's.

    Raises:
        ConfigurationError: The URL names no usable database or one of a later version, the folder cannot be written,
            or a CSV file is wrong.
        UpstreamError: The database did not answer.
    """
    default_now = scenario_now() if url is None and tables is None else utc_now
    return CrmStore(open_database(url, data_dir, tables=tables), now=now or default_now)


def open_database(url: str | None, data_dir: Path, *, tables: Traversable | None = None) -> Database:
    """Return the database that `open_crm` works on, its CRM tables up to date; other stores may share it."""
    if url is None:
        path = data_dir / FILE_NAME
        if not path.exists():
            build(path, tables or files("salesboost_tools") / "data")
        place: str | URL = URL.create("sqlite", database=str(path.absolute()))
    else:
        place = url
    database = Database(place)
    try:
        database.upgrade(CRM_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def build(path: Path, tables: Traversable) -> None:
    """Make the database file whole, or not at all.

    It is filled under another name and then linked into place, which fails if somebody else was faster: the first
    file stays, because others may be writing to it already.

    Raises:
        ConfigurationError: The folder cannot be written, or a CSV file is wrong.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".building")
    except OSError as error:
        raise ConfigurationError(f"cannot write to {path.parent}: {error}; name another data folder") from error
    os.close(handle)
    unfinished = Path(name)
    try:
        _make(unfinished, tables)
        _put_in_place(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _make(path: Path, tables: Traversable) -> None:
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA synchronous = OFF")  # nobody sees the file yet; it is synced once, below
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        connection.commit()
        upgrade(connection, CRM_SCHEMA)
        fill(connection, tables)
        connection.commit()
        keep_log_ahead(connection)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _put_in_place(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            unfinished.replace(path)
