"""What the tools have found about an account so far."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from salesboost_tools.brief.calls import COMPETITOR, KNOWLEDGE, PRICES, Call
from salesboost_tools.brief.crm_records import Account, Activity, Contact, Deal
from salesboost_tools.brief.tool_answers import ToolAnswer, records


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A section of an article, found for a question."""

    query: str
    document: str
    section: str
    version: str
    title: str
    text: str
    updated: str | None

    @property
    def key(self) -> str:
        """How it is cited."""
        section = f" §{self.section}" if self.section else ""
        return f"{self.document}{section} v{self.version}"


@dataclass(frozen=True, slots=True)
class Quote:
    """An answer of the price calculator and what it was asked."""

    asked: Mapping[str, Any]
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything the tools returned about one account.

    Attributes:
        answers: All answered calls, failed ones too.
        as_of: The CRM's present moment.
        account: None if the record itself was not returned.
        deal: What the brief is about: the open deal with most at stake; None if no deal is open.
        deals: All deals of the account.
        other_deals: Deals of other accounts that an answer held.
        activities: Newest first.
        passages: In the order of the questions, best first.
        cards: What the battlecards say, by aspect.
        quotes: Prices, in the order of the questions.
    """

    answers: tuple[ToolAnswer, ...]
    as_of: datetime
    account_id: str
    account: Account | None
    deal: Deal | None
    deals: tuple[Deal, ...]
    other_deals: tuple[Deal, ...]
    contacts: tuple[Contact, ...]
    activities: tuple[Activity, ...]
    passages: tuple[Passage, ...]
    cards: Mapping[str, Mapping[str, Any]]
    quotes: tuple[Quote, ...]

    @property
    def account_name(self) -> str:
        """The account's name as any record holds it."""
        if self.account:
            return self.account.name
        return next((deal.account_name for deal in self.deals), self.account_id)

    def answered(self, tool: str, **args: Any) -> ToolAnswer | None:
        """Return the first answer to a call with at least these arguments."""
        return next((answer for answer in self.answers if answer.asked(tool, **args)), None)

    def answer_to(self, call: Call) -> ToolAnswer | None:
        """Return the answer to exactly this call."""
        return next((each for each in self.answers if each.tool == call.tool and each.args == call.args), None)

    def contact(self, contact_id: str | None) -> Contact | None:
        """Return a person of the account."""
        return next((contact for contact in self.contacts if contact.id == contact_id), None)

    def days_since(self, moment: datetime) -> int:
        """Return whole days from a moment to the CRM's present."""
        return max(0, (self.as_of - moment).days)

    def last_contact_with(self, contact_id: str) -> Activity | None:
        """Return the last conversation with a person, or mail from them."""
        return next((each for each in self.activities if each.contact_id == contact_id and each.is_two_way), None)

    def unanswered_mails(self) -> list[Activity]:
        """Return our mails since the last word from the customer, newest first; none if there never was one."""
        last = next((at for at, each in enumerate(self.activities) if each.is_two_way), None)
        return [] if last is None else [each for each in self.activities[:last] if each.is_sent_mail]


def at_stake(deal: Deal) -> Decimal:
    """Return amount times days of silence: what waits longest and is worth most comes first."""
    return deal.amount * max(1, deal.silent_days)


def most_at_stake(deals: Iterable[Deal]) -> Deal | None:
    """Return the open deal with most at stake, among those in the commonest currency: amounts in others do not compare.

    Of equals the first; None if none is open.
    """
    still_open = [deal for deal in deals if deal.is_open]
    currencies = [deal.currency for deal in still_open]
    comparable = [deal for deal in still_open if deal.currency == max(currencies, key=currencies.count)]
    return max(comparable, key=at_stake, default=None)


def findings(answers: tuple[ToolAnswer, ...], account_id: str, now: datetime) -> Findings:
    """Put the tools' answers about an account together.

    Args:
        answers: What the tools said.
        account_id: Whom the brief is about.
        now: The present moment, if no answer of the CRM says what it takes it to be.
    """
    said = next((answer.data["as_of"] for answer in answers if "records" in answer.data), None)
    accounts = {row["id"]: Account.of(row) for row in records(answers, "account")}
    deals = [Deal.of(row) for row in records(answers, "deal")]
    own = tuple(deal for deal in deals if deal.account_id == account_id)
    contacts = [row for row in records(answers, "contact") if row["account"]["id"] == account_id]
    activities = [Activity.of(row) for row in records(answers, "activity") if row["account"]["id"] == account_id]
    return Findings(
        answers=answers,
        as_of=now if said is None else datetime.fromisoformat(said),
        account_id=account_id,
        account=accounts.get(account_id),
        deal=most_at_stake(own),
        deals=own,
        other_deals=tuple(deal for deal in deals if deal.account_id != account_id),
        contacts=tuple(map(Contact.of, contacts)),
        activities=tuple(sorted(activities, key=lambda each: each.at, reverse=True)),
        passages=tuple(_passages(answers)),
        cards={str(each.data["aspect"]): each.data for each in answers if each.asked(COMPETITOR) and each.data},
        quotes=tuple(Quote(each.args, each.data) for each in answers if each.asked(PRICES) and each.data),
    )


def _passages(answers: Iterable[ToolAnswer]) -> Iterable[Passage]:
    """Yield what was found, without answers that warn about themselves."""
    names = ("document", "section", "version", "title", "text", "updated")
    for answer in answers:
        if answer.asked(KNOWLEDGE) and not answer.data.get("note"):
            for row in answer.data.get("passages", ()):
                yield Passage(query=str(answer.args["query"]), **{name: row[name] for name in names})
