"""Thompson sampling: each arm as often as it is believed to be the best."""

import math
import statistics
import subprocess
import sys
from random import Random

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.belief import Belief, belief_of
from salesboost_tools.selection.chances import chances_of_being_best
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics
from salesboost_tools.selection.thompson import Thompson
from tests.selection.policy_contract import PolicyContract, known, situation

ONLY_SUCCESS = RewardWeights(latency=0)


class TestThompson(PolicyContract):
    policy = Thompson()


class TestBayes(PolicyContract):
    policy = Thompson(sharpness=1)


def certain(alpha: float, beta: float) -> Belief:
    """Return a belief in which nothing but the success rate is uncertain."""
    return Belief(alpha, beta, 1.0, 0.0, 0.0, 0.0)


def test_two_well_known_arms_compare_like_two_gaussians():
    first, second = certain(180, 20), certain(170, 30)
    (one, its), (other, others) = first.gaussian(), second.gaussian()
    expected = statistics.NormalDist().cdf((one - other) / math.hypot(its, others))
    assert chances_of_being_best([first, second])[0] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((1, 1), (1, 1), 1 / 2),
        ((2, 1), (1, 1), 2 / 3),
        ((3, 1), (1, 1), 3 / 4),
        ((3, 1), (2, 1), 3 / 5),
        ((1, 8), (8, 1), 1 / 12870),
    ],
)
def test_two_hardly_known_arms_compare_like_two_betas(first, second, expected):
    assert chances_of_being_best([certain(*first), certain(*second)])[0] == pytest.approx(expected, abs=1e-3)


def test_equal_beliefs_have_equal_chances():
    for belief in (certain(1, 1), certain(40, 2), Belief(3, 2, 1.2, 0.01, 0.2, 0.02)):
        assert chances_of_being_best([belief] * 5) == pytest.approx((0.2,) * 5)


@pytest.mark.parametrize("belief", [Belief(3, 2, 1.2, 0.01, 0.2, 0.02), Belief(60, 9, 1.3, 0.02, 0.4, 0.01)], ids=repr)
def test_draws_have_the_moments_of_the_belief(belief):
    rng = Random(6)
    draws = [belief.draw(rng) for _ in range(20_000)]
    mean, deviation = belief.gaussian()
    assert statistics.fmean(draws) == pytest.approx(mean, abs=4 * deviation / math.sqrt(20_000))
    assert statistics.stdev(draws) == pytest.approx(deviation, rel=0.04)


def test_much_evidence_ends_in_the_mean_reward():
    weights = RewardWeights(quality=0.4, cost=0.2)
    many = ArmStatistics(
        10**6, 8 * 10**5, 10**6, 2 * 10**5, 5 * 10**4, 10**5, 5 * 10**4, 3 * 10**4, 10**5, 10**5, 2 * 10**5
    )
    mean, deviation = belief_of(many, weights, 1.0).gaussian()
    assert mean == pytest.approx(0.8 * (1 + 0.4 * 0.5) - 0.5 * 0.2 - 0.2 * 1, abs=1e-4)
    assert deviation < 2e-3


def test_sharper_is_surer():
    assert (
        belief_of(known(20, 15), ONLY_SUCCESS, 3.0).gaussian()[1]
        < belief_of(known(20, 15), ONLY_SUCCESS, 1.0).gaussian()[1]
    )


def test_of_an_untried_arm_every_success_rate_is_equally_likely():
    belief = belief_of(NOTHING, ONLY_SUCCESS, 1.5)
    assert (belief.alpha, belief.beta, belief.loss) == (1, 1, 0)


def test_without_any_outcome_the_arms_are_asked_in_turn():
    assert Thompson().propensities(situation(NOTHING, NOTHING, NOTHING, pending=(1, 0, 0))) == (0, 0.5, 0.5)


def test_choosing_needs_no_numpy():
    code = (
        "import sys; from salesboost_tools.selection.selector import ToolSelector;"
        "from salesboost_tools.selection.thompson import Thompson;"
        "s = ToolSelector(Thompson()); _, d = s.select_tool('ab'.split() + ['c']); s.record_feedback(d, True, 1);"
        "s.select_tool(['ab', 'c']); sys.exit('numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)


@pytest.mark.parametrize("sharpness", [0, -1, math.inf, math.nan])
def test_sharpness_is_above_nothing(sharpness):
    with pytest.raises(ConfigurationError, match="above 0"):
        Thompson(sharpness)


def test_the_version_names_the_sharpness():
    assert Thompson(1).version != Thompson(2).version
