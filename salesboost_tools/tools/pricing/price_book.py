"""What a price book says: products with tiers, discount codes, who approves what, taxes, rounding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from salesboost_tools.tools.argument import nearest, wrong_input
from salesboost_tools.tools.pricing.money import Rounding


class Charge(StrEnum):
    """When something is paid."""

    PER_MONTH = "per_month"
    """For every month of the term."""
    ONE_TIME = "one_time"
    """Once."""


class Tiering(StrEnum):
    """How a quantity chooses among prices."""

    VOLUME = "volume"
    """The whole quantity is charged at the price of the tier it reaches."""
    GRADUATED = "graduated"
    """Every unit is charged at the price of the tier it falls into."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices from a quantity on.

    Attributes:
        from_quantity: The first unit this tier applies to, 1 or more.
        unit_prices: Currency -> price of one unit (per month, if the product is charged so), in major units.
    """

    from_quantity: int
    unit_prices: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One thing that can be sold.

    Attributes:
        unit: What is counted: seat, project, day, workspace.
        tiers: By rising quantity, the first from 1; every tier has the same currencies.
        max_quantity: The most one line may hold; None for no bound of the book's own.
    """

    sku: str
    name: str
    product_line: str
    unit: str
    charge: Charge
    tiering: Tiering
    tiers: tuple[Tier, ...]
    min_quantity: int = 1
    max_quantity: int | None = None

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies it has prices in, sorted."""
        return tuple(sorted(self.tiers[0].unit_prices))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountCode:
    """A discount agreed on beforehand: nobody has to approve it again.

    Attributes:
        fraction: Share taken off, in [0, 1].
        skus: What it applies to; empty for everything.
        min_months: The shortest term it is given for.
    """

    code: str
    description: str
    fraction: Decimal
    skus: frozenset[str] = frozenset()
    min_months: int = 1


@dataclass(frozen=True, slots=True)
class ApprovalStep:
    """From where on somebody has to agree: a discretionary discount above `above_fraction` of the list price."""

    above_fraction: Decimal
    approver: str


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Everything in a price book that is no product.

    Attributes:
        quote_valid_days: Days until a quote expires.
        annual_discount_fraction: Taken off the monthly price when a year is paid in advance, in [0, 1].
        max_discount_fraction: The largest discretionary discount anybody may give, share of the list price.
        approval_steps: By rising fraction; everybody whose step is passed must agree.
        line_approvers: Product line -> who must agree to any discretionary discount on it.
        tax_rates: Region -> share added to a net price, in [0, 1].
        prices_include_tax: Whether the prices of the products already hold tax.
    """

    name: str
    version: str
    valid_from: date
    default_currency: str
    rounding: Rounding
    quote_valid_days: int
    annual_discount_fraction: Decimal
    max_discount_fraction: Decimal
    approval_steps: tuple[ApprovalStep, ...]
    line_approvers: Mapping[str, str] = field(default_factory=dict[str, str])
    tax_rates: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    discount_codes: Mapping[str, DiscountCode] = field(default_factory=dict[str, DiscountCode])
    prices_include_tax: bool = False


class PriceBook(Protocol):
    """Where prices come from."""

    @property
    def terms(self) -> Terms:
        """Everything that is no product."""
        ...

    @property
    def products(self) -> Sequence[Product]:
        """All products, in the order of the book."""
        ...

    def product(self, sku: str) -> Product | None:
        """Return the product with this code; None if there is none."""
        ...

    def probe(self) -> None:
        """Touch what the book is read from; raise if it cannot be used."""
        ...

    async def aprobe(self) -> None:
        """Touch what the book is read from; raise if it cannot be used."""
        ...

    def close(self) -> None:
        """Give back what the book holds open."""
        ...

    async def aclose(self) -> None:
        """Give back what the book holds open."""
        ...


def known_product(book: PriceBook, sku: str) -> Product:
    """Return a product of the book.

    Raises:
        ToolInputError: There is no such code; the nearest one is named.
    """
    product = book.product(sku)
    if product is not None:
        return product
    near = nearest(sku, {each.sku: (each.sku, each.name) for each in book.products})
    found = book.product(near) if near else None
    hint = f"Nearest: {found.sku!r} ({found.name})." if found else f"There are: {_codes(book)}."
    raise wrong_input(f"No SKU {sku!r}. {hint}")


def _codes(book: PriceBook) -> str:
    return ", ".join(each.sku for each in book.products)
