"""What is quoted: the deal as it stands, what was asked for, and what it takes to match the competitor."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction
from typing import Any

from salesboost_tools.brief.calls import PRICES, Call
from salesboost_tools.brief.crm_records import Deal
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.heard import Heard, competitors_offer, objections_heard, term_asked_for
from salesboost_tools.brief.playbook import Playbook

_SMALLEST_FRACTION = Decimal("0.000001")


def quotes_wanted(found: Findings, playbook: Playbook) -> list[Call]:
    """Return the questions to the price calculator that make sense by now.

    First the deal as it stands, and with all that answers the objections and nothing but reductions that are agreed
    already; when these are priced, each once more at the price the competitor named.
    """
    deal = found.deal
    if deal is None or not deal.is_open or not deal.lines:
        return []
    heard = objections_heard(found, playbook)
    as_it_stands = _quote(deal, dict(deal.lines), months=12)
    answering = _answering(deal, heard, found, playbook)
    wanted = [as_it_stands] + ([answering] if answering != as_it_stands else [])
    return wanted + _matching(found, wanted, heard)


def seat_price(line: Mapping[str, Any]) -> Decimal | None:
    """Return what a unit costs per month after all discounts, exact; None for what is not paid per month."""
    months = line.get("months")
    if not months:
        return None
    exact = Fraction(Decimal(line["net"])) / (line["quantity"] * months)
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(_SMALLEST_FRACTION)


def contested_sku(deal: Deal) -> str:
    """Return the product a competitor's seat price is compared with: the one with most units."""
    return max(deal.lines, key=lambda line: line[1])[0]


def _answering(deal: Deal, heard: list[Heard], found: Findings, playbook: Playbook) -> Call:
    lines, codes = dict(deal.lines), list[str]()
    for each in heard:
        for sku, quantity in each.objection.lines.items():
            lines.setdefault(sku, quantity)
        codes += each.objection.codes
    term = term_asked_for(found, playbook.terms)
    for bundle in playbook.bundles:
        if all(any(sku.startswith(need) for sku in lines) for need in bundle.needs):
            codes += bundle.codes
    codes += term.codes if term else ()
    return _quote(deal, lines, months=term.months if term else 12, codes=codes)


def _matching(found: Findings, priced: list[Call], heard: list[Heard]) -> list[Call]:
    reference = price_to_match(found)
    if reference is None or found.deal is None or not any(each.objection.matches_price for each in heard):
        return []
    wanted: list[Call] = []
    for call in priced:
        answer = found.answer_to(call)
        discount = _discount_to_match(answer.data, reference, found.deal) if answer and answer.ok else None
        if discount:
            wanted.append(Call(PRICES, {**call.args, "discounts": [*call.args.get("discounts", ()), discount]}))
    return wanted


def price_to_match(found: Findings) -> tuple[Decimal, str] | None:
    """Return the competitor's seat price and whose it is: what they offered, else their list price if it is known."""
    deal, offer = found.deal, competitors_offer(found)
    if deal is None or not deal.lines:
        return None
    if offer:
        return offer.seat_price, f"match {deal.competitor} at {offer.seat_price} a seat"
    plan = comparable_plan(found, deal)
    if plan is None:
        return None
    price = Decimal(plan["their_plan"]["unit_price"])
    return price, f"match the list price of {plan['their_plan']['name']}, {price} a seat"


def comparable_plan(found: Findings, deal: Deal) -> Mapping[str, Any] | None:
    """Return the row of the battlecard that compares the contested product with the competitor's plan."""
    sku = contested_sku(deal)
    for row in found.cards.get("comparison", {}).get("prices", ()):
        same_measure = (row["their_plan"]["unit"], row["their_plan"]["per"]) == ("seat", "month")
        if row["our_sku"] == sku and row["currency"] == deal.currency and same_measure:
            return row
    return None


def _discount_to_match(quote: Mapping[str, Any], reference: tuple[Decimal, str], deal: Deal) -> dict[str, Any] | None:
    """Return what has to be taken off the contested product; None if it costs no more already."""
    sku, (theirs, reason) = contested_sku(deal), reference
    ours = next((seat_price(line) for line in quote["lines"] if line["sku"] == sku), None)
    if ours is None or ours <= theirs:
        return None
    fraction = ((ours - theirs) / ours).quantize(_SMALLEST_FRACTION, ROUND_CEILING)
    return {"fraction": f"{fraction:f}", "reason": reason, "skus": [sku]}


def _quote(deal: Deal, lines: Mapping[str, int], *, months: int, codes: list[str] | None = None) -> Call:
    args: dict[str, Any] = {
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()],
        "currency": deal.currency,
        "months": months,
    }
    if codes:
        args["discounts"] = [{"code": code} for code in dict.fromkeys(codes)]
    return Call(PRICES, args)
