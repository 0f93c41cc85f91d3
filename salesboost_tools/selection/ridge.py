"""Linear models of the reward, one per arm, side by side in one array: Bayesian ridge regression, a rank at a time."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_NOISE_PRIOR = 0.1
_NOISE_PRIOR_COUNT = 2.0
"""Variance of the reward about the model before anything is seen, worth two outcomes."""


_POOLED_COUNT = 30.0
"""Outcomes that the noise of all arms together counts for in that of each: an arm that has failed whenever it was
tried would else seem certain to fail anywhere."""


class Ridges:
    """`reward = x · θ + noise` for each arm, θ with prior N(0, noise / stiffness).

    Keeps the inverse of the precision, so that neither choosing nor learning inverts a d x d matrix: Sherman &
    Morrison, "Adjustment of an Inverse Matrix" (1950). An update costs d², a prediction for K arms K · d².

    Args:
        stiffness: Prior precision of the weights; coordinate 0, the level, always has 1.
    """

    def __init__(self, stiffness: float) -> None:
        self.stiffness = stiffness
        self._rows: dict[str, int] = {}
        self._size = 0
        self._inverse = np.zeros((0, 0, 0))  # (arms, d, d)
        self._weights = np.zeros((0, 0))  # (arms, d)
        self._squares: list[float] = []
        self._counts: list[float] = []
        self._picked: tuple[tuple[str, ...], NDArray[np.intp] | None] = ((), None)

    def predict(self, arms: tuple[str, ...], x: Vector) -> tuple[Vector, Vector]:
        """Return mean reward and variance factor `h = xᵀ A⁻¹ x` of each arm: `(arms,)`, `(arms,)`."""
        self._grow(len(x))
        if self._picked[0] is not arms:
            rows = [self._row(arm) for arm in arms]
            everything = rows == list(range(len(self._rows)))
            self._picked = (arms, None if everything else np.array(rows))
        rows = self._picked[1]
        if rows is None and len(self._rows) != len(arms):
            rows = np.arange(len(arms))
        inverse, weights = self._inverse, self._weights
        if rows is not None:
            inverse, weights = inverse[rows], weights[rows]
        return weights @ x, (inverse @ x) @ x

    @property
    def outcomes(self) -> float:
        """How many outcomes have been learnt, each counted by its share, and the prior's few."""
        return sum(self._counts)

    def noise(self, arms: Sequence[str]) -> list[float]:
        """Return the variance of the reward about the model of each arm."""
        rows, squares, counts = self._rows, self._squares, self._counts
        pooled = _POOLED_COUNT * sum(squares) / sum(counts)
        return [(squares[rows[arm]] + pooled) / (counts[rows[arm]] + _POOLED_COUNT) for arm in arms]

    def learn(
        self, arm: str, contexts: Vector, rewards: Sequence[float], shares: Sequence[float]
    ) -> tuple[list[float], list[float]]:
        """Learn from outcomes; return of each what was predicted before all: error and variance factor.

        Args:
            arm: Whose outcomes they are.
            contexts: One a row, `(outcomes, d)`, d never smaller than before.
            rewards: What came of them.
            shares: How much each counts, in (0, 1].
        """
        self._grow(contexts.shape[1])
        row = self._row(arm)
        inverse: Vector = self._inverse[row]
        weights: Vector = self._weights[row]
        if len(rewards) == 1:
            x, share = contexts[0], shares[0]
            gain = inverse @ x
            factor = float(gain @ x)
            error = rewards[0] - float(weights @ x)
            step = share / (1.0 + share * factor)
            weights += gain * (error * step)
            gain *= math.sqrt(step)
            inverse -= np.outer(gain, gain)  # symmetric to the last bit
            errors, factors = [error], [factor]
        else:
            gains = contexts @ inverse
            covariance = gains @ contexts.T
            misses = np.array(rewards) - contexts @ weights
            root: Vector = np.linalg.cholesky(covariance + np.diag(1 / np.array(shares))).astype(np.float64, copy=False)
            halves: Vector = _solve(root, gains)
            weights += _solve(root, misses) @ halves
            inverse -= halves.T @ halves
            errors, factors = misses.tolist(), np.diagonal(covariance).tolist()
        for error, factor, share in zip(errors, factors, shares, strict=True):
            self._squares[row] += share * error * error / (1.0 + factor)
            self._counts[row] += share
        return errors, factors

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it: of each matrix the half that says it all."""
        half = np.tril_indices(self._size)
        return {
            "arms": list(self._rows),
            "dimensions": self._size,
            "inverse": _packed(self._inverse[:, half[0], half[1]]),
            "weights": _packed(self._weights),
            "squares": list(self._squares),
            "counts": list(self._counts),
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
        self._squares, self._counts = list(map(float, dumped["squares"])), list(map(float, dumped["counts"]))
        self._picked = ((), None)

    def _row(self, arm: str) -> int:
        row = self._rows.get(arm)
        if row is None:
            row = self._rows[arm] = len(self._rows)
            self._inverse = np.concatenate([self._inverse, self._prior(self._size)[None]])
            self._weights = np.concatenate([self._weights, np.zeros((1, self._size))])
            self._squares.append(_NOISE_PRIOR * _NOISE_PRIOR_COUNT)
            self._counts.append(_NOISE_PRIOR_COUNT)
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
            diagonal[0] = 1.0
        return np.diag(diagonal)


def _solve(matrix: Vector, right: Vector) -> Vector:
    return np.linalg.solve(matrix, right).astype(np.float64, copy=False)


def _packed(numbers: Vector) -> str:
    """Return numbers to the last bit in two thirds of the room that their digits would take."""
    return base64.b64encode(numbers.astype("<f8").tobytes()).decode()


def _unpacked(text: str) -> Vector:
    return np.frombuffer(base64.b64decode(text, validate=True), "<f8").astype(np.float64)


class Level:
    """The rival of a `Ridges`: the same model without the context, as free to move as the other was at first.

    Args:
        freedom: Variance factor of the other's first prediction, `x · x` under its prior. For contexts that never
            change, the two then foretell the same.
    """

    __slots__ = ("_count", "_total")

    def __init__(self, freedom: float) -> None:
        self._count = 1.0 / freedom
        self._total = 0.0

    def dump(self) -> list[float]:
        """Return what is known, as `json.dumps` takes it."""
        return [self._count, self._total]

    def load(self, dumped: Sequence[float]) -> None:
        """Become what `dump` was taken of."""
        self._count, self._total = map(float, dumped)

    @property
    def mean(self) -> float:
        """The reward to expect."""
        return self._total / self._count

    def learn(self, reward: float, share: float) -> None:
        """Learn from an outcome."""
        self._count += share
        self._total += share * reward
