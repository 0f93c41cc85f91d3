"""Two policies share the choices, and the log can tell them apart."""

from random import Random

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.evaluation import compare_sides
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.split import Split
from salesboost_tools.selection.thompson import Thompson
from tests.selection.logs import KeptLog
from tests.selection.policy_contract import PolicyContract, known, situation


class TestSplit(PolicyContract):
    policy = Split(Adaptive(), EpsilonGreedy(), share=0.3)


GREEDY_OR_NOT = Split(EpsilonGreedy(0.0), EpsilonGreedy(1.0), share=0.25)


def test_propensities_are_those_of_both_together():
    question = situation(known(10, 9), known(10, 1))
    assert GREEDY_OR_NOT.propensities(question) == pytest.approx((0.875, 0.125))


def test_the_second_policy_makes_its_share_of_the_choices():
    question, rng = situation(known(10, 9), known(10, 1)), Random(1)
    sides = [GREEDY_OR_NOT.choose(question, rng).note.side for _ in range(4000)]
    assert sides.count("B") / 4000 == pytest.approx(0.25, abs=0.03)


def test_what_is_logged_says_who_chose_and_how_likely_that_was(clock):
    log = KeptLog()
    selector = ToolSelector(GREEDY_OR_NOT, seed=2, clock=clock, log=log)
    for _ in range(400):
        tool, decision_id = selector.select_tool(["good", "bad"])
        selector.record_feedback(decision_id, tool == "good", 100)
    assert {record.side for record in log.records} == {"A", "B"}
    late = log.records[100:]
    assert all(record.propensity == pytest.approx(0.875 if record.chosen == "good" else 0.125) for record in late)
    assert all(record.side == "B" for record in late if record.chosen == "bad")
    verdict = compare_sides(late)
    assert sum(verdict.decisions) == 300
    assert verdict.first.value > verdict.second.value
    assert verdict.gain.high < 0
    assert verdict.gain.value == pytest.approx(verdict.second.value - verdict.first.value)


def test_a_test_with_one_side_only_has_no_verdict(clock):
    log = KeptLog()
    selector = ToolSelector(Split(Thompson(), Thompson(), share=0.0), seed=2, clock=clock, log=log)
    for _ in range(5):
        selector.record_feedback(selector.select_tool(["a", "b"])[1], True, 100)
    with pytest.raises(ConfigurationError, match="5 of A and 0 of B"):
        compare_sides(log.records)


def test_both_policies_learn_from_every_outcome(clock):
    selector = ToolSelector(Split(Adaptive(), Adaptive(), share=0.5), seed=2, clock=clock)
    for _ in range(20):
        selector.record_feedback(selector.select_tool(["a", "b"])[1], True, 100)
    memory = selector.find_decision(selector.select_tool(["a", "b"])[1]).situation.memory
    for each in (memory.first, memory.second):
        assert sum(track.totals.pulls for track in each.tracks.values()) == 20


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_share(share):
    with pytest.raises(ConfigurationError, match=r"share is a number in \[0, 1\]"):
        Split(Thompson(), Thompson(), share=share)
