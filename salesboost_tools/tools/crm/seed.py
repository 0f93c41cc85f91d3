"""The shipped tables: CSV files whose columns are the database's columns."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime
from importlib.resources.abc import Traversable
from typing import Any

from sqlalchemy import JSON, Column, Connection, Date, Integer, Table, insert
from sqlalchemy.exc import IntegrityError

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.argument import DEFAULT_TENANT
from salesboost_tools.tools.crm.change import search_text
from salesboost_tools.tools.crm.schema import accounts, activities, contacts, deals
from salesboost_tools.tools.crm.vocabulary import RecordType
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.database.columns import UtcDateTime
from salesboost_tools.tools.database.database import said

FILES: tuple[tuple[RecordType, Table], ...] = (
    ("account", accounts),
    ("contact", contacts),
    ("deal", deals),
    ("activity", activities),
)
"""In the order they are filled: nobody refers to what is not there yet."""


def load_tables(database: Database, folder: Traversable) -> None:
    """Fill an own database from CSV files, whole or not at all; see `fill`.

    Args:
        database: What `open_database` returns.
        folder: A `Path` will do.

    Raises:
        ConfigurationError: A file is wrong, or holds a record that is there already; nothing was written.
        UpstreamError: The database did not answer.
    """
    database.perform(lambda connection: fill(connection, folder), writes=True)


def fill(connection: Connection, folder: Traversable) -> None:
    """Insert the rows of accounts.csv, contacts.csv, deals.csv and activities.csv.

    Columns are those of the tables; `tenant_id`, `version` and `updated_at` may be left out ("default", 1, and
    `created_at`). An empty cell is NULL. Money is in minor units, times are ISO 8601 with a zone, line items read
    'SKU=quantity;SKU=quantity'.

    Raises:
        ConfigurationError: A file is missing, has an unknown column, holds a value its column cannot, an id twice, or
            a reference to nothing; the message names the file, and the line if it is known.
    """
    for record_type, table in FILES:
        file = folder / f"{table.name}.csv"
        rows = list(_rows(file, record_type, table))
        try:
            if rows:
                connection.execute(insert(table), rows)
        except IntegrityError as error:
            raise ConfigurationError(f"{file}: {said(error.orig)}") from error


def _rows(file: Traversable, record_type: RecordType, table: Table) -> Iterator[dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error}") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="")
    names = reader.fieldnames or []
    if unknown := [name for name in names if name not in table.c]:
        raise ConfigurationError(f"{file} has unknown columns {unknown}; allowed: {list(table.c.keys())}")
    columns = [table.c[name] for name in names]
    for cells in reader:
        try:
            row = {column.name: _value(column, cells[column.name]) for column in columns}
            row.setdefault("tenant_id", DEFAULT_TENANT)
            row.setdefault("updated_at", row["created_at"])
            row.setdefault("version", 1)
            searched = search_text(record_type, row)
        except (ValueError, KeyError) as error:
            raise ConfigurationError(f"{file}, line {reader.line_num}: {error}") from error
        yield row if searched is None else {**row, "search_text": searched}


def _value(column: Column[Any], cell: str) -> Any:
    if not cell:
        if not column.nullable:
            raise ValueError(f"{column.name} may not be empty")
        return None
    match column.type:
        case UtcDateTime():
            return datetime.fromisoformat(cell)
        case Date():
            return date.fromisoformat(cell)
        case Integer():
            return int(cell)
        case JSON():
            return line_items(cell)
        case _:
            return cell


def line_items(cell: str) -> list[dict[str, Any]]:
    """Return 'SKU=quantity;…' as the list a deal holds.

    Raises:
        ValueError: An item is not of this form.
    """
    items = [item.partition("=") for item in cell.split(";")]
    return [{"sku": sku, "quantity": int(quantity)} for sku, _, quantity in items]
