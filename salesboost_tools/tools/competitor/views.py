"""What a battlecard says about one aspect, as JSON values. Pure functions; today comes in as an argument."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, cast

from salesboost_tools.tools.competitor.battlecard import (
    Battlecard,
    Claim,
    Feature,
    Level,
    Objection,
    OwnFeatures,
    Plan,
    Point,
    Sourced,
    Standing,
)
from salesboost_tools.tools.competitor.neighbours import OwnPrice, OwnPrices

View = dict[str, Any]

_RANK = {Level.FULL: 2, Level.PARTIAL: 1, Level.ADD_ON: 1, Level.NONE: 0}
_UNKNOWN = Standing(level=Level.UNKNOWN)


def overview(card: Battlecard, today: date) -> View:
    """Return what to know first, when we win and lose, and every claim."""
    head = card.head
    return {
        "category": head.category,
        "product_lines": list(head.product_lines),
        "summary": head.summary,
        "market_share": market_share(card, today)["market_share"],
        "when_we_win": points(card.when_we_win, today),
        "when_we_lose": points(card.when_we_lose, today),
        "claims": [_claim(claim, today) for claim in head.claims],
    }


def pricing(card: Battlecard, today: date) -> View:
    """Return the competitor's plans and extras, and the claims about them."""
    prices = card.head.pricing
    return {
        "pricing": None
        if prices is None
        else {
            "currency": prices.currency,
            "plans": [_plan(plan) for plan in prices.plans],
            "extras": list(prices.extras),
            "contract": prices.contract,
            **provenance(prices, today),
        },
        "claims": _claims_about(card, "pricing", today),
    }


def features(card: Battlecard, own: OwnFeatures, today: date) -> View:
    """Return the feature matrix, ours beside theirs, and where who is ahead."""
    rows = [(row, card.head.features.get(row.key, _UNKNOWN)) for row in own.features if row.key in rows_of(card, own)]
    return {
        "features": [
            {
                "feature": row.name,
                "product_line": row.product_line,
                "ours": {"level": row.ours.value, "note": row.note},
                "theirs": {"level": theirs.level.value, "note": theirs.note},
            }
            for row, theirs in rows
        ],
        "we_are_ahead": [row.name for row, theirs in rows if _ahead(row.ours, theirs.level)],
        "they_are_ahead": [row.name for row, theirs in rows if _ahead(theirs.level, row.ours)],
        "ours": provenance(own, today),
        "claims": _claims_about(card, "features", today),
    }


def market_share(card: Battlecard, today: date) -> View:
    """Return the competitor's share of its market."""
    share = card.head.market_share
    return {
        "market_share": None
        if share is None
        else {"fraction": f"{share.fraction:f}", "market": share.market, **provenance(share, today)}
    }


def strengths(card: Battlecard, today: date) -> View:
    """Return what speaks for the competitor."""
    return {"strengths": points(card.strengths, today)}


def weaknesses(card: Battlecard, today: date) -> View:
    """Return what speaks against the competitor, and the questions that bring it up."""
    return {"weaknesses": points(card.weaknesses, today), "landmines": points(card.landmines, today)}


def objections(card: Battlecard, today: date) -> View:
    """Return what buyers say, and what to answer."""
    return {"objections": [_objection(each, today) for each in card.objections]}


def comparison(card: Battlecard, own: OwnFeatures, own_prices: OwnPrices | None, today: date) -> View:
    """Return plan beside product, where who is ahead, and when we win and lose."""
    prices, matrix = card.head.pricing, features(card, own, today)
    compared = [] if prices is None else [_compared(plan, prices.currency, own_prices) for plan in prices.plans]
    return {
        "prices": compared,
        "prices_from": None if prices is None else provenance(prices, today),
        "extras": [] if prices is None else list(prices.extras),
        "we_are_ahead": matrix["we_are_ahead"],
        "they_are_ahead": matrix["they_are_ahead"],
        "when_we_win": points(card.when_we_win, today),
        "when_we_lose": points(card.when_we_lose, today),
    }


def all_overviews(cards: Iterable[Battlecard], today: date) -> View:
    """Return a line per competitor."""
    return {
        "competitors": [
            {
                "competitor": card.name,
                "category": card.head.category,
                "product_lines": list(card.head.product_lines),
                "summary": card.head.summary,
                **market_share(card, today),
            }
            for card in cards
        ]
    }


def all_prices(cards: Iterable[Battlecard], today: date) -> View:
    """Return the plans of every competitor."""
    return {"competitors": [{"competitor": card.name, **pricing(card, today)} for card in cards]}


def all_features(cards: Sequence[Battlecard], own: OwnFeatures, today: date) -> View:
    """Return one matrix: a row per feature, our level and that of every competitor it concerns."""
    concerned = {card.name: rows_of(card, own) for card in cards}
    return {
        "features": [
            {
                "feature": row.name,
                "product_line": row.product_line,
                "ours": row.ours.value,
                "theirs": {
                    card.name: card.head.features.get(row.key, _UNKNOWN).level.value
                    for card in cards
                    if row.key in concerned[card.name]
                },
            }
            for row in own.features
            if any(row.key in rows for rows in concerned.values())
        ],
        "ours": provenance(own, today),
    }


def all_shares(cards: Iterable[Battlecard], today: date) -> View:
    """Return the market share of every competitor, the largest first; markets differ, so they do not add up."""
    known = [card for card in cards if card.head.market_share is not None]
    known.sort(key=lambda card: card.head.market_share.fraction if card.head.market_share else 0, reverse=True)
    return {"competitors": [{"competitor": card.name, **market_share(card, today)} for card in known]}


def points(listed: Iterable[Point], today: date) -> list[View]:
    """Return sentences with the claims they rest on."""
    return [{"text": point.text, "claims": [_claim(claim, today) for claim in point.claims]} for point in listed]


def provenance(fact: Sourced, today: date) -> View:
    """Return source, date and expiry, and whether that has passed."""
    return {
        "source": fact.source,
        "date": fact.date.isoformat(),
        "expires": fact.expires.isoformat(),
        "expired": fact.expired(today),
    }


def rows_of(card: Battlecard, own: OwnFeatures) -> set[str]:
    """Return the features that matter for a competitor: of the product lines it meets, or mentioned on its card."""
    return {row.key for row in own.features if _concerns(row, card)}


def expired_count(view: Any) -> int:
    """Return how many facts in a view are past their expiry; a claim shown twice counts once."""
    return len(set(_expired(view)))


def _expired(view: Any) -> Iterable[str]:
    if isinstance(view, Mapping):
        fields = cast("Mapping[str, Any]", view)
        if fields.get("expired") is True:
            yield str(fields.get("id") or fields["source"] + fields["expires"])
        for value in fields.values():
            yield from _expired(value)
    elif isinstance(view, list):
        for value in cast("list[Any]", view):
            yield from _expired(value)


def _concerns(row: Feature, card: Battlecard) -> bool:
    return row.product_line in card.head.product_lines or row.key in card.head.features


def _ahead(one: Level, other: Level) -> bool:
    return one in _RANK and other in _RANK and _RANK[one] > _RANK[other]


def _claim(claim: Claim, today: date) -> View:
    return {"id": claim.id, "text": claim.text, **provenance(claim, today)}


def _claims_about(card: Battlecard, aspect: str, today: date) -> list[View]:
    return [_claim(claim, today) for claim in card.head.claims if claim.aspect == aspect]


def _objection(each: Objection, today: date) -> View:
    return {
        "objection": each.objection,
        "response": each.response,
        "claims": [_claim(claim, today) for claim in each.claims],
    }


def _plan(plan: Plan) -> View:
    return {
        "name": plan.name,
        "unit_price": f"{plan.unit_price:f}",
        "unit": plan.unit,
        "per": plan.per,
        "note": plan.note,
    }


def _compared(plan: Plan, currency: str, own_prices: OwnPrices | None) -> View:
    """Return a plan beside our nearest product; the difference is theirs minus ours: below 0 they cost less."""
    row: View = {"their_plan": _plan(plan), "currency": currency, "our_sku": plan.compares_with, "our_product": None}
    ours = own_prices.list_price(plan.compares_with, currency) if own_prices and plan.compares_with else None
    if ours is None:
        return row | {"note": _why_alone(plan, currency, own_prices)}
    row["our_product"] = {
        "sku": ours.sku,
        "name": ours.name,
        "unit_price": f"{ours.unit_price:f}",
        "unit": ours.unit,
        "per": ours.per,
    }
    if not _same_measure(plan, currency, ours):
        theirs_is, ours_is = (f"{currency} per {plan.unit}, {plan.per}", f"{ours.currency} per {ours.unit}, {ours.per}")
        return row | {"note": f"not comparable: theirs is in {theirs_is}; ours in {ours_is}"}
    difference = plan.unit_price - ours.unit_price
    fraction = (difference / ours.unit_price).quantize(Decimal("0.0001")) if ours.unit_price else None
    return row | {
        "difference": f"{difference:f}",
        "difference_fraction": None if fraction is None else f"{fraction:f}",
        "note": "list prices for the smallest quantity, before volume tiers and discounts",
    }


def _same_measure(plan: Plan, currency: str, ours: OwnPrice) -> bool:
    return (plan.unit, plan.per, currency) == (ours.unit, ours.per, ours.currency)


def _why_alone(plan: Plan, currency: str, own_prices: OwnPrices | None) -> str:
    if plan.compares_with is None:
        return "we sell nothing like it"
    if own_prices is None:
        return f"ask the price calculator for {plan.compares_with}"
    return f"{plan.compares_with} has no price in {currency}"
