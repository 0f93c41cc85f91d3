"""Off-policy estimates equal the published formulas, say how sure they are, and refuse to guess."""

import math
import tracemalloc
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.off_policy import (
    Evidence,
    TooLittleOverlapError,
    difference_of_means,
    dr,
    effective_sample_size,
    evaluate,
    ips,
    mean_of,
    rows_of,
    snips,
)

SMALL = Evidence(
    rewards=np.array([0.9, 0.4, -0.5, 1.0, 0.75, -0.1]),
    propensities=np.array([0.5, 0.25, 0.1, 0.8, 1 / 3, 0.05]),
    chosen=np.array([0, 1, 2, 0, 1, 2]),
    target=np.array(
        [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.9, 0.05, 0.05], [0.25, 0.5, 0.25], [0.2, 0.7, 0.1]]
    ),
    model=np.array(
        [[0.8, 0.5, 0.1], [0.7, 0.45, 0.2], [0.6, 0.3, -0.1], [0.9, 0.5, 0.3], [0.5, 0.6, 0.2], [0.4, 0.3, 0.05]]
    ),
)
"""A log of six decisions among three arms."""

OPEN_BANDIT_PIPELINE = {"ips": 0.37833333333333324, "snips": 0.18269617706237426, "dr": 0.22958333333333333}
"""What the estimators of obp 0.4.1 return for it (it needs torch, so it is not among the tests' requirements)."""


def test_the_estimates_are_the_open_bandit_pipelines():
    assert ips(SMALL) == pytest.approx(OPEN_BANDIT_PIPELINE["ips"], abs=1e-9)
    assert snips(SMALL) == pytest.approx(OPEN_BANDIT_PIPELINE["snips"], abs=1e-9)
    assert dr(SMALL) == pytest.approx(OPEN_BANDIT_PIPELINE["dr"], abs=1e-9)


@st.composite
def evidence(draw) -> Evidence:
    count, arms = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(st.floats(0.01, 1), min_size=arms, max_size=arms), min_size=count, max_size=count))
    numbers = st.floats(-2, 2)
    return Evidence(
        rewards=np.array(draw(st.lists(numbers, min_size=count, max_size=count))),
        propensities=np.array(draw(st.lists(st.floats(0.01, 1), min_size=count, max_size=count))),
        chosen=np.array(draw(st.lists(st.integers(0, arms - 1), min_size=count, max_size=count))),
        target=np.array([[share / sum(row) for share in row] for row in rows]),
        model=np.array(draw(st.lists(st.lists(numbers, min_size=arms, max_size=arms), min_size=count, max_size=count))),
    )


@given(log=evidence())
@settings(deadline=None)
def test_the_estimates_equal_the_formulas_written_out(log):
    """IPS, SNIPS and DR one decision at a time, as Saito et al., "Open Bandit Dataset and Pipeline" (2021), define them."""
    weighted = weights = robust = 0.0
    for number in range(len(log.rewards)):
        arm, reward = int(log.chosen[number]), float(log.rewards[number])
        weight = float(log.target[number][arm]) / float(log.propensities[number])
        weighted += weight * reward
        weights += weight
        robust += weight * (reward - float(log.model[number][arm]))
        robust += sum(float(p) * float(q) for p, q in zip(log.target[number], log.model[number], strict=True))
    count = len(log.rewards)
    assert ips(log) == pytest.approx(weighted / count, abs=1e-9)
    assert snips(log) == pytest.approx(weighted / weights, abs=1e-9)
    assert dr(log) == pytest.approx(robust / count, abs=1e-9)


def random_log(count: int, *, floor: float = 0.1, seed: int = 3) -> tuple[Evidence, float]:
    """A log of two arms worth .8 and .4, chosen at random in shares that change; asked for is the first arm alone."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(floor, 1 - floor, count)
    chosen = (rng.random(count) >= first).astype(int)
    rewards = (rng.random(count) < np.where(chosen == 0, 0.8, 0.4)).astype(float)
    target = np.tile([1.0, 0.0], (count, 1))
    propensities = np.where(chosen == 0, first, 1 - first)
    model = np.tile([0.7, 0.5], (count, 1))
    return Evidence(rewards=rewards, propensities=propensities, chosen=chosen, target=target, model=model), 0.8


def test_the_intervals_hold_the_truth_as_often_as_they_say():
    held = dict.fromkeys(("ips", "snips", "dr"), 0)
    for seed in range(100):
        log, truth = random_log(400, seed=seed)
        result = evaluate(log, resamples=200)
        for name in held:
            estimate = getattr(result, name)
            assert estimate.low <= estimate.value <= estimate.high
            held[name] += estimate.low <= truth <= estimate.high
    assert all(88 <= count <= 100 for count in held.values()), held


def seldom_tried(seed: int) -> tuple[Evidence, float]:
    """A log of 700 decisions in which the second arm was chosen 2 times in 100; asked for is one that often does."""
    rng, count, share = np.random.default_rng(seed), 700, 0.02
    chosen = (rng.random(count) < share).astype(int)
    rewards = (rng.random(count) < np.where(chosen == 0, 0.8, 0.9)).astype(float)
    log = Evidence(
        rewards=rewards,
        propensities=np.where(chosen == 0, 1 - share, share),
        chosen=chosen,
        target=np.tile([0.55, 0.45], (count, 1)),
        model=np.tile([0.8, 0.6], (count, 1)),
        logged=np.tile([1 - share, share], (count, 1)),
    )
    return log, 0.55 * 0.8 + 0.45 * 0.9


def test_a_log_that_happens_to_lack_its_heavy_decisions_is_not_taken_to_be_surer():
    held = lacking = 0
    for seed in range(1500):
        log, truth = seldom_tried(seed)
        if log.chosen.sum() < 10:  # 14 were to be expected
            estimate = evaluate(log, resamples=100, least_effective=20).dr
            lacking += 1
            held += estimate.low <= truth <= estimate.high
    assert lacking > 100
    assert held > 0.85 * lacking


def test_a_repeated_evaluation_says_the_same():
    log, _ = random_log(200)
    assert evaluate(log, seed=5) == evaluate(log, seed=5)


def test_a_long_log_is_resampled_in_little_memory_and_in_whatever_parts_says_the_same(monkeypatch):
    log, _ = random_log(10_000)
    tracemalloc.start()
    at_once = evaluate(log, resamples=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000  # all resamples together take 80 MB
    monkeypatch.setattr("salesboost_tools.selection.off_policy._DRAWN_AT_ONCE", 70_000)
    in_parts = evaluate(log, resamples=1000)
    for kind in ("ips", "snips", "dr"):
        assert astuple(getattr(in_parts, kind)) == pytest.approx(astuple(getattr(at_once, kind)), abs=1e-12)


def test_the_effective_sample_size_is_that_of_equal_weights_at_most():
    assert effective_sample_size(np.array([2.0, 2.0, 2.0])) == pytest.approx(3)
    assert effective_sample_size(np.array([1.0, 0.0, 0.0])) == pytest.approx(1)
    assert effective_sample_size(np.zeros(3)) == 0


def test_a_log_that_hardly_holds_what_is_asked_for_gets_no_answer():
    log, _ = random_log(100)
    never = Evidence(
        rewards=log.rewards,
        propensities=log.propensities,
        chosen=np.zeros(100, int),
        target=np.tile([0.0, 1.0], (100, 1)),
    )
    with pytest.raises(
        TooLittleOverlapError, match=r"100 decisions are worth only 0.*at least 50.*explore more"
    ) as why:
        evaluate(never)
    assert why.value.effective_sample_size == 0


def test_a_few_heavy_decisions_are_too_little():
    log, _ = random_log(2000, floor=0.0005)
    heavy = Evidence(
        rewards=log.rewards, propensities=np.where(np.arange(2000) < 3, 1e-4, 0.9), chosen=log.chosen, target=log.target
    )
    with pytest.raises(TooLittleOverlapError):
        evaluate(heavy)


@pytest.mark.parametrize("least", [0.0, 5e-324, 1e-12])
def test_what_could_hardly_have_been_logged_gets_no_answer_however_well_the_log_looks(least):
    log, _ = random_log(400)
    never = np.tile([1 - least, least], (400, 1))
    lucky = Evidence(
        rewards=log.rewards,
        propensities=np.full(400, 1 - least),
        chosen=np.zeros(400, int),
        target=np.tile([0.5, 0.5], (400, 1)),
        logged=never,
    )
    assert effective_sample_size(lucky.weights) == pytest.approx(400)
    with pytest.raises(TooLittleOverlapError, match="400 decisions are worth only 0"):
        evaluate(lucky)


def test_without_a_model_there_is_no_doubly_robust_estimate():
    log, _ = random_log(200)
    plain = Evidence(rewards=log.rewards, propensities=log.propensities, chosen=log.chosen, target=log.target)
    assert evaluate(plain).dr is None
    with pytest.raises(ConfigurationError, match="needs a model"):
        dr(plain)


def test_means_and_their_difference_come_with_intervals():
    rng = np.random.default_rng(1)
    these, those = rng.normal(1.0, 1, 400), rng.normal(0.5, 1, 400)
    mean = mean_of(these)
    assert mean.low < 1.0 < mean.high
    assert mean.high - mean.low == pytest.approx(2 * 1.96 / math.sqrt(400), rel=0.15)
    gain = difference_of_means(these, those)
    assert 0 < gain.low < gain.value < gain.high


def test_rows_of_different_lengths_are_filled_up():
    assert rows_of([[1.0], [0.5, 0.5]], 3).tolist() == [[1, 0, 0], [0.5, 0.5, 0]]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"rewards": np.array([1.0])}, "as many"),
        ({"propensities": np.array([0.5, 0.25, 0.1, 0.8, 0.3, 0.0])}, r"\(0, 1\]"),
        ({"target": np.full((6, 3), 0.5)}, "sum to 1"),
        ({"model": np.zeros((6, 2))}, r"shape of the target"),
    ],
    ids=["length", "propensity", "target", "model"],
)
def test_evidence_that_does_not_fit_together_is_refused(change, complaint):
    fields = {name: getattr(SMALL, name) for name in ("rewards", "propensities", "chosen", "target", "model")}
    with pytest.raises(ConfigurationError, match=complaint):
        Evidence(**{**fields, **change})
