"""Lines, discounts and tax put together into one quote. Pure arithmetic on whole minor units."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from salesboost_tools.tools.pricing.discounts import Discount, Taken, approvers, refuse_too_much, take_off
from salesboost_tools.tools.pricing.line_price import Line
from salesboost_tools.tools.pricing.money import share_out
from salesboost_tools.tools.pricing.price_book import Charge, Terms
from salesboost_tools.tools.pricing.tax import with_tax


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A line after discounts, in minor units.

    `line.list_minor - discount_minor` is the discounted price: equal to `net_minor` if tax is added, to
    `total_minor` if it is included.
    """

    line: Line
    discount_minor: int
    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        """Net and tax."""
        return self.net_minor + self.tax_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Everything about a price, in minor units. Every total is the sum of its lines, to the unit.

    Attributes:
        invoices: How many there are over the term.
        invoice_minor: What every invoice but the first asks for, tax included.
        first_invoice_minor: The same, with all one-time charges and what the division left over.
        discretionary_minor: Discounts that are at somebody's discretion.
        approved_by: Who must agree to them.
    """

    currency: str
    lines: tuple[QuotedLine, ...]
    discounts: tuple[Taken, ...]
    tax_rate_fraction: Decimal
    tax_included: bool
    invoices: int
    invoice_minor: int
    first_invoice_minor: int
    discretionary_minor: int
    approved_by: tuple[str, ...]

    @property
    def list_minor(self) -> int:
        """Before discounts."""
        return sum(each.line.list_minor for each in self.lines)

    @property
    def discount_minor(self) -> int:
        """All discounts."""
        return sum(each.discount_minor for each in self.lines)

    @property
    def tax_minor(self) -> int:
        """Tax of all lines."""
        return sum(each.tax_minor for each in self.lines)

    @property
    def total_minor(self) -> int:
        """What is paid over the whole term."""
        return sum(each.total_minor for each in self.lines)

    def net_minor(self, *charges: Charge) -> int:
        """Return what is paid over the whole term before tax: of all lines, or of those with one of `charges`."""
        return sum(each.net_minor for each in self.lines if not charges or each.line.charge in charges)


def quote(
    lines: Sequence[Line],
    discounts: Sequence[Discount],
    *,
    currency: str,
    tax_rate_fraction: Decimal,
    tax_included: bool,
    invoices: int,
    terms: Terms,
) -> Quote:
    """Return the quote for these lines.

    Tax is computed once on the whole, as it is on an invoice, and shared out over the lines by largest remainder.

    Raises:
        ToolInputError: A discount applies to nothing, exceeds what is left, or is more than anybody may give.
    """
    list_minor = [line.list_minor for line in lines]
    taken = take_off(list_minor, [line.sku for line in lines], discounts, terms.rounding)
    off = [sum(each.per_line[at] for each in taken) for at in range(len(lines))]
    left = [before - minus for before, minus in zip(list_minor, off, strict=True)]
    taxed = with_tax(sum(left), tax_rate_fraction, included=tax_included, rounding=terms.rounding)
    taxes = share_out(taxed.tax_minor, left)
    quoted = tuple(
        QuotedLine(line, minus, price - tax if tax_included else price, tax)
        for line, minus, price, tax in zip(lines, off, left, taxes, strict=True)
    )
    discretionary = sum(each.amount_minor for each in taken if each.discount.discretionary)
    refuse_too_much(sum(list_minor), discretionary, terms.max_discount_fraction)
    monthly = sum(each.total_minor for each in quoted if each.line.charge is Charge.PER_MONTH)
    each_invoice = monthly // invoices
    return Quote(
        currency=currency,
        lines=quoted,
        discounts=tuple(taken),
        tax_rate_fraction=tax_rate_fraction,
        tax_included=tax_included,
        invoices=invoices,
        invoice_minor=each_invoice,
        first_invoice_minor=taxed.gross_minor - each_invoice * (invoices - 1),
        discretionary_minor=discretionary,
        approved_by=tuple(approvers(sum(list_minor), taken, [line.product_line for line in lines], terms)),
    )
