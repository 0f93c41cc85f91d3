"""Bayesian ridge regression: the reward is linear in the context. Needs numpy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from salesboost_tools.selection.encoder import Vector
from salesboost_tools.selection.linear_models import LinearModels

_NOISE_PRIOR = 0.01
_NOISE_PRIOR_COUNT = 2.0
"""Variance of the reward about the model before anything is seen, worth two outcomes."""


_POOLED_COUNT = 30.0
"""Outcomes that the noise of all arms together counts for in that of each: an arm that has failed whenever it was
tried would else seem certain to fail anywhere."""


class Ridges(LinearModels):
    """`reward = x · θ + noise` for each arm, θ with prior N(0, noise / stiffness).

    Args:
        stiffness: Prior precision of the weights; that of coordinate 0, the level, is always 1.
    """

    def __init__(self, stiffness: float) -> None:
        super().__init__(stiffness, 1.0)
        self._squares: list[float] = []
        self._counts: list[float] = []

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
        if len(rewards) == 1:
            x: Vector = contexts[0]
            errors = [rewards[0] - float(self._weights[row].dot(x))]
            factors = [self._absorb(row, x, errors[0], shares[0])]
        else:
            misses = np.array(rewards) - contexts @ self._weights[row]
            errors: list[float] = misses.tolist()
            factors = self._absorb_all(row, contexts, misses, np.array(shares))
        for error, factor, share in zip(errors, factors, shares, strict=True):
            self._squares[row] += share * error * error / (1.0 + factor)
            self._counts[row] += share
        return errors, factors

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        return super().dump() | {"squares": list(self._squares), "counts": list(self._counts)}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of. Raises KeyError, TypeError or ValueError if it is no such dump."""
        super().load(dumped)
        self._squares, self._counts = list(map(float, dumped["squares"])), list(map(float, dumped["counts"]))

    def _row(self, arm: str) -> int:
        row = super()._row(arm)
        if row == len(self._counts):
            self._squares.append(_NOISE_PRIOR * _NOISE_PRIOR_COUNT)
            self._counts.append(_NOISE_PRIOR_COUNT)
        return row


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
