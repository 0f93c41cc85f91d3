"""From arguments and a price book to a quote: which prices, codes and rates apply."""

from collections.abc import Sequence
from decimal import Decimal

from salesboost_tools.tools.argument import nearest, wrong_input
from salesboost_tools.tools.pricing.arguments import DiscountLine, PriceArguments, ValueArguments
from salesboost_tools.tools.pricing.discounts import Discount
from salesboost_tools.tools.pricing.line_price import Line, free_line, product_line
from salesboost_tools.tools.pricing.money import digits_of, minor_units
from salesboost_tools.tools.pricing.price_book import Charge, PriceBook, Terms, known_product
from salesboost_tools.tools.pricing.quote import Quote, quote
from salesboost_tools.tools.pricing.value_case import MONTHS_A_YEAR, Costs, Gains, ValueCase, value_case


def price(asked: PriceArguments, book: PriceBook) -> Quote:
    """Return the quote for what was asked.

    Raises:
        ToolInputError: Unknown product, code, currency or region, or a combination the book does not allow; the
            message says what it does allow.
    """
    terms = book.terms
    currency = asked.currency or terms.default_currency
    digits_of(currency)
    annual = asked.billing_period == "annual"
    if annual and asked.months % MONTHS_A_YEAR:
        raise wrong_input(f"Annual billing needs whole years (12, 24, …, 60 months); got {asked.months} months.")
    lines = _lines(asked, book, currency, terms.annual_discount_fraction if annual else Decimal(0))
    recurring = any(line.charge is Charge.PER_MONTH for line in lines)
    invoices = asked.months // MONTHS_A_YEAR if annual else asked.months
    return quote(
        lines,
        [_discount(each, asked.months, currency, book) for each in asked.discounts],
        currency=currency,
        tax_rate_fraction=_tax_rate(asked, terms),
        tax_included=terms.prices_include_tax if asked.prices_include_tax is None else asked.prices_include_tax,
        invoices=invoices if recurring else 1,
        terms=terms,
    )


def value_of(asked: ValueArguments, bought: Quote, months: int, terms: Terms) -> ValueCase:
    """Return what a quote brings its buyer, on prices before tax."""

    def minor(amount: Decimal) -> int:
        return minor_units(amount, bought.currency, terms.rounding)

    costs = Costs(
        one_time_minor=bought.net_minor(Charge.ONE_TIME) + minor(asked.own_one_time_cost),
        recurring_minor=bought.net_minor(Charge.PER_MONTH),
        months=months,
    )
    gains = Gains(
        annual_benefit_minor=minor(asked.annual_benefit),
        replaced_annual_cost_minor=minor(asked.replaced_annual_cost),
    )
    return value_case(costs, gains, horizon_months=asked.horizon_months, rounding=terms.rounding)


def _lines(asked: PriceArguments, book: PriceBook, currency: str, off_fraction: Decimal) -> list[Line]:
    if not asked.lines and not asked.items:
        raise wrong_input("Nothing to price: name at least one of `lines` (sku, quantity) or `items`.")
    rounding = book.terms.rounding
    from_book = [
        product_line(
            known_product(book, each.sku),
            each.quantity,
            currency=currency,
            months=asked.months,
            off_fraction=off_fraction,
            rounding=rounding,
        )
        for each in asked.lines
    ]
    free = [
        free_line(
            each.description,
            each.unit_price,
            each.quantity,
            charge=Charge(each.charge),
            currency=currency,
            months=asked.months,
            rounding=rounding,
        )
        for each in asked.items
    ]
    return from_book + free


def _discount(asked: DiscountLine, months: int, currency: str, book: PriceBook) -> Discount:
    given = [name for name in ("code", "fraction", "amount") if getattr(asked, name) is not None]
    if len(given) != 1:
        raise wrong_input(f"A discount is exactly one of code, fraction, amount; got {', '.join(given) or 'none'}.")
    if asked.code is not None:
        return _coded(asked, asked.code, months, book.terms)
    amount = asked.amount
    return Discount(
        label=asked.reason or "discount",
        fraction=asked.fraction,
        amount_minor=None if amount is None else minor_units(amount, currency, book.terms.rounding),
        skus=_codes(asked.skus or (), book),
    )


def _coded(asked: DiscountLine, code: str, months: int, terms: Terms) -> Discount:
    known = terms.discount_codes.get(code.strip().upper())
    if known is None:
        near = nearest(code, {each: [each] for each in terms.discount_codes})
        hint = f"Nearest: {near!r}." if near else f"There are: {', '.join(sorted(terms.discount_codes)) or 'none'}."
        raise wrong_input(f"No discount code {code!r}. {hint}")
    if asked.skus is not None:
        raise wrong_input(f"{known.code} says itself what it applies to; leave out skus.")
    if months < known.min_months:
        raise wrong_input(f"{known.code} needs a term of {known.min_months} months or more; got {months}.")
    return Discount(label=known.code, fraction=known.fraction, skus=known.skus, discretionary=False)


def _codes(skus: Sequence[str], book: PriceBook) -> frozenset[str]:
    return frozenset(known_product(book, sku).sku for sku in skus)


def _tax_rate(asked: PriceArguments, terms: Terms) -> Decimal:
    if asked.tax_region is None:
        return asked.tax_rate_fraction or Decimal(0)
    if asked.tax_rate_fraction is not None:
        raise wrong_input("Tax is a region or a rate, not both: leave out tax_region or tax_rate_fraction.")
    rate = terms.tax_rates.get(asked.tax_region.strip().upper())
    if rate is None:
        regions = ", ".join(sorted(terms.tax_rates)) or "none"
        raise wrong_input(f"No tax region {asked.tax_region!r}; there are: {regions}. Or give tax_rate_fraction.")
    return rate
