"""A database row as the plain, JSON-able answer of the tool."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from salesboost_tools.tools.argument import iso_utc
from salesboost_tools.tools.crm.vocabulary import RecordType
from salesboost_tools.tools.pricing.money import money_text

EXCERPT_LETTERS = 500
"""How much of a note a list shows; `get` shows all of it."""

Row = Mapping[str, Any]


def money(amount_minor: int, currency: str) -> dict[str, str]:
    """Return an amount as exact text in major units with its currency."""
    return {"amount": money_text(amount_minor, currency), "currency": currency}


def answer(record_type: RecordType, row: Row, *, now: datetime, excerpt: bool = False) -> dict[str, Any]:
    """Return one record.

    Args:
        record_type: What the row is.
        row: Columns of its table; `account_name` beside them, and `last_activity_at` for a deal.
        now: The present moment, for ages in days.
        excerpt: Cut long texts to 500 letters and say so.
    """
    match record_type:
        case "account":
            own = _account(row)
        case "contact":
            own = _contact(row)
        case "deal":
            own = _deal(row, now)
        case "activity":
            own = _activity(row, excerpt=excerpt)
    stamps = {"created_at": iso_utc(row["created_at"]), "updated_at": iso_utc(row["updated_at"])}
    return {"type": record_type, "id": row["id"], **own, **stamps, "version": row["version"]}


def _account(row: Row) -> dict[str, Any]:
    shown = ("name", "domain", "industry", "employees", "country", "city", "time_zone", "phone", "status", "owner_id")
    revenue = row["annual_revenue_minor"]
    return {
        **{name: row[name] for name in shown},
        "annual_revenue": None if revenue is None else money(revenue, row["currency"]),
    }


def _contact(row: Row) -> dict[str, Any]:
    shown = (
        "first_name",
        "last_name",
        "email",
        "phone",
        "title",
        "buying_role",
        "preferred_channel",
        "email_consent",
    )
    return {**{name: row[name] for name in shown}, "account": _account_of(row)}


def _deal(row: Row, now: datetime) -> dict[str, Any]:
    return {
        "name": row["name"],
        "account": _account_of(row),
        "stage": row["stage"],
        "amount": money(row["amount_minor"], row["currency"]),
        "line_items": row["line_items"],
        "owner_id": row["owner_id"],
        "competitor": row["competitor"],
        "next_step": row["next_step"],
        "close_date": row["close_date"].isoformat(),
        "close_date_slips": row["close_date_slips"],
        "closed_at": _moment(row["closed_at"]),
        "close_reason": row["close_reason"],
        "last_activity_at": iso_utc(row["last_activity_at"]),
        "days_since_activity": max(0, (now - row["last_activity_at"]).days),
    }


def _activity(row: Row, *, excerpt: bool) -> dict[str, Any]:
    body = row["body"]
    cut = excerpt and len(body) > EXCERPT_LETTERS
    shown = ("kind", "direction", "subject", "status", "owner_id", "deal_id", "contact_id")
    return {
        **{name: row[name] for name in shown},
        "body": body[:EXCERPT_LETTERS] + "…" if cut else body,
        "body_is_complete": not cut,
        "account": _account_of(row),
        "occurred_at": iso_utc(row["occurred_at"]),
        "due_at": _moment(row["due_at"]),
    }


def _account_of(row: Row) -> dict[str, str]:
    return {"id": row["account_id"], "name": row["account_name"]}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso_utc(moment)
