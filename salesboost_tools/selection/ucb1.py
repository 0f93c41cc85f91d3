"""The best that each arm could plausibly be: optimism shrinks with what is known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.policy import Choice, Situation
from salesboost_tools.selection.statistics import UNKNOWN, mean_rewards


@dataclass(frozen=True, slots=True)
class UCB1:
    """Chooses the arm with the highest upper confidence bound, `mean + c · span · sqrt(2 ln t / n)`.

    Each arm is tried once, then regret grows with ln t if the arms do not change. It chooses without chance, so off
    ties every propensity is 0 or 1 and its logs cannot be used to evaluate other policies. Awaited choices count in
    `t` and `n`, so that late feedback does not make it ask the same arm again and again; an arm that was asked and
    never answered counts as the worst possible.

    Source: Auer, Cesa-Bianchi & Fischer, "Finite-time Analysis of the Multiarmed Bandit Problem", Machine Learning 47
    (2002), figure 1; `span`, the width of the reward's range, stands in for their rewards in [0, 1].

    Args:
        exploration: The factor c, above 0; 1 is the paper's. Smaller is greedier: rewards of real tools vary less
            than the bound allows for.

    Raises:
        ConfigurationError: `exploration` is out of range.
    """

    exploration: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.exploration < math.inf:
            raise ConfigurationError(f"exploration is a finite number above 0; got {self.exploration!r}")

    @property
    def name(self) -> str:
        """`ucb1`."""
        return "ucb1"

    @property
    def version(self) -> str:
        """The rule's version and its factor."""
        return f"1;exploration={self.exploration!r}"

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return an arm with the highest bound."""
        best = _highest(self._bounds(situation))
        position = best[0] if len(best) == 1 else best[int(rng.random() * len(best))]
        return Choice(position, 1 / len(best))

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm: those with the highest bound share."""
        best = _highest(self._bounds(situation))
        return tuple(1 / len(best) if position in best else 0.0 for position in range(len(situation.arms)))

    def _bounds(self, situation: Situation) -> list[float]:
        weights = situation.weights
        worst = -weights.penalty
        asked = [known.pulls + waiting for known, waiting in zip(situation.statistics, situation.pending, strict=True)]
        width = self.exploration * (1 + weights.quality - worst) * math.sqrt(2 * math.log(max(sum(asked), 1)))
        return [
            (worst if mean == UNKNOWN else mean) + width / math.sqrt(count) if count else math.inf
            for mean, count in zip(mean_rewards(situation.statistics, weights), asked, strict=True)
        ]


def _highest(bounds: Sequence[float]) -> list[int]:
    best = max(bounds)
    return [position for position, bound in enumerate(bounds) if bound == best]
