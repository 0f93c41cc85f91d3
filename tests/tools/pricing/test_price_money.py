"""Money as whole minor units: digits, rounding, exact text, exact shares."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.pricing.money import (
    MINOR_DIGITS,
    Rounding,
    digits_of,
    major_units,
    minor_units,
    money_text,
    share_out,
    unit_price_text,
    whole,
)

CURRENCIES = st.sampled_from(sorted(MINOR_DIGITS))
ROUNDINGS = st.sampled_from(list(Rounding))
WEIGHTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=20)


@pytest.mark.parametrize(("currency", "digits"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)])
def test_a_currency_has_its_digits(currency, digits):
    assert digits_of(currency) == digits


def test_an_unknown_currency_is_refused_and_the_nearest_named():
    with pytest.raises(ToolInputError, match=r"'EURO' is no ISO 4217 currency code in use. Nearest: EUR"):
        digits_of("EURO")


@pytest.mark.parametrize(
    ("amount", "even", "up"),
    [("0.5", 0, 1), ("1.5", 2, 2), ("2.5", 2, 3), ("2.51", 3, 3), ("2.49", 2, 2), ("-2.5", -2, -3)],
)
def test_halves_go_where_the_price_book_says(amount, even, up):
    assert whole(Decimal(amount), Rounding.HALF_EVEN) == even
    assert whole(Decimal(amount), Rounding.HALF_UP) == up


@given(minor=st.integers(0, 10**20), currency=CURRENCIES, rounding=ROUNDINGS)
def test_minor_units_survive_the_way_to_major_units_and_back(minor, currency, rounding):
    assert minor_units(major_units(minor, currency), currency, rounding) == minor
    assert minor_units(Decimal(money_text(minor, currency)), currency, rounding) == minor


@given(amount=st.decimals(0, 10**9, places=6), currency=CURRENCIES, rounding=ROUNDINGS)
def test_rounding_moves_an_amount_by_half_a_unit_at_most(amount, currency, rounding):
    off = major_units(minor_units(amount, currency, rounding), currency) - amount
    assert abs(off) * 2 <= Decimal(1).scaleb(-MINOR_DIGITS[currency])


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(1234567, "USD", "12345.67"), (5, "USD", "0.05"), (0, "USD", "0.00"), (500, "JPY", "500"), (1, "KWD", "0.001")],
)
def test_money_reads_exactly(minor, currency, text):
    assert money_text(minor, currency) == text


@pytest.mark.parametrize(
    ("price", "currency", "text"),
    [
        ("41.650", "USD", "41.65"),
        ("5", "USD", "5.00"),
        ("0.0204", "USD", "0.0204"),
        ("1E+2", "USD", "100.00"),
        ("3.06", "JPY", "3.06"),
        ("100", "JPY", "100"),
        ("0", "KWD", "0.000"),
    ],
)
def test_a_unit_price_keeps_every_digit_it_has(price, currency, text):
    assert unit_price_text(Decimal(price), currency) == text


@given(total=st.integers(0, 10**15), weights=WEIGHTS)
def test_shares_add_up_to_the_unit(total, weights):
    assert sum(share_out(total, weights)) == total


@given(total=st.integers(0, 10**15), weights=WEIGHTS)
def test_every_share_is_within_one_unit_of_its_exact_part(total, weights):
    if sum(weights):
        for part, weight in zip(share_out(total, weights), weights, strict=True):
            assert abs(part * sum(weights) - total * weight) < sum(weights)


@given(weights=WEIGHTS, fraction=st.fractions(0, 1))
def test_no_share_of_a_part_exceeds_the_part(weights, fraction):
    total = int(sum(weights) * fraction)
    assert all(part <= weight for part, weight in zip(share_out(total, weights), weights, strict=True))


def test_shares_without_weights_go_to_the_first():
    assert share_out(7, [0, 0]) == [7, 0]
    assert share_out(0, []) == []
