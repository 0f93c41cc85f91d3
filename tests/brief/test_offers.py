"""What is quoted, and what it takes to match a competitor."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.brief.calls import PRICES
from salesboost_tools.brief.offers import quotes_wanted, seat_price
from salesboost_tools.brief.playbook import shipped_playbook
from salesboost_tools.tools.pricing import PriceCalculator
from tests.brief.builders import activity, answer, deal, findings

PLAYBOOK = shipped_playbook()
PRICE_TOOL = PriceCalculator()


def wanted(**changes):
    return [call.args for call in quotes_wanted(findings(**changes), PLAYBOOK)]


def priced(calls):
    """Return the answers of the real price calculator."""
    return tuple(answer(dict(args), PRICE_TOOL.invoke(dict(args)), tool=PRICES) for args in calls)


def test_a_deal_is_quoted_as_it_stands():
    assert wanted() == [{"lines": [{"sku": "PIPE-TEAM", "quantity": 10}], "currency": "USD", "months": 12}]


def test_nothing_is_quoted_without_products_or_for_a_closed_deal():
    assert wanted(deal=deal(lines=())) == []
    assert wanted(deal=deal(stage="won")) == []
    assert wanted(deal=None) == []


def test_an_objection_brings_the_product_and_the_agreed_reduction_that_answer_it():
    said = [activity(1, "We fear the migration."), activity(2, "Give us a price for three years, please.")]
    [_, answering] = wanted(activities=said)
    assert {line["sku"]: line["quantity"] for line in answering["lines"]} == {"PIPE-TEAM": 10, "SVC-MIGRATION": 1}
    assert answering["months"] == 36
    assert [each["code"] for each in answering["discounts"]] == ["SWITCH-2026", "TERM-36"]


def test_a_product_that_is_in_the_deal_already_is_not_added():
    said = [activity(1, "We fear the migration.")]
    [_, answering] = wanted(activities=said, deal=deal(lines=(("PIPE-TEAM", 10), ("SVC-MIGRATION", 3))))
    assert {line["sku"]: line["quantity"] for line in answering["lines"]}["SVC-MIGRATION"] == 3


def test_the_competitors_price_is_matched_once_ours_is_known():
    said = [activity(1, "The price per seat is too high: Dealharbor asks 30 dollars per seat and month.")]
    first = wanted(activities=said)
    assert len(first) == 1
    both = wanted(activities=said, answers=priced(first))
    assert both[0] == first[0]
    [discount] = both[1]["discounts"]
    assert discount["skus"] == ["PIPE-TEAM"]
    assert "Dealharbor at 30.00 a seat" in discount["reason"]


def test_without_a_price_objection_no_discount_is_thought_of():
    said = [activity(1, "Dealharbor asks 30 dollars per seat and month.", kind="task")]
    assert len(wanted(activities=said, answers=priced(wanted(activities=said)))) == 1


def test_a_price_that_is_lower_already_needs_no_discount():
    said = [activity(1, "The price per seat is too high: Dealharbor asks 90 dollars per seat and month.")]
    assert len(wanted(activities=said, answers=priced(wanted(activities=said)))) == 1


def test_without_an_offer_the_battlecards_list_price_is_matched():
    plan = {"name": "Harbor Core", "unit_price": "30.00", "unit": "seat", "per": "month"}
    cards = {"comparison": {"prices": [{"our_sku": "PIPE-TEAM", "currency": "USD", "their_plan": plan}]}}
    said = [activity(1, "Your price per seat is too high.")]
    [_, matching] = wanted(activities=said, cards=cards, answers=priced(wanted(activities=said)))
    assert "list price of Harbor Core" in matching["discounts"][0]["reason"]


@given(
    theirs=st.decimals("25", "38", places=2),
    quantity=st.integers(1, 2000),
    months=st.sampled_from([12, 24, 36]),
)
def test_the_matching_discount_brings_our_price_to_theirs_to_the_cent(theirs, quantity, months):
    chosen = deal(lines=(("PIPE-TEAM", quantity),))
    words = f"The price per seat is too high: Dealharbor asks {theirs} dollars per seat and month."
    term = {24: " We want a two year contract.", 36: " We want three years."}.get(months, "")
    said = [activity(1, words + term)]
    calls = wanted(activities=said, deal=chosen)
    matching = wanted(activities=said, deal=chosen, answers=priced(calls))[len(calls) :]
    for args in matching:
        [line] = PRICE_TOOL.invoke(dict(args))["lines"]
        assert seat_price(line).quantize(Decimal("0.01")) == theirs
