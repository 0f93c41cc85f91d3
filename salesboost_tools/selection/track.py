"""What the adaptive policy makes of the outcomes of one arm: what it is worth when healthy, and whether it is."""

import math
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.health import (
    CERTAIN,
    FAILURE_EXPECTED_BELOW,
    HAZARD,
    ILL_FAILURES,
    ILL_SUCCESSES,
    KNOWN_FROM,
    faded,
    judged,
)
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics

PRIOR_SUCCESSES = 8.0
"""Imagined successes: a tool is expected to work, so that one early failure does not shut it out."""

PRIOR_FAILURES = 1.0

PRIOR_LATENCY = 0.25
"""Imagined latencies, uniform up to the cap: few, since a single real one says more about a tool than all of them. As
many qualities are imagined, uniform up to 1, or a tool never rated would look poor beside those that are."""

CAP = 500.0
"""Outcomes remembered at most; older ones fade, so that a tool that changes slowly is followed."""

HALF_LIFE = 20_000.0
"""Uses of an arm after which an outcome counts half."""

_FADE = 0.5 ** (1 / HALF_LIFE)
_FADE_AT_CAP = 1 - 1 / CAP

_WELL_KNOWN = 20.0
"""Outcomes after which one more success says little."""

_LEARNT = (
    "_successes",
    "_failures",
    "_rest",
    "_rest_sq",
    "_ill_count",
    "_ill_successes",
    "_ill_rest",
    "_since_s",
    "at_s",
    "doubt",
)
"""What a track is made of besides its totals; the rest follows."""


class ArmTrack:
    """One arm as one process has followed it. Guarded by its owner's lock.

    Fed with the growing totals of the store, so outcomes of other workers arrive like its own. An outcome counts for
    the healthy arm with the probability that it was healthy: an outage does not spoil what was known.

    Attributes:
        line: Mean and width, in rewards, of what to expect of the healthy arm.
        doubt: Probability that the arm was ill at its latest outcome.
        ill_line: Mean and width of what to expect of the ill arm.
        totals: The totals followed so far.
    """

    __slots__ = (
        "_cost",
        "_failures",
        "_ill_count",
        "_ill_rest",
        "_ill_successes",
        "_imagined",
        "_imagined_sq",
        "_latency",
        "_latency_sq",
        "_quality",
        "_rest",
        "_rest_sq",
        "_since_s",
        "_successes",
        "_weights",
        "at_s",
        "doubt",
        "ill_line",
        "line",
        "sharpness",
        "totals",
    )

    def __init__(self, weights: RewardWeights, sharpness: float) -> None:
        self.sharpness = sharpness
        latency, quality = weights.penalty, weights.quality
        self._latency, self._quality, self._cost = latency, quality, weights.cost
        self._latency_sq = latency * latency
        self._imagined = PRIOR_LATENCY * (latency - quality) / 2
        self._imagined_sq = PRIOR_LATENCY * ((latency * latency + quality * quality) / 3 - latency * quality / 2)
        self._weights = weights if weights.half_worth_s is not None else None
        self._successes = self._failures = self._rest = self._rest_sq = 0.0
        self._ill_count = self._ill_successes = self._ill_rest = 0.0
        self._since_s = 0.0
        self.at_s = 0.0
        self.doubt = 0.0
        self.totals = NOTHING
        self._conclude()
        self._conclude_ill()

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        return {"totals": astuple(self.totals)} | {name: getattr(self, name) for name in _LEARNT}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of. Raises KeyError, TypeError or ValueError if it is no such dump."""
        learnt = {name: float(dumped[name]) for name in _LEARNT}
        self.totals = ArmStatistics(*dumped["totals"])
        for name, value in learnt.items():
            setattr(self, name, value)
        self._conclude()
        self._conclude_ill()

    def doubt_at(self, now_s: float) -> float:
        """Return the probability that the arm is ill now."""
        doubt = self.doubt
        waited_s = now_s - self.at_s
        if doubt <= CERTAIN or waited_s <= 0:
            return doubt
        return faded(doubt, max(self.at_s - self._since_s, 0.0), waited_s)

    @property
    def is_settled(self) -> bool:
        """Whether the arm is healthy beyond doubt and so well known that one more success would hardly move it."""
        return self.doubt <= CERTAIN and self.totals.pulls >= _WELL_KNOWN

    def follow(self, totals: ArmStatistics, now_s: float) -> float:
        """Learn from what has been added to the totals; return the doubt before, as weighed by the new outcomes."""
        before, self.totals = self.totals, totals
        count = totals.pulls - before.pulls
        if count <= 0:
            return self.doubt
        won = totals.successes - before.successes
        rest = self._latency * (totals.slowness - before.slowness)
        rest_sq = self._latency_sq * (totals.slowness_sq - before.slowness_sq)
        if self._quality and totals.rated:
            good = self._quality * totals.quality / totals.rated * won
            rest -= good
            rest_sq += self._quality * self._quality * totals.quality_sq / totals.rated * won
        if self._cost and totals.priced:
            rest += self._cost * totals.cost / totals.priced * count
            rest_sq += self._cost * self._cost * totals.cost_sq / totals.priced * count
        successes, failures = self._successes, self._failures
        seen = successes + failures
        doubt = self.doubt if seen < KNOWN_FROM else self._judge(seen, count, won, rest, now_s)
        self.at_s = now_s
        share = 1.0 - doubt
        fade = _FADE_AT_CAP if seen >= CAP else _FADE
        if count != 1:
            fade **= count
        self._successes = successes * fade + share * won
        self._failures = failures * fade + share * (count - won)
        self._rest = self._rest * fade + share * rest
        self._rest_sq = self._rest_sq * fade + share * rest_sq
        if count > CAP:  # a long past arrives at once: its proportions count, not its length
            self._shrink(CAP / (self._successes + self._failures))
        self._conclude()
        return doubt

    def _judge(self, seen: float, count: float, won: float, rest: float, now_s: float) -> float:
        """Return the doubt after these outcomes, and learn what the arm is like while it is ill."""
        before = self.doubt
        rate = (1 + self._successes) / (2 + seen)
        doubt = before if before <= CERTAIN else self.doubt_at(now_s)
        doubt += (1.0 - doubt) * HAZARD
        if rate >= FAILURE_EXPECTED_BELOW:
            ill_rate = (ILL_SUCCESSES + self._ill_successes) / (ILL_SUCCESSES + ILL_FAILURES + self._ill_count)
            doubt = judged(doubt, rate, ill_rate, won, count - won)
        if doubt > 0.5 >= before:
            self._since_s = now_s
        if doubt > 0.01 or self._ill_count > 0.01:
            keep = 0.5 if doubt < 0.1 else 1.0
            share = doubt if doubt > 0.01 else 0.0
            self._ill_count = self._ill_count * keep + share * count
            self._ill_successes = self._ill_successes * keep + share * won
            self._ill_rest = self._ill_rest * keep + share * rest
            self._conclude_ill()
        self.doubt = doubt
        return doubt

    def _shrink(self, factor: float) -> None:
        self._successes *= factor
        self._failures *= factor
        self._rest *= factor
        self._rest_sq *= factor

    def _conclude(self) -> None:
        """Work out mean and deviation: success is Beta, the rest of the reward Gaussian, each by its own moments."""
        successes, failures = self._successes, self._failures
        seen = successes + failures
        won = PRIOR_SUCCESSES + successes
        tried = won + PRIOR_FAILURES + failures
        rate = won / tried
        counted = seen + PRIOR_LATENCY
        rest = (self._rest + self._imagined) / counted
        spread = (self._rest_sq + self._imagined_sq) / counted - rest * rest
        variance = rate * (1 - rate) / (tried + 1)
        if spread > 0:
            variance += spread / counted
        width = math.sqrt(variance / self.sharpness)
        if self._weights is not None and self.totals.pulls:
            speed = self._weights.speed(self.totals.slowness / self.totals.pulls)
            rate, width = rate * speed, width * speed
        self.line = (rate - rest, width)

    def share_known(self, waiting: int) -> float:
        """Return the share of what will be known, once so many outcomes have come, that is known now, in (0, 1]."""
        tried = PRIOR_SUCCESSES + PRIOR_FAILURES + self._successes + self._failures
        return tried / (tried + waiting)

    def _conclude_ill(self) -> None:
        won = ILL_SUCCESSES + self._ill_successes
        tried = ILL_SUCCESSES + ILL_FAILURES + self._ill_count
        rate = won / tried
        mean = rate - (self._ill_rest + self._latency / 2) / (self._ill_count + 1)
        self.ill_line = (mean, math.sqrt(rate * (1 - rate) / (tried + 1)))
