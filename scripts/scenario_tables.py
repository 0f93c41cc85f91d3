"""What generate_scenario.py writes: four tables as CSV files."""  # noqa: INP001  (a script, not a package)

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]

COLUMNS = {
    "accounts": """
        tenant_id id name domain industry employees annual_revenue_minor currency country city time_zone phone status
        owner_id created_at
    """,
    "contacts": """
        tenant_id id account_id first_name last_name email phone title buying_role preferred_channel email_consent
        created_at
    """,
    "deals": """
        tenant_id id account_id name stage line_items amount_minor currency owner_id competitor close_reason next_step
        close_date close_date_slips closed_at created_at updated_at
    """,
    "activities": """
        tenant_id id account_id deal_id contact_id kind direction subject body occurred_at due_at status owner_id
        created_at
    """,
}


@dataclass
class Tables:
    """What is written in the end."""

    accounts: list[Row] = field(default_factory=list[Row])
    contacts: list[Row] = field(default_factory=list[Row])
    deals: list[Row] = field(default_factory=list[Row])
    activities: list[Row] = field(default_factory=list[Row])


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else "" if value is None else str(value)


def write(tables: Tables, folder: Path) -> None:
    """Write one CSV file per table; activities are numbered by time."""
    tables.activities.sort(key=lambda row: (row["tenant_id"], row["occurred_at"], row["deal_id"], row["subject"]))
    numbers: dict[str, int] = {}
    for row in tables.activities:
        numbers[row["tenant_id"]] = numbers.get(row["tenant_id"], 0) + 1
        row["id"] = f"ACT-{numbers[row['tenant_id']]:05}"
    for name, columns in COLUMNS.items():
        rows: Iterable[Row] = getattr(tables, name)
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns.split())
            writer.writerows([_cell(row.get(column)) for column in columns.split()] for row in rows)
