"""The quotes side by side: what each costs, and who must agree before it is named."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from string import ascii_uppercase
from typing import Any

from salesboost_tools.brief.account_brief import PriceOption
from salesboost_tools.brief.crm_records import Deal
from salesboost_tools.brief.findings import Findings, Quote
from salesboost_tools.brief.offers import seat_price
from salesboost_tools.brief.writing.wording import counted, money, per_cent, said

_CENT = Decimal("0.01")


def price_options(found: Findings) -> tuple[PriceOption, ...]:
    """Return one option per quote, in the order they were asked for; the same quote counts once."""
    deal = found.deal
    if deal is None:
        return ()
    quotes = {quote.answer["quote_id"]: quote for quote in found.quotes}
    return tuple(_option(letter, quote, deal) for letter, quote in zip(ascii_uppercase, quotes.values(), strict=False))


def _option(letter: str, quote: Quote, deal: Deal) -> PriceOption:
    answer = quote.answer
    list_total, discretionary = Decimal(answer["list_total"]), Decimal(answer["approval"]["discretionary_amount"])
    share = discretionary / list_total if list_total else Decimal(0)
    seats = {line["sku"]: seat_price(line) for line in answer["lines"] if line["sku"]}
    return PriceOption(
        letter=letter,
        label=_label(quote, deal),
        quote_id=answer["quote_id"],
        total=answer["total_before_tax"],
        currency=answer["currency"],
        months=answer["billing"]["months"],
        seat_prices={sku: f"{price.quantize(_CENT)}" for sku, price in seats.items() if price is not None},
        discounts=_discounts(quote),
        approvers=tuple(said(name) for name in answer["approval"]["approvers"]),
        discretionary_fraction=f"{share:.4f}",
        valid_until=date.fromisoformat(answer["valid_until"]),
        cites=(answer["quote_id"], deal.id),
    )


def _discounts(quote: Quote) -> tuple[str, ...]:
    """Return what was taken off: codes by name, others by what they were taken from."""
    told: list[str] = []
    for asked, taken in zip(quote.asked.get("discounts") or (), quote.answer["discounts"], strict=True):
        share = per_cent(taken["fraction"]) if taken["fraction"] else money(taken["amount"], quote.answer["currency"])
        told.append(f"{taken['label']} {share}" if asked.get("code") else f"{share} off {_what(asked)}")
    return tuple(told)


def _what(discount: Mapping[str, Any]) -> str:
    return " and ".join(discount.get("skus") or ()) or "everything"


def _label(quote: Quote, deal: Deal) -> str:
    """Say what is different from the deal as it stands in the CRM."""
    answer = quote.answer
    more = [line["sku"] or line["description"] for line in answer["lines"] if line["sku"] not in dict(deal.lines)]
    discounts = quote.asked.get("discounts") or ()
    reasons = [str(each.get("reason") or "discount") for each in discounts if not each.get("code")]
    as_it_stands = not more and not discounts and Decimal(answer["total_before_tax"]) == deal.amount
    parts = ["as in the deal"] if as_it_stands else [counted(answer["billing"]["months"], "month")]
    parts += [f"with {' and '.join(more)}"] if more else []
    parts += reasons or (["agreed reductions only"] if discounts else [])
    label = ", ".join(parts)
    return label[:1].upper() + label[1:]
