"""`competitor_analysis` says what is known, where from, and what is past its expiry."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ValidationError

from salesboost_tools.core.errors import ConfigurationError, ToolInputError, UpstreamError
from salesboost_tools.core.spec import Effect
from salesboost_tools.tools.competitor import Battlecards, CompetitorAnalysis, OwnPrice, load_battlecards
from tests.tools.competitor.conftest import AS_OF

ASPECTS = ["overview", "pricing", "features", "market_share", "strengths", "weaknesses", "objections", "comparison"]
FOR_MANY = ["overview", "pricing", "features", "market_share"]


class DollarPrices:
    """Our price list with three products, in US dollars only."""

    def list_price(self, sku, currency):
        prices = {"PIPE-BUSINESS": "85.00", "PIPE-TEAM": "45.00", "PIPE-STARTER": "0"}
        if currency != "USD" or sku not in prices:
            return None
        return OwnPrice(sku, f"Product {sku}", Decimal(prices[sku]), "USD", "seat", "month")


class YearlyPrices:
    """Our price list by the year, which cannot be compared with prices by the month."""

    def list_price(self, sku, currency):
        return OwnPrice(sku, sku, Decimal(900), currency, "seat", "year")


class TenantDeals:
    """Knows deals of one tenant, and notes who asked how."""

    def __init__(self):
        self.asked = []

    def win_loss(self, competitor, caller):
        self.asked.append(("sync", competitor, caller.tenant_id))
        return {"won": 3, "lost": 5} if caller.tenant_id == "t-1" else None

    async def awin_loss(self, competitor, caller):
        answer = self.win_loss(competitor, caller)
        self.asked[-1] = ("async", competitor, caller.tenant_id)
        return answer


def made(cards, **options):
    return CompetitorAnalysis(cards, now=lambda: AS_OF, **options)


@pytest.fixture
def tool(cards):
    return made(cards)


def claims_in(answer):
    if isinstance(answer, dict):
        if "expired" in answer and "source" in answer:
            yield answer
        for value in answer.values():
            yield from claims_in(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from claims_in(value)


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("name", ["Dealharbor", "Fernpost", "Orbitra", "Pipegrove", "Quotiva", "Salesmere"])
def test_every_aspect_of_every_card_is_plain_json_with_its_source(tool, name, aspect):
    answer = tool.invoke({"competitor": name, "aspect": aspect})
    assert answer == json.loads(json.dumps(answer))
    assert (answer["competitor"], answer["aspect"], answer["as_of"]) == (name, aspect, "2026-06-30")
    assert set(answer["battlecard"]) == {"id", "version", "updated"}
    assert len(json.dumps(answer)) < 8_000
    for claim in claims_in(answer):
        assert claim["source"]
        assert claim["expired"] is (claim["expires"] < "2026-06-30")


@pytest.mark.parametrize("aspect", ASPECTS)
async def test_sync_and_async_answers_are_equal(tool, aspect):
    assert await tool.ainvoke({"competitor": "Orbitra", "aspect": aspect}) == tool.invoke(
        {"competitor": "Orbitra", "aspect": aspect}
    )


@pytest.mark.parametrize("aspect", FOR_MANY)
@pytest.mark.parametrize("category", [None, "crm"])
async def test_all_competitors_or_a_category_can_be_seen_together(tool, aspect, category):
    asked = {"aspect": aspect, "category": category}
    answer = tool.invoke(asked)
    assert answer == json.loads(json.dumps(answer)) == await tool.ainvoke(asked)
    named = (
        set(answer["features"][0]["theirs"])
        if aspect == "features"
        else {each["competitor"] for each in answer["competitors"]}
    )
    expected = {"Dealharbor", "Pipegrove", "Salesmere"}
    assert named == expected if category else named > expected


def test_an_expired_claim_is_marked_and_counted_once(tool):
    answer = tool.invoke({"competitor": "Dealharbor", "aspect": "overview"})
    expired = {claim["id"] for claim in claims_in(answer) if claim["expired"]}
    assert expired == {"DH-02", "DH-06"}
    assert answer["expired"] == 2
    assert answer["note"].startswith("2 of these facts are past their expiry")


def test_an_answer_without_expired_claims_has_no_note(tool):
    answer = tool.invoke({"competitor": "Dealharbor", "aspect": "strengths"})
    assert (answer["expired"], answer["note"]) == (0, "")


@pytest.mark.parametrize(("day", "expired"), [(29, False), (30, False), (31, True)])
def test_a_fact_holds_until_the_end_of_its_last_day(cards, day, expired):
    moment = datetime(2026, 6, day, 23, 59, tzinfo=UTC) if day < 31 else datetime(2026, 7, 1, tzinfo=UTC)
    tool = CompetitorAnalysis(cards, now=lambda: moment)
    assert tool.invoke({"competitor": "Quotiva", "aspect": "pricing"})["pricing"]["expired"] is expired


def test_pricing_is_exact_text_with_its_source(tool):
    pricing = tool.invoke({"competitor": "Dealharbor", "aspect": "pricing"})["pricing"]
    assert pricing["plans"][1]["unit_price"] == "72.00"
    assert (pricing["currency"], pricing["date"], pricing["expires"]) == ("USD", "2026-05-20", "2026-11-30")


def test_the_matrix_shows_both_sides_and_who_is_ahead(tool):
    answer = tool.invoke({"competitor": "Dealharbor", "aspect": "features"})
    rows = {row["feature"]: row for row in answer["features"]}
    assert rows["Approval flows"]["ours"]["level"] == "full"
    assert rows["Approval flows"]["theirs"] == {"level": "partial", "note": "Two steps in Harbor Plus"}
    assert "Approval flows" in answer["we_are_ahead"]
    assert "ERP connectors" in answer["they_are_ahead"]
    assert rows["Predictive dialling"]["theirs"]["level"] == "unknown"
    assert "Predictive dialling" not in answer["we_are_ahead"] + answer["they_are_ahead"]


def test_the_matrix_shows_only_rows_that_concern_the_competitor(tool):
    names = {row["feature"] for row in tool.invoke({"competitor": "Fernpost", "aspect": "features"})["features"]}
    assert "Outreach sequences" in names
    assert "Forecast with a range" not in names


def test_objections_come_with_their_responses_and_the_claims_behind_them(tool):
    first = tool.invoke({"competitor": "Dealharbor", "aspect": "objections"})["objections"][0]
    assert first["objection"] == "Dealharbor's price per seat is lower."
    assert "three years" in first["response"]
    assert [claim["id"] for claim in first["claims"]] == ["DH-01", "DH-02"]


def test_market_shares_of_all_are_listed_from_the_largest(tool):
    listed = tool.invoke({"aspect": "market_share"})["competitors"]
    fractions = [Decimal(each["market_share"]["fraction"]) for each in listed]
    assert fractions == sorted(fractions, reverse=True)
    assert listed[0]["competitor"] == "Dealharbor"


def test_a_comparison_sets_plans_beside_our_own_list_prices(cards):
    tool = made(cards, own_prices=DollarPrices())
    core, plus, top = tool.invoke({"competitor": "Dealharbor", "aspect": "comparison"})["prices"]
    assert (core["our_product"]["unit_price"], core["difference"], core["difference_fraction"]) == (
        "45.00",
        "-3.00",
        "-0.0667",
    )
    assert (plus["our_sku"], plus["difference"]) == ("PIPE-BUSINESS", "-13.00")
    assert top["our_product"] is None
    assert top["note"] == "PIPE-ENTERPRISE has no price in USD"


def test_a_comparison_with_something_free_has_no_fraction(cards):
    tool = made(cards, own_prices=DollarPrices())
    seedling = tool.invoke({"competitor": "Pipegrove", "aspect": "comparison"})["prices"][0]
    assert (seedling["difference"], seedling["difference_fraction"]) == ("9.00", None)


def test_prices_in_different_measures_are_not_subtracted(cards):
    row = made(cards, own_prices=YearlyPrices()).invoke({"competitor": "Dealharbor", "aspect": "comparison"})["prices"][
        0
    ]
    assert row["note"] == "not comparable: theirs is in USD per seat, month; ours in USD per seat, year"
    assert "difference" not in row


def test_without_our_price_list_a_comparison_says_where_to_ask(tool):
    rows = tool.invoke({"competitor": "Dealharbor", "aspect": "comparison"})["prices"]
    assert rows[0]["note"] == "ask the price calculator for PIPE-TEAM"
    nothing_like_it = tool.invoke({"competitor": "Quotiva", "aspect": "comparison"})["prices"][0]
    assert nothing_like_it["note"] == "we sell nothing like it"


@pytest.mark.parametrize("aspect", ["overview", "comparison"])
async def test_deals_are_those_of_the_callers_tenant(cards, aspect):
    deals = TenantDeals()
    tool = made(cards, win_loss=deals)
    asked = {"competitor": "orbitra", "aspect": aspect}
    config = {"configurable": {"tenant_id": "t-1"}}
    assert tool.invoke(asked, config)["win_loss"] == {"won": 3, "lost": 5}
    assert (await tool.ainvoke(asked, config))["win_loss"] == {"won": 3, "lost": 5}
    assert tool.invoke(asked, {"configurable": {"tenant_id": "t-2"}})["win_loss"] is None
    assert deals.asked == [("sync", "Orbitra", "t-1"), ("async", "Orbitra", "t-1"), ("sync", "Orbitra", "t-2")]


def test_other_aspects_do_not_ask_for_deals(cards):
    deals = TenantDeals()
    assert "win_loss" not in made(cards, win_loss=deals).invoke({"competitor": "Orbitra", "aspect": "pricing"})
    assert deals.asked == []


@pytest.mark.parametrize("aspect", sorted(set(ASPECTS) - set(FOR_MANY)))
def test_some_aspects_need_a_competitor_and_say_so(tool, aspect):
    with pytest.raises(ToolInputError, match=r"needs a competitor: Dealharbor, .*overview, pricing"):
        tool.invoke({"aspect": aspect})


def test_a_competitor_of_another_category_is_refused(tool):
    with pytest.raises(ToolInputError, match="Orbitra is in the category 'analytics'"):
        tool.invoke({"competitor": "Orbitra", "category": "crm"})
    assert tool.invoke({"competitor": "Orbitra", "category": "analytics"})["competitor"] == "Orbitra"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aspect": "gossip"},
        {"competitor": ""},
        {"competitor": "x" * 101},
        {"category": "x" * 51},
        {"competitor": "Orbitra", "tenant_id": "t"},
    ],
    ids=str,
)
def test_arguments_out_of_bounds_are_refused(tool, wrong):
    with pytest.raises(ValidationError):
        tool.invoke(wrong)


def test_the_model_sees_who_can_be_asked_about(tool):
    function = convert_to_openai_tool(tool)["function"]
    assert "Competitors: Dealharbor, Fernpost" in function["description"]
    assert "Categories: analytics, cpq, crm, outreach." in function["description"]
    properties = function["parameters"]["properties"]
    assert set(properties) == {"competitor", "aspect", "category"}
    assert properties["aspect"]["enum"] == ASPECTS
    assert all(field["description"] for field in properties.values())


def test_a_description_of_ones_own_is_kept(cards):
    assert made(cards, description="Mine.").description == "Mine."


def test_what_handlers_may_know_about_it(tool):
    spec = tool.spec
    assert spec.effect is Effect.READ
    assert spec.allowed_roles == {"coach", "system"}
    assert (str(spec.rate_limit), spec.timeout_s, spec.cache_ttl_s, spec.results_shared) == ("5/minute", 5, 600, True)


def test_a_probe_reads_the_folder_again(folder):
    tool = made(load_battlecards(folder))
    assert tool.probe() == {"battlecards": 6}
    (folder / "orbitra.md").write_text("spoilt")
    with pytest.raises(ConfigurationError, match=r"orbitra\.md"):
        tool.probe()
    tool.close()


def test_a_folder_that_cannot_be_read_is_an_upstream_error(cards):
    class Unreachable:
        def is_dir(self):
            raise PermissionError("not yours")

    with pytest.raises(UpstreamError, match="not yours"):
        made(Battlecards(cards.cards, cards.own, Unreachable())).probe()


def test_cards_without_a_folder_are_probed_in_memory(cards):
    assert made(Battlecards(cards.cards, cards.own)).probe() == {"battlecards": 6}


def test_without_cards_the_overview_is_empty(cards):
    tool = made(Battlecards([], cards.own))
    assert tool.invoke({})["competitors"] == []
    assert "Competitors: none." in tool.description


def test_shipped_cards_hold_some_claims_that_have_expired_and_more_that_have_not(cards):
    claims = [claim for card in cards.cards for claim in card.head.claims]
    expired = [claim.id for claim in claims if claim.expired(AS_OF.date())]
    assert 4 <= len(expired) < len(claims) / 2
    assert all(claim.date <= date(2026, 6, 30) for claim in claims)


def test_shipped_cards_compare_with_products_of_the_shipped_kind(cards):
    skus = {plan.compares_with for card in cards.cards for plan in card.head.pricing.plans if plan.compares_with}
    assert skus <= {
        f"{line}-{edition}"
        for line in ("PIPE", "ENG", "INS")
        for edition in ("STARTER", "TEAM", "BUSINESS", "ENTERPRISE")
    }
