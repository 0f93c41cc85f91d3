"""What the competitor says and sells, with date and source of every claim; expired ones are marked."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from salesboost_tools.brief.account_brief import Statement
from salesboost_tools.brief.crm_records import Deal
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.heard import Offer
from salesboost_tools.brief.offers import comparable_plan, contested_sku, seat_price
from salesboost_tools.brief.sources import card_key, card_prices_key, claims_in, win_loss_key
from salesboost_tools.brief.writing.wording import counted, listed, money, per_cent, quoted, said

_CLAIMS = 4
_REASONS = 2
_REFERENCES = 3

_PER_SEAT = re.compile(r"(\d+\.\d+) per seat and month")
_PER_CENT_OF_LICENCE = re.compile(r"(\d+(?:\.\d+)?) per cent of the licence fee")


def competition(found: Findings, offer: Offer | None, *, stalled_days: int) -> tuple[Statement, ...]:
    """Return what is known of the deal's competitor: its offer, prices, claims, and how we fare against it."""
    deal = found.deal
    if deal is None or not deal.competitor:
        return ()
    comparison = found.cards.get("comparison", {})
    return (
        *_offer(offer),
        *_list_price(found, deal, comparison),
        *_extras(comparison, offer),
        *_claims(found),
        *_ahead(comparison),
        *_win_loss(comparison),
        *_references(found, deal),
        *_also_silent(found, deal, stalled_days),
        *_question(found.cards.get("weaknesses", {})),
    )


def _offer(offer: Offer | None) -> Iterable[Statement]:
    if offer:
        text = f"Their offer, as we were told on {offer.activity.at.date()}: {quoted(offer.sentence)}"
        yield Statement(text=text, cites=(offer.activity.id,))


def _list_price(found: Findings, deal: Deal, comparison: Mapping[str, Any]) -> Iterable[Statement]:
    if not deal.lines:
        return
    sku = contested_sku(deal)
    plan = comparable_plan(found, deal)
    if plan is None:
        return
    theirs = plan["their_plan"]
    text = f"List price of {theirs['name']}: {money(theirs['unit_price'], plan['currency'])} a {theirs['unit']} and "
    text += f"{theirs['per']}"
    quote = found.quotes[0].answer if found.quotes else None
    lines = quote["lines"] if quote else ()
    ours = next((seat_price(line) for line in lines if line["sku"] == sku), None)
    cites = (card_prices_key(comparison),)
    if quote and ours is not None:
        text += f"; our {sku} in this deal: {money(ours.quantize(Decimal('0.01')), deal.currency)}"
        cites += (quote["quote_id"],)
    yield Statement(text=f"{text}.", cites=cites, expired=_is_expired(comparison))


def _extras(comparison: Mapping[str, Any], offer: Offer | None) -> Iterable[Statement]:
    """Yield what they charge besides, and what the offer would cost if that came on top of it."""
    extras: list[str] = comparison.get("extras") or []
    if not extras:
        return
    source, expired = card_prices_key(comparison), _is_expired(comparison)
    yield Statement(
        text=f"Extras on their price list: {'; '.join(map(_lowered, extras))}.", cites=(source,), expired=expired
    )
    if offer is None:
        return
    on_top = [(extra, cost) for extra in extras if (cost := _monthly_cost(extra, offer.seat_price))]
    if on_top:
        whole = offer.seat_price + sum(cost for _, cost in on_top)
        parts = " + ".join([f"{offer.seat_price}", *(f"{cost}" for _, cost in on_top)])
        text = f"If these come on top of their offer, a seat costs {money(whole, offer.currency)} a month ({parts})."
        yield Statement(text=text, cites=(source, offer.activity.id), expired=expired)


def _monthly_cost(extra: str, seat_price: Decimal) -> Decimal | None:
    """Return what an extra adds to a seat price per month; None where its text does not say."""
    if amount := _PER_SEAT.search(extra):
        return Decimal(amount[1])
    if share := _PER_CENT_OF_LICENCE.search(extra):
        return (seat_price * Decimal(share[1]) / 100).quantize(seat_price)
    return None


def _claims(found: Findings) -> Iterable[Statement]:
    """Yield the claims that the answers rest on, those that still hold first."""
    every = {str(claim["id"]): claim for card in found.cards.values() for claim in claims_in(card)}
    for claim in sorted(every.values(), key=lambda claim: bool(claim["expired"]))[:_CLAIMS]:
        dated = f"{claim['source']}, {claim['date']}"
        yield Statement(text=f"{claim['text']} ({dated})", cites=(claim["id"],), expired=claim["expired"])


def _ahead(comparison: Mapping[str, Any]) -> Iterable[Statement]:
    ours, theirs = comparison.get("we_are_ahead"), comparison.get("they_are_ahead")
    if ours or theirs:
        parts = [f"Ahead of us in {listed([_lowered(each) for each in theirs])}" if theirs else "Nowhere ahead of us"]
        parts += [f"behind in {listed([_lowered(each) for each in ours])}"] if ours else []
        yield Statement(text=f"{'; '.join(parts)}.", cites=(card_key(comparison),))


def _win_loss(comparison: Mapping[str, Any]) -> Iterable[Statement]:
    counts = comparison.get("win_loss")
    if not counts:
        return
    text = (
        f"We won {counts['won']} and lost {counts['lost']} deals against them ({per_cent(counts['win_fraction'])} won)"
    )
    for heading, reasons in (("reasons won", counts["win_reasons"]), ("reasons lost", counts["loss_reasons"])):
        if reasons:
            often = list(reasons.items())[:_REASONS]
            text += f"; {heading}: {listed([f'{said(name)} ({count})' for name, count in often])}"
    yield Statement(text=f"{text}.", cites=(win_loss_key(comparison["competitor"]),))


def _references(found: Findings, deal: Deal) -> Iterable[Statement]:
    """Yield the largest deals we won against them with one of the same products."""
    skus = {sku for sku, _ in deal.lines}
    won = [
        each
        for each in found.other_deals
        if each.stage == "won"
        and each.competitor == deal.competitor
        and skus.intersection(sku for sku, _ in each.lines)
    ]
    won.sort(key=lambda each: sum(quantity for _, quantity in each.lines), reverse=True)
    if chosen := won[:_REFERENCES]:
        names = listed([f"{each.account_name} ({counted(_seats(each, skus), 'seat')})" for each in chosen])
        text = f"Customers won against them with the same product, to ask for a reference: {names}."
        yield Statement(text=text, cites=tuple(each.id for each in chosen))


def _also_silent(found: Findings, deal: Deal, stalled_days: int) -> Iterable[Statement]:
    """Yield other deals that are silent against them, the longest first; known only if the CRM was asked."""
    others = [
        each
        for each in found.other_deals
        if each.is_open and each.competitor == deal.competitor and each.silent_days >= stalled_days
    ]
    if chosen := sorted(others, key=lambda each: each.silent_days, reverse=True)[:_REFERENCES]:
        names = listed([f"{each.account_name} ({counted(each.silent_days, 'day')})" for each in chosen])
        verb = "is" if len(others) == 1 else "are"
        text = f"{counted(len(others), 'other open deal')} against them {verb} silent: {names}."
        yield Statement(text=text, cites=tuple(each.id for each in chosen))


def _seats(deal: Deal, skus: set[str]) -> int:
    return sum(quantity for sku, quantity in deal.lines if sku in skus)


def _question(card: Mapping[str, Any]) -> Iterable[Statement]:
    if landmines := card.get("landmines"):
        advice = " ".join(point["text"] for point in landmines[:2])
        yield Statement(text=f"Questions that help us: {advice}", cites=(card_key(card),))


def _is_expired(comparison: Mapping[str, Any]) -> bool:
    prices_from: Mapping[str, Any] = comparison.get("prices_from") or {}
    return bool(prices_from.get("expired"))


def _lowered(text: str) -> str:
    """Return a heading as it reads inside a sentence; abbreviations stay."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
