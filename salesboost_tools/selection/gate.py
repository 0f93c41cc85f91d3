"""How far to trust the context: the odds that it helps to foretell rewards, kept one outcome at a time.

Two forecasts compete for each outcome, one with the context and one without. The log odds move by the difference of
their squared errors over twice a variance. That variance bounds how far luck alone can push (`noise`), so a useless
context is believed in with at most the odds it starts with, whatever the distribution of rewards: what it gains is a
supermartingale (Ville's inequality). A Gaussian likelihood does not have that: rare failures fool it.

Luck may win these odds over all the same, and once choices are made for the context their outcomes no longer compare
the forecasts. They tell something else: whether the choices earn more than the best arm does in any context
(`worth_it`). A context that was believed in by luck is given up after some fifty of them, one that helps is confirmed,
and neither costs a choice without it.
"""

import math
from typing import Final

from salesboost_tools.core.reward import RewardWeights

PRIOR_LOG_ODDS: Final = -1.5
"""Context is taken for irrelevant until it shows: a useless one would cost regret for as long as it was believed in."""

LEAST_LOG_ODDS: Final = -3.5
MOST_LOG_ODDS: Final = 5.0
"""Odds never go further, so that either side can be taken back when the world changes."""

_STEEPNESS_AGAINST: Final = 4.0
"""How suddenly trust follows odds against the context: half a belief would be acted upon at full cost."""

_STEEPNESS_FOR: Final = 2.0
"""The same for odds in its favour. Gentler, so that some choices test it without the context until it has proved."""

_LEAST_TRUST: Final = 1e-3
_MOST_TRUST: Final = 0.9975
"""Some choices are made without the context even then: they alone are evidence (`ContextModel.learn`)."""

_SLOWNESS_VARIANCE: Final = 0.04
"""Of latencies as shares of the cap: wide for a tool, since between tools they differ more than within one."""

_GAIN: Final = 0.08
"""Reward by which choices for the context are expected to beat the best arm; less than half of it is not worth it."""

_EQUAL_ODDS: Final = 1e-3


def moved(log_odds: float, evidence: float) -> float:
    """Return the log odds after some outcomes.

    Args:
        log_odds: Before them.
        evidence: Sum over the outcomes of `told_apart` or `worth_it`.
    """
    return max(LEAST_LOG_ODDS, min(MOST_LOG_ODDS, log_odds + evidence))


def trust(log_odds: float) -> float:
    """Return how often the context is to be looked at: 0 while the odds are against it, never quite 1."""
    steepness = _STEEPNESS_FOR if log_odds > 0 else _STEEPNESS_AGAINST
    often = 1.0 / (1.0 + math.exp(-steepness * log_odds))
    return 0.0 if often < _LEAST_TRUST else min(often, _MOST_TRUST)


def told_apart(error_without: float, error_with: float, noise: float) -> float:
    """Return the evidence in the outcome of a choice made without the context, in log odds.

    Args:
        error_without: Reward minus what was foretold of it without the context.
        error_with: The same with it.
        noise: See `noise`.
    """
    return (error_without * error_without - error_with * error_with) / (2 * noise)


def worth_it(gain: float, noise: float) -> float:
    """Return the evidence in the outcome of a choice made for the context, in log odds.

    Log likelihood ratio of a mean gain of 0.08 against none. A useless context gains nothing, so this is a
    supermartingale, too, as far as the best arm is known.

    Args:
        gain: Reward minus what the best arm earns on average without the context.
        noise: See `noise`.
    """
    return _GAIN * (gain - _GAIN / 2) / noise


def noise(rate: float, weights: RewardWeights) -> float:
    """Return a variance whose Gaussian tails bound those of a reward about its mean.

    Of a success of probability p it is `(1 - 2p) / (2 ln((1 - p) / p))`, more than its variance p (1 - p).

    Source: Kearns & Saul, "Large Deviation Methods for Approximate Probabilistic Inference", UAI 14 (1998).

    Args:
        rate: Success rate, in (0, 1).
        weights: What the reward is made of.
    """
    odds_against = (1 - rate) / rate
    success = 0.25 if abs(odds_against - 1) < _EQUAL_ODDS else (1 - 2 * rate) / (2 * math.log(odds_against))
    gain, penalty = 1 + weights.quality, weights.penalty
    return gain * gain * success + penalty * penalty * _SLOWNESS_VARIANCE
