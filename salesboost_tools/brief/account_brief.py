"""What an account brief is: statements, each with the sources it rests on."""

from datetime import date, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SourceKind = Literal["crm", "knowledge", "battlecard", "price"]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Value):
    """Something a tool returned that a statement can rest on.

    Attributes:
        key: What statements cite: a record id, `KB-… §section v…`, a claim's id, a quote's id.
        kind: Which tool returned it.
        title: What it is, for a person.
        dated: When it happened, was found or was last changed; None if it does not say.
        expires: The last day on which it may be used unchecked; None if it does not expire.
        expired: Whether that day had passed when the brief was made.
    """

    key: str
    kind: SourceKind
    title: str
    dated: date | None = None
    expires: date | None = None
    expired: bool = False


class Statement(_Value):
    """One claim and the keys of the sources that hold it; `expired` if one of them has to be checked again first."""

    text: str
    cites: tuple[str, ...] = Field(min_length=1)
    expired: bool = False


class Person(_Value):
    """Somebody who has a say.

    Attributes:
        role: The part in the decision, in words.
        last_contact: The day of the last call, meeting or mail from them; None if there is none on record.
        silent_days: Days since; None without a contact.
    """

    contact_id: str
    name: str
    title: str
    role: str
    last_contact: date | None
    silent_days: int | None
    cites: tuple[str, ...] = Field(min_length=1)


class Answer(_Value):
    """An objection, where it was heard, and what we have to say to it."""

    objection: str
    heard: Statement
    answers: tuple[Statement, ...]


class PriceOption(_Value):
    """A way to buy it. Money is exact text in major units.

    Attributes:
        letter: By which it is called: A, B, …
        label: What is different about it.
        seat_prices: Product code -> price per unit and month after discounts, where it is paid per month.
        discounts: What was taken off, in order.
        approvers: Who must agree before it may be named to the customer; empty if nobody has to.
        discretionary_fraction: Share of the list price that somebody decides about, in [0, 1], as text.
    """

    letter: str
    label: str
    quote_id: str
    total: str
    currency: str
    months: int
    seat_prices: dict[str, str]
    discounts: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    discretionary_fraction: str = "0"
    valid_until: date
    cites: tuple[str, ...] = Field(min_length=1)


class NextStep(_Value):
    """What somebody does by a day; `how` is what our articles advise, word for word."""

    what: str
    how: str | None = None
    owner: str
    due: date
    cites: tuple[str, ...] = Field(min_length=1)


class LeftOut(_Value):
    """What the brief does not say, and why."""

    what: str
    why: str


class AccountBrief(_Value):
    """What a sales manager should know about an account before the next conversation.

    Every statement cites its sources, and every source cited is listed.

    Attributes:
        as_of: The moment the CRM's answers speak of.
        why_heading: What `why` is about: why the deal stalls, or what is open if it does not.
        planned_by: Who chose the tool calls: rules, or a model by name.
        written_by: Who wrote the statements.
    """

    account_id: str
    account_name: str
    deal_id: str | None
    as_of: datetime
    headline: str
    situation: tuple[Statement, ...]
    people: tuple[Person, ...]
    why_heading: str
    why: tuple[Statement, ...]
    competitor: str | None
    competition: tuple[Statement, ...]
    answers: tuple[Answer, ...]
    price_options: tuple[PriceOption, ...]
    next_steps: tuple[NextStep, ...]
    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...]
    planned_by: str
    written_by: str

    @model_validator(mode="after")
    def _every_citation_is_listed(self) -> Self:
        missing = self.cited() - {source.key for source in self.sources}
        if missing:
            raise ValueError(f"cited but not among the sources: {sorted(missing)}")
        return self

    def cited(self) -> set[str]:
        """Return the keys of all sources that something in the brief rests on."""
        return cited_by(
            (
                *self.situation,
                *self.people,
                *self.why,
                *self.competition,
                *(statement for answer in self.answers for statement in (answer.heard, *answer.answers)),
                *self.price_options,
                *self.next_steps,
            )
        )


def cited_by(parts: tuple[Statement | Person | PriceOption | NextStep, ...]) -> set[str]:
    """Return the keys that parts of a brief cite."""
    return {key for part in parts for key in part.cites}
