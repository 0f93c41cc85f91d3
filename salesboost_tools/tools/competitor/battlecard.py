"""What a battlecard is: one competitor, with sources and dates for everything that may change."""

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]


class Level(StrEnum):
    """How far a feature goes."""

    FULL = "full"
    """Part of the edition that is sold for the purpose."""
    PARTIAL = "partial"
    """There, with limits worth knowing."""
    ADD_ON = "add_on"
    """There, at extra cost."""
    NONE = "none"
    UNKNOWN = "unknown"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sourced(_Entry):
    """Something that was true on a day, according to somebody, and should be checked again after another.

    Attributes:
        source: Who says so.
        date: When it was found.
        expires: The last day on which it may be used unchecked.
    """

    source: Text
    date: dt.date
    expires: dt.date

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expires < self.date:
            raise ValueError(f"expires {self.expires} lies before date {self.date}")
        return self

    def expired(self, today: dt.date) -> bool:
        """Return whether it should be checked before it is used; on the day itself it still holds."""
        return today > self.expires


class Claim(Sourced):
    """One statement about a competitor, cited by its id."""

    id: Name
    aspect: Key
    text: Text


class MarketShare(Sourced):
    """A share of a market, as a fraction in [0, 1]."""

    fraction: Decimal = Field(ge=0, le=1)
    market: Text


class Plan(_Entry):
    """What a competitor sells.

    Attributes:
        unit_price: In major units of the card's currency, exact.
        unit: What is counted: seat, account.
        per: month, year or once.
        compares_with: The product code of our own nearest product; None if there is none.
    """

    name: Name
    unit_price: Decimal = Field(ge=0, decimal_places=4)
    unit: Name
    per: Annotated[str, StringConstraints(pattern="^(month|year|once)$")]
    compares_with: Name | None = None
    note: str = ""


class CompetitorPricing(Sourced):
    """A competitor's prices, without tax."""

    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    plans: tuple[Plan, ...] = Field(min_length=1)
    extras: tuple[Text, ...] = ()
    contract: str = ""


class Standing(_Entry):
    """Where somebody stands on a feature."""

    level: Level
    note: str = ""


class Feature(_Entry):
    """A row of the feature matrix, with our own standing."""

    key: Key
    name: Name
    product_line: Key
    ours: Level
    note: str = ""


class OwnFeatures(Sourced):
    """The rows of the feature matrix."""

    features: tuple[Feature, ...] = Field(min_length=1)


class CardHead(_Entry):
    """The YAML head of a battlecard."""

    id: Name
    competitor: Name
    aliases: tuple[Name, ...] = ()
    category: Key
    product_lines: tuple[Key, ...] = Field(min_length=1)
    version: Name
    updated: dt.date
    summary: Text
    market_share: MarketShare | None = None
    pricing: CompetitorPricing | None = None
    features: dict[Key, Standing] = Field(default_factory=dict[str, Standing])
    claims: tuple[Claim, ...] = ()


class Point(_Entry):
    """A sentence of a battlecard, and the claims it rests on."""

    text: Text
    claims: tuple[Claim, ...] = ()


class Objection(_Entry):
    """What a buyer says about the competitor, and what to answer."""

    objection: Text
    response: Text
    claims: tuple[Claim, ...] = ()


class Battlecard(_Entry):
    """One competitor."""

    head: CardHead
    strengths: tuple[Point, ...]
    weaknesses: tuple[Point, ...]
    objections: tuple[Objection, ...]
    landmines: tuple[Point, ...]
    when_we_win: tuple[Point, ...]
    when_we_lose: tuple[Point, ...]

    @property
    def name(self) -> str:
        """The competitor."""
        return self.head.competitor

    @property
    def names(self) -> tuple[str, ...]:
        """Everything the competitor is known by."""
        return (self.head.competitor, *self.head.aliases)
