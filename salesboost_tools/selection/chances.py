"""How likely each arm is to be the best: integrals over beliefs. Needs numpy; choosing does not."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.selection.belief import Belief

Vector = NDArray[np.float64]

_SUCCESS_RATES = 128
"""Steps in which [0, 1] is cut to integrate over a success rate."""

_REACH_SD = 7.0
"""How far from its mean, in standard deviations, a belief is followed."""

_STEPS = 112
"""Steps over that reach: an eighth of a standard deviation each."""


def chances_of_being_best(beliefs: Sequence[Belief]) -> tuple[float, ...]:
    """Return the probability that a draw from each belief is the highest of all draws.

    `π_a = ∫ f_a(x) · Π F_j(x) dx` over all other arms j, summed over a grid that is as fine as each belief is narrow.
    The error is about 1e-3 while beliefs are Beta, 1e-4 later; the sum is 1.

    Args:
        beliefs: At least one.
    """
    places = np.linspace(-_REACH_SD, _REACH_SD, _STEPS + 1)
    moments = [belief.gaussian() for belief in beliefs]
    grid = np.unique(np.concatenate([mean + max(deviation, 1e-12) * places for mean, deviation in moments]))
    below = np.stack([_distribution(belief, grid) for belief in beliefs])  # (arms, grid)
    mass = np.maximum(np.diff(below, axis=1), 0.0)  # the approximation is not monotone to the last digit
    middle = (below[:, 1:] + below[:, :-1]) / 2
    chances = np.array(
        [float(np.sum(mass[arm] * np.prod(np.delete(middle, arm, axis=0), axis=0))) for arm in range(len(beliefs))]
    )
    return tuple(np.clip(chances / chances.sum(), 0.0, 1.0).tolist())


def _distribution(belief: Belief, grid: Vector) -> Vector:
    """Return the probability that a draw is at most each value of the grid."""
    if belief.is_gaussian:
        mean, deviation = belief.gaussian()
        return _normal((grid - mean) / max(deviation, 1e-12))
    rates = (np.arange(_SUCCESS_RATES) + 0.5) / _SUCCESS_RATES
    logs = (belief.alpha - 1) * np.log(rates) + (belief.beta - 1) * np.log1p(-rates)
    density = np.exp(logs - logs.max())
    deviations = np.sqrt(rates * rates * belief.gain_variance + belief.loss_variance)
    # Where nothing but the success rate is uncertain, each step of it is spread over its own width.
    deviations = np.maximum(deviations, belief.gain / _SUCCESS_RATES / np.sqrt(12))
    means = rates * belief.gain - belief.loss
    return _normal((grid[:, None] - means) / deviations) @ (density / density.sum())


def _normal(z: Vector) -> Vector:
    """Return the standard normal distribution function, to 1e-7.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions" (1964), formula 26.2.17. numpy has none.
    """
    t: Vector = 1 / (1 + 0.2316419 * np.abs(z))
    series: Vector = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail: Vector = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * series
    return np.where(z > 0, 1 - tail, tail)
