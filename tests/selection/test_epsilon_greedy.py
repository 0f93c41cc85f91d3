"""Epsilon-greedy: mostly the best so far, now and then any."""

from random import Random

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.statistics import NOTHING
from tests.selection.policy_contract import PolicyContract, World, known, situation


class TestEpsilonGreedy(PolicyContract):
    policy = EpsilonGreedy()


class TestMuchExploration(PolicyContract):
    policy = EpsilonGreedy(0.25)


def test_every_arm_keeps_its_share_of_epsilon():
    assert EpsilonGreedy(0.3).propensities(situation(known(9, 9), known(9, 1), known(9, 0))) == pytest.approx(
        (0.8, 0.1, 0.1)
    )


def test_an_untried_tool_is_the_favourite():
    assert EpsilonGreedy(0.1).propensities(situation(known(90, 90), NOTHING)) == pytest.approx((0.05, 0.95))


def test_every_tool_is_tried_although_the_first_is_perfect():
    assert set(World(EpsilonGreedy(0), a=1.0, b=0.0, c=0.0).play(10)) == {"a", "b", "c"}


def test_a_tool_whose_trial_is_still_under_way_is_no_favourite_any_more():
    assert EpsilonGreedy(0).propensities(situation(known(9, 5), NOTHING, pending=(0, 1))) == (1, 0)


def test_equal_favourites_share():
    assert EpsilonGreedy(0).propensities(situation(known(9, 5), known(18, 10), known(9, 1))) == (0.5, 0.5, 0)


def test_an_arm_below_zero_can_be_the_best_known():
    assert EpsilonGreedy(0).propensities(situation(known(9, 0, 0.5), known(9, 0, 0.9))) == (1, 0)


def test_the_weights_decide_who_is_best():
    slow_and_sound, fast_and_flaky = known(10, 9, 1.0), known(10, 6, 0.0)
    patient, hurried = RewardWeights(latency=0.1), RewardWeights(latency=0.9)
    assert EpsilonGreedy(0).choose(situation(slow_and_sound, fast_and_flaky, weights=patient), Random(1)).position == 0
    assert EpsilonGreedy(0).choose(situation(slow_and_sound, fast_and_flaky, weights=hurried), Random(1)).position == 1


def test_the_version_names_epsilon():
    assert EpsilonGreedy(0.1).version != EpsilonGreedy(0.2).version


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, float("nan")])
def test_epsilon_is_a_share(epsilon):
    with pytest.raises(ConfigurationError, match="TOOL_BANDIT_EPSILON"):
        EpsilonGreedy(epsilon)
