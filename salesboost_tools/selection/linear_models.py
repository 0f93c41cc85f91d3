"""Linear models, one per arm, side by side in one array, and how they learn: a rank at a time. Needs numpy."""

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.selection.encoder import Vector


class LinearModels:
    """Weights θ for each arm, with a Gaussian belief about them: at first of mean 0, its precision A diagonal.

    Keeps the inverse A⁻¹ of the precision, so that neither choosing nor learning inverts a d x d matrix: Sherman &
    Morrison, "Adjustment of an Inverse Matrix" (1950). An update costs d², a prediction for K arms K · d².

    Args:
        stiffness: Prior precision of the weights, in units of the precision of one outcome.
        stiffness_of_level: The same of coordinate 0, which is 1 in every context.
    """

    def __init__(self, stiffness: float, stiffness_of_level: float) -> None:
        self.stiffness = stiffness
        self._stiffness_of_level = stiffness_of_level
        self._rows: dict[str, int] = {}
        self._size = 0
        self._inverse = np.zeros((0, 0, 0))  # (arms, d, d)
        self._weights = np.zeros((0, 0))  # (arms, d)
        self._picked: tuple[tuple[str, ...], NDArray[np.intp] | None] = ((), None)

    def predict(self, arms: tuple[str, ...], x: Vector) -> tuple[Vector, Vector]:
        """Return `x · θ` and its variance factor `xᵀ A⁻¹ x` for each arm: `(arms,)`, `(arms,)`."""
        self._grow(len(x))
        if self._picked[0] is not arms:
            rows = [self._row(arm) for arm in arms]
            self._picked = (arms, None if rows == list(range(len(rows))) else np.array(rows))
        rows, inverse, weights = self._picked[1], self._inverse, self._weights
        if rows is None:
            inverse, weights = inverse[: len(arms)], weights[: len(arms)]
        elif 2 * len(rows) < len(weights):
            inverse, weights, rows = inverse[rows], weights[rows], None
        # Of most arms, all are computed and the others left out: copying matrices takes longer. And `dot` takes half
        # the time of `@` on arrays as small as these.
        means: Vector = weights.dot(x)
        factors: Vector = inverse.reshape(-1, len(x)).dot(x).reshape(weights.shape).dot(x)
        return (means, factors) if rows is None else (means[rows], factors[rows])

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it: of each matrix the half that says it all."""
        half = np.tril_indices(self._size)
        return {
            "arms": list(self._rows),
            "dimensions": self._size,
            "inverse": _packed(self._inverse[:, half[0], half[1]]),
            "weights": _packed(self._weights),
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of. Raises KeyError, TypeError or ValueError if it is no such dump."""
        rows = {str(arm): row for row, arm in enumerate(dumped["arms"])}
        arms, size = len(rows), int(dumped["dimensions"])
        half = np.tril_indices(size)
        inverse = np.zeros((arms, size, size))
        inverse[:, half[0], half[1]] = _unpacked(dumped["inverse"]).reshape(arms, len(half[0]))
        inverse[:, half[1], half[0]] = inverse[:, half[0], half[1]]
        self._weights = _unpacked(dumped["weights"]).reshape(arms, size)
        self._inverse, self._rows, self._size = inverse, rows, size
        self._picked = ((), None)

    def _absorb(self, row: int, x: Vector, miss: float, precision: float) -> float:
        """Learn how far `x · θ` was off; return the variance factor of the context before.

        Args:
            row: Whose outcome it is.
            x: Its context, `(d,)`.
            miss: What should be added to `x · θ`.
            precision: How much that says, above 0.
        """
        inverse: Vector = self._inverse[row]
        gain: Vector = inverse.dot(x)
        factor = float(gain.dot(x))
        step = precision / (1.0 + precision * factor)
        self._weights[row] += gain * (miss * step)
        gain *= math.sqrt(step)
        column = gain[:, None]
        inverse -= column.dot(column.T)  # symmetric to the last bit
        return factor

    def _absorb_all(self, row: int, contexts: Vector, misses: Vector, precisions: Vector) -> list[float]:
        """Do the same for several outcomes at once: `(outcomes, d)`, `(outcomes,)`, `(outcomes,)`."""
        inverse: Vector = self._inverse[row]
        gains = contexts @ inverse
        covariance = gains @ contexts.T
        root: Vector = np.linalg.cholesky(covariance + np.diag(1 / precisions)).astype(np.float64, copy=False)
        halves: Vector = _solve(root, gains)
        self._weights[row] += _solve(root, misses) @ halves
        inverse -= halves.T @ halves
        return np.diagonal(covariance).tolist()

    def _row(self, arm: str) -> int:
        row = self._rows.get(arm)
        if row is None:
            row = self._rows[arm] = len(self._rows)
            self._inverse = np.concatenate([self._inverse, self._prior(self._size)[None]])
            self._weights = np.concatenate([self._weights, np.zeros((1, self._size))])
        return row

    def _grow(self, size: int) -> None:
        old = self._size
        if size <= old:
            return
        inverse = np.tile(self._prior(size), (len(self._rows), 1, 1))
        weights = np.zeros((len(self._rows), size))
        inverse[:, :old, :old] = self._inverse
        weights[:, :old] = self._weights
        self._inverse, self._weights, self._size = inverse, weights, size

    def _prior(self, size: int) -> Vector:
        diagonal = np.full(size, 1.0 / self.stiffness)
        if size:
            diagonal[0] = 1.0 / self._stiffness_of_level
        return np.diag(diagonal)


def _solve(matrix: Vector, right: Vector) -> Vector:
    return np.linalg.solve(matrix, right).astype(np.float64, copy=False)


def _packed(numbers: Vector) -> str:
    """Return numbers to the last bit in two thirds of the room that their digits would take."""
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode()


def _unpacked(text: str) -> Vector:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f8").astype(np.float64)
