"""How well the mean reward of an arm is known."""

import math

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.statistics import ArmStatistics, mean_rewards

_Z95 = 1.959963984540054


def reward_interval(known: ArmStatistics, weights: RewardWeights) -> tuple[float, float] | None:
    """Return between which bounds the mean reward of an arm lies, 95 times in 100; None if it was never tried.

    Wilson's interval of the success rate (JASA 22, 1927) and a normal one of the rest are joined as Zou and Donner do
    (MOVER, Statistics in Medicine 27, 2008). Latency, quality and cost are taken to vary independently. An arm that
    changes is known less well than this says.
    """
    pulls = known.pulls
    if not pulls:
        return None
    (mean,) = mean_rewards([known], weights)
    worth = 1.0 + (weights.quality * known.quality / known.rated if known.rated else 0.0)
    if weights.half_worth_s is not None:
        worth *= weights.speed(known.slowness / pulls)
    rate = known.successes / pulls
    low, high = wilson(known.successes, pulls)
    rest = _Z95 * math.sqrt(
        weights.penalty**2 * _variance(known.slowness, known.slowness_sq, pulls) / pulls
        + (weights.quality * rate) ** 2 * _variance(known.quality, known.quality_sq, known.rated) / max(known.rated, 1)
        + weights.cost**2 * _variance(known.cost, known.cost_sq, known.priced) / max(known.priced, 1)
    )
    return mean - math.hypot(worth * (rate - low), rest), mean + math.hypot(worth * (high - rate), rest)


def wilson(successes: float, count: float) -> tuple[float, float]:
    """Return the 95 % interval of a rate, within [0, 1].

    Args:
        successes: 0 to `count`.
        count: Above 0.
    """
    rate, z_sq = successes / count, _Z95 * _Z95
    middle = (rate + z_sq / (2 * count)) / (1 + z_sq / count)
    reach = _Z95 * math.sqrt(rate * (1 - rate) / count + z_sq / (4 * count * count)) / (1 + z_sq / count)
    return min(max(0.0, middle - reach), rate), max(min(1.0, middle + reach), rate)


def _variance(total: float, squares: float, count: float) -> float:
    return max(0.0, squares / count - (total / count) ** 2) if count else 0.0
