"""A battlecard is read whole or refused with the file and the field that is wrong."""

from decimal import Decimal

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.competitor import load_battlecards
from salesboost_tools.tools.competitor.loading import parse_card

SMALL = """---
id: BC-1
competitor: Acorn
category: crm
product_lines: [pipeline]
version: 1.10
updated: 2026-01-02
summary: Small.
claims:
  - {id: A-1, aspect: pricing, text: Cheap., source: Page, date: 2026-01-01, expires: 2026-02-01}
---
## Strengths

- Quick, and
  easy. [A-1]
- Known.

## Weaknesses

- Thin.

## Objections and responses

### It costs less.

It does. [A-1]

Say so.

## Landmines

* Ask why [this](https://x.example) is so.

## When we win

- Often.

## When we lose

- Seldom.
"""


def test_a_card_is_read_with_its_claims_where_they_are_cited():
    card = parse_card(SMALL, "acorn.md")
    assert card.head.version == "1.10"
    assert [(point.text, [claim.id for claim in point.claims]) for point in card.strengths] == [
        ("Quick, and easy.", ["A-1"]),
        ("Known.", []),
    ]
    [objection] = card.objections
    assert objection.objection == "It costs less."
    assert objection.response == "It does.\n\nSay so."
    assert [claim.id for claim in objection.claims] == ["A-1"]


def test_a_link_is_not_taken_for_a_citation():
    assert parse_card(SMALL, "acorn.md").landmines[0].text == "Ask why [this](https://x.example) is so."


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("competitor: Acorn", "rival: Acorn", "competitor: Field required; rival: Extra inputs"),
        ("updated: 2026-01-02", "updated: spring", "updated: "),
        ("product_lines: [pipeline]", "product_lines: []", "product_lines: "),
        ("category: crm", "category: C R M", "category: "),
        ("expires: 2026-02-01", "expires: 2025-02-01", "claims.0: .*expires 2025-02-01 lies before date 2026-01-01"),
        ("source: Page, ", "", "claims.0.source: Field required"),
        ("- Known. ", "", None),
        ("[A-1]\n- Known", "[A-9]\n- Known", r"Strengths: cites \['A-9'\], .* \['A-1'\]"),
        ("## Landmines", "## Land mines", r"missing or empty: \['Landmines'\]; not known: \['Land mines'\]"),
        ("- Thin.", "Thin.", "Weaknesses: must be a list"),
        ("- Often.", "", r"missing or empty: \['When we win'\]"),
        ("### It costs less.\n\nIt does. [A-1]\n\nSay so.", "### It costs less.", "It costs less.: response: "),
        ("### It costs less.", "", r"text before the first ###: objection: "),
        ("---\nid", "id", "begins with a YAML head"),
        (
            "  - {id: A-1",
            "  - {id: A-1, aspect: x, text: T, source: S, date: 2026-01-01, expires: 2026-01-01}\n  - {id: A-1",
            "two claims have the same id",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_file(old, new, complaint):
    text = SMALL.replace(old, new)
    if complaint is None:
        parse_card(text, "acorn.md")
        return
    with pytest.raises(ConfigurationError, match=rf"acorn\.md: .*{complaint}"):
        parse_card(text, "acorn.md")


def test_prices_are_exact(folder):
    text = (folder / "dealharbor.md").read_text().replace('"72.00"', "72.10")
    (folder / "dealharbor.md").write_text(text)
    plans = load_battlecards(folder).find("Dealharbor").head.pricing.plans
    assert plans[1].unit_price == Decimal("72.10")


def test_a_folder_names_the_card_that_is_wrong(folder):
    (folder / "orbitra.md").write_text("no head")
    with pytest.raises(ConfigurationError, match=r"orbitra\.md"):
        load_battlecards(folder)


def test_a_missing_folder_and_a_missing_matrix_are_errors(folder):
    with pytest.raises(ConfigurationError, match="no folder with battlecards"):
        load_battlecards(folder / "missing")
    (folder / "features.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"features\.yaml: missing"):
        load_battlecards(folder)


def test_a_wrong_matrix_is_named(folder):
    (folder / "features.yaml").write_text("source: x\ndate: 2026-01-01\nexpires: 2026-02-01\nfeatures: []\n")
    with pytest.raises(ConfigurationError, match=r"features\.yaml: features: "):
        load_battlecards(folder)


def test_a_folder_without_cards_is_no_error(folder):
    for path in folder.glob("*.md"):
        path.unlink()
    assert load_battlecards(folder).names == []
