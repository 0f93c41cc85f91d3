"""Sums that say what is known of an arm."""

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.reward import RewardWeights, reward
from salesboost_tools.selection.statistics import NOTHING, UNKNOWN, ArmStatistics, mean_rewards, statistics_of
from tests.selection.policy_contract import known, outcomes

SHAPING = RewardWeights(latency=0.7, quality=0.4, cost=0.2)

calls = st.lists(st.tuples(st.booleans(), st.floats(0, 20), st.floats(0, 1), st.floats(0, 3)), min_size=1, max_size=30)


def total(increments) -> ArmStatistics:
    return reduce(ArmStatistics.plus, increments, NOTHING)


@given(calls=calls)
def test_the_mean_reward_is_the_mean_of_the_rewards(calls):
    sums = total(
        statistics_of(success, latency_s, SHAPING.latency_cap_s, quality=quality, cost=cost)
        for success, latency_s, quality, cost in calls
    )
    rewards = [reward(success, latency_s, SHAPING, quality=q, cost=c) for success, latency_s, q, c in calls]
    assert mean_rewards([sums], SHAPING)[0] == pytest.approx(sum(rewards) / len(rewards))


@given(calls=calls, weight=st.floats(0, 3))
def test_weights_can_change_without_relearning(calls, weight):
    other = RewardWeights(latency=weight)
    sums = total(statistics_of(success, latency_s, 5.0) for success, latency_s, _, _ in calls)
    rewards = [reward(success, latency_s, other) for success, latency_s, _, _ in calls]
    assert mean_rewards([sums], other)[0] == pytest.approx(sum(rewards) / len(rewards))


def test_a_tool_that_is_rated_less_often_is_not_punished_for_it():
    always = total(statistics_of(True, 0, 5.0, quality=0.8) for _ in range(10))
    seldom = total(statistics_of(True, 0, 5.0, quality=0.8 if number == 0 else None) for number in range(10))
    first, second = mean_rewards([always, seldom], SHAPING)
    assert first == pytest.approx(second)


def test_the_rating_of_a_failure_is_ignored():
    assert statistics_of(False, 1, 5.0, quality=0.9) == statistics_of(False, 1, 5.0)


def test_an_arm_without_outcomes_is_worth_less_than_any():
    assert mean_rewards([NOTHING, known(3, 0, 1.0)], RewardWeights(latency=100)) == [UNKNOWN, -100]


@given(first=outcomes(), second=outcomes(), third=outcomes())
def test_the_order_of_adding_does_not_matter(first, second, third):
    left, right = first.plus(second).plus(third), third.plus(first.plus(second))
    for name in ArmStatistics.__slots__:
        assert getattr(left, name) == pytest.approx(getattr(right, name))


@given(some=outcomes())
def test_nothing_adds_nothing(some):
    assert some.plus(NOTHING) == some == NOTHING.plus(some)
