"""Tax added to net prices, or found inside prices that already hold it."""

from dataclasses import dataclass
from decimal import Decimal, localcontext

from salesboost_tools.tools.pricing.money import EXACT, Rounding, whole


@dataclass(frozen=True, slots=True)
class Taxed:
    """An amount taken apart, in minor units: net + tax = gross, always."""

    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        """What is paid."""
        return self.net_minor + self.tax_minor


def with_tax(amount_minor: int, rate_fraction: Decimal, *, included: bool, rounding: Rounding) -> Taxed:
    """Return net and tax of an amount.

    The two directions agree: taking the gross of a net amount apart again gives the same net and tax. (Adding is off
    by at most half a unit, and taking apart divides that by 1 + rate.)

    Args:
        amount_minor: Net if not `included`, else gross; minor units, 0 or more.
        rate_fraction: Tax as a share of the net amount, in [0, 1].
        included: Whether the amount already holds the tax.
        rounding: What happens to half a minor unit.
    """
    with localcontext(EXACT):
        if not included:
            return Taxed(amount_minor, whole(amount_minor * rate_fraction, rounding))
        tax = whole(amount_minor * rate_fraction / (1 + rate_fraction), rounding)
        return Taxed(amount_minor - tax, tax)
