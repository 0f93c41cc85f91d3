"""A quote as the plain answer of the tool: exact text for money, an id made from the content, an expiry."""

import base64
import hashlib
import json
from datetime import date, timedelta
from typing import Any

from salesboost_tools.tools.pricing.line_price import Line
from salesboost_tools.tools.pricing.money import money_text, unit_price_text
from salesboost_tools.tools.pricing.price_book import Charge, Terms
from salesboost_tools.tools.pricing.quote import Quote, QuotedLine
from salesboost_tools.tools.pricing.value_case import ValueCase

_ID_BYTES = 10


def quote_answer(
    bought: Quote, terms: Terms, *, billing_period: str, months: int, today: date, value: ValueCase | None
) -> dict[str, Any]:
    """Return the answer: JSON-able, money as exact text in major units of `currency`, shares as text fractions.

    The id is a hash of everything else in the answer, the day of issue included: the same question on the same day
    from the same price book has the same id, and nothing else has.
    """

    def text(minor: int) -> str:
        return money_text(minor, bought.currency)

    content: dict[str, Any] = {
        "currency": bought.currency,
        "total": text(bought.total_minor),
        "total_before_tax": text(bought.net_minor()),
        "tax": {
            "rate_fraction": f"{bought.tax_rate_fraction:f}",
            "amount": text(bought.tax_minor),
            "included_in_prices": bought.tax_included,
        },
        "list_total": text(bought.list_minor),
        "discount_total": text(bought.discount_minor),
        "recurring_before_tax": text(bought.net_minor(Charge.PER_MONTH)),
        "one_time_before_tax": text(bought.net_minor(Charge.ONE_TIME)),
        "billing": {
            "period": billing_period,
            "months": months,
            "invoices": bought.invoices,
            "first_invoice": text(bought.first_invoice_minor),
            "later_invoice": text(bought.invoice_minor) if bought.invoices > 1 else None,
        },
        "lines": [_line_answer(at, each, bought.currency) for at, each in enumerate(bought.lines, start=1)],
        "discounts": [
            {
                "label": taken.discount.label,
                "fraction": None if taken.discount.fraction is None else f"{taken.discount.fraction:f}",
                "amount": text(taken.amount_minor),
                "needs_approval": taken.discount.discretionary and bool(bought.approved_by),
            }
            for taken in bought.discounts
        ],
        "approval": {
            "required": bool(bought.approved_by),
            "approvers": list(bought.approved_by),
            "discretionary_amount": text(bought.discretionary_minor),
        },
        "value": None if value is None else _value_answer(value, bought.currency),
        "price_book": {"name": terms.name, "version": terms.version, "rounding": terms.rounding.value},
        "issued_on": today.isoformat(),
        "valid_until": (today + timedelta(days=terms.quote_valid_days)).isoformat(),
    }
    return {"quote_id": _quote_id(content), **content}


def _line_answer(number: int, quoted: QuotedLine, currency: str) -> dict[str, Any]:
    line = quoted.line
    answer: dict[str, Any] = {
        "line": number,
        "sku": line.sku,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": _unit_price(line, currency),
        "per": f"{line.unit} and month" if line.charge is Charge.PER_MONTH else line.unit,
        "months": line.months if line.charge is Charge.PER_MONTH else None,
        "list_total": money_text(line.list_minor, currency),
        "discount": money_text(quoted.discount_minor, currency),
        "net": money_text(quoted.net_minor, currency),
        "tax": money_text(quoted.tax_minor, currency),
        "total": money_text(quoted.total_minor, currency),
    }
    if len(line.bands) > 1:
        answer["bands"] = [
            {"quantity": band.quantity, "unit_price": unit_price_text(band.unit_price, currency)} for band in line.bands
        ]
    return answer


def _unit_price(line: Line, currency: str) -> str | None:
    """Return the price of one unit; None where several bands have their own."""
    return unit_price_text(line.bands[0].unit_price, currency) if len(line.bands) == 1 else None


def _value_answer(case: ValueCase, currency: str) -> dict[str, Any]:
    return {
        "horizon_months": case.horizon_months,
        "total_cost_of_ownership": money_text(case.total_cost_minor, currency),
        "total_gain": money_text(case.total_gain_minor, currency),
        "net_gain": money_text(case.net_gain_minor, currency),
        "payback_months": case.payback_months,
        "roi_fraction": None if case.roi_fraction is None else f"{case.roi_fraction:f}",
    }


def _quote_id(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).digest()[:_ID_BYTES]
    return f"Q-{base64.b32encode(digest).decode()}"
