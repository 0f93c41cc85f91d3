"""How deals ended, added up: a pure rule over counted rows."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from salesboost_tools.tools.crm.records import Row, money


def by_competitor(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the endings per competitor, sorted; those without one stand under None.

    `win_fraction` is won / (won + lost), four digits; amounts are never added across currencies.

    Args:
        rows: `competitor`, `stage` (won or lost), `close_reason`, `currency`, and of how many `deals` for how much
            `amount_minor`; None counts for nothing.
    """
    groups = groupby(sorted(rows, key=_competitor), key=_competitor)
    return [_ending(name or None, list(group)) for name, group in groups]


def _competitor(row: Row) -> str:
    return row["competitor"] or ""


def _ending(competitor: str | None, rows: list[Row]) -> dict[str, Any]:
    counts = {stage: sum(row["deals"] for row in rows if row["stage"] == stage) for stage in ("won", "lost")}
    share = (Decimal(counts["won"]) / sum(counts.values())).quantize(Decimal("0.0001"))
    return {
        "competitor": competitor,
        **counts,
        "win_fraction": f"{share:f}",
        "won_amounts": _amounts(rows, "won"),
        "lost_amounts": _amounts(rows, "lost"),
        "win_reasons": _reasons(rows, "won"),
        "loss_reasons": _reasons(rows, "lost"),
    }


def _amounts(rows: list[Row], stage: str) -> list[dict[str, str]]:
    totals: dict[str, int] = {}
    for row in rows:
        if row["stage"] == stage and row["amount_minor"] is not None:
            totals[row["currency"]] = totals.get(row["currency"], 0) + int(row["amount_minor"])
    return [money(total, currency) for currency, total in sorted(totals.items())]


def _reasons(rows: list[Row], stage: str) -> dict[str, int]:
    """Return reason -> number of deals, the most frequent first."""
    counts: dict[str, int] = {}
    for row in rows:
        if row["stage"] == stage and row["close_reason"]:
            counts[row["close_reason"]] = counts.get(row["close_reason"], 0) + row["deals"]
    return dict(sorted(counts.items(), key=lambda reason: (-reason[1], reason[0])))
