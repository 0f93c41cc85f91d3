"""What each arm would have earned in each context, by a model that has not seen the decision. Needs numpy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.selection.encoder import Encoder

Vector = NDArray[np.float64]

_FOLDS = 5


def foretell(
    contexts: Sequence[Mapping[str, Any] | None],
    chosen: NDArray[np.intp],
    rewards: Vector,
    arms: int,
    *,
    sample_weights: Vector | None = None,
    stiffness: float = 1.0,
) -> Vector:
    """Return what each arm would have earned each time, `(n, arms)`, by ridge regression per arm on the other folds.

    A fold is every fifth decision. An arm that the other folds do not hold is worth what all arms are on average.

    Args:
        contexts: What was known of each call.
        chosen: Which arm served it, `(n,)`.
        rewards: What it earned, `(n,)`.
        arms: How many arms there are.
        sample_weights: How much each decision counts, `(n,)`; None for 1. Inverse propensities make up for contexts
            that an arm was seldom chosen in.
        stiffness: Prior precision of the weights, above 0.

    Source of the cross-fitting: Chernozhukov et al., "Double/Debiased Machine Learning for Treatment and Structural
    Parameters", Econometrics Journal 21 (2018).
    """
    features = encode_all(contexts)
    count, size = features.shape
    weights = np.ones(count) if sample_weights is None else sample_weights
    folds = np.tile(np.arange(_FOLDS), count // _FOLDS + 1)[:count]
    foretold = np.empty((count, arms))
    penalty = stiffness * np.eye(size)
    for fold in range(_FOLDS):
        mine, others = np.equal(folds, fold), np.not_equal(folds, fold)
        average = float(np.average(rewards[others], weights=weights[others])) if count > 1 else 0.0
        for arm in range(arms):
            rows = np.logical_and(others, np.equal(chosen, arm))
            x, w = features[rows], weights[rows][:, None]
            solved = np.linalg.solve(x.T @ (x * w) + penalty, x.T @ (w[:, 0] * (rewards[rows] - average)))
            foretold[mine, arm] = average + features[mine] @ solved
    return foretold


def encode_all(contexts: Sequence[Mapping[str, Any] | None]) -> Vector:
    """Return the contexts as vectors, `(n, d)`, standardised over all of them."""
    encoder = Encoder()
    for context in contexts:
        encoder.encode(context or {}, learn=True)
    rows = [encoder.encode(context or {}) for context in contexts]
    table = np.zeros((len(rows), encoder.dimensions))
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
