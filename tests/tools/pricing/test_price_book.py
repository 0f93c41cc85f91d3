"""The price book: read whole, checked whole, and wrong ones refused with the entry named."""

import asyncio
import shutil
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from salesboost_tools.core.errors import ConfigurationError, ToolInputError
from salesboost_tools.tools.pricing import YamlPriceBook, default_price_book
from salesboost_tools.tools.pricing.money import Rounding
from salesboost_tools.tools.pricing.price_book import known_product

SHIPPED = Path(str(files("salesboost_tools") / "data" / "price_book.yaml"))


@pytest.fixture
def book_with(tmp_path):
    """Return a price book whose entries were changed by a function."""

    def book_with(change):
        entries = yaml.safe_load(SHIPPED.read_text("utf-8"))
        change(entries)
        path = tmp_path / "book.yaml"
        path.write_text(yaml.safe_dump(entries), "utf-8")
        return YamlPriceBook(path)

    return book_with


def test_the_shipped_book_has_the_products_of_the_scenario():
    book = default_price_book()
    assert {product.product_line for product in book.products} == {
        "pipeline",
        "engage",
        "insight",
        "add-on",
        "services",
    }
    editions = {
        "PIPE": ["STARTER", "TEAM", "BUSINESS", "ENTERPRISE"],
        "ENG": ["TEAM", "BUSINESS", "ENTERPRISE"],
        "INS": ["TEAM", "BUSINESS", "ENTERPRISE"],
        "SVC": ["ONBOARDING", "MIGRATION", "TRAINING-DAY", "SUPPORT-PREMIUM", "KICKOFF"],
        "ADD": ["SSO", "SANDBOX"],
    }
    assert {f"{line}-{each}" for line, names in editions.items() for each in names} <= {
        each.sku for each in book.products
    }
    assert book.product("SVC-KICKOFF").tiers[0].unit_prices["USD"] == 0
    assert book.terms.rounding is Rounding.HALF_EVEN


def test_prices_are_exact():
    product = default_price_book().product("ADD-MESSAGES")
    assert product.tiers[1].unit_prices["USD"] == Decimal("0.0185")


def test_larger_quantities_and_larger_editions_are_priced_in_order():
    book = default_price_book()
    for product in book.products:
        for currency in product.currencies:
            prices = [tier.unit_prices[currency] for tier in product.tiers]
            assert prices == sorted(prices, reverse=True)
    for line in ("PIPE", "ENG", "INS"):
        editions = [each for each in book.products if each.sku.startswith(f"{line}-")]
        firsts = [each.tiers[0].unit_prices["USD"] for each in editions]
        assert firsts == sorted(firsts)


@pytest.mark.parametrize("sku", ["pipe-business", " PIPE-BUSINESS "])
def test_a_code_is_found_however_it_is_written(sku):
    assert default_price_book().product(sku).sku == "PIPE-BUSINESS"


def test_an_unknown_code_is_refused_and_the_nearest_named():
    with pytest.raises(ToolInputError, match=r"No SKU 'PIPE-BUSINES'. Nearest: 'PIPE-BUSINESS' \(Brightloop Pipeline"):
        known_product(default_price_book(), "PIPE-BUSINES")
    with pytest.raises(ToolInputError, match=r"Nearest: 'ADD-SSO' \(Single sign-on"):
        known_product(default_price_book(), "single sign-on and directory")


def test_an_unknown_code_that_resembles_nothing_is_answered_with_all_there_are():
    with pytest.raises(ToolInputError, match=r"No SKU '§§'. There are: PIPE-STARTER, PIPE-TEAM"):
        known_product(default_price_book(), "§§")


def first_tier(entries):
    return entries["products"][0]["tiers"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.pop("rounding"), "rounding: Field required"),
        (lambda e: e.update(rounding="down"), "rounding: Input should be 'half-even' or 'half-up'"),
        (lambda e: e.update(surprise=1), "surprise: Extra inputs"),
        (
            lambda e: e.update(annual_discount_fraction=0.15),
            "annual_discount_fraction: .*write amounts .* as text, '0.15'",
        ),
        (lambda e: e.update(max_discount_fraction="1.5"), "max_discount_fraction: Input should be less than"),
        (lambda e: e.update(default_currency="EURO"), "default_currency 'EURO' is no ISO 4217 currency"),
        (lambda e: e["products"].append(e["products"][0]), r"a SKU stands twice: \['PIPE-STARTER'\]"),
        (lambda e: e.update(products=[]), "products: List should have at least 1"),
        (lambda e: first_tier(e).update(unit_prices={"USD": 19.5}), "products.0.tiers.0.unit_prices.USD: .*as text"),
        (lambda e: first_tier(e).update(unit_prices={"USD": "-1"}), "unit_prices.USD: Input should be greater"),
        (lambda e: first_tier(e).update(unit_prices={"XXQ": "1"}), "no ISO 4217 currency in use: XXQ"),
        (lambda e: first_tier(e).update(from_quantity=2), "tiers start at 1 and rise"),
        (lambda e: e["products"][1]["tiers"].reverse(), "products.1: .*tiers start at 1 and rise"),
        (lambda e: e["products"][1]["tiers"][1]["unit_prices"].pop("JPY"), "every tier names the same currencies"),
        (lambda e: e["products"][0].update(sku="pipe starter"), "products.0.sku: String should match"),
        (lambda e: e["approval_steps"].reverse(), "approval_steps rise"),
        (lambda e: e["discount_codes"][0].update(skus=["NOPE"]), r"names unknown SKUs: \['NOPE'\]"),
    ],
)
def test_a_wrong_book_is_refused_as_a_whole_and_the_entry_is_named(book_with, change, message):
    with pytest.raises(ConfigurationError, match=f"book.yaml is wrong: .*{message}"):
        book_with(change)


def test_a_book_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot read the price book .*none.yaml"):
        YamlPriceBook(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(ConfigurationError, match=r"cannot read the price book .*broken.yaml"):
        YamlPriceBook(broken)
    broken.write_text("")
    with pytest.raises(ConfigurationError, match="is wrong: book: "):
        YamlPriceBook(broken)


async def test_the_probe_notices_a_book_that_has_gone(tmp_path):
    path = Path(shutil.copy(SHIPPED, tmp_path / "book.yaml"))
    book = YamlPriceBook(path)
    book.probe()
    await book.aprobe()
    await asyncio.to_thread(path.unlink)
    with pytest.raises(ConfigurationError, match="cannot read"):
        book.probe()
    with pytest.raises(ConfigurationError, match="cannot read"):
        await book.aprobe()
    assert book.product("PIPE-TEAM")
    book.close()
    await book.aclose()
