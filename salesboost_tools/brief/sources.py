"""Everything the tools returned that a statement may cite, by key."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, cast

from salesboost_tools.brief.account_brief import Source
from salesboost_tools.brief.findings import Findings


def sources_of(found: Findings) -> dict[str, Source]:
    """Return the sources by the key they are cited with: CRM records, articles, battlecards and claims, quotes."""
    every = [*_records(found), *_articles(found), *_cards(found), *_quotes(found)]
    return {source.key: source for source in every}


def card_key(card: Mapping[str, Any]) -> str:
    """Return how a battlecard is cited."""
    return f"{card['battlecard']['id']} v{card['battlecard']['version']}"


def card_prices_key(card: Mapping[str, Any]) -> str:
    """Return how the prices of a battlecard are cited; they have a source and an expiry of their own."""
    return f"{card['battlecard']['id']} prices"


def win_loss_key(competitor: str) -> str:
    """Return how the count of closed deals against a competitor is cited."""
    return f"win/loss {competitor}"


def _records(found: Findings) -> Iterable[Source]:
    if found.account:
        yield Source(key=found.account.id, kind="crm", title=f"account {found.account.name}")
    for deal in (*found.deals, *found.other_deals):
        yield Source(key=deal.id, kind="crm", title=f"deal {deal.name}")
    for person in found.contacts:
        yield Source(key=person.id, kind="crm", title=f"contact {person.name}")
    for each in found.activities:
        yield Source(key=each.id, kind="crm", title=f"{each.kind}: {each.subject}", dated=each.at.date())


def _articles(found: Findings) -> Iterable[Source]:
    for passage in found.passages:
        updated = None if passage.updated is None else date.fromisoformat(passage.updated)
        yield Source(key=passage.key, kind="knowledge", title=passage.title, dated=updated)


def _cards(found: Findings) -> Iterable[Source]:
    for card in found.cards.values():
        if "battlecard" not in card:
            continue
        competitor, updated = str(card["competitor"]), date.fromisoformat(card["battlecard"]["updated"])
        yield Source(key=card_key(card), kind="battlecard", title=f"battlecard {competitor}", dated=updated)
        if prices := card.get("prices_from") or card.get("pricing"):
            yield _dated(card_prices_key(card), prices)
        if card.get("win_loss"):
            title = f"closed deals against {competitor}, counted"
            yield Source(key=win_loss_key(competitor), kind="crm", title=title, dated=found.as_of.date())
        yield from (_dated(str(claim["id"]), claim) for claim in claims_in(card))


def claims_in(card: Any) -> Iterable[Mapping[str, Any]]:
    """Yield every claim that an answer of the battlecards holds, at any depth; one may come twice."""
    if isinstance(card, Mapping):
        fields = cast("Mapping[str, Any]", card)
        if "id" in fields and "expires" in fields:
            yield fields
        for value in fields.values():
            yield from claims_in(value)
    elif isinstance(card, list):
        for value in cast("list[Any]", card):
            yield from claims_in(value)


def _dated(key: str, fact: Mapping[str, Any]) -> Source:
    return Source(
        key=key,
        kind="battlecard",
        title=fact["source"],
        dated=date.fromisoformat(fact["date"]),
        expires=date.fromisoformat(fact["expires"]),
        expired=fact["expired"],
    )


def _quotes(found: Findings) -> Iterable[Source]:
    for quote in (each.answer for each in found.quotes):
        book = quote["price_book"]
        yield Source(
            key=quote["quote_id"],
            kind="price",
            title=f"quote from {book['name']} {book['version']}",
            dated=date.fromisoformat(quote["issued_on"]),
            expires=date.fromisoformat(quote["valid_until"]),
        )
