"""Laws of the answer itself, read as a buyer reads it: from the printed text, in any currency, through the whole tool."""

import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.tools.pricing import PriceCalculator

TOOL = PriceCalculator(now=lambda: datetime(2026, 6, 30, 9, tzinfo=UTC))
DIGITS = {"JPY": 0, "KWD": 3}
MONEY_OF_A_LINE = ("list_total", "discount", "net", "tax", "total")


def text(low, high, places):
    return st.decimals(low, high, places=places).map(str)


ITEM = st.fixed_dictionaries(
    {
        "description": st.just("thing"),
        "unit_price": text(0, 10**6, 6),
        "quantity": st.integers(1, 5000),
        "charge": st.sampled_from(["one_time", "per_month"]),
    }
)
SEATS = st.fixed_dictionaries(
    {"sku": st.sampled_from(["PIPE-BUSINESS", "PIPE-ENTERPRISE", "ADD-MESSAGES"]), "quantity": st.integers(50, 3000)}
)
FRACTION = st.fixed_dictionaries({"fraction": text(0, "0.1", 4), "reason": st.just("r")})
BOUGHT = {
    "items": st.lists(ITEM, min_size=1, max_size=4),
    "months": st.integers(1, 5).map(lambda years: 12 * years),
    "billing_period": st.sampled_from(["monthly", "annual"]),
    "discounts": st.lists(FRACTION, max_size=3),
    "tax_rate_fraction": text(0, 1, 4),
    "prices_include_tax": st.booleans(),
}
QUESTIONS = st.one_of(
    st.fixed_dictionaries({**BOUGHT, "currency": st.sampled_from(["USD", "EUR", "JPY", "KWD"])}),
    st.fixed_dictionaries(
        {**BOUGHT, "lines": st.lists(SEATS, min_size=1, max_size=3), "currency": st.sampled_from(["USD", "JPY"])}
    ),
)


def money(answer, name):
    return Decimal(answer[name])


@settings(max_examples=60)
@given(QUESTIONS)
def test_every_sum_on_the_quote_is_the_sum_of_its_lines_to_the_minor_unit(question):
    answer = TOOL.invoke(question)
    sums = {name: sum(money(line, name) for line in answer["lines"]) for name in MONEY_OF_A_LINE}
    assert sums["total"] == money(answer, "total")
    assert sums["net"] == money(answer, "total_before_tax")
    assert sums["tax"] == money(answer["tax"], "amount")
    assert sums["list_total"] == money(answer, "list_total")
    assert sums["discount"] == money(answer, "discount_total") == sum(money(d, "amount") for d in answer["discounts"])
    assert money(answer, "recurring_before_tax") + money(answer, "one_time_before_tax") == sums["net"]
    billing = answer["billing"]
    later = Decimal(billing["later_invoice"] or 0) * (billing["invoices"] - 1)
    assert money(billing, "first_invoice") + later == sums["total"]
    for line in answer["lines"]:
        assert money(line, "net") + money(line, "tax") == money(line, "total")
        assert sum(band["quantity"] for band in line.get("bands", [{"quantity": line["quantity"]}])) == line["quantity"]
        for name in MONEY_OF_A_LINE:
            assert money(line, name) >= 0
            assert -money(line, name).as_tuple().exponent == DIGITS.get(answer["currency"], 2)


@settings(max_examples=40)
@given(QUESTIONS, FRACTION)
def test_a_further_discount_never_makes_a_quote_dearer(question, further):
    """Neither with tax nor without. A part of the quote may move by a minor unit for each line: taxes are shared out."""
    before = TOOL.invoke(question)
    after = TOOL.invoke({**question, "discounts": [*question["discounts"], further]})
    for name in ("total", "total_before_tax"):
        assert money(after, name) <= money(before, name)
    unit = Decimal(1).scaleb(-DIGITS.get(before["currency"], 2))
    for name in ("recurring_before_tax", "one_time_before_tax"):
        assert money(after, name) <= money(before, name) + unit * len(before["lines"])


@settings(max_examples=40)
@given(st.lists(ITEM, min_size=1, max_size=5), text(0, 1, 4), st.sampled_from(["USD", "JPY", "KWD"]))
def test_prices_with_the_tax_in_them_come_to_the_same_as_prices_it_is_added_to(items, rate, currency):
    terms = {"currency": currency, "tax_rate_fraction": rate}
    added = TOOL.invoke({"items": items, "prices_include_tax": False, **terms})
    gross = [
        {"description": "thing", "unit_price": line["total"]}
        for line in added["lines"]
        if money(line, "total") <= 10**9
    ]
    if len(gross) < len(items):
        return
    included = TOOL.invoke({"items": gross, "prices_include_tax": True, **terms})
    assert included["total"] == added["total"]
    assert included["total_before_tax"] == added["total_before_tax"]
    assert included["tax"]["amount"] == added["tax"]["amount"]


@settings(max_examples=25)
@given(QUESTIONS)
def test_a_quote_is_plain_json_and_its_id_stands_for_all_of_it(question):
    answer = TOOL.invoke(question)
    assert json.loads(json.dumps(answer)) == answer
    assert TOOL.invoke(question)["quote_id"] == answer["quote_id"]
    more = {**question, "items": [*question["items"], {"description": "thing", "unit_price": "0"}]}
    assert TOOL.invoke(more)["quote_id"] != answer["quote_id"]
    assert answer["issued_on"] < answer["valid_until"]
