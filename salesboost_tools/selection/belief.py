"""What the mean reward of an arm may be, given what is known of it."""

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.statistics import ArmStatistics

GAUSSIAN_FROM = 30
"""Observations from which a Beta is replaced by the Gaussian of its mean and variance: as good, and faster to draw."""


@dataclass(slots=True)
class Belief:
    """A distribution of the mean reward: `p · gain - loss`. Never changed once made.

    `p`, the success rate, is Beta(alpha, beta); `gain`, what a success earns, and `loss` are Gaussian; all independent.
    """

    alpha: Final[float]
    beta: Final[float]
    gain: Final[float]
    gain_variance: Final[float]
    loss: Final[float]
    loss_variance: Final[float]

    @property
    def is_gaussian(self) -> bool:
        """Whether enough is known to take the Gaussian for the whole."""
        return self.alpha + self.beta > GAUSSIAN_FROM

    def draw(self, rng: Random) -> float:
        """Return a plausible mean reward."""
        if self.is_gaussian:
            return rng.gauss(*self.gaussian())
        rate = rng.betavariate(self.alpha, self.beta)
        return rng.gauss(rate * self.gain - self.loss, math.sqrt(rate * rate * self.gain_variance + self.loss_variance))

    def gaussian(self) -> tuple[float, float]:
        """Return mean and standard deviation."""
        count = self.alpha + self.beta
        rate = self.alpha / count
        rate_variance = rate * (1 - rate) / (count + 1)
        variance = self.gain * self.gain * rate_variance + rate * rate * self.gain_variance + self.loss_variance
        return rate * self.gain - self.loss, math.sqrt(variance)


def belief_of(known: ArmStatistics, weights: RewardWeights, sharpness: float) -> Belief:
    """Return what to believe of an arm.

    Priors: every success rate is equally likely; slowness and quality have been seen once, uniform in [0, 1]; a tool
    whose price nobody knows is free until its first price.

    Args:
        known: Sums of the arm's outcomes.
        weights: What the reward is made of.
        sharpness: How many times each observation counts, above 0.
    """
    pulls = known.pulls
    slow, variance = _mean_and_variance(known.slowness, known.slowness_sq, pulls, sharpness)
    loss = weights.penalty * slow
    loss_variance = weights.penalty * weights.penalty * variance
    speed = weights.speed(slow)
    gain, gain_variance = 1.0, 0.0
    if weights.quality:
        good, variance = _mean_and_variance(known.quality, known.quality_sq, known.rated, sharpness)
        gain += weights.quality * good
        gain_variance = weights.quality * weights.quality * variance
    if speed != 1.0:
        gain *= speed
        gain_variance *= speed * speed
    if weights.cost and known.priced:
        price = known.cost / known.priced
        variance = max(
            known.cost_sq / (known.priced + 1) - price * price * (known.priced - 1) / (known.priced + 1), 0.0
        )
        loss += weights.cost * price
        loss_variance += weights.cost * weights.cost * variance / (sharpness * known.priced + 1)
    return Belief(
        1 + sharpness * known.successes,
        1 + sharpness * max(pulls - known.successes, 0.0),
        gain,
        gain_variance,
        loss,
        loss_variance,
    )


def _mean_and_variance(total: float, squares: float, count: float, sharpness: float) -> tuple[float, float]:
    """Return mean of a share in [0, 1] and the variance of that mean, after one more value uniform in [0, 1]."""
    mean = (total + 1 / 2) / (count + 1)
    variance = (squares + 1 / 3) / (count + 1) - mean * mean
    return mean, variance / (sharpness * count + 1)
