"""How well a mean reward is known: the interval holds it about 95 times in 100, whatever the reward is made of."""

from random import Random

import pytest

from salesboost_tools.core.reward import DEFAULT_WEIGHTS, RewardWeights, reward
from salesboost_tools.selection.intervals import reward_interval, wilson
from salesboost_tools.selection.statistics import NOTHING, mean_rewards, statistics_of


def test_of_an_untried_arm_nothing_is_known():
    assert reward_interval(NOTHING, DEFAULT_WEIGHTS) is None


def test_wilsons_interval_is_the_one_in_the_books():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # Brown, Cai and DasGupta 2001
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1


@pytest.mark.parametrize(
    ("weights", "slowest_s"),  # where speed multiplies, a mean is told at the speed of the mean latency
    [(DEFAULT_WEIGHTS, 4.0), (RewardWeights(quality=0.5, cost=0.1), 2.0), (RewardWeights(half_worth_s=1.0), 0.5)],
    ids=["speed", "quality and cost", "speed multiplies"],
)
def test_the_truth_lies_within_about_95_times_in_100(weights, slowest_s):
    luck, inside, worths = Random(0), 0, []

    def outcome():
        return luck.random() < 0.7, luck.uniform(slowest_s / 2, slowest_s), luck.random(), luck.uniform(0.0, 1.0)

    for _ in range(10_000):
        success, latency_s, quality, cost = outcome()
        worths.append(reward(success, latency_s, weights, quality=quality, cost=cost))
    truth = sum(worths) / len(worths)
    for _ in range(300):
        known = NOTHING
        for _ in range(60):
            success, latency_s, quality, cost = outcome()
            known = known.plus(statistics_of(success, latency_s, weights.latency_cap_s, quality=quality, cost=cost))
        low, high = reward_interval(known, weights)
        assert low <= mean_rewards([known], weights)[0] <= high
        inside += low <= truth <= high
    assert 0.9 <= inside / 300 <= 1
