"""What the customer said against buying, and what the competitor offers, as the CRM's notes tell it."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.brief.heard import competitors_offer, objections_heard, sentences, term_asked_for
from salesboost_tools.brief.playbook import shipped_playbook
from tests.brief.builders import activity, contact, deal, findings

PLAYBOOK = shipped_playbook()


def heard(*activities, **changes):
    return objections_heard(findings(activities=activities, **changes), PLAYBOOK)


def keys(*activities, **changes):
    return [each.objection.key for each in heard(*activities, **changes)]


def test_what_a_customer_says_is_an_objection_and_what_we_write_is_not():
    said = "Your price per seat is above theirs."
    assert keys(activity(1, said)) == ["price"]
    assert keys(activity(1, said, kind="email", direction="inbound")) == ["price"]
    assert keys(activity(1, said, kind="note")) == ["price"]
    assert keys(activity(1, said, kind="email", direction="outbound")) == []
    assert keys(activity(1, said, kind="task", status="open")) == []


def test_a_point_that_is_laid_aside_is_no_objection():
    assert keys(activity(1, "No patient data in sales, so residency is not the issue, audit log is.")) == []


def test_the_words_come_from_whom_it_concerns_and_from_a_conversation_rather_than_a_note():
    people = (contact(1, "procurement"), contact(2, "technical_buyer"))
    by_it = activity(1, "Single sign-on must be included.", days_ago=30, contact_id="C-2")
    by_procurement = activity(2, "Is single sign-on in the price?", days_ago=10)
    by_us = activity(3, "Single sign-on is still open.", days_ago=1, kind="note")
    [found] = heard(by_it, by_procurement, by_us, contacts=people)
    assert (found.sentence, found.source_id, found.contact_id, found.times) == (by_it.body, "T-1", "C-2", 3)


def test_a_point_of_a_list_is_quoted_alone():
    [sso, residency] = sorted(
        heard(activity(1, "Open: (1) residency of backups, (2) single sign-on costs extra, (3) the date.")),
        key=lambda each: each.objection.key,
        reverse=True,
    )
    assert sso.sentence == "single sign-on costs extra"
    assert residency.sentence == "residency of backups"


def test_a_lost_deal_speaks_through_its_reason():
    lost = deal(id="D-0", stage="lost", close_reason="migration_risk", close_date=date(2025, 3, 4))
    [found] = heard(deals=(deal(), lost))
    assert (found.objection.key, found.source_id, found.on) == ("migration", "D-0", date(2025, 3, 4))


def test_the_last_thing_heard_comes_first_and_six_are_enough():
    said = {
        "price": "price per seat",
        "migration": "the migration",
        "security": "your questionnaire",
        "single_sign_on": "single sign-on",
        "residency": "residency",
        "privacy": "sub-processors",
        "monitoring": "works council",
        "renewal": "increase at renewal",
    }
    told = [activity(at, f"About {words}.", days_ago=at + 1) for at, words in enumerate(said.values())]
    assert keys(*told) == list(said)[:6]


def test_another_deals_conversations_are_not_this_ones():
    assert keys(activity(1, "The price per seat is too much.", deal_id="D-9")) == []
    assert keys(activity(1, "The price per seat is too much.", deal_id=None)) == ["price"]


@pytest.mark.parametrize(
    ("said", "price"),
    [
        ("Dealharbor offers 52 dollars per seat and month.", "52.00"),
        ("They were told by Dealharbor: $49.5 a seat per month.", "49.50"),
        ("Dealharbor wants 52 euros per seat and month.", None),
        ("You ask 62.90 dollars per seat and month.", None),
        ("Dealharbor asks 600 dollars per seat and year.", None),
        ("Dealharbor offers 52 per seat and month.", None),
    ],
)
def test_an_offer_names_the_competitor_an_amount_the_deals_currency_and_a_seat_and_month(said, price):
    offer = competitors_offer(findings(activities=[activity(1, said)]))
    assert (offer and str(offer.seat_price)) == price


def test_the_latest_offer_counts():
    told = [
        activity(1, "Dealharbor offers 60 dollars per seat and month.", days_ago=20),
        activity(2, "Dealharbor offers 52 dollars per seat and month.", days_ago=10),
    ]
    assert competitors_offer(findings(activities=told)).seat_price == Decimal("52.00")


def test_the_sentence_with_the_offer_is_not_repeated_as_the_objection():
    body = "Dealharbor offers 52 dollars per seat and month. He expects an answer on the seat price."
    [price] = heard(activity(1, body))
    assert price.sentence == "He expects an answer on the seat price."


def test_a_term_is_asked_for_by_the_customer():
    asked = activity(1, "Send us your discounts for three years.", kind="email", direction="inbound")
    assert term_asked_for(findings(activities=[asked]), PLAYBOOK.terms).months == 36
    ours = activity(1, "We could do three years.", kind="email", direction="outbound")
    assert term_asked_for(findings(activities=[ours]), PLAYBOOK.terms) is None


@given(st.text())
def test_sentences_lose_nothing_but_white_space_and_marks(text):
    def bare(words):
        return [letter for letter in words if letter.isalpha()]

    assert bare("".join(sentences(text))) == bare(text)
