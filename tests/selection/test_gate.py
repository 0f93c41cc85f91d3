"""The context is trusted on evidence that luck seldom gives, and no longer than it pays."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection import gate
from salesboost_tools.selection.context_model import ContextModel
from salesboost_tools.selection.statistics import ArmStatistics

rates = st.floats(0.01, 0.99)
ONLY_SUCCESS = RewardWeights(latency=0)


def expected_factor(rate: float, evidence) -> float:
    """Return by what the odds are multiplied on average, for an outcome of this success rate."""
    return rate * math.exp(evidence(1.0)) + (1 - rate) * math.exp(evidence(0.0))


@given(rate=rates, forecast=st.floats(-0.5, 1.5))
def test_no_forecast_gains_on_the_truth_on_average(rate, forecast):
    noise = gate.noise(rate, ONLY_SUCCESS)
    factor = expected_factor(rate, lambda reward: gate.told_apart(reward - rate, reward - forecast, noise))
    assert factor <= 1 + 1e-6


@given(rate=rates, lost=st.floats(0, 0.5))
def test_choices_that_earn_no_more_than_the_best_arm_are_no_evidence_on_average(rate, lost):
    noise = gate.noise(rate, ONLY_SUCCESS)
    assert expected_factor(rate, lambda reward: gate.worth_it(reward - rate - lost, noise)) <= 1 + 1e-6


def test_trust_follows_the_odds_and_is_never_certain():
    odds = [gate.LEAST_LOG_ODDS + step / 10 for step in range(86)]
    often = [gate.trust(each) for each in odds]
    assert often == sorted(often)
    assert often[0] == 0.0
    assert often[-1] < 1


def believed(gain: float, seed: int, choices: int) -> float:
    """Return the trust left in a context believed in at first, whose choices earn so much more than the best arm."""
    model, luck = ContextModel(1, ONLY_SUCCESS), Random(seed)
    model.log_odds = 2.0
    known = ArmStatistics(pulls=8, successes=6)  # a rate of 0.7, one success and one failure imagined
    for number in range(choices):
        reward = float(luck.random() < 0.7 + gain)
        model.learn("a", known, {"number": number % 3}, success=reward > 0, reward=reward, standard=0.7, share=1.0)
    return model.trust


@pytest.mark.parametrize("seed", range(5))
def test_a_context_believed_in_by_luck_is_given_up(seed):
    assert believed(-0.05, seed, 400) < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_a_context_that_pays_is_kept(seed):
    assert believed(0.2, seed, 400) > 0.9
