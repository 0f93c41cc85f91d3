"""What an outcome is worth."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights, reward
from salesboost_tools.selection.statistics import statistics_of

shares = st.floats(0, 1)
latencies = st.floats(0, 1e6)


@pytest.mark.parametrize(
    ("success", "latency_s", "worth"),
    [(True, 0, 1.0), (True, 2.5, 0.75), (True, 5, 0.5), (True, 500, 0.5), (False, 0, 0.0), (False, 5, -0.5)],
)
def test_success_counts_one_and_five_seconds_cost_half_of_it(success, latency_s, worth):
    assert reward(success, latency_s) == pytest.approx(worth)


@given(slow=latencies, fast=latencies)
def test_with_the_default_weights_the_slowest_success_beats_the_fastest_failure(slow, fast):
    assert reward(True, slow) > reward(False, fast)


@given(success=st.booleans(), latency_s=latencies, quality=st.none() | shares, weight=st.floats(0, 10))
def test_the_reward_stays_in_its_range(success, latency_s, quality, weight):
    weights = RewardWeights(latency=weight, quality=0.3)
    assert -weight <= reward(success, latency_s, weights, quality=quality) <= 1.3


@given(latency_s=latencies, other_s=latencies)
def test_slower_is_never_better(latency_s, other_s):
    fast, slow = sorted([latency_s, other_s])
    assert reward(True, fast) >= reward(True, slow)


@given(cap_s=st.floats(1e-3, 1e3), latency_s=latencies)
def test_slowness_is_a_share_of_the_cap(cap_s, latency_s):
    share = min(latency_s / cap_s, 1)
    assert statistics_of(True, latency_s, cap_s).slowness == pytest.approx(share)
    assert reward(False, latency_s, RewardWeights(latency=1, latency_cap_s=cap_s)) == pytest.approx(-share)


def test_quality_adds_to_a_success_and_does_nothing_for_a_failure():
    weights = RewardWeights(latency=0, quality=0.5)
    assert reward(True, 0, weights, quality=0.8) == pytest.approx(1.4)
    assert reward(False, 0, weights, quality=0.8) == 0


@pytest.mark.parametrize(
    ("success", "latency_s", "worth"),
    [(True, 0, 1.0), (True, 2, 0.5), (True, 6, 0.25), (True, 500, 0.25), (False, 0, 0.0), (False, 6, 0.0)],
)
def test_where_speed_multiplies_a_success_half_of_it_is_left_after_the_time_named(success, latency_s, worth):
    weights = RewardWeights(half_worth_s=2, latency_cap_s=6)
    assert reward(success, latency_s, weights) == pytest.approx(worth)
    assert weights.speed(min(latency_s / 6, 1)) == pytest.approx(worth) or not success


def test_speed_either_multiplies_or_costs():
    adding, multiplying = RewardWeights(), RewardWeights(half_worth_s=2)
    assert (adding.penalty, adding.speed(1.0)) == (0.5, 1.0)
    assert (multiplying.penalty, multiplying.speed(0.0)) == (0.0, 1.0)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_a_time_of_half_worth_out_of_range_is_refused(value):
    with pytest.raises(ConfigurationError, match="`half_worth_s` is seconds, above 0"):
        RewardWeights(half_worth_s=value)


def test_cost_is_paid_for_failures_too():
    assert reward(False, 0, RewardWeights(cost=2), cost=0.1) == pytest.approx(-0.2)


def test_what_nobody_said_is_left_out():
    weights = RewardWeights(quality=1, cost=1)
    assert reward(True, 0, weights) == 1


@pytest.mark.parametrize("name", ["latency", "latency_cap_s", "quality", "cost"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_a_weight_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"`{name}`"):
        RewardWeights(**{name: value})


def test_a_cap_of_nothing_is_refused():
    with pytest.raises(ConfigurationError, match="above 0"):
        RewardWeights(latency_cap_s=0)


def test_versions_are_equal_exactly_for_equal_shaping():
    assert RewardWeights().version == RewardWeights(latency=0.5).version
    others = [
        RewardWeights(latency=0.4),
        RewardWeights(latency_cap_s=4),
        RewardWeights(quality=1),
        RewardWeights(cost=1),
        RewardWeights(half_worth_s=2),
        RewardWeights(half_worth_s=3),
    ]
    assert len({weights.version for weights in [RewardWeights(), *others]}) == 7
