"""What is known of one arm: sums that many workers can add to in any order."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from salesboost_tools.core.reward import RewardWeights


@dataclass(slots=True)
class ArmStatistics:
    """Sums over the outcomes of one arm in one group. Never changed once made, so a snapshot stays what it was.

    The parts of the reward are kept apart, so weights may change without relearning, and so that a policy can model
    success and latency separately. Only `latency_cap_s` is baked in: it is the unit of `slowness`.

    Every field is a plain sum, so statistics of several workers merge by addition. Fields may be fractions:
    forgetting scales them.
    """

    # `Final` makes the type checker refuse a change. `frozen=True` would do so at run time, at 1 us per outcome.
    pulls: Final[float] = 0
    """Outcomes counted."""
    successes: Final[float] = 0
    latency_s: Final[float] = 0.0
    """Seconds, uncapped: for people, not for the reward."""
    slowness: Final[float] = 0.0
    """Σ min(latency / cap, 1)."""
    slowness_sq: Final[float] = 0.0
    rated: Final[float] = 0
    """Successes that came with a quality."""
    quality: Final[float] = 0.0
    quality_sq: Final[float] = 0.0
    priced: Final[float] = 0
    """Outcomes that came with a cost."""
    cost: Final[float] = 0.0
    cost_sq: Final[float] = 0.0

    def plus(self, other: "ArmStatistics") -> "ArmStatistics":
        """Return the statistics of both."""
        return ArmStatistics(
            self.pulls + other.pulls,
            self.successes + other.successes,
            self.latency_s + other.latency_s,
            self.slowness + other.slowness,
            self.slowness_sq + other.slowness_sq,
            self.rated + other.rated,
            self.quality + other.quality,
            self.quality_sq + other.quality_sq,
            self.priced + other.priced,
            self.cost + other.cost,
            self.cost_sq + other.cost_sq,
        )


NOTHING = ArmStatistics()
"""What is known of an arm nobody has tried."""


def statistics_of(
    success: bool,  # noqa: FBT001  (the first word of every outcome)
    latency_s: float,
    cap_s: float,
    quality: float | None = None,
    cost: float | None = None,
) -> ArmStatistics:
    """Return the statistics of a single outcome: what has to be added for it.

    Args:
        success: Whether the call did its job.
        latency_s: Seconds it took, 0 or more.
        cap_s: `RewardWeights.latency_cap_s`.
        quality: In [0, 1]; counted for a success only, since a failed call has no quality.
        cost: 0 or more.
    """
    won = 1 if success else 0
    slow = latency_s / cap_s if latency_s < cap_s else 1.0
    if quality is None and cost is None:
        return ArmStatistics(1, won, latency_s, slow, slow * slow)
    rated, good = (1, quality) if success and quality is not None else (0, 0.0)
    priced, paid = (1, cost) if cost is not None else (0, 0.0)
    return ArmStatistics(1, won, latency_s, slow, slow * slow, rated, good, good * good, priced, paid, paid * paid)


def statistics_of_successes(latencies_s: Iterable[float], cap_s: float) -> ArmStatistics:
    """Return the statistics of several successes, of which neither quality nor cost is known; as `statistics_of`."""
    count, latency_s, slowness, slowness_sq = 0, 0.0, 0.0, 0.0
    for each_s in latencies_s:
        slow = each_s / cap_s if each_s < cap_s else 1.0
        count += 1
        latency_s += each_s
        slowness += slow
        slowness_sq += slow * slow
    return ArmStatistics(count, count, latency_s, slowness, slowness_sq)


UNKNOWN = -math.inf
"""The mean reward of an arm without outcomes: no favourite, whatever the others are worth."""


def mean_rewards(statistics: Sequence[ArmStatistics], weights: RewardWeights) -> list[float]:
    """Return the mean reward of each arm; `UNKNOWN` for one without outcomes.

    Equals the mean of `core.reward.reward` over the same outcomes if every success was rated and every outcome
    priced. Outcomes without a rating or a price are taken to be like those with one, so that a tool that is rated
    more often is neither favoured nor punished for it. Where speed multiplies, it is the speed of the mean latency.
    """
    latency, quality, cost = weights.penalty, weights.quality, weights.cost
    multiplies = weights.half_worth_s is not None
    means: list[float] = []
    for known in statistics:
        pulls = known.pulls
        if not pulls:
            means.append(UNKNOWN)
            continue
        earned = known.successes
        if known.rated:
            earned *= 1.0 + quality * known.quality / known.rated
        if multiplies:
            earned *= weights.speed(known.slowness / pulls)
        mean = (earned - latency * known.slowness) / pulls
        if known.priced:
            mean -= cost * known.cost / known.priced
        means.append(mean)
    return means
