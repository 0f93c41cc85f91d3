"""How likely each of several uncertain arms is to be drawn highest. Needs numpy; choosing does not."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_REACH = 5.0
_STEPS = 96
_TABLE_STEP = 1 / 256
_TABLE_REACH = 6.0


class Prospect(NamedTuple):
    """What may be drawn for one arm: a Gaussian of the healthy arm, or with probability `doubt` one of the ill arm."""

    mean: float
    deviation: float
    doubt: float
    ill_mean: float
    ill_deviation: float


def _normal_table() -> Vector:
    """Return the standard normal distribution function on a grid: its density, summed up by Simpson's rule."""
    z = np.arange(-_TABLE_REACH, _TABLE_REACH + _TABLE_STEP / 2, _TABLE_STEP)
    density = np.exp(-z * z / 2)
    middle = np.exp(-((z[:-1] + _TABLE_STEP / 2) ** 2) / 2)
    parts = (density[:-1] + 4 * middle + density[1:]) / 6
    table = np.concatenate([[0.0], np.cumsum(parts)])
    return table / table[-1]


_NORMAL = _normal_table()
_PLACES = np.linspace(0.0, 1.0, _STEPS + 1)
_MIDDLE = _TABLE_REACH / _TABLE_STEP + 0.5
_LAST = len(_NORMAL) - 1


def _below(means: Vector, deviations: Vector, grid: Vector) -> Vector:
    """Return the probability of a draw at most each value of the grid: `(arms, grid)`."""
    places = (grid - means[:, None]) * (1 / (deviations * _TABLE_STEP))[:, None] + _MIDDLE
    return _NORMAL.take(places.astype(np.intp), mode="clip")


def chances(prospects: list[Prospect]) -> list[float]:
    """Return the probability that a draw for each arm is the highest of all, to about 1e-3; they sum to 1.

    `π_a = ∫ f_a(x) Π F_j(x) dx`, over the other arms j, summed over 96 steps where the highest draw can lie.
    """
    table = np.array(prospects)
    means, deviations, doubts = table[:, 0], table[:, 1], table[:, 2]
    low, high = means - _REACH * deviations, means + _REACH * deviations
    doubtful = doubts > 0
    ill = bool(doubtful.any())
    if ill:
        low = np.where(doubtful, np.minimum(low, table[:, 3] - _REACH * table[:, 4]), low)
        high = np.maximum(high, table[:, 3] + _REACH * table[:, 4])
    start = low.max()
    grid = start + (high.max() - start) * _PLACES
    below = _below(means, deviations, grid)
    if ill:
        below = below + doubts[:, None] * (_below(table[:, 3], table[:, 4], grid) - below)
    below[:, 0] = 0.0  # whatever is left of the grid never wins ...
    mass = below[:, 1:] - below[:, :-1]
    middle = np.maximum((below[:, 1:] + below[:, :-1]) / 2, 1e-9)
    wins = (mass / middle) @ middle.prod(axis=0)
    return np.minimum(wins / wins.sum(), 1.0).tolist()  # ... and what is lost to rounding is shared


_HALF_NORMAL = 256
_MOST_DOUBTFUL = 6


def _half_normal_quantiles() -> Vector:
    """Return the middles of 256 equally likely parts of |z|, z standard normal."""
    shares = 0.5 + (np.arange(_HALF_NORMAL) + 0.5) / (2 * _HALF_NORMAL)
    return np.interp(shares, _NORMAL, np.arange(len(_NORMAL)) * _TABLE_STEP - _TABLE_REACH)


_QUANTILES = _half_normal_quantiles()


def bound_chances(prospects: list[Prospect], means: list[float], widths: list[float]) -> list[float]:
    """Return the probability that each arm has the highest bound `mean + z · width`, one |z| for all arms.

    Arms in doubt are ill, and then worth their mean when ill, with the probability of the doubt: all combinations of
    the six most doubtful ones are summed up, the others taken for what is likelier.
    """
    count = len(prospects)
    bounds = np.array(means)[:, None] + np.array(widths)[:, None] * _QUANTILES
    doubtful = sorted(
        (arm for arm in range(count) if prospects[arm].doubt > 0), key=lambda arm: -_unsure(prospects[arm])
    )
    for arm in doubtful[_MOST_DOUBTFUL:]:
        if prospects[arm].doubt > 0.5:
            bounds[arm] = prospects[arm].ill_mean
    doubtful = doubtful[:_MOST_DOUBTFUL]
    wins = np.zeros(count)
    for states in range(2 ** len(doubtful)):
        weight = 1.0
        these = bounds.copy() if doubtful else bounds
        for bit, arm in enumerate(doubtful):
            if states >> bit & 1:
                weight *= prospects[arm].doubt
                these[arm] = prospects[arm].ill_mean
            else:
                weight *= 1 - prospects[arm].doubt
        wins += weight * np.bincount(these.argmax(axis=0), minlength=count)
    return np.minimum(wins / wins.sum(), 1.0).tolist()


def _unsure(prospect: Prospect) -> float:
    return min(prospect.doubt, 1 - prospect.doubt)
