"""Numbers are known by their check digits and their form; sentences that resemble them are let be."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.tools.compliance.shapes import bank_accounts, cards

ACCOUNTS = [  # the examples of the ISO 13616 registry
    "at611904300234573201",
    "be68539007547034",
    "ch9300762011623852957",
    "de89370400440532013000",
    "dk5000400440116243",
    "es9121000418450200051332",
    "fr1420041010050500013m02606",
    "gb29nwbk60161331926819",
    "ie29aibk93115212345678",
    "it60x0542811101000000123456",
    "mt84malt011000012345mtlcast001s",
    "nl91abna0417164300",
    "no9386011117947",
    "se4550000000058398257466",
    "sa0380000000608010167519",
]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_an_account_is_found_in_every_grouping_and_only_whole(account):
    grouped = " ".join(account[at : at + 4] for at in range(0, len(account), 4))
    for written in (account, grouped, "-".join(account), grouped.replace(" ", ".")):
        for text in (written, f"pay to {written} by friday", f"({written})"):
            ((start, end),) = bank_accounts(text)
            assert text[start:end] == written


@given(st.sampled_from(ACCOUNTS), st.data())
def test_an_account_with_one_digit_wrong_is_none(account, data):
    place = data.draw(st.sampled_from([at for at, letter in enumerate(account) if at > 1 and letter.isdigit()]))
    digit = data.draw(st.sampled_from([each for each in "0123456789" if each != account[place]]))
    assert list(bank_accounts(account[:place] + digit + account[place + 1 :])) == []


def test_a_sentence_that_begins_like_an_account_is_none():
    """A small word, a number of two digits and any words after them: one in five such sentences was blocked once."""
    words = ["to", "at", "by", "is", "no", "in", "of", "on", "it", "be", "me", "se", "de", "es", "mt", "my", "if", "us"]
    rest = "users right when usability is in doubt and per seat and month for existing customers of the plan they chose"
    numbers, starts = range(10, 100, 3), range(0, 30, 3)
    found = [
        text
        for word, number, at in product(words, numbers, starts)
        if list(bank_accounts(text := f"{word} {number} {rest[at:]}"))
    ]
    assert found == []


def test_a_card_needs_its_check_digit():
    assert list(cards("4111 1111 1111 1111"))
    assert not list(cards("4111 1111 1111 1112"))
