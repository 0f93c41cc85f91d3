"""From a product and a quantity to the list price of one line."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property
from itertools import pairwise

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.pricing.money import EXACT, Rounding, minor_units
from salesboost_tools.tools.pricing.price_book import Charge, Product, Tier, Tiering


@dataclass(frozen=True, slots=True)
class Band:
    """So many units at one price (major units, exact; per month where the line is charged so)."""

    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line at list price.

    Attributes:
        sku: The product's code; None for a free item, as is its product line.
        bands: At least one.
        months: How often the price is due: the term for a monthly charge, 1 for a single one.
    """

    sku: str | None
    product_line: str | None
    description: str
    unit: str
    charge: Charge
    bands: tuple[Band, ...]
    months: int
    currency: str
    rounding: Rounding

    @property
    def quantity(self) -> int:
        """Units of all bands."""
        return sum(band.quantity for band in self.bands)

    @cached_property
    def list_minor(self) -> int:
        """Price of the whole line before discounts, in minor units: exact products, rounded once."""
        with localcontext(EXACT):
            amount = sum((band.unit_price * band.quantity for band in self.bands), Decimal(0)) * self.months
        return minor_units(amount, self.currency, self.rounding)


def product_line(
    product: Product, quantity: int, *, currency: str, months: int, off_fraction: Decimal, rounding: Rounding
) -> Line:
    """Return the line for `quantity` units of a product over `months`.

    Args:
        product: What is bought.
        quantity: How many, within the product's bounds.
        currency: ISO 4217 code the product has a price in.
        months: Length of the term.
        off_fraction: Share taken off a monthly price because it is paid in advance, in [0, 1].
        rounding: What happens to half a minor unit.

    Raises:
        ToolInputError: Quantity or currency the book does not sell it in; the message says which it does.
    """
    _refuse_quantity(product, quantity)
    if currency not in product.currencies:
        raise wrong_input(f"{product.sku} has no price in {currency}; there are: {', '.join(product.currencies)}.")
    monthly = product.charge is Charge.PER_MONTH
    with localcontext(EXACT):
        kept = 1 - off_fraction if monthly else Decimal(1)
        bands = tuple(Band(units, tier.unit_prices[currency] * kept) for units, tier in _spread(product, quantity))
    return Line(
        sku=product.sku,
        product_line=product.product_line,
        description=product.name,
        unit=product.unit,
        charge=product.charge,
        bands=bands,
        months=months if monthly else 1,
        currency=currency,
        rounding=rounding,
    )


def free_line(
    description: str,
    unit_price: Decimal,
    quantity: int,
    *,
    charge: Charge,
    currency: str,
    months: int,
    rounding: Rounding,
) -> Line:
    """Return the line for something that is not in the book, at the price that is named."""
    return Line(
        sku=None,
        product_line=None,
        description=description,
        unit="unit",
        charge=charge,
        bands=(Band(quantity, unit_price),),
        months=months if charge is Charge.PER_MONTH else 1,
        currency=currency,
        rounding=rounding,
    )


def _spread(product: Product, quantity: int) -> Iterator[tuple[int, Tier]]:
    """Yield how many units are charged at which tier."""
    reached = [tier for tier in product.tiers if tier.from_quantity <= quantity]
    if product.tiering is Tiering.VOLUME:
        yield quantity, reached[-1]
        return
    for tier, above in pairwise(reached):
        yield above.from_quantity - tier.from_quantity, tier
    yield quantity - reached[-1].from_quantity + 1, reached[-1]


def _refuse_quantity(product: Product, quantity: int) -> None:
    most = product.max_quantity
    if quantity < product.min_quantity or (most is not None and quantity > most):
        allowed = f"{product.min_quantity} or more" if most is None else f"{product.min_quantity} to {most}"
        raise wrong_input(f"{product.sku} is sold in quantities of {allowed} ({product.unit}); got {quantity}.")
