"""What the adaptive policy knows of contexts: two models per arm, and how far they are to be trusted. Needs numpy."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection import gate
from salesboost_tools.selection.encoder import Encoder
from salesboost_tools.selection.logistic import Logistics, OddsLevel
from salesboost_tools.selection.ridge import Level, Ridges
from salesboost_tools.selection.statistics import ArmStatistics

_STIFFNESS = 3.0
_STIFFNESS_PER_FEATURE = 0.15
"""Prior precision of the weights: for long contexts in proportion to their length, so that all features together can
be expected to move the reward no further than a few can."""

_STIFFNESS_IN_ODDS = 0.6
"""The same of weights that move the log odds of success, as a multiple of it."""

_EXPECTED = 0.5
"""Reward that an untried arm is expected to earn in any context."""

_SHARPNESS = 20.0
"""How many times each outcome counts for the width of the bound. The bound need not be a safe one: an arm whose
context is met again is corrected, and the choices made without context explore besides."""

_PERSISTENCE = 0.08
"""How fast the bounds rise with what is known, as in `Adaptive`: an arm that is right in one context only, and has not
been met there, is looked for."""

_HIGHEST = 7.0
"""Widths above the mean that few bounds exceed. A bound is a line and the chance of success bends: the two meet at the
mean and up there, so that hardly a bound promises more than certain success."""

_HALF_THE_WAY_UP = 0.5 * _HIGHEST / math.sqrt(_SHARPNESS)
_PER_WIDTH = 0.5 / _HIGHEST

_UNLIKELY_BELOW = -2.0
_AT_ONCE = 16
"""While the log odds are so low, outcomes are learnt so many at once: nobody asks, and together they cost less."""

_WANTED_LATER = 0.25
_LATER = 16
_HOPELESS_BELOW = gate.LEAST_LOG_ODDS + 0.25
"""After so many outcomes per coordinate this share of them is enough, while the odds are as good as at their lowest: a
context that has not helped by then will hardly begin to. If it does, the odds rise, and all are wanted again."""


_Outcome = tuple[str, Mapping[str, Any], bool, float, float | None, float, float]
"""Arm, context, success, reward, what the choice had to beat if it was made for the context, success rate of the arm
then, probability that it was healthy."""


class ContextModel:
    """Foretells the reward in a context in two parts: success, and what else is gained or lost, such as by slowness.

    A logistic model knows that no success is more than certain, and that what always succeeds has little luck left in
    it; one that is linear in the reward does not. Guarded by its owner's lock.

    Args:
        features: How many a context has, roughly.
        weights: What rewards are made of.

    Attributes:
        log_odds: Log odds that the context helps.
        trust: How often the context is to be looked at, in [0, 1).
        wanted: Share of the outcomes that are worth telling it, in (0, 1].
    """

    __slots__ = (
        "_at_once",
        "_encoder",
        "_levels",
        "_plain",
        "_rests",
        "_successes",
        "_waiting",
        "_weights",
        "log_odds",
        "trust",
        "wanted",
    )

    def __init__(self, features: int, weights: RewardWeights) -> None:
        self._weights = weights
        self._encoder = Encoder()
        self._stiffen(max(_STIFFNESS, _STIFFNESS_PER_FEATURE * features))
        self._levels: dict[str, tuple[OddsLevel, Level]] = {}
        self._plain: dict[str, Level] = {}
        self._waiting: list[_Outcome] = []
        self._believe(gate.PRIOR_LOG_ODDS)

    def outlook(self, arms: tuple[str, ...], context: Mapping[str, Any]) -> list[tuple[float, float]]:
        """Return mean and width of the reward to expect of each arm in this context."""
        x = self._encoder.encode(context)
        log_odds, spreads = self._successes.predict(arms, x)
        rests, factors = self._rests.predict(arms, x)
        noises = self._rests.noise(arms)
        lines: list[tuple[float, float]] = []
        sqrt, tanh = math.sqrt, math.tanh
        for odds, spread, rest, factor, noise in zip(
            log_odds.tolist(), spreads.tolist(), rests.tolist(), factors.tolist(), noises, strict=True
        ):
            half = 0.5 * odds  # `chance` at the mean and high above it: without a call, for every arm at every choice
            at_mean = tanh(half)
            rise = (tanh(half + _HALF_THE_WAY_UP * sqrt(abs(spread))) - at_mean) * _PER_WIDTH
            variance = abs(factor) * noise / _SHARPNESS  # no variance is below 0 but by rounding
            lines.append((0.5 + 0.5 * at_mean + rest, sqrt(rise * rise + variance)))
        return lines

    def lift(self, outcomes: float) -> float:
        """Return how many widths the bounds lie above the means at least, so many outcomes being known."""
        return math.sqrt(2 * _PERSISTENCE * _SHARPNESS * math.log1p(outcomes))

    def standard(self, arms: Sequence[str]) -> float:
        """Return the highest mean reward of the arms in choices made without the context; 0 if there were none."""
        plain = self._plain
        return max([plain[arm].mean + _EXPECTED for arm in arms if arm in plain], default=0.0)

    def learn(
        self,
        arm: str,
        known: ArmStatistics,
        context: Mapping[str, Any],
        *,
        success: bool,
        reward: float,
        standard: float | None,
        share: float,
    ) -> None:
        """Learn from an outcome, and from how well it was foretold with the context and without.

        Of an arm that was chosen for the context, both foretell alike: the context has seen to it that the arm
        succeeds. Then it counts whether the choice was worth it.

        Args:
            arm: The arm that was used.
            known: What is known of it now, this outcome included.
            context: Of the call; not empty.
            success: Whether the arm did its job.
            reward: What the outcome was worth.
            standard: The reward that the choice had to beat, if the arm was chosen for the context; else None.
            share: Probability, above 0, that the arm was healthy.
        """
        rate = (1 + known.successes) / (2 + known.pulls)
        outcome = (arm, context, success, reward, standard, rate, share)
        if self._at_once == 1:  # then nothing waits
            self._believe(gate.moved(self.log_odds, self._learn(arm, (outcome,))))
            return
        self._waiting.append(outcome)
        if len(self._waiting) >= self._at_once:
            self._digest()

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        self._digest()
        return {
            "stiffness": self._rests.stiffness,
            "successes": self._successes.dump(),
            "rests": self._rests.dump(),
            "encoder": self._encoder.dump(),
            "levels": {arm: [level.dump() for level in levels] for arm, levels in self._levels.items()},
            "plain": {arm: level.dump() for arm, level in self._plain.items()},
            "log_odds": self.log_odds,
        }

    @classmethod
    def loaded(cls, dumped: Mapping[str, Any], weights: RewardWeights) -> "ContextModel":
        """Return what `dump` was taken of. Raises KeyError, TypeError or ValueError if it is no such dump."""
        model = cls(0, weights)
        model._encoder.load(dumped["encoder"])
        model._stiffen(float(dumped["stiffness"]))
        model._successes.load(dumped["successes"])
        model._rests.load(dumped["rests"])
        for arm, (of_success, of_rest) in dumped["levels"].items():
            levels = model._levels[str(arm)] = OddsLevel(1.0), Level(1.0)
            levels[0].load(of_success)
            levels[1].load(of_rest)
        for arm, known in dumped["plain"].items():
            plain = model._plain[str(arm)] = Level(1.0)
            plain.load(known)
        model._believe(float(dumped["log_odds"]))
        return model

    def _stiffen(self, stiffness: float) -> None:
        self._successes = Logistics(_STIFFNESS_IN_ODDS * stiffness)
        self._rests = Ridges(stiffness)

    def _digest(self) -> None:
        """Learn what waits, arm by arm."""
        waiting, self._waiting = self._waiting, []
        by_arm: dict[str, list[_Outcome]] = {}
        for outcome in waiting:
            by_arm.setdefault(outcome[0], []).append(outcome)
        evidence = sum([self._learn(arm, outcomes) for arm, outcomes in by_arm.items()])
        self._believe(gate.moved(self.log_odds, evidence))

    def _believe(self, log_odds: float) -> None:
        self.log_odds = log_odds
        self.trust = gate.trust(log_odds)
        self._at_once, self.wanted = 1, 1.0
        if log_odds < _UNLIKELY_BELOW:
            self._at_once = _AT_ONCE
            if log_odds < _HOPELESS_BELOW and self._rests.outcomes > _LATER * self._encoder.dimensions:
                self.wanted = _WANTED_LATER

    def _learn(self, arm: str, outcomes: Sequence[_Outcome]) -> float:
        """Learn outcomes of one arm; return the evidence for the context."""
        _, contexts, successes, rewards, standards, rates, shares = zip(*outcomes, strict=True)
        xs = self._encoder.encode_all(contexts)
        foretold, spreads = self._successes.learn(arm, xs, successes, shares)
        rests = [reward - success for success, reward in zip(successes, rewards, strict=True)]
        errors, factors = self._rests.learn(arm, xs, rests, shares)
        levels = self._levels.get(arm)
        if levels is None:
            levels = self._levels[arm] = OddsLevel(spreads[0]), Level(factors[0])
        level, rest_level = levels
        mean, evidence = level.mean + rest_level.mean, 0.0
        plain = self._plain.get(arm)
        if plain is None:
            plain = self._plain[arm] = Level(factors[0])
        for success, chance_of_it, reward, standard, rate, share, error in zip(
            successes, foretold, rewards, standards, rates, shares, errors, strict=True
        ):
            level.learn(success, share)
            rest_level.learn(reward - success, share)
            noise = gate.noise(rate, self._weights)
            if standard is None:
                evidence += share * gate.told_apart(reward - mean, success - chance_of_it + error, noise)
                plain.learn(reward - _EXPECTED, share)
            else:
                evidence += share * gate.worth_it(reward - standard, noise)
        return evidence
