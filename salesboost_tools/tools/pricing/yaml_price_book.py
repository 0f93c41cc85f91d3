"""A price book kept in one YAML file, checked as a whole when it is read."""

import asyncio
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.pricing.money import MINOR_DIGITS, Rounding
from salesboost_tools.tools.pricing.price_book import (
    ApprovalStep,
    Charge,
    DiscountCode,
    Product,
    Terms,
    Tier,
    Tiering,
)


def _no_float(value: Any) -> Any:
    """Refuse what YAML has already made inexact."""
    if isinstance(value, float):
        raise ValueError(f"write amounts and fractions as text, '{value}', so that they stay exact")  # noqa: TRY004  (pydantic collects ValueErrors)
    return value


Exact = Annotated[Decimal, BeforeValidator(_no_float)]
Fraction = Annotated[Exact, Field(ge=0, le=1, decimal_places=6)]
Price = Annotated[Exact, Field(ge=0, le=10**9, decimal_places=6)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _TierEntry(_Entry):
    from_quantity: int = Field(default=1, ge=1)
    unit_prices: dict[str, Price] = Field(min_length=1)


class _ProductEntry(_Entry):
    sku: str = Field(pattern=r"^[A-Z][A-Z0-9-]{1,39}$")
    name: str
    product_line: str
    unit: str
    charge: Charge
    tiering: Tiering = Tiering.VOLUME
    tiers: list[_TierEntry] = Field(min_length=1)
    min_quantity: int = Field(default=1, ge=1)
    max_quantity: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _tiers_rise(self) -> Self:
        starts = [tier.from_quantity for tier in self.tiers]
        if starts[0] != 1 or any(later <= earlier for earlier, later in pairwise(starts)):
            raise ValueError(f"tiers start at 1 and rise; got {starts}")
        currencies = {frozenset(tier.unit_prices) for tier in self.tiers}
        if len(currencies) > 1:
            raise ValueError("every tier names the same currencies")
        if unknown := sorted(set(self.tiers[0].unit_prices) - set(MINOR_DIGITS)):
            raise ValueError(f"no ISO 4217 currency in use: {', '.join(unknown)}")
        return self


class _CodeEntry(_Entry):
    code: str = Field(pattern=r"^[A-Z][A-Z0-9-]{1,39}$")
    description: str
    fraction: Fraction
    skus: frozenset[str] = frozenset()
    min_months: int = Field(default=1, ge=1)


class _StepEntry(_Entry):
    above_fraction: Fraction
    approver: str


class _BookEntry(_Entry):
    name: str
    version: str
    valid_from: date
    default_currency: str
    rounding: Rounding
    quote_valid_days: int = Field(ge=1, le=366)
    annual_discount_fraction: Fraction
    max_discount_fraction: Fraction
    approval_steps: list[_StepEntry]
    line_approvers: dict[str, str] = {}
    tax_rates: dict[str, Fraction] = {}
    prices_include_tax: bool = False
    discount_codes: list[_CodeEntry] = []
    products: list[_ProductEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        skus = [product.sku for product in self.products]
        if len(set(skus)) != len(skus):
            raise ValueError(f"a SKU stands twice: {sorted({sku for sku in skus if skus.count(sku) > 1})}")
        for code in self.discount_codes:
            if unknown := sorted(code.skus - set(skus)):
                raise ValueError(f"discount code {code.code} names unknown SKUs: {unknown}")
        steps = [step.above_fraction for step in self.approval_steps]
        if any(later <= earlier for earlier, later in pairwise(steps)):
            raise ValueError("approval_steps rise")
        if self.default_currency not in MINOR_DIGITS:
            raise ValueError(f"default_currency {self.default_currency!r} is no ISO 4217 currency in use")
        return self


class YamlPriceBook:
    """A `PriceBook` read from one YAML file.

    It is read once, whole, at construction. `probe` reads the file again, so that a health check notices a file that
    has gone or broken; prices change only with a new object, never in the middle of a quote.

    Args:
        source: The file.

    Raises:
        ConfigurationError: It cannot be read or an entry is wrong; the message names file and entry.
    """

    def __init__(self, source: Traversable) -> None:
        self._source = source
        self._terms, products = _read(source)
        self._products = {product.sku: product for product in products}

    @property
    def terms(self) -> Terms:
        """Everything that is no product."""
        return self._terms

    @property
    def products(self) -> Sequence[Product]:
        """All products, in the order of the file."""
        return tuple(self._products.values())

    def product(self, sku: str) -> Product | None:
        """Return the product with this code, in any case; None if there is none."""
        return self._products.get(sku.strip().upper())

    def probe(self) -> None:
        """Read the file again.

        Raises:
            ConfigurationError: It is gone or broken.
        """
        _read(self._source)

    async def aprobe(self) -> None:
        """Read the file again, in a thread: parsing YAML takes its time.

        Raises:
            ConfigurationError: It is gone or broken.
        """
        await asyncio.to_thread(self.probe)

    def close(self) -> None:
        """Nothing is held open."""

    async def aclose(self) -> None:
        """Nothing is held open."""


def default_price_book() -> YamlPriceBook:
    """Return the shipped price book."""
    return YamlPriceBook(files("salesboost_tools") / "data" / "price_book.yaml")


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(source: Traversable) -> tuple[Terms, list[Product]]:
    try:
        book = _BookEntry.model_validate(yaml.load(source.read_text(encoding="utf-8"), Loader=_LOADER))  # noqa: S506  (a safe loader)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read the price book {source}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'book'}: {each['msg']}" for each in error.errors())
        raise ConfigurationError(f"the price book {source} is wrong: {wrong}") from error
    return _terms(book), [_product(entry) for entry in book.products]


def _terms(book: _BookEntry) -> Terms:
    return Terms(
        name=book.name,
        version=book.version,
        valid_from=book.valid_from,
        default_currency=book.default_currency,
        rounding=book.rounding,
        quote_valid_days=book.quote_valid_days,
        annual_discount_fraction=book.annual_discount_fraction,
        max_discount_fraction=book.max_discount_fraction,
        approval_steps=tuple(ApprovalStep(step.above_fraction, step.approver) for step in book.approval_steps),
        line_approvers=dict(book.line_approvers),
        tax_rates=dict(book.tax_rates),
        discount_codes={entry.code: DiscountCode(**entry.model_dump()) for entry in book.discount_codes},
        prices_include_tax=book.prices_include_tax,
    )


def _product(entry: _ProductEntry) -> Product:
    return Product(
        sku=entry.sku,
        name=entry.name,
        product_line=entry.product_line,
        unit=entry.unit,
        charge=entry.charge,
        tiering=entry.tiering,
        tiers=tuple(Tier(tier.from_quantity, dict(tier.unit_prices)) for tier in entry.tiers),
        min_quantity=entry.min_quantity,
        max_quantity=entry.max_quantity,
    )
