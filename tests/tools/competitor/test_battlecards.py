"""A name finds its card in any spelling that can mean no other; anything else names the nearest and lists all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError, ToolInputError
from salesboost_tools.tools.competitor import Battlecards, load_battlecards

NAMES = ["Dealharbor", "Fernpost", "Orbitra", "Pipegrove", "Quotiva", "Salesmere"]


def test_the_shipped_cards(cards):
    assert cards.names == NAMES
    assert cards.categories == ["analytics", "cpq", "crm", "outreach"]


@pytest.mark.parametrize(
    "spelling",
    [
        "Dealharbor",
        "dealharbor",
        " DEALHARBOR ",
        "Deal Harbor",
        "deal-harbor",
        "Dealharbour",
        "Dealharbr",
        "dealharbors",
    ],
)
def test_a_name_is_found_in_any_spelling(cards, spelling):
    assert cards.find(spelling).name == "Dealharbor"


def test_an_alias_is_a_name(cards):
    assert cards.find("harbor suite").name == "Dealharbor"
    assert cards.find("Orbitra Lens").name == "Orbitra"


def test_an_unknown_name_tells_the_nearest_and_all_that_are_known(cards):
    with pytest.raises(ToolInputError) as caught:
        cards.find("Harborview")
    assert "Nearest: 'Dealharbor'." in caught.value.for_model
    assert all(name in caught.value.for_model for name in NAMES)
    assert "Harborview" not in caught.value.for_model


def test_a_name_like_no_other_tells_all_that_are_known(cards):
    with pytest.raises(ToolInputError, match=r"^No battlecard for this competitor\. Known: Dealharbor, Fernpost"):
        cards.find("Zzyzx")


@given(st.text(min_size=1, max_size=100))
def test_any_name_is_found_or_refused_with_a_list(cards, name):
    try:
        assert cards.find(name).name in NAMES
    except ToolInputError as error:
        assert "Known: " in error.for_model


def test_two_names_that_are_nearly_alike_are_never_guessed(cards, folder):
    text = (folder / "orbitra.md").read_text()
    changes = {
        "id: BC-0002": "id: BC-0099",
        "competitor: Orbitra": "competitor: Orbitro",
        "aliases: [Orbitra Analytics, Orbitra Lens]": "",
    }
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "orbitro.md").write_text(text)
    both = load_battlecards(folder)
    assert both.find("orbitro").name == "Orbitro"
    with pytest.raises(ToolInputError, match="Nearest: 'Orbitr"):
        both.find("orbitri")


def test_without_cards_nothing_is_found(cards):
    with pytest.raises(ToolInputError, match="no battlecards"):
        Battlecards([], cards.own).find("Dealharbor")


def test_a_category_lists_its_cards_in_any_case(cards):
    assert [card.name for card in cards.of_category("CRM")] == ["Dealharbor", "Pipegrove", "Salesmere"]
    assert [card.name for card in cards.of_category(None)] == NAMES


def test_an_unknown_category_lists_those_there_are(cards):
    with pytest.raises(ToolInputError, match="Categories: analytics, cpq, crm, outreach"):
        cards.of_category("erp")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("aliases: [Fern Post", "aliases: [Dealharbor", "is also a name of another battlecard"),
        ("id: BC-0003", "id: BC-0001", "another battlecard is already called 'BC-0001'"),
        ("  sequences:", "  telepathy:", r"\['telepathy'\] are not rows of the matrix"),
    ],
)
def test_cards_that_contradict_each_other_are_refused(folder, old, new, complaint):
    text = (folder / "fernpost.md").read_text()
    assert old in text
    (folder / "fernpost.md").write_text(text.replace(old, new))
    with pytest.raises(ConfigurationError, match=complaint):
        load_battlecards(folder)


def test_a_row_may_stand_in_the_matrix_once(cards):
    twice = cards.own.model_copy(update={"features": (*cards.own.features, cards.own.features[0])})
    with pytest.raises(ConfigurationError, match="two rows"):
        Battlecards([], twice)
