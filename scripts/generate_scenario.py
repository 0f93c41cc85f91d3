"""Write the tables of the shipped scenario: accounts, contacts, deals, activities.

    python scripts/generate_scenario.py [--out FOLDER]

Everything random comes from `Random(seed:what:number)`, one stream per account and deal, and only from
`Random.random()`, whose sequence Python promises to keep: the same seed gives the same bytes with every version, and a
change in one place leaves the rest as it was. Prices come from the shipped price book.
"""  # noqa: INP001  (a script, not a package)

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from scenario_draws import Dice, phone, spread, workday
from scenario_tables import Row, Tables, write

from salesboost_tools.tools.pricing import PriceBook, default_price_book
from salesboost_tools.tools.pricing.line_price import product_line

HERE = Path(__file__).parent
DATA = HERE.parent / "salesboost_tools" / "data"
FIRST_DAY = datetime(2024, 9, 2, 8, tzinfo=UTC)
DASH = " \N{EN DASH} "

PHASES = {
    "opening": "qualification",
    "discovery": "discovery",
    "evaluation": "evaluation",
    "proposal": "proposal",
    "negotiation": "negotiation",
}
"""Phase of a story -> stage of a deal that has come so far."""
EDITIONS = {
    "pipeline": ((10, "PIPE-STARTER"), (60, "PIPE-TEAM"), (450, "PIPE-BUSINESS"), (10**6, "PIPE-ENTERPRISE")),
    "engage": ((40, "ENG-TEAM"), (250, "ENG-BUSINESS"), (10**6, "ENG-ENTERPRISE")),
    "insight": ((20, "INS-TEAM"), (120, "INS-BUSINESS"), (10**6, "INS-ENTERPRISE")),
}


class Scenario:
    """Draws the tables.

    Args:
        facts: scenario.yaml.
        words: scenario_words.yaml.
        heroes: scenario_heroes.yaml.
        book: Where amounts come from.
    """

    def __init__(
        self, facts: Mapping[str, Any], words: Mapping[str, Any], heroes: Sequence[Any], book: PriceBook
    ) -> None:
        self.as_of = datetime.fromisoformat(facts["as_of"])
        self.seed, self.reps, self.words, self.book = facts["seed"], facts["reps"], words, book
        self.heroes = {hero["account"]["id"]: hero for hero in heroes}
        self.tables = Tables()
        self.domains: set[str] = {hero["account"]["domain"] for hero in heroes}

    def dice(self, *what: object) -> Dice:
        """Return a stream of its own."""
        return Dice(":".join(map(str, (self.seed, *what))))

    def draw(self, tenant: str, accounts: int, further_deals: int) -> None:
        """Draw a tenant: one deal per account, and some accounts with more."""
        first = len(self.tables.accounts)
        for number in range(1, accounts + 1):
            hero = self.heroes.get(f"ACC-{number:04}") if tenant == "default" else None
            if hero:
                self._tell(tenant, hero)
            else:
                account = self._account(tenant, number)
                self._people(account)
                self._deal(account, number)
        plain = [row for row in self.tables.accounts[first:] if row["id"] not in self.heroes or tenant != "default"]
        for number in range(accounts + 1, accounts + further_deals + 1):
            self._deal(self.dice(tenant, "whose", number).pick(plain), number)
        self._set_statuses(tenant)

    # ------------------------------------------------------------------------------------------------- accounts
    def _account(self, tenant: str, number: int) -> Row:
        dice = self.dice(tenant, "account", number)
        served = {country for rep in self.reps if rep["tenant"] == tenant for country in rep["countries"]}
        places = {at: place["weight"] for at, place in enumerate(self.words["cities"]) if place["country"] in served}
        place = self.words["cities"][dice.weighted(places)]
        industry = self.words["industries"][
            dice.weighted({at: each["weight"] for at, each in enumerate(self.words["industries"])})
        ]
        land = self.words["countries"][place["country"]]
        while True:
            root = dice.pick(self.words["roots"]["front"]) + dice.pick(self.words["roots"]["back"])
            noun = dice.pick(industry["nouns"])
            domain = f"{root}-{noun}".lower().replace(" ", "-") + ".example"
            if domain not in self.domains:
                break
        self.domains.add(domain)
        fewest, most = dice.weighted({(20, 95): 28, (100, 295): 34, (300, 1195): 28, (1200, 6000): 10})
        employees = dice.between(fewest // 5, most // 5) * 5
        revenue = employees * dice.between(110, 260) * (150_000 if land["currency"] == "JPY" else 100_000)
        row = {
            "tenant_id": tenant,
            "id": f"ACC-{number:04}",
            "name": f"{root} {noun} {dice.pick(land['endings'])}",
            "domain": domain,
            "industry": industry["name"],
            "employees": employees,
            "annual_revenue_minor": revenue,
            "currency": land["currency"],
            "country": place["country"],
            "city": place["city"],
            "time_zone": place["time_zone"],
            "phone": phone(dice, place),
            "status": "prospect",
            "owner_id": dice.pick(self._sellers(tenant, place["country"])),
            "created_at": workday(dice, FIRST_DAY + timedelta(days=dice.between(0, 520))),
        }
        self.tables.accounts.append(row)
        return row

    def _sellers(self, tenant: str, country: str) -> list[str]:
        return [rep["id"] for rep in self.reps if rep["tenant"] == tenant and country in rep["countries"]]

    def _people(self, account: Row) -> None:
        dice = self.dice(account["tenant_id"], "people", account["id"])
        roles = self.words["roles"]
        count = dice.weighted({2: 25, 3: 50, 4: 20, 5: 5})
        place = next(each for each in self.words["cities"] if each["city"] == account["city"])
        taken: set[str] = set()
        for role in [*roles[:2], *dice.some(roles[2:], count - 2)]:
            while True:
                first, last = dice.pick(self.words["first_names"]), dice.pick(self.words["last_names"])
                email = f"{first}.{last}@{account['domain']}".lower()
                if email not in taken:
                    break
            taken.add(email)
            row = {
                "tenant_id": account["tenant_id"],
                "id": f"CON-{account['id'][4:]}-{len(taken)}",
                "account_id": account["id"],
                "first_name": first,
                "last_name": last,
                "email": email,
                "phone": phone(dice, place),
                "title": dice.pick(role["titles"]),
                "buying_role": role["buying_role"],
                "preferred_channel": dice.weighted({"email": 60, "phone": 30, "text": 10}),
                "email_consent": dice.weighted({"given": 70, "unknown": 22, "withdrawn": 8}),
                "created_at": account["created_at"],
            }
            self.tables.contacts.append(row)

    # ---------------------------------------------------------------------------------------------------- deals
    def _deal(self, account: Row, number: int) -> None:
        dice = self.dice(account["tenant_id"], "deal", number)
        line = dice.weighted({"pipeline": 55, "engage": 24, "insight": 21})
        items = self._items(dice, line, account["employees"])
        opened = max(account["created_at"], datetime(2025, 1, 6, 8, tzinfo=UTC))
        created = workday(dice, opened + (self.as_of - timedelta(days=10) - opened) * dice.share())
        rival = dice.weighted(self.words["rivals"][line])
        deal: Row = {
            "tenant_id": account["tenant_id"],
            "id": f"DEAL-{number:04}",
            "account_id": account["id"],
            "name": f"{' '.join(account['name'].split()[:-1])}{DASH}{self._product_names(items)}",
            "line_items": ";".join(f"{sku}={quantity}" for sku, quantity in items.items()),
            "amount_minor": self._amount(items, account["currency"]),
            "currency": account["currency"],
            "owner_id": account["owner_id"],
            "competitor": rival,
            "created_at": created,
        }
        cycle = timedelta(days=dice.between(45, 170))
        closed = created + cycle < self.as_of - timedelta(days=3)
        deal |= self._ending(dice, deal, created + cycle) if closed else self._prospects(dice, deal)
        self.tables.deals.append(deal)
        self._history(dice, account, deal)

    def _items(self, dice: Dice, line: str, employees: int) -> dict[str, int]:
        share = {"pipeline": 0.22, "engage": 0.1, "insight": 0.05}[line] * (0.5 + dice.share())
        seats = max(5, round(employees * share))
        sku = next(sku for most, sku in EDITIONS[line] if seats <= most)
        product = self.book.product(sku)
        items = {sku: max(seats, product.min_quantity if product else 1)}
        if line == "pipeline" and seats >= 60:
            extras = {"INS-TEAM": max(5, seats // 8), "SVC-MIGRATION": 1, "ADD-SSO": 1, "SVC-TRAINING-DAY": 2}
            chosen = dice.some(list(extras), dice.between(0, 2))
            items |= {extra: extras[extra] for extra in chosen}
        return items

    def _product_names(self, items: Mapping[str, int]) -> str:
        found = [self.book.product(sku) for sku in items]
        return " + ".join(
            each.name.removeprefix("Brightloop ") for each in found if each and each.product_line in EDITIONS
        )

    def _amount(self, items: Mapping[str, int], currency: str) -> int:
        """Return the list price of the first year, paid annually, in minor units."""
        terms = self.book.terms
        total = 0
        for sku, quantity in items.items():
            product = self.book.product(sku)
            if product is None:
                raise ValueError(f"{sku} is not in the price book")
            line = product_line(
                product,
                quantity,
                currency=currency,
                months=12,
                off_fraction=terms.annual_discount_fraction,
                rounding=terms.rounding,
            )
            total += line.list_minor
        return total

    def _ending(self, dice: Dice, deal: Row, planned: datetime) -> Row:
        won = dice.share() < self.words["win_fraction"][deal["competitor"]]
        reasons = self.words["win_reasons"] if won else self.words["loss_reasons"][deal["competitor"]]
        closed_at = workday(dice, planned)
        return {
            "stage": "won" if won else "lost",
            "close_reason": dice.weighted(reasons),
            "closed_at": closed_at,
            "close_date": closed_at.date(),
            "close_date_slips": dice.weighted({0: 50, 1: 30, 2: 15, 3: 5}),
            "last_contact": closed_at,
        }

    def _prospects(self, dice: Dice, deal: Row) -> Row:
        age = (self.as_of - deal["created_at"]).days
        reached = min(4, age // 32 + dice.between(0, 1))
        stalled = age > 50 and dice.share() < 0.3
        silent = dice.between(24, min(75, age - 10)) if stalled else dice.between(0, min(16, age))
        stage = "closing" if reached == 4 and not stalled and dice.share() < 0.4 else list(PHASES.values())[reached]
        return {
            "stage": stage,
            "close_date": (self.as_of + timedelta(days=dice.between(-15 if stalled else 6, 110 - 20 * reached))).date(),
            "close_date_slips": dice.between(1, 3) if stalled else dice.weighted({0: 70, 1: 25, 2: 5}),
            "next_step": dice.pick(self.words["next_steps"]),
            "last_contact": max(deal["created_at"], workday(dice, self.as_of - timedelta(days=silent + 1))),
        }

    # --------------------------------------------------------------------------------------------------- stories
    def _history(self, dice: Dice, account: Row, deal: Row) -> None:
        people = [row for row in self.tables.contacts if _home(row) == _home(account)]
        parts = [dice.pick(self.words["activities"]["opening"])]
        reached = self._reached(dice, deal)
        for phase in list(PHASES)[1 : reached + 1]:
            parts += dice.some(self.words["activities"][phase], dice.weighted({1: 55, 2: 45}))
        ended = deal["stage"] in {"won", "lost"}
        review: Mapping[str, str] | None = None
        if ended:
            last_word, review = self.words["activities"][deal["stage"]]
            parts.append(last_word)
        else:
            parts.append(parts.pop(max(at for at, part in enumerate(parts) if _is_contact(part))))
        last: datetime = deal.pop("last_contact")
        for part, at in zip(parts, spread(dice, deal["created_at"], last, len(parts)), strict=True):
            self._write(account, deal, people, part, at)
        deal["updated_at"] = last
        if review:
            self._write(account, deal, people, review, workday(dice, last + timedelta(days=dice.between(1, 3))))
            return
        silent = (self.as_of - last).days
        if silent > 20:
            for part in self.words["activities"]["silence"]:
                at = workday(dice, last + timedelta(days=dice.between(5, silent - 3)))
                self._write(account, deal, people, part, at)
        if dice.share() < 0.45:
            at = workday(dice, self.as_of - timedelta(days=dice.between(1, 6)))
            due = workday(dice, self.as_of + timedelta(days=dice.between(1, 14)))
            part = dice.pick(self.words["activities"]["tasks"])
            self._write(account, deal, people, part, max(at, deal["created_at"]), due_at=due, status="open")

    def _reached(self, dice: Dice, deal: Row) -> int:
        """Return how many phases after the opening a deal went through."""
        if deal["stage"] in {"won", "closing"}:
            return 4
        if deal["stage"] == "lost":
            return dice.between(2, 4)
        return list(PHASES.values()).index(deal["stage"])

    def _write(
        self, account: Row, deal: Row, people: Sequence[Row], part: Mapping[str, str], at: datetime, **more: Any
    ) -> None:
        champion = next(row for row in people if row["buying_role"] == "champion")
        buyer = next(row for row in people if row["buying_role"] == "economic_buyer")
        items = deal["line_items"].split(";")
        filled = {
            "champion": f"{champion['first_name']} {champion['last_name']}",
            "buyer": f"{buyer['first_name']} {buyer['last_name']}",
            "competitor": deal["competitor"] or "another vendor",
            "competitor_or_nobody": deal["competitor"] or "nobody else",
            "product": deal["name"].split(DASH)[1],
            "seats": items[0].split("=")[1],
            "items": ", ".join(f"{item.split('=')[1]} {item.split('=')[0]}" for item in items),
            "account": account["name"],
            "industry": account["industry"],
            "reason": (deal.get("close_reason") or "").replace("_", " "),
        }
        row = {
            "tenant_id": deal["tenant_id"],
            "account_id": deal["account_id"],
            "deal_id": deal["id"],
            "contact_id": (buyer if "{buyer}" in part["subject"] else champion)["id"],
            "kind": part["kind"],
            "direction": part.get("direction"),
            "subject": part["subject"].format(**filled),
            "body": part["body"].format(**filled),
            "occurred_at": at,
            "owner_id": deal["owner_id"],
            "created_at": at,
            **more,
        }
        self.tables.activities.append(row)

    def _tell(self, tenant: str, hero: Mapping[str, Any]) -> None:
        """Put a story told by hand into the tables."""
        account = {"tenant_id": tenant, **hero["account"]}
        account["created_at"] = datetime.fromisoformat(account["created_at"])
        self.tables.accounts.append(account)
        ids = [f"CON-{account['id'][4:]}-{number}" for number in range(1, len(hero["contacts"]) + 1)]
        linked = {"tenant_id": tenant, "account_id": account["id"], "created_at": account["created_at"]}
        self.tables.contacts += [
            {**linked, "id": known, **person} for known, person in zip(ids, hero["contacts"], strict=True)
        ]
        told = hero["deal"]
        items: dict[str, int] = told["line_items"]
        moments = [datetime.fromisoformat(each["at"]) for each in hero["activities"]]
        deal = {
            **linked,
            **told,
            "line_items": ";".join(f"{sku}={quantity}" for sku, quantity in items.items()),
            "amount_minor": self._amount(items, account["currency"]),
            "currency": account["currency"],
            "owner_id": account["owner_id"],
            "created_at": datetime.fromisoformat(told["created_at"]),
            "updated_at": max(moments),
        }
        self.tables.deals.append(deal)
        for each, at in zip(hero["activities"], moments, strict=True):
            row: Row = {
                **{name: value for name, value in each.items() if name not in {"at", "contact", "due_at"}},
                **linked,
                "deal_id": deal["id"],
                "contact_id": ids[each["contact"] - 1] if "contact" in each else None,
                "occurred_at": at,
                "due_at": datetime.fromisoformat(each["due_at"]) if "due_at" in each else None,
                "owner_id": account["owner_id"],
                "created_at": at,
            }
            self.tables.activities.append(row)

    def _set_statuses(self, tenant: str) -> None:
        """Whoever bought is a customer, apart from a few who have left again."""
        bought = {
            _home(deal)[1] for deal in self.tables.deals if deal["tenant_id"] == tenant and deal["stage"] == "won"
        }
        for row in self.tables.accounts:
            if row["tenant_id"] == tenant and row["id"] in bought:
                left = self.dice(tenant, "left", row["id"]).share() < 0.04
                row["status"] = "former" if left else "customer"


# ------------------------------------------------------------------------------------------------- moments and files
def _home(row: Row) -> tuple[str, str]:
    """Return tenant and account of a row."""
    return row["tenant_id"], row.get("account_id") or row["id"]


def _is_contact(part: Mapping[str, str]) -> bool:
    return part["kind"] in {"call", "meeting"} or (part["kind"] == "email" and part["direction"] == "inbound")


def main() -> None:
    """Write the tables into the package, or into another folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=DATA, help="folder for the CSV files")
    folder: Path = parser.parse_args().out
    facts, words, heroes = (
        yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (DATA / "scenario.yaml", HERE / "scenario_words.yaml", HERE / "scenario_heroes.yaml")
    )
    scenario = Scenario(facts, words, heroes, default_price_book())
    scenario.draw("default", accounts=300, further_deals=150)
    scenario.draw("globex-emea", accounts=10, further_deals=5)
    write(scenario.tables, folder)


if __name__ == "__main__":
    main()
