"""Linear models side by side: each arm's is its own, whichever arms are asked about, and what inverting would give."""

from random import Random

import numpy as np
import pytest

from salesboost_tools.selection.ridge import Ridges

ARMS = tuple("abcdefg")


@pytest.fixture(scope="module")
def learnt():
    """Models of seven arms, and what they were told."""
    ridges, luck = Ridges(3.0), Random(1)
    told = {arm: [] for arm in ARMS}
    for _ in range(140):
        arm, x = luck.choice(ARMS), np.array([1.0, *(luck.gauss(0, 1) for _ in range(4))])
        reward = luck.random()
        ridges.learn(arm, x[None], [reward], [0.5])
        told[arm].append((x, reward))
    return ridges, told


@pytest.mark.parametrize(
    "asked",
    ["all as they came", "all the other way", "the first two", "the last two", "most", "one nobody knows"],
)
def test_a_forecast_is_that_of_ridge_regression_whichever_arms_are_asked_about(learnt, asked):
    ridges, told = learnt
    came = tuple(ridges.dump()["arms"])
    arms = {
        "all as they came": came,
        "all the other way": came[::-1],
        "the first two": came[:2],
        "the last two": came[-2:],
        "most": (came[3], came[0], came[6], came[5], came[2]),
        "one nobody knows": (came[4], "new"),
    }[asked]
    x = np.array([1.0, 0.3, -1.2, 0.8, 2.0])
    for _ in range(2):  # the second time it knows where they are
        means, factors = ridges.predict(arms, x)
        assert means.shape == factors.shape == (len(arms),)
        for arm, mean, factor in zip(arms, means, factors, strict=True):
            precision, moment = np.diag([1.0, 3, 3, 3, 3]), np.zeros(5)
            for context, reward in told.get(arm, ()):
                precision += 0.5 * np.outer(context, context)
                moment += 0.5 * reward * context
            assert mean == pytest.approx(x @ np.linalg.solve(precision, moment), abs=1e-12)
            assert factor == pytest.approx(x @ np.linalg.solve(precision, x))


def test_matrices_stay_symmetric_to_the_last_bit():
    ridges, luck = Ridges(1.0), Random(2)
    for _ in range(2000):
        ridges.learn("a", np.array([[1.0, luck.gauss(0, 1), luck.gauss(0, 5)]]), [luck.random()], [luck.random()])
    again = Ridges(1.0)
    again.load(ridges.dump())  # which keeps half of each
    assert np.array_equal(again._inverse, ridges._inverse)
