"""The arguments of `price_calculator`."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from salesboost_tools.tools.pricing.price_book import Charge

MAX_LINES = 100
_DIGITS_AT_MOST = 32


def _short(value: Any) -> Any:
    """Refuse text that is longer than any amount: reading a million digits takes its time."""
    if isinstance(value, str) and len(value) > _DIGITS_AT_MOST:
        raise ValueError(f"a number has at most {_DIGITS_AT_MOST} characters")
    return value


def _number(most: int) -> WithJsonSchema:
    """Return how a model is told of an exact number in [0, most]."""
    text = {"type": "string", "maxLength": _DIGITS_AT_MOST}
    return WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": most}, text]})


Amount = Annotated[Decimal, BeforeValidator(_short), Field(ge=0, le=10**9, decimal_places=6), _number(10**9)]
Fraction = Annotated[Decimal, BeforeValidator(_short), Field(ge=0, le=1, decimal_places=6), _number(1)]
Sku = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SkuLine(_Arguments):
    """A product of the price book."""

    sku: Sku = Field(description="Product code from the price book, e.g. 'PIPE-BUSINESS'.")
    quantity: int = Field(ge=1, le=1_000_000, description="Number of units (seats, projects, days).")


class FreeItem(_Arguments):
    """Something that is not in the price book."""

    description: str = Field(min_length=1, max_length=200, description="What it is, as it should read on the quote.")
    unit_price: Amount = Field(description="Price of one unit in the quote's currency, e.g. '49.90'.")
    quantity: int = Field(default=1, ge=1, le=1_000_000, description="Number of units.")
    charge: Literal["one_time", "per_month"] = Field(
        default=Charge.ONE_TIME.value, description="Paid once, or for every month of the term."
    )


class DiscountLine(_Arguments):
    """One reduction: exactly one of code, fraction and amount."""

    code: str | None = Field(default=None, max_length=40, description="A discount code of the price book.")
    fraction: Fraction | None = Field(default=None, description="Share of what is left, e.g. '0.1' for 10 %.")
    amount: Amount | None = Field(default=None, description="Amount over the whole term, in the quote's currency.")
    reason: str | None = Field(default=None, max_length=200, description="Why, for a fraction or an amount.")
    skus: list[Sku] | None = Field(
        default=None, max_length=MAX_LINES, description="Product codes it is limited to; leave out for everything."
    )


class ValueArguments(_Arguments):
    """What the buyer expects, for return on investment, payback and total cost of ownership."""

    annual_benefit: Amount = Field(description="Extra profit or saved work per year, in the quote's currency.")
    replaced_annual_cost: Amount = Field(default=Decimal(0), description="Today's yearly cost that falls away.")
    own_one_time_cost: Amount = Field(default=Decimal(0), description="The buyer's own effort to introduce it.")
    horizon_months: int = Field(default=36, ge=1, le=120, description="Months to look ahead.")


class PriceArguments(_Arguments):
    """What to price. At least one line or item."""

    lines: list[SkuLine] = Field(default=[], max_length=MAX_LINES, description="Products of the price book.")
    items: list[FreeItem] = Field(default=[], max_length=MAX_LINES, description="Anything else, with its own price.")
    currency: str | None = Field(
        default=None,
        max_length=3,
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code; the price book's own if left out.",
    )
    billing_period: Literal["monthly", "annual"] = Field(
        default="annual", description="Annual: paid a year ahead at the price book's reduction; whole years only."
    )
    months: int = Field(default=12, ge=1, le=60, description="Length of the term in months.")
    discounts: list[DiscountLine] = Field(
        default=[], max_length=10, description="Taken in this order, each from what is left."
    )
    tax_region: str | None = Field(
        default=None, max_length=8, description="Region of the price book's tax table: 'DE'."
    )
    tax_rate_fraction: Fraction | None = Field(
        default=None, description="Tax rate instead of a region, e.g. '0.19'. Neither: no tax."
    )
    prices_include_tax: bool | None = Field(
        default=None, description="Whether the prices already hold the tax; as in the price book if left out."
    )
    value: ValueArguments | None = Field(default=None, description="Adds return on investment, payback, total cost.")
