"""Logistic models side by side: they learn what decides success, know how little they know, and do not overshoot."""

import json
import math
from random import Random

import numpy as np
import pytest

from salesboost_tools.selection.logistic import Logistics, OddsLevel, chance


def contexts(*rows: list[float]):
    return np.array([[1.0, *row] for row in rows])


def foretold(models: Logistics, arm: str, *features: float) -> float:
    (log_odds,), _ = models.predict((arm,), contexts(list(features))[0])
    return chance(float(log_odds))


@pytest.mark.parametrize(
    ("log_odds", "expected"), [(0.0, 0.5), (math.log(3), 0.75), (-math.log(3), 0.25), (1e9, 1.0), (-1e9, 0.0)]
)
def test_a_chance_has_its_log_odds(log_odds, expected):
    assert chance(log_odds) == pytest.approx(expected, abs=1e-12)


def test_the_weights_that_made_the_outcomes_are_found():
    models, luck = Logistics(1.0), Random(3)
    for _ in range(4000):
        one, other = luck.gauss(0, 1), luck.gauss(0, 1)
        success = luck.random() < chance(1.0 + 2.0 * one - 1.0 * other)
        models.learn("a", contexts([one, other]), [success], [1.0])
    for one, other in ((0, 0), (1, 0), (0, 1), (-1, 1), (1.5, -1)):
        assert foretold(models, "a", one, other) == pytest.approx(chance(1 + 2 * one - other), abs=0.05)


def test_the_belief_comes_near_that_of_laplaces_method():
    """Whose precision is the prior's and that of the outcomes, weighed by the variance of each success."""
    models, luck = Logistics(2.0), Random(5)
    xs = contexts(*[[luck.gauss(0, 1)] for _ in range(3000)])
    successes = [luck.random() < chance(0.5 + x[1]) for x in xs]
    for x, success in zip(xs, successes, strict=True):
        models.learn("a", x[None], [success], [1.0])
    expected = np.array([chance(0.5 + x[1]) for x in xs])
    precision = np.diag([0.4, 2.0]) + (xs * (expected * (1 - expected))[:, None]).T @ xs
    new = np.array([1.0, 0.7])
    (_,), (factor,) = models.predict(("a",), new)
    assert factor == pytest.approx(new @ np.linalg.inv(precision) @ new, rel=0.2)


def test_outcomes_learnt_together_teach_what_they_teach_one_after_another():
    one, other, luck = Logistics(1.0), Logistics(1.0), Random(7)
    xs = contexts(*[[luck.gauss(0, 1), luck.gauss(0, 1)] for _ in range(16)])
    successes, shares = [luck.random() < 0.3 for _ in xs], [luck.uniform(0.1, 1) for _ in xs]
    one.learn("a", xs, successes, shares)
    for x, success, share in zip(xs, successes, shares, strict=True):
        other.learn("a", x[None], [success], [share])
    assert one.dump() == other.dump()


def test_what_is_returned_was_foretold_before_anything_was_learnt():
    models = Logistics(1.0)
    said, spreads = models.learn("a", contexts([2.0], [2.0]), [True, True], [1.0, 1.0])
    assert said == [0.5, 0.5]
    assert spreads[0] == pytest.approx(1 / 0.4 + 4.0)
    assert spreads[1] < spreads[0]


def test_a_surprise_moves_the_odds_no_further_than_they_were_uncertain():
    models = Logistics(1.0)
    for _ in range(500):
        models.learn("a", contexts([1.0]), [True], [1.0])
    (before,), (spread,) = models.predict(("a",), contexts([1.0])[0])
    models.learn("a", contexts([1.0]), [False], [1.0])
    (after,), _ = models.predict(("a",), contexts([1.0])[0])
    assert 0 < before - after <= spread
    assert chance(float(after)) > 0.9


@pytest.mark.parametrize("outcome", [True, False])
def test_what_always_happens_is_never_quite_certain_and_does_not_overflow(outcome):
    models = Logistics(1.0)
    for _ in range(5000):
        models.learn("a", contexts([1e3]), [outcome], [1.0])
    assert 0 < foretold(models, "a", 1e3) < 1
    assert all(np.isfinite(models.predict(("a",), contexts([1.0])[0])[0]))


def test_arms_learn_apart_and_an_outcome_counts_by_its_share():
    models = Logistics(1.0)
    models.learn("a", contexts([1.0]), [True], [1.0])
    models.learn("b", contexts([1.0]), [True], [0.1])
    assert 0.5 == foretold(models, "c", 1.0) < foretold(models, "b", 1.0) < foretold(models, "a", 1.0)


def test_where_contexts_never_change_the_rival_foretells_the_same():
    models, luck, level = Logistics(1.8), Random(9), None
    for _ in range(300):
        success, share = luck.random() < 0.8, luck.uniform(0.2, 1.0)
        (said,), (spread,) = models.learn("a", contexts([1.0, 2.0]), [success], [share])
        level = OddsLevel(spread) if level is None else level
        assert level.mean == pytest.approx(said, abs=1e-12)
        level.learn(success, share)
    assert level is not None
    copy = OddsLevel(1.0)
    copy.load(json.loads(json.dumps(level.dump())))
    assert copy.mean == level.mean
