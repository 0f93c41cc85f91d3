"""Every shipped rule is held to its own examples."""

from datetime import date, timedelta

import pytest

from salesboost_tools.tools.compliance.checker import Scope
from salesboost_tools.tools.compliance.chinese import is_han
from salesboost_tools.tools.compliance.rewriting import NOTHING_LEFT
from salesboost_tools.tools.compliance.rule import ALL_CHANNELS, Effective
from salesboost_tools.tools.compliance.rule_folder import read_rules
from tests.tools.compliance.conftest import EVERYWHERE, TODAY, scope_of

BOOK = read_rules()
RULES = pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.id)


@RULES
def test_each_positive_example_breaks_its_rule(rule, checker):
    for text in rule.positive:
        assert rule.id in {find.rule.id for find in checker.finds(text, scope_of(rule))}, text


@RULES
def test_each_negative_example_breaks_no_rule(rule, checker):
    for text in rule.negative:
        assert checker.finds(text, scope_of(rule)) == [], text


@RULES
def test_what_a_rule_puts_in_place_breaks_no_rule_on_any_channel(rule, checker):
    for channel in (None, *ALL_CHANNELS):
        assert checker.finds(rule.rewrite or NOTHING_LEFT, Scope(day=TODAY, channel=channel)) == []


@RULES
def test_a_rule_is_silent_before_it_is_in_force(rule, checker):
    before = Scope(day=rule.effective.since - timedelta(days=1), channel=scope_of(rule).channel)
    for text in rule.positive:
        assert rule.id not in {find.rule.id for find in checker.finds(text, before)}


def test_a_rule_holds_on_its_days_both_included_and_without_an_end_for_good():
    summer = Effective(since=date(2026, 6, 1), until=date(2026, 8, 31))
    days = {date(2026, 5, 31): False, date(2026, 6, 1): True, date(2026, 8, 31): True, date(2026, 9, 1): False}
    assert {day: summer.holds_on(day) for day in days} == days
    assert Effective(since=date(2026, 6, 1)).holds_on(date(2100, 1, 1))


@RULES
def test_a_rule_names_its_source_and_why(rule):
    assert len(rule.why) > 10
    assert len(rule.source) > 5


def test_all_eight_families_are_there_in_english_and_most_in_chinese():
    assert len({rule.family for rule in BOOK.rules if rule.language == "en"}) == 8
    assert len({rule.family for rule in BOOK.rules if rule.language == "zh"}) == 8


def test_every_chinese_character_of_a_pattern_has_a_known_sound():
    texts = [text for rule in BOOK.rules for text in (*rule.patterns, *rule.unless)]
    texts += [entry for entries in BOOK.lists.values() for entry in entries]
    unknown = {letter for text in texts for letter in text if is_han(letter) and letter not in BOOK.han.sounds}
    assert unknown == set()


def test_a_rule_of_one_channel_or_place_is_silent_elsewhere(checker):
    late = "Call them after 10 pm, they are always home then."
    assert [find.rule.id for find in checker.finds(late, Scope(day=TODAY, jurisdiction="US"))] == ["TCPA-HOURS"]
    assert checker.finds(late, Scope(day=TODAY, jurisdiction="EU")) == []
    promotion = "Brightloop summer offer, 20% off all licences until Friday."
    assert checker.finds(promotion, Scope(day=TODAY, channel="sms"))
    assert checker.finds(promotion, Scope(day=TODAY, channel="chat")) == []
    assert checker.finds(promotion, EVERYWHERE) == []
    assert checker.finds("We guarantee results.", Scope(day=date(2026, 1, 1), families=frozenset({"GDPR"}))) == []
