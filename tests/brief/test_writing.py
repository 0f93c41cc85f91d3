"""The rules by which single sections are written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.brief.heard import objections_heard
from salesboost_tools.brief.playbook import shipped_playbook
from salesboost_tools.brief.writing.left_out import left_out
from salesboost_tools.brief.writing.next_steps import next_steps, working_days_after
from salesboost_tools.brief.writing.our_answers import best_excerpt, plain
from salesboost_tools.brief.writing.situation import people, reasons
from salesboost_tools.brief.writing.wording import listed, money, per_cent, shortened, times
from tests.brief.builders import activity, answer, contact, deal, findings

PLAYBOOK = shipped_playbook()


def steps(**changes):
    found = findings(**changes)
    return next_steps(found, objections_heard(found, PLAYBOOK), (), PLAYBOOK)


def sent(number, days_ago, **more):
    return activity(number, "Hello?", kind="email", direction="outbound", days_ago=days_ago, **more)


def why(**changes):
    found = findings(**changes)
    heard = objections_heard(found, PLAYBOOK)
    return [each.text for each in reasons(found, heard, power_role="economic_buyer", power_days=60)]


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(1, 60))
def test_work_is_due_on_working_days_and_later_for_more_days(day, days):
    due = working_days_after(day, days)
    assert due.weekday() < 5
    assert due > working_days_after(day, days - 1) or days == 1
    assert (due - day).days >= days


def test_a_mail_that_stayed_unanswered_is_followed_by_a_call():
    objection = activity(1, "We fear the migration.", days_ago=30)
    assert any(step.what.startswith("Write to Person 1") for step in steps(activities=[objection]))
    [call] = [step for step in steps(activities=[objection, sent(2, 5)]) if "Person 1" in step.what]
    assert call.what.startswith("Call Person 1")
    assert "T-2" in call.cites


def test_somebody_who_withdrew_consent_gets_no_mail():
    objection = activity(1, "We fear the migration.", days_ago=30)
    [step] = [
        each
        for each in steps(activities=[objection], contacts=(contact(consent="withdrawn"),))
        if "Person 1" in each.what
    ]
    assert step.what.startswith("Call Person 1")
    assert "consent was withdrawn" in step.what


def test_open_tasks_are_steps_with_their_own_owner_and_day():
    task = activity(1, kind="task", status="open", owner_id="REP-7", due_at=activity(0).at)
    done = activity(2, kind="task", status="done", due_at=activity(0).at)
    own = [step for step in steps(activities=[task, done]) if "(open task)" in step.what]
    assert [(step.owner, step.due, step.cites) for step in own] == [("REP-7", activity(0).at.date(), ("T-1",))]


def test_a_close_date_that_has_passed_is_to_be_replaced():
    [plan] = [step for step in steps(deal=deal(close_date=date(2026, 6, 1), silent_days=2)) if "forecast" in step.what]
    assert "it has passed" in plan.what


def test_the_signature_that_is_out_of_reach_is_named():
    buyer = contact(1, "economic_buyer")
    assert any("never spoken to" in step.what for step in steps(contacts=(buyer,)))
    assert any("on record at all" in text for text in why(contacts=(buyer,)))
    talked = [activity(1, "Talked.", days_ago=5)]
    assert not any("spoken to" in step.what for step in steps(contacts=(buyer,), activities=talked))


def test_why_it_stalls_ends_the_last_words_where_the_expectation_stands():
    body = "A long beginning. " * 20 + "They expect an answer."
    [last] = [text for text in why(activities=[activity(1, body)]) if text.startswith("Last call")]
    assert last.endswith("They expect an answer.”")


def test_only_mails_after_the_last_conversation_are_unanswered():
    told = [sent(1, 30), activity(2, "Talked.", days_ago=20), sent(3, 10), sent(4, 5)]
    [mails] = [text for text in why(activities=told) if "without an answer" in text]
    assert mails.startswith("2 mails")


def test_people_come_by_their_part_with_the_last_conversation():
    both = (contact(2, "user"), contact(1, "economic_buyer"))
    ranked = people(findings(contacts=both, activities=[activity(1, days_ago=12)]))
    assert [(each.name, each.silent_days) for each in ranked] == [("Person 1", 12), ("Person 2", None)]


def test_what_failed_found_nothing_or_was_cut_is_left_out_with_the_reason():
    listing = {"operation": "list", "record_type": "deal", "account_id": "A-1"}
    said = (
        answer(listing, error="Busy."),
        answer(listing, error="Busy."),
        answer({"query": "q"}, {"note": "No answer."}, tool="knowledge_retriever"),
        answer({**listing, "record_type": "activity"}, {"records": [1, 2], "next_cursor": "x"}),
    )
    found = findings(answers=said, activities=[activity(1, body_is_complete=False)])
    assert [(each.what, each.why) for each in left_out(found)] == [
        ("deals of A-1 (crm_integration)", "Busy."),
        ("q (knowledge_retriever)", "No answer."),
        ("More activities of A-1", "Only the first 2 were read."),
        ("The end of 1 note: T-1", "The CRM's list shows the beginning of long texts only."),
    ]


ARTICLE = """Many words about nothing in particular.

- **Losing data.** Every migration is rehearsed twice.
- **Losing time.** The switch is a weekend.

Rules:
"""


def test_an_excerpt_is_the_part_that_answers():
    assert best_excerpt(ARTICLE, "is the migration rehearsed") == "Losing data. Every migration is rehearsed twice."
    assert best_excerpt("Rules:", "rules") == ""


@given(st.text(alphabet="abcX (1).\n-*", max_size=400), st.integers(10, 80))
def test_an_excerpt_is_quoted_word_for_word_and_fits(text, most):
    excerpt = best_excerpt(text, "abc", most)
    assert len(excerpt) <= most
    assert excerpt.removesuffix("…") in plain(text)


@pytest.mark.parametrize(
    ("made", "reads"),
    [
        (money("1234567.50", "USD"), "1,234,567.50 USD"),
        (money("6495360", "JPY"), "6,495,360 JPY"),
        (per_cent("0.1733"), "17.3 %"),
        (per_cent("0.5"), "50 %"),
        (listed([]), ""),
        (listed(["a"]), "a"),
        (listed(["a", "b", "c"]), "a, b and c"),
        (times(1), "once"),
        (times(3), "3 times"),
        (shortened("one two three", 9), "one two…"),
    ],
)
def test_amounts_shares_and_lists_read_well(made, reads):
    assert made == reads
