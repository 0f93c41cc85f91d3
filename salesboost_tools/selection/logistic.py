"""Bayesian logistic regression: the log odds of success are linear in the context. Needs numpy."""

import math
from collections.abc import Sequence

from salesboost_tools.selection.encoder import Vector
from salesboost_tools.selection.linear_models import LinearModels

_STIFFNESS_OF_LEVEL = 0.4
"""Prior precision of coordinate 0: where nothing is known, 4 % and 96 % are two standard deviations away."""

_LEAST_VARIANCE = 1e-4
"""Of a success that is all but certain: then its failure tells next to nothing about the weights' precision."""


class Logistics(LinearModels):
    """`P(success) = 1 / (1 + exp(-x · θ))` for each arm.

    A step of Newton's method per outcome, from a Gaussian belief to the next: a ridge regression whose outcomes are
    weighed by the variance of the success that was expected. Several outcomes at once would take the step too far,
    since after the first the others surprise less.

    Source: Spiegelhalter & Lauritzen, "Sequential updating of conditional probabilities on directed graphical
    structures", Networks 20 (1990).

    Args:
        stiffness: Prior precision of the weights.
    """

    def __init__(self, stiffness: float) -> None:
        super().__init__(stiffness, _STIFFNESS_OF_LEVEL)

    def learn(
        self, arm: str, contexts: Vector, successes: Sequence[bool], shares: Sequence[float]
    ) -> tuple[list[float], list[float]]:
        """Learn from outcomes; return of each the chance foretold before all, and the variance factor before it.

        Args:
            arm: Whose outcomes they are.
            contexts: One a row, `(outcomes, d)`, d never smaller than before.
            successes: What came of them.
            shares: How much each counts, in (0, 1].
        """
        self._grow(contexts.shape[1])
        row = self._row(arm)
        weights = self._weights[row]
        before: list[float] = contexts.dot(weights).tolist()
        spreads: list[float] = []
        for x, success, share in zip(contexts, successes, shares, strict=True):
            log_odds = float(weights.dot(x)) if spreads else before[0]
            miss, precision = _step(log_odds, success=success, share=share)
            spreads.append(self._absorb(row, x, miss, precision))
        return [chance(log_odds) for log_odds in before], spreads


class OddsLevel:
    """The rival of `Logistics`: the same model without the context, as free to move as the other was at first.

    Args:
        freedom: Variance of the other's first log odds. For contexts that never change, the two then foretell the same.
    """

    __slots__ = ("_log_odds", "_variance")

    def __init__(self, freedom: float) -> None:
        self._log_odds = 0.0
        self._variance = freedom

    def dump(self) -> list[float]:
        """Return what is known, as `json.dumps` takes it."""
        return [self._log_odds, self._variance]

    def load(self, dumped: Sequence[float]) -> None:
        """Become what `dump` was taken of."""
        self._log_odds, self._variance = map(float, dumped)

    @property
    def mean(self) -> float:
        """The success to expect."""
        return chance(self._log_odds)

    def learn(self, success: bool, share: float) -> None:  # noqa: FBT001  (on every outcome)
        """Learn from an outcome."""
        miss, precision = _step(self._log_odds, success=success, share=share)
        self._variance /= 1 + precision * self._variance
        self._log_odds += self._variance * precision * miss


def _step(log_odds: float, *, success: bool, share: float) -> tuple[float, float]:
    """Return what an outcome adds to the log odds that were foretold, and how much it says."""
    expected = chance(log_odds)
    variance = max(expected * (1 - expected), _LEAST_VARIANCE)
    return (success - expected) / variance, variance * share


def chance(log_odds: float) -> float:
    """Return the probability that has these log odds, in [0, 1]."""
    return 0.5 + 0.5 * math.tanh(0.5 * log_odds)  # never overflows
