"""`price_calculator`: what it answers, in figures worked out by hand, and what it refuses."""

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_tests.unit_tests import ToolsUnitTests
from pydantic import ValidationError

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.core.spec import Effect
from salesboost_tools.tools.pricing import PriceCalculator

NOW = datetime(2026, 6, 30, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def tool():
    return PriceCalculator(now=lambda: NOW)


@pytest.fixture(params=["sync", "async"])
def ask(request, tool):
    """Call the tool, once by each door."""

    def ask(**arguments):
        if request.param == "sync":
            return tool.invoke(arguments)
        return asyncio.run(tool.ainvoke(arguments))

    return ask


class TestStandard(ToolsUnitTests):
    @property
    def tool_constructor(self):
        return PriceCalculator

    @property
    def tool_invoke_params_example(self):
        return {"lines": [{"sku": "PIPE-TEAM", "quantity": 10}]}


def seats(sku, quantity):
    return [{"sku": sku, "quantity": quantity}]


def item(price, quantity=1, **more):
    return [{"description": "Thing", "unit_price": price, "quantity": quantity, **more}]


def test_the_heros_quote(ask):
    """420 * 74.00 * 0.85 * 12 = 317,016.00 and 60 * 54.00 * 0.85 * 12 = 33,048.00."""
    answer = ask(lines=[*seats("PIPE-BUSINESS", 420), *seats("INS-BUSINESS", 60)])
    assert [line["unit_price"] for line in answer["lines"]] == ["62.90", "45.90"]
    assert [line["net"] for line in answer["lines"]] == ["317016.00", "33048.00"]
    assert (answer["total"], answer["currency"], answer["discount_total"]) == ("350064.00", "USD", "0.00")
    assert answer["approval"] == {"required": False, "approvers": [], "discretionary_amount": "0.00"}


def test_a_volume_price_holds_for_the_whole_quantity(ask):
    for quantity, unit_price in ((99, "85.00"), (100, "79.00"), (249, "79.00"), (250, "74.00"), (500, "69.00")):
        answer = ask(lines=seats("PIPE-BUSINESS", quantity), billing_period="monthly", months=1)
        assert answer["lines"][0]["unit_price"] == unit_price
        assert Decimal(answer["total"]) == quantity * Decimal(unit_price)


def test_a_graduated_price_holds_for_the_units_of_its_band(ask):
    """250 * 129 + 750 * 112 + 200 * 98 = 135,850."""
    answer = ask(lines=seats("PIPE-ENTERPRISE", 1200), billing_period="monthly", months=1)
    line = answer["lines"][0]
    assert answer["total"] == "135850.00"
    assert line["unit_price"] is None
    assert line["bands"] == [
        {"quantity": 250, "unit_price": "129.00"},
        {"quantity": 750, "unit_price": "112.00"},
        {"quantity": 200, "unit_price": "98.00"},
    ]


def test_prices_below_a_cent_are_multiplied_before_they_are_rounded(ask):
    """10,000 * 0.0240 + 2,345 * 0.0185 = 240 + 43.3825 -> 283.38."""
    assert ask(lines=seats("ADD-MESSAGES", 12_345))["total"] == "283.38"


def test_a_year_in_advance_is_cheaper_than_twelve_months(ask):
    annual = ask(lines=seats("PIPE-TEAM", 10))
    monthly = ask(lines=seats("PIPE-TEAM", 10), billing_period="monthly")
    assert (annual["total"], monthly["total"]) == ("4590.00", "5400.00")
    assert annual["billing"] == {
        "period": "annual",
        "months": 12,
        "invoices": 1,
        "first_invoice": "4590.00",
        "later_invoice": None,
    }
    assert monthly["billing"]["invoices"] == 12
    assert monthly["billing"]["first_invoice"] == monthly["billing"]["later_invoice"] == "450.00"


def test_services_are_not_reduced_for_paying_in_advance_and_are_on_the_first_invoice(ask):
    answer = ask(lines=[*seats("PIPE-TEAM", 10), *seats("SVC-ONBOARDING", 1)], months=24)
    assert (answer["recurring_before_tax"], answer["one_time_before_tax"]) == ("9180.00", "4500.00")
    assert (answer["billing"]["first_invoice"], answer["billing"]["later_invoice"]) == ("9090.00", "4590.00")


def test_what_does_not_divide_evenly_is_on_the_first_invoice(ask):
    answer = ask(items=item("100.00"), lines=[], billing_period="monthly", months=3)
    assert answer["billing"]["invoices"] == 1
    answer = ask(items=item("33.335", charge="per_month"), billing_period="monthly", months=3)
    assert answer["total"] == "100.00"  # 100.005, half to even
    assert (answer["billing"]["first_invoice"], answer["billing"]["later_invoice"]) == ("33.34", "33.33")


def test_discounts_are_taken_one_after_another(ask):
    """Two reductions of ten per cent are nineteen, not twenty."""
    tens = [{"fraction": "0.1", "reason": "volume"}, {"fraction": "0.1", "reason": "reference"}]
    answer = ask(items=item("1000.00"), discounts=tens)
    assert answer["total"] == "810.00"
    assert [each["amount"] for each in answer["discounts"]] == ["100.00", "90.00"]


def test_the_order_of_a_share_and_an_amount_matters(ask):
    share, amount = {"fraction": "0.1", "reason": "a"}, {"amount": "100.00", "reason": "b"}
    assert ask(items=item("1000.00"), discounts=[share, amount])["total"] == "800.00"
    assert ask(items=item("1000.00"), discounts=[amount, share])["total"] == "810.00"


@pytest.mark.parametrize(
    ("fraction", "approvers"),
    [
        ("0.1", []),
        ("0.1001", ["sales_manager"]),
        ("0.2", ["sales_manager"]),
        ("0.25", ["sales_manager", "deal_desk"]),
        ("0.4", ["sales_manager", "deal_desk", "finance_director"]),
    ],
)
def test_the_answer_says_who_must_approve(ask, fraction, approvers):
    answer = ask(items=item("1000.00"), discounts=[{"fraction": fraction, "reason": "r"}])
    assert answer["approval"]["approvers"] == approvers
    assert answer["approval"]["required"] == bool(approvers)
    assert answer["discounts"][0]["needs_approval"] == bool(approvers)


def test_any_discount_on_services_needs_their_head(ask):
    lines = [*seats("PIPE-TEAM", 100), *seats("SVC-MIGRATION", 1)]
    answer = ask(lines=lines, discounts=[{"fraction": "0.01", "reason": "r", "skus": ["SVC-MIGRATION"]}])
    assert answer["approval"]["approvers"] == ["head_of_services"]


def test_more_than_anybody_may_give_is_refused(ask):
    with pytest.raises(ToolInputError, match=r"at most 0.40 of the list price; these take 0.4375"):
        ask(items=item("1000.00"), discounts=[{"fraction": "0.25", "reason": "a"}, {"fraction": "0.25", "reason": "b"}])


def test_a_code_of_the_price_book_needs_nobody(ask):
    answer = ask(lines=[*seats("PIPE-BUSINESS", 100), *seats("INS-TEAM", 10)], discounts=[{"code": "suite"}])
    assert answer["discounts"] == [
        {"label": "SUITE", "fraction": "0.10", "amount": "357.00", "needs_approval": False}  # 10 * 29.75 * 12 / 10
    ]
    assert answer["lines"][0]["discount"] == "0.00"
    assert not answer["approval"]["required"]


@pytest.mark.parametrize(
    ("region", "tax", "total"), [("DE", "190.00", "1190.00"), ("gb", "200.00", "1200.00"), ("US", "0.00", "1000.00")]
)
def test_tax_is_added_by_region(ask, region, tax, total):
    answer = ask(items=item("1000.00"), tax_region=region)
    assert (answer["tax"]["amount"], answer["total"], answer["total_before_tax"]) == (tax, total, "1000.00")


def test_tax_that_is_included_is_found(ask):
    answer = ask(items=item("1190.00"), tax_rate_fraction="0.19", prices_include_tax=True)
    assert (answer["total_before_tax"], answer["tax"]["amount"], answer["total"]) == ("1000.00", "190.00", "1190.00")
    assert answer["tax"]["included_in_prices"] is True


@pytest.mark.parametrize(
    ("currency", "price", "quantity", "total"),
    [("JPY", "99.5", 3, "298"), ("JPY", "99.5", 1, "100"), ("KWD", "1.0005", 1, "1.000"), ("EUR", "0.125", 1, "0.12")],
)
def test_amounts_have_the_digits_of_their_currency_and_halves_go_to_the_even_neighbour(
    ask, currency, price, quantity, total
):
    assert ask(items=item(price, quantity), currency=currency)["total"] == total


def test_products_are_sold_in_the_currencies_of_the_book(ask):
    assert ask(lines=seats("PIPE-TEAM", 10), currency="JPY")["total"] == "683400"
    with pytest.raises(ToolInputError, match="PIPE-TEAM has no price in CHF; there are: EUR, GBP, JPY, USD"):
        ask(lines=seats("PIPE-TEAM", 10), currency="CHF")


def test_a_business_case_in_figures(ask):
    """Costs: 12,000 + 5,000 once, 37,740 a year. Gains: 60,000 a year. Surplus 1,855 a month: paid in month 10."""
    answer = ask(
        lines=[*seats("PIPE-BUSINESS", 50), *seats("SVC-MIGRATION", 1)],
        discounts=[{"amount": "5610.00", "reason": "r", "skus": ["PIPE-BUSINESS"]}],
        tax_region="DE",
        value={"annual_benefit": "45000", "replaced_annual_cost": "15000", "own_one_time_cost": "5000"},
    )
    assert answer["recurring_before_tax"] == "37740.00"
    assert answer["value"] == {
        "horizon_months": 36,
        "total_cost_of_ownership": "130220.00",
        "total_gain": "180000.00",
        "net_gain": "49780.00",
        "payback_months": 10,
        "roi_fraction": "0.3823",
    }


def test_a_purchase_that_never_pays_says_so(ask):
    answer = ask(lines=seats("PIPE-TEAM", 10), value={"annual_benefit": "100"})
    assert answer["value"]["payback_months"] is None
    assert answer["value"]["net_gain"].startswith("-")
    free = ask(lines=seats("SVC-KICKOFF", 1), value={"annual_benefit": "100"})
    assert (free["value"]["payback_months"], free["value"]["roi_fraction"]) == (0, None)


def test_a_free_item_stands_on_the_quote(ask):
    answer = ask(lines=[*seats("SVC-KICKOFF", 1), *seats("PIPE-STARTER", 5)])
    assert answer["lines"][0]["total"] == "0.00"
    assert answer["total"] == "969.00"


def test_a_quote_has_an_id_of_its_content_and_an_expiry(ask):
    one, same = ask(lines=seats("PIPE-TEAM", 10)), ask(lines=seats("PIPE-TEAM", 10))
    other = ask(lines=seats("PIPE-TEAM", 11))
    assert one == same
    assert one["quote_id"] != other["quote_id"]
    assert one["quote_id"].startswith("Q-")
    assert (one["issued_on"], one["valid_until"]) == ("2026-06-30", "2026-07-30")
    assert one["price_book"] == {"name": "Brightloop price book", "version": "2026-Q2", "rounding": "half-even"}


def test_another_day_is_another_quote_and_days_are_utc():
    arguments = {"lines": seats("PIPE-TEAM", 10)}
    today, tomorrow = (PriceCalculator(now=lambda at=at: NOW + timedelta(days=at)).invoke(arguments) for at in (0, 1))
    assert today["quote_id"] != tomorrow["quote_id"]
    late = datetime(2026, 6, 30, 23, tzinfo=timezone(-timedelta(hours=5)))
    assert PriceCalculator(now=lambda: late).invoke(arguments)["issued_on"] == "2026-07-01"


def test_numbers_and_text_are_the_same_price(ask):
    assert ask(items=item(0.1, 3)) == ask(items=item("0.1", 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Nothing to price"),
        ({"lines": []}, "Nothing to price"),
        ({"lines": seats("PIPE-TEEM", 1)}, "No SKU 'PIPE-TEEM'. Nearest: 'PIPE-TEAM'"),
        ({"lines": seats("PIPE-STARTER", 11)}, "PIPE-STARTER is sold in quantities of 1 to 10"),
        ({"lines": seats("PIPE-ENTERPRISE", 49)}, "PIPE-ENTERPRISE is sold in quantities of 50 or more"),
        ({"lines": seats("PIPE-TEAM", 1), "months": 18}, "Annual billing needs whole years"),
        ({"items": item("1"), "currency": "XXQ"}, "'XXQ' is no ISO 4217 currency"),
        ({"items": item("1"), "tax_region": "MARS"}, "No tax region 'MARS'; there are: AT, CA, DE"),
        ({"items": item("1"), "tax_region": "DE", "tax_rate_fraction": "0.1"}, "a region or a rate, not both"),
        ({"items": item("1"), "discounts": [{}]}, "exactly one of code, fraction, amount; got none"),
        ({"items": item("1"), "discounts": [{"code": "A", "amount": "1"}]}, "exactly one of .* got code, amount"),
        ({"items": item("1"), "discounts": [{"code": "SUIT"}]}, "No discount code 'SUIT'. Nearest: 'SUITE'"),
        ({"items": item("1"), "discounts": [{"code": "§"}]}, "No discount code '§'. There are: NONPROFIT"),
        ({"items": item("1"), "discounts": [{"code": "TERM-24"}]}, "TERM-24 needs a term of 24 months or more; got 12"),
        (
            {"items": item("1"), "discounts": [{"code": "SUITE"}]},
            "applies to INS-BUSINESS, .*; no line holds any of them",
        ),
        ({"items": item("1"), "discounts": [{"code": "SUITE", "skus": []}]}, "says itself what it applies to"),
        ({"items": item("1"), "discounts": [{"fraction": "0.1", "skus": ["NOPE"]}]}, "No SKU 'NOPE'"),
        ({"items": item("1"), "discounts": [{"amount": "2", "reason": "r"}]}, "'r' exceeds what is left"),
    ],
    ids=str,
)
def test_what_the_book_does_not_allow_is_refused_and_the_model_learns_what_it_does(ask, arguments, message):
    with pytest.raises(ToolInputError, match=message) as raised:
        ask(**arguments)
    assert raised.value.for_model == str(raised.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"lines": seats("PIPE-TEAM", 0)},
        {"lines": seats("PIPE-TEAM", 1_000_001)},
        {"lines": seats("PIPE-TEAM", 1) * 101},
        {"lines": [{"sku": "PIPE-TEAM", "quantity": 1, "price": "1"}]},
        {"items": item("-1")},
        {"items": item("NaN")},
        {"items": item("Infinity")},
        {"items": item("0.1234567")},
        {"items": item("1"), "months": 61},
        {"items": item("1"), "tax_rate_fraction": "1.1"},
        {"items": item("1"), "discounts": [{"fraction": "1.1"}]},
        {"items": item("1"), "currency": "usd"},
        {"items": item("1"), "billing_period": "weekly"},
        {"items": item("1"), "user_id": "x"},
    ],
    ids=str,
)
def test_arguments_out_of_bounds_are_refused_before_anything_is_calculated(ask, arguments):
    with pytest.raises(ValidationError):
        ask(**arguments)


def test_the_largest_allowed_order_is_still_exact(ask):
    answer = ask(items=item("999999999.999999", 1_000_000, charge="per_month"), billing_period="monthly", months=60)
    assert answer["total"] == "59999999999999940.00"


def test_the_answer_is_plain_json_and_money_is_text(ask):
    answer = ask(lines=seats("PIPE-ENTERPRISE", 300), tax_region="DE", discounts=[{"fraction": "0.05", "reason": "r"}])
    assert json.loads(json.dumps(answer)) == answer
    assert not [value for value in _values(answer) if isinstance(value, float)]


def _values(answer):
    if isinstance(answer, dict):
        return [each for value in answer.values() for each in _values(value)]
    return [each for value in answer for each in _values(value)] if isinstance(answer, list) else [answer]


def test_the_spec_says_who_how_often_and_how_long(tool):
    assert tool.spec.effect is Effect.READ
    assert tool.spec.allowed_roles == {"npc", "coach", "system"}
    assert tool.spec.rate_limit == RateLimit("30/minute")
    assert tool.spec.timeout_s == 5
    assert tool.spec.results_shared


def test_every_argument_is_described(tool):
    schema = convert_to_openai_tool(tool)["function"]["parameters"]
    assert all(each.get("description") for each in schema["properties"].values())
