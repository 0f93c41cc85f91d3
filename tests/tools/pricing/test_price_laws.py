"""Laws of every quote: lines add up, discounts never increase, tax inclusive and exclusive agree."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.pricing.discounts import Discount
from salesboost_tools.tools.pricing.line_price import free_line, product_line
from salesboost_tools.tools.pricing.money import Rounding
from salesboost_tools.tools.pricing.price_book import Charge, Tiering
from salesboost_tools.tools.pricing.quote import quote
from salesboost_tools.tools.pricing.tax import with_tax
from salesboost_tools.tools.pricing.value_case import Costs, Gains, value_case
from salesboost_tools.tools.pricing.yaml_price_book import default_price_book

BOOK = default_price_book()
ROUNDINGS = st.sampled_from(list(Rounding))
CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD"])
FRACTIONS = st.decimals(0, 1, places=4)
RATES = st.decimals(0, 1, places=4)


@st.composite
def asked(draw):
    """A list of lines, discounts on them, and terms."""
    currency, rounding = draw(CURRENCIES), draw(ROUNDINGS)
    months = draw(st.integers(1, 60))
    lines = [
        free_line(
            "thing",
            draw(st.decimals(0, 10**6, places=4)),
            draw(st.integers(1, 5000)),
            charge=draw(st.sampled_from(Charge)),
            currency=currency,
            months=months,
            rounding=rounding,
        )
        for _ in range(draw(st.integers(1, 6)))
    ]
    lines = [replace(line, sku=draw(st.sampled_from(["A", "B", None]))) for line in lines]
    skus = sorted({line.sku for line in lines if line.sku})
    discounts = [
        Discount(
            label="d",
            fraction=draw(FRACTIONS),
            skus=frozenset(draw(st.lists(st.sampled_from(skus), max_size=2)) if skus else ()),
            discretionary=draw(st.booleans()),
        )
        for _ in range(draw(st.integers(0, 4)))
    ]
    terms = replace(BOOK.terms, rounding=rounding, max_discount_fraction=Decimal(1))
    options = {
        "currency": currency,
        "tax_rate_fraction": draw(RATES),
        "tax_included": draw(st.booleans()),
        "invoices": draw(st.integers(1, 60)),
        "terms": terms,
    }
    return lines, discounts, options


@given(asked())
def test_lines_add_up_to_every_total_to_the_unit(question):
    lines, discounts, options = question
    made = quote(lines, discounts, **options)
    assert made.list_minor == sum(line.list_minor for line in lines)
    assert made.discount_minor == sum(taken.amount_minor for taken in made.discounts)
    assert made.total_minor == made.net_minor() + made.tax_minor
    assert made.net_minor() == made.net_minor(Charge.PER_MONTH) + made.net_minor(Charge.ONE_TIME)
    discounted = made.list_minor - made.discount_minor
    assert discounted == (made.total_minor if options["tax_included"] else made.net_minor())
    for taken in made.discounts:
        assert sum(taken.per_line) == taken.amount_minor
    for each in made.lines:
        before_tax_question = each.total_minor if options["tax_included"] else each.net_minor
        assert each.line.list_minor - each.discount_minor == before_tax_question


@given(asked())
def test_invoices_add_up_to_the_total_to_the_unit(question):
    lines, discounts, options = question
    made = quote(lines, discounts, **options)
    assert made.first_invoice_minor + made.invoice_minor * (made.invoices - 1) == made.total_minor
    assert made.first_invoice_minor >= made.invoice_minor >= 0


@given(asked())
def test_nothing_is_ever_negative(question):
    lines, discounts, options = question
    made = quote(lines, discounts, **options)
    for each in made.lines:
        assert 0 <= each.discount_minor <= each.line.list_minor
        assert min(each.net_minor, each.tax_minor) >= 0


@given(asked(), FRACTIONS)
def test_one_discount_more_never_increases_the_total(question, fraction):
    lines, discounts, options = question
    before = quote(lines, discounts, **options)
    after = quote(lines, [*discounts, Discount(label="more", fraction=fraction)], **options)
    assert after.total_minor <= before.total_minor
    assert after.net_minor() <= before.net_minor()


@given(asked(), FRACTIONS, FRACTIONS)
def test_a_larger_discount_never_costs_more(question, one, other):
    lines, _, options = question
    small, large = sorted([one, other])
    totals = [quote(lines, [Discount(label="d", fraction=each)], **options).total_minor for each in (small, large)]
    assert totals[1] <= totals[0]


@given(asked())
def test_the_whole_taken_off_leaves_nothing(question):
    lines, discounts, options = question
    assert quote(lines, [*discounts, Discount(label="all", fraction=Decimal(1))], **options).total_minor == 0


@given(net=st.integers(0, 10**15), rate=RATES, rounding=ROUNDINGS)
def test_tax_that_was_added_is_found_again(net, rate, rounding):
    added = with_tax(net, rate, included=False, rounding=rounding)
    assert with_tax(added.gross_minor, rate, included=True, rounding=rounding) == added


@given(gross=st.integers(0, 10**15), rate=RATES, rounding=ROUNDINGS)
def test_tax_that_was_taken_out_comes_to_the_same_gross_within_a_unit(gross, rate, rounding):
    found = with_tax(gross, rate, included=True, rounding=rounding)
    assert found.gross_minor == gross
    assert abs(with_tax(found.net_minor, rate, included=False, rounding=rounding).gross_minor - gross) <= 1


@given(asked())
def test_a_quote_with_tax_added_and_one_with_the_same_tax_included_agree(question):
    lines, discounts, options = question
    added = quote(lines, discounts, **{**options, "tax_included": False})
    rounding, currency = options["terms"].rounding, options["currency"]
    gross = Decimal(added.total_minor).scaleb(-{"JPY": 0, "KWD": 3}.get(currency, 2))
    line = free_line("all", gross, 1, charge=Charge.ONE_TIME, currency=currency, months=1, rounding=rounding)
    included = quote([line], [], **{**options, "tax_included": True})
    assert (included.net_minor(), included.tax_minor) == (added.net_minor(), added.tax_minor)


PRODUCTS = st.sampled_from(BOOK.products)


@given(
    product=PRODUCTS,
    quantity=st.integers(1, 20_000),
    months=st.integers(1, 60),
    currency=st.sampled_from(["USD", "JPY"]),
)
def test_a_line_is_the_sum_of_its_bands_and_every_unit_is_in_one(product, quantity, months, currency):
    options = {"currency": currency, "months": months, "off_fraction": Decimal("0.15"), "rounding": Rounding.HALF_EVEN}
    try:
        line = product_line(product, quantity, **options)
    except ToolInputError:
        assert quantity < product.min_quantity or quantity > (product.max_quantity or quantity)
        return
    assert line.quantity == quantity
    assert len(line.bands) == 1 or product.tiering is Tiering.GRADUATED
    prices = [band.unit_price for band in line.bands]
    assert prices == sorted(prices, reverse=True)


@settings(max_examples=60)
@given(product=PRODUCTS, quantity=st.integers(1, 5_000))
def test_a_unit_more_of_a_graduated_product_never_costs_less(product, quantity):
    if product.tiering is Tiering.GRADUATED and quantity >= product.min_quantity:
        options = {"currency": "USD", "months": 12, "off_fraction": Decimal(0), "rounding": Rounding.HALF_EVEN}
        one, more = (product_line(product, count, **options).list_minor for count in (quantity, quantity + 1))
        assert more >= one


AMOUNTS = st.integers(0, 10**12)


@given(
    costs=st.builds(Costs, one_time_minor=AMOUNTS, recurring_minor=AMOUNTS, months=st.integers(1, 60)),
    gains=st.builds(Gains, annual_benefit_minor=AMOUNTS, replaced_annual_cost_minor=AMOUNTS),
    horizon=st.integers(1, 120),
    rounding=ROUNDINGS,
)
def test_payback_is_the_first_month_that_has_paid(costs, gains, horizon, rounding):
    once, recurring, months = costs.one_time_minor, costs.recurring_minor, costs.months
    benefit, replaced = gains.annual_benefit_minor, gains.replaced_annual_cost_minor
    case = value_case(costs, gains, horizon_months=horizon, rounding=rounding)

    def surplus(month):  # times 12 times months, to stay with whole numbers
        return (benefit + replaced) * month * months - once * 12 * months - recurring * month * 12

    if case.payback_months is None:
        assert surplus(10**30) < 0
    else:
        assert surplus(case.payback_months) >= 0
        assert case.payback_months == 0 or surplus(case.payback_months - 1) < 0
    assert case.net_gain_minor == case.total_gain_minor - case.total_cost_minor
