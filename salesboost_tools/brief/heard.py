"""What the customer said against buying, and what the competitor has offered, read from the CRM's activities."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from salesboost_tools.brief.crm_records import Activity, Deal
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.playbook import Objection, Playbook, Term, has_sign
from salesboost_tools.tools.pricing.money import digits_of

MOST_OBJECTIONS = 6

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[\"“(A-Z0-9])|[,;:]?\s+(?=\(\d+\)\s)")
"""After a full stop, and before each point of a list: `(1) … (2) …`."""
_POINT = re.compile(r"^\(\d+\)\s+")
_CURRENCIES = {
    "dollar": "USD",
    "dollars": "USD",
    "usd": "USD",
    "$": "USD",
    "euro": "EUR",
    "euros": "EUR",
    "eur": "EUR",
    "€": "EUR",
    "pound": "GBP",
    "pounds": "GBP",
    "gbp": "GBP",
    "£": "GBP",
    "yen": "JPY",
    "jpy": "JPY",
    "¥": "JPY",
}
_SEAT_PRICE = re.compile(
    r"(?P<sign>[$€£¥])?\s?(?P<amount>\d+(?:\.\d{1,2})?)(?:\s(?P<word>dollars?|euros?|pounds?|yen|usd|eur|gbp|jpy))?"
    r"\s(?:per|a)\sseat\s(?:and|per|a)\smonth",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """An objection and where it was heard.

    Attributes:
        sentence: The customer's words, or our note of them.
        source_id: The activity, or lost deal, that holds it.
        contact_id: Who said it; None if it is our note, or nobody in particular.
        on: The day.
        times: In how many conversations, mails, notes and lost deals it came up.
    """

    objection: Objection
    sentence: str
    source_id: str
    contact_id: str | None
    on: date
    times: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What a competitor asks per seat and month, as somebody told us.

    Attributes:
        sentence: The words it was told in.
        activity: Where they stand.
    """

    seat_price: Decimal
    currency: str
    sentence: str
    activity: Activity


def sentences(text: str) -> list[str]:
    """Return the sentences and the points of lists in a text, each on one line."""
    parts = (" ".join(part.split()) for part in _SENTENCE_END.split(text.strip()))
    return [_POINT.sub("", part) for part in parts if part]


def objections_heard(found: Findings, playbook: Playbook) -> list[Heard]:
    """Return the six objections that came up most often, the one heard last first.

    Conversations and mails from the customer count, and our notes of them; our own mails and tasks do not. So does a
    deal of the account that was lost for a reason that means the same.
    """
    offer = competitors_offer(found)
    told = [
        _Told(each, found, playbook, told_elsewhere=offer.sentence if offer else None)
        for each in _about_deal(found)
        if each.is_two_way or each.kind == "note"
    ]
    heard = [each for objection in playbook.objections if (each := _heard(objection, told, found.deals))]
    most = sorted(heard, key=lambda each: (each.times, each.on), reverse=True)[:MOST_OBJECTIONS]
    return sorted(most, key=lambda each: each.on, reverse=True)


def _heard(objection: Objection, told: "Sequence[_Told]", deals: Sequence[Deal]) -> Heard | None:
    where = [each for each in told if each.holds(objection)]
    lost = [deal for deal in deals if deal.stage == "lost" and deal.close_reason in objection.reasons]
    times = len(where) + len(lost)
    if where:
        best = max(where, key=lambda each: each.worth(objection))
        activity = best.activity
        contact_id = activity.contact_id if activity.is_two_way else None
        return Heard(objection, best.sentence(objection), activity.id, contact_id, activity.at.date(), times)
    if lost:
        last = max(lost, key=lambda deal: deal.close_date)
        sentence = f"{last.name} was lost: {str(last.close_reason).replace('_', ' ')}."
        return Heard(objection, sentence, last.id, None, last.close_date, times)
    return None


def competitors_offer(found: Findings) -> Offer | None:
    """Return the latest seat price of the deal's competitor that somebody named, in the deal's currency."""
    deal = found.deal
    if deal is None or not deal.competitor:
        return None
    for activity in _about_deal(found):
        for sentence in () if activity.is_sent_mail else sentences(activity.body):
            price = _SEAT_PRICE.search(sentence)
            if price is None or deal.competitor.casefold() not in sentence.casefold():
                continue
            currency = _CURRENCIES.get((price["word"] or price["sign"] or "").casefold())
            if currency == deal.currency:
                amount = Decimal(price["amount"]).quantize(Decimal(1).scaleb(-digits_of(deal.currency)))
                return Offer(amount, deal.currency, sentence, activity)
    return None


def term_asked_for(found: Findings, terms: Iterable[Term]) -> Term | None:
    """Return the term the customer spoke of last; None if no term was named."""
    for activity in _about_deal(found):
        if activity.is_two_way:
            for term in terms:
                if has_sign(term.signs, activity.body):
                    return term
    return None


def _about_deal(found: Findings) -> list[Activity]:
    """Return activities of the deal, or of none in particular; newest first."""
    return [each for each in found.activities if found.deal is None or each.deal_id in {None, found.deal.id}]


class _Told:
    """An activity, read for objections."""

    def __init__(self, activity: Activity, found: Findings, playbook: Playbook, *, told_elsewhere: str | None) -> None:
        person = found.contact(activity.contact_id)
        self.activity = activity
        self._role = person.role if person else None
        self._told_elsewhere = told_elsewhere
        self._body = [each for each in sentences(activity.body) if not has_sign(playbook.dismissed, each)]

    def holds(self, objection: Objection) -> bool:
        return objection.is_in(self.activity.subject) or any(objection.is_in(each) for each in self._body)

    def worth(self, objection: Objection) -> tuple[bool, bool, bool, float]:
        """Rank: the customer's words, told and not only headed, by somebody whose business it is, late."""
        in_body = any(objection.is_in(each) for each in self._body)
        return self.activity.is_two_way, in_body, self._role in objection.roles, self.activity.at.timestamp()

    def sentence(self, objection: Objection) -> str:
        telling = [each for each in self._body if objection.is_in(each)]
        telling = [each for each in telling if each != self._told_elsewhere] or telling
        return max(telling, key=objection.hits) if telling else f"{self.activity.subject}."
