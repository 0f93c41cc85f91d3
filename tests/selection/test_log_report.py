"""A log tells how each tool did, its share over time, what was lost, and why each choice was made."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.log_report import choices_in_words, report_on
from salesboost_tools.selection.selector import ToolSelector
from tests.selection.logs import KeptLog, logged_in


def of(outcomes, clock, *, available=None, mode="active", **more):
    """Return the log of these outcomes: tool, success."""
    log = KeptLog()
    selector = ToolSelector(EpsilonGreedy(0.2), seed=1, clock=clock, mode=mode, log=log)
    for tool, success in outcomes:
        clock.advance(1)
        _, decision_id = selector.select_tool(["a", "b"], available=[tool] if available is None else available)
        selector.record_feedback(decision_id, success, 100, **more)
    return log.records


ALTERNATING = [("a", True), ("b", False)] * 10


def test_every_tool_is_told_with_its_share_and_its_interval(clock):
    told = report_on(of([*ALTERNATING, ("a", True)], clock))
    a, b = told.arms["a"], told.arms["b"]
    assert (told.decisions, told.decided_by_policy, told.best) == (21, 21, "a")
    assert (a.pulls, b.pulls, a.success_rate, b.success_rate) == (11, 10, 1.0, 0.0)
    assert a.share == pytest.approx(11 / 21)
    assert a.mean_reward == pytest.approx(0.99)
    assert b.reward_high < a.reward_low < a.mean_reward < a.reward_high
    assert told.policies == ("epsilon-greedy@1;epsilon=0.2",)


def test_shares_are_told_by_stretches_of_the_log(clock):
    told = report_on(of([("a", True)] * 10 + [("b", True)] * 5, clock), stretches=3)
    assert told.stretch == 5
    assert told.shares == {"a": (1, 1, 0), "b": (0, 0, 1)}


def test_what_was_lost_is_counted_against_the_best_tool_always(clock):
    told = report_on(of(ALTERNATING, clock), stretches=2)
    assert told.regret == pytest.approx((5.0, 10.0))
    assert told.regret_per_decision == pytest.approx(0.5)


def test_a_tool_that_was_lucky_once_is_not_called_the_best(clock):
    told = report_on(of([("a", True), ("a", False)] * 10 + [("b", True)], clock))
    assert told.best == "a"


def test_where_the_policy_looked_on_it_is_told_how_often_it_agreed(clock):
    told = report_on(of([("a", True)] * 40, clock, mode="shadow", available=["a", "b"]))
    assert told.decided_by_policy == 0
    assert 0 < told.agreed < 1  # it would have tried the other one


def test_rewards_are_made_of_the_weights_in_question(clock):
    told = report_on(of([("a", True)], clock, quality=0.5), weights=RewardWeights(latency=0.0, quality=1.0))
    assert told.arms["a"].mean_reward == pytest.approx(1.5)


def test_moments_are_told_in_utc(clock):
    told = report_on(of(ALTERNATING, clock))
    assert told.last_at == datetime.fromtimestamp(clock(), UTC)


def test_a_choice_is_told_with_who_made_it_what_was_known_then_and_what_came_of_it(clock):
    *_, words = choices_in_words(of(ALTERNATING, clock, quality=0.5))
    assert "epsilon-greedy@1 chose b, which it did 100.0% of the time." in words
    assert "Known then: b 0% of 9 succeeded, 100 ms, worth -0.01." in words
    assert "Not available: a." in words
    assert words.endswith("It failed after 100 ms, with quality 0.50: worth -0.01.")


def test_a_stand_in_is_told_as_one(clock):
    (record,) = of([("a", True)], clock)
    (words,) = choices_in_words([replace(record, stands_in=True)])
    assert "chose a in place of one that had failed, which it did" in words


def test_only_the_last_choices_are_told(clock):
    records = of(ALTERNATING, clock)
    assert choices_in_words(records, last=0) == []
    assert choices_in_words(records, last=2) == choices_in_words(records, last=20)[-2:]


def test_a_choice_nobody_made_is_told_to_be_none(clock):
    log = KeptLog()
    logged_in(log, EpsilonGreedy(0.0), 3)
    off = of([("a", True)], clock, mode="off", available=["a", "b"])
    shadow = of([("a", True)], clock, mode="shadow", available=["a", "b"])
    assert "a served as the first available tool; no policy was asked." in choices_in_words(off)[0]
    assert "a served as the first available tool; epsilon-greedy@1" in choices_in_words(shadow)[0]
    assert "never tried" in choices_in_words(log.records)[0]
