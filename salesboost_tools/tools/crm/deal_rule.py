"""What a change of stage or close date means for a deal. Pure rules."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.crm.commands import MoveDeal
from salesboost_tools.tools.crm.records import Row
from salesboost_tools.tools.crm.vocabulary import CLOSED_STAGES


def move(row: Row, asked: MoveDeal, now: datetime) -> dict[str, Any]:
    """Return the columns a change of stage writes.

    Any open stage may follow any other: deals do go back. An end sets the moment of closing; leaving an end clears it
    and the reason, for the deal is open again.

    Raises:
        ToolInputError: A loss without a reason, or a reason or competitor without an end.
    """
    if asked.stage not in CLOSED_STAGES:
        if asked.reason or asked.competitor:
            raise wrong_input("reason and competitor go with stage 'won' or 'lost' only.")
        return {"stage": asked.stage, "closed_at": None, "close_reason": None}
    if asked.stage == "lost" and not asked.reason:
        raise wrong_input(
            "A lost deal needs a reason, e.g. 'price', 'missing_feature', 'migration_risk', 'no_decision'."
        )
    return {
        "stage": asked.stage,
        "closed_at": row["closed_at"] if row["stage"] == asked.stage else now,
        "close_reason": asked.reason,
        "competitor": asked.competitor or row["competitor"],
    }


def slipped(row: Row, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with one more slip counted if an open deal's close date moves back."""
    later: date | None = values.get("close_date")
    if later is None or row["stage"] in CLOSED_STAGES or later <= row["close_date"]:
        return dict(values)
    return {**values, "close_date_slips": row["close_date_slips"] + 1}
