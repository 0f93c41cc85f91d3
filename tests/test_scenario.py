"""The shipped data: reproducible, consistent, fictional, and telling the stories it promises."""

import csv
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from salesboost_tools.tools.crm.vocabulary import CLOSED_STAGES, STAGES
from salesboost_tools.tools.pricing import PriceCalculator, default_price_book
from salesboost_tools.tools.pricing.money import money_text

DATA = Path(str(files("salesboost_tools") / "data"))
ROOT = Path(__file__).parent.parent
NAMES = ("accounts", "contacts", "deals", "activities")
FACTS = yaml.safe_load((DATA / "scenario.yaml").read_text("utf-8"))
AS_OF = datetime.fromisoformat(FACTS["as_of"])


def rows(name, tenant="default"):
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if tenant in {row["tenant_id"], "*"}]


def by_id(name):
    return {row["id"]: row for row in rows(name)}


def test_the_generator_writes_the_shipped_tables_byte_for_byte(tmp_path):
    script = ROOT / "scripts" / "generate_scenario.py"
    subprocess.run([sys.executable, str(script), "--out", str(tmp_path)], check=True, timeout=50)
    for name in NAMES:
        assert (tmp_path / f"{name}.csv").read_bytes() == (DATA / f"{name}.csv").read_bytes(), name


def test_there_is_enough_of_everything():
    assert [len(rows(name)) for name in NAMES] == pytest.approx([300, 900, 450, 3000], rel=0.1)
    assert 8 <= len(rows("accounts", "globex-emea")) <= 12
    assert {row["tenant_id"] for name in NAMES for row in rows(name, "*")} == {"default", "globex-emea"}


def test_the_first_hero_is_stalled_in_negotiation_against_the_big_one():
    account, deal = by_id("accounts")["ACC-0042"], by_id("deals")["DEAL-0042"]
    assert (account["name"], account["city"], account["employees"]) == ("Acme Corp", "Cleveland", "1850")
    assert (deal["account_id"], deal["stage"], deal["competitor"]) == ("ACC-0042", "negotiation", "Dealharbor")
    assert (deal["line_items"], deal["close_date_slips"]) == ("PIPE-BUSINESS=420;INS-BUSINESS=60", "2")
    story = [row for row in rows("activities") if row["deal_id"] == "DEAL-0042"]
    heard = [row for row in story if row["kind"] in {"call", "meeting"} or row["direction"] == "inbound"]
    assert max(row["occurred_at"] for row in heard) == "2026-05-14T15:20:00Z"
    told = " ".join(row["body"] for row in story)
    for word in ("per seat", "migration", "single sign-on", "Dealharbor", "backups"):
        assert word in told


@pytest.mark.parametrize(
    ("deal_id", "stage", "competitor", "sku"),
    [("DEAL-0117", "proposal", "Fernpost", "ENG-BUSINESS"), ("DEAL-0203", "evaluation", "Orbitra", "INS-BUSINESS")],
)
def test_the_other_heroes_have_their_stories(deal_id, stage, competitor, sku):
    deal = by_id("deals")[deal_id]
    assert (deal["stage"], deal["competitor"], deal["account_id"]) == (stage, competitor, f"ACC-{deal_id[5:]}")
    assert sku in deal["line_items"]
    assert sum(row["deal_id"] == deal_id for row in rows("activities")) >= 6


def test_the_heroes_of_the_scenario_file_exist():
    for hero in FACTS["heroes"]:
        assert by_id("deals")[hero["deal"]]["account_id"] == hero["account"]


def test_a_deals_amount_is_what_the_price_calculator_says():
    calculator = PriceCalculator()
    in_yen = [row for row in rows("deals") if row["currency"] == "JPY"]
    for deal in [by_id("deals")["DEAL-0042"], *rows("deals")[::25], *in_yen]:
        items = [item.split("=") for item in deal["line_items"].split(";")]
        quote = calculator.invoke(
            {"currency": deal["currency"], "lines": [{"sku": sku, "quantity": int(count)} for sku, count in items]}
        )
        assert quote["total_before_tax"] == money_text(int(deal["amount_minor"]), deal["currency"]), deal["id"]


def test_every_seller_product_and_competitor_is_known():
    book = default_price_book()
    sellers = {(rep["tenant"], rep["id"]) for rep in FACTS["reps"]}
    rivals = {each["name"] for each in FACTS["competitors"]} | {""}
    for deal in rows("deals", "*"):
        assert all(book.product(item.split("=")[0]) for item in deal["line_items"].split(";"))
        assert (deal["tenant_id"], deal["owner_id"]) in sellers
        assert deal["competitor"] in rivals
        assert deal["stage"] in STAGES


def test_times_are_utc_and_in_order():
    for name in NAMES:
        for row in rows(name, "*"):
            for column, cell in row.items():
                if column.endswith("_at") and cell:
                    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", cell)
            assert datetime.fromisoformat(row["created_at"]) <= AS_OF
    deals = {(row["tenant_id"], row["id"]): row for row in rows("deals", "*")}
    for activity in rows("activities", "*"):
        deal = deals[activity["tenant_id"], activity["deal_id"]]
        assert deal["created_at"] <= activity["occurred_at"] <= FACTS["as_of"]
        assert activity["account_id"] == deal["account_id"]


def test_closed_deals_have_a_moment_and_a_reason_and_open_ones_have_neither():
    for deal in rows("deals", "*"):
        closed = deal["stage"] in CLOSED_STAGES
        assert bool(deal["closed_at"]) == bool(deal["close_reason"]) == closed
        if closed:
            closed_on = datetime.fromisoformat(deal["closed_at"]).date()
            assert closed_on == date.fromisoformat(deal["close_date"])


def test_there_is_something_to_learn_from_wins_and_losses():
    ends = Counter((row["competitor"], row["stage"]) for row in rows("deals") if row["stage"] in CLOSED_STAGES)
    for rival in FACTS["competitors"]:
        assert ends[rival["name"], "won"] >= 3
        assert ends[rival["name"], "lost"] >= 3


def test_some_deals_are_stalled_and_most_are_not():
    heard = {}
    for row in rows("activities"):
        if row["kind"] in {"call", "meeting"} or row["direction"] == "inbound":
            heard[row["deal_id"]] = max(heard.get(row["deal_id"], ""), row["occurred_at"])
    open_deals = [row["id"] for row in rows("deals") if row["stage"] not in CLOSED_STAGES]
    silent = [known for known in open_deals if (AS_OF - datetime.fromisoformat(heard[known])).days >= 21]
    assert 0.1 < len(silent) / len(open_deals) < 0.4


def test_every_contact_belongs_to_an_account_and_every_account_has_a_committee():
    roles = {}
    for contact in rows("contacts"):
        roles.setdefault(contact["account_id"], set()).add(contact["buying_role"])
    for account in rows("accounts"):
        assert {"economic_buyer", "champion"} <= roles[account["id"]]


def test_nobody_can_be_reached_under_an_address_or_number_of_the_data():
    number = re.compile(r"\+1-\d{3}-555-01\d\d|\+44 7700 900\d{3}|")
    for row in rows("contacts", "*"):
        assert re.fullmatch(r"[a-z.\-]+@[a-z.\-]+\.example", row["email"])
        assert number.fullmatch(row["phone"])
    for row in rows("accounts", "*"):
        assert row["domain"].endswith(".example")
        assert number.fullmatch(row["phone"])
    for rep in FACTS["reps"]:
        assert rep["email"].endswith(".example")


def test_names_and_addresses_are_not_repeated():
    for tenant in ("default", "globex-emea"):
        for name, column in (("accounts", "domain"), ("contacts", "email"), ("contacts", "id"), ("deals", "id")):
            cells = [row[column] for row in rows(name, tenant)]
            assert len(set(cells)) == len(cells), (tenant, name, column)


def test_today_is_a_moment_with_a_zone():
    assert AS_OF.astimezone(UTC).isoformat() == "2026-06-30T09:00:00+00:00"
