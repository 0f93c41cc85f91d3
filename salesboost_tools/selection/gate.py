"""How far to trust the context: the odds that it helps to foretell rewards, kept one outcome at a time."""

import math
from typing import Final

PRIOR_LOG_ODDS: Final = -3.25
"""Context is taken for irrelevant until it shows: a useless one would cost regret for as long as it was believed in."""

LEAST_LOG_ODDS: Final = -6.0
MOST_LOG_ODDS: Final = 6.0
"""Odds never go further, so that either side can be taken back when the world changes."""

_MOST_PER_OUTCOME: Final = 2.0
"""One surprising outcome decides nothing."""

_TEMPER: Final = 0.5
"""Evidence counts half: the rewards of real tools are not Gaussian, and outcomes are not independent of the choice.

Source of the idea: Grünwald & van Ommen, "Inconsistency of Bayesian Inference for Misspecified Linear Models, and a
Proposal for Repairing It", Bayesian Analysis 12 (2017).
"""

LEAST_NOISE: Final = 0.03
"""Variance below which an error is not held against a prediction: nothing is known that exactly."""


def moved(log_odds: float, evidence: float) -> float:
    """Return the log odds after an outcome.

    Args:
        log_odds: Before it.
        evidence: Log density of the outcome, foretold with context, minus the same without.
    """
    step = max(-_MOST_PER_OUTCOME, min(_MOST_PER_OUTCOME, _TEMPER * evidence))
    return max(LEAST_LOG_ODDS, min(MOST_LOG_ODDS, log_odds + step))


def probability(log_odds: float) -> float:
    """Return the probability in (0, 1) that belongs to some log odds."""
    return 1.0 / (1.0 + math.exp(-log_odds))
