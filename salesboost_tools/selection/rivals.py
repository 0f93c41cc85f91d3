"""How likely each of several uncertain arms is to be drawn highest. Needs numpy; choosing does not."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_REACH = 5.0
_STEPS = 96
_TABLE_STEP = 1 / 256
_TABLE_REACH = 6.0


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


def chances(means: Vector, deviations: Vector) -> list[float]:
    """Return the probability that a draw for each arm is the highest of all, to about 1e-3; they sum to 1.

    `π_a = ∫ f_a(x) Π F_j(x) dx`, over the other arms j, summed over 96 steps where the highest draw can lie.

    Args:
        means: Of independent Gaussians, `(arms,)`.
        deviations: Above 0, `(arms,)`.
    """
    start = float((means - _REACH * deviations).max())
    end = float((means + _REACH * deviations).max())
    below = _below(means, deviations, start + (end - start) * _PLACES)
    below[:, 0] = 0.0  # whatever is left of the grid never wins ...
    mass = below[:, 1:] - below[:, :-1]
    middle = np.maximum((below[:, 1:] + below[:, :-1]) / 2, 1e-9)
    wins = (mass / middle) @ middle.prod(axis=0)
    return np.minimum(wins / wins.sum(), 1.0).tolist()  # ... and what is lost to rounding is shared
