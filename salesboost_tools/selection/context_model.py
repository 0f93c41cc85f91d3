"""What the adaptive policy knows of contexts: a linear model per arm, and how far it is to be trusted. Needs numpy."""

import math
from collections.abc import Mapping
from typing import Any

from salesboost_tools.selection import gate
from salesboost_tools.selection.encoder import Encoder
from salesboost_tools.selection.ridge import Level, Ridges, log_evidence

_STIFFNESS = 3.0
_STIFFNESS_PER_FEATURE = 0.15
"""Prior precision of the weights: for long contexts in proportion to their length, so that all features together can
be expected to move the reward no further than a few can."""

_EXPECTED = 0.5
"""Reward that an untried arm is expected to earn in any context: models foretell what is above or below it."""

_SHARPNESS = 12.0
"""How many times each outcome counts for the width of the bound. The bound need not be a safe one: an arm whose
context is met again is corrected, and the choices made without context explore besides."""

_WATCHED_ONE_IN = 8
_WATCHED_BELOW = -3.0
_WATCHED_FIRST = 1000
"""Once so many outcomes were seen, and while the log odds are this low, only one in so many is learnt with its context:
watching costs time."""


class ContextModel:
    """Guarded by its owner's lock.

    Args:
        features: How many a context has, roughly.

    Attributes:
        log_odds: Log odds that the context helps.
        trust: The same as a probability: how often the context is to be looked at.
    """

    __slots__ = ("_encoder", "_levels", "_ridges", "_turn", "log_odds", "trust")

    def __init__(self, features: int) -> None:
        self._encoder = Encoder()
        self._ridges = Ridges(max(_STIFFNESS, _STIFFNESS_PER_FEATURE * features))
        self._levels: dict[str, Level] = {}
        self._turn = 0
        self.log_odds = gate.PRIOR_LOG_ODDS
        self.trust = gate.probability(self.log_odds)

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        return {
            "stiffness": self._ridges.stiffness,
            "ridges": self._ridges.dump(),
            "encoder": self._encoder.dump(),
            "levels": {arm: level.dump() for arm, level in self._levels.items()},
            "turn": self._turn,
            "log_odds": self.log_odds,
        }

    @classmethod
    def loaded(cls, dumped: Mapping[str, Any]) -> "ContextModel":
        """Return what `dump` was taken of. Raises KeyError, TypeError or ValueError if it is no such dump."""
        model = cls(0)
        model._encoder.load(dumped["encoder"])
        model._ridges = Ridges(float(dumped["stiffness"]))
        model._ridges.load(dumped["ridges"])
        for arm, level in dumped["levels"].items():
            model._levels[str(arm)] = Level(1.0)
            model._levels[str(arm)].load(level)
        model._turn = int(dumped["turn"])
        model.log_odds = float(dumped["log_odds"])
        model.trust = gate.probability(model.log_odds)
        return model

    def outlook(self, arms: tuple[str, ...], context: Mapping[str, Any]) -> tuple[list[float], list[float]]:
        """Return mean and deviation of the reward to expect of each arm in this context."""
        means, factors = self._ridges.predict(arms, self._encoder.encode(context))
        noise = self._ridges.noise(arms)
        widths = [
            math.sqrt(max(factor, 0.0) * variance / _SHARPNESS)
            for factor, variance in zip(factors.tolist(), noise, strict=True)
        ]
        return (means + _EXPECTED).tolist(), widths

    def learn(self, arm: str, context: Mapping[str, Any], reward: float, *, share: float, looked: bool) -> None:
        """Learn from an outcome, and from how well it was foretold with the context and without.

        Args:
            arm: The arm that was used.
            context: The context it was used in.
            reward: What came of it.
            share: Probability that the arm was healthy.
            looked: Whether the arm was chosen for the context. Such an outcome is no evidence: the context has seen to
                it that the arm succeeds, and the rival foretells successes from then on just as well.
        """
        self._turn += 1
        if self.log_odds <= _WATCHED_BELOW and self._turn > _WATCHED_FIRST and self._turn % _WATCHED_ONE_IN:
            return
        reward -= _EXPECTED
        error, factor, noise = self._ridges.learn(arm, self._encoder.encode(context, learn=True), reward, share)
        level = self._levels.get(arm)
        if level is None:
            level = self._levels[arm] = Level(factor)
        plain_error, plain_factor = level.predict(reward)
        level.learn(reward, share)
        if not looked:
            noise = max(noise, gate.LEAST_NOISE)
            evidence = log_evidence(error, factor, noise) - log_evidence(plain_error, plain_factor, noise)
            self.log_odds = gate.moved(self.log_odds, share * evidence)
            self.trust = gate.probability(self.log_odds)
