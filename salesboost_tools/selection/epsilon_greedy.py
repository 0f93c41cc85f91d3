"""Mostly the best so far, now and then any: the simplest policy that keeps learning."""

from dataclasses import dataclass
from random import Random

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.policy import Choice, Situation
from salesboost_tools.selection.statistics import UNKNOWN, mean_rewards


@dataclass(frozen=True, slots=True)
class EpsilonGreedy:
    """Chooses any arm with probability epsilon, otherwise the arm with the best mean reward so far.

    Every arm gets at least epsilon / K of the choices for ever, so it finds out when a tool improves, and its regret
    grows linearly: epsilon times the mean gap per choice. An arm that nobody has tried is the favourite until it has
    been tried once; one that was tried and never answered for has no claim to a second free try. Equal favourites
    share. Propensities are exact.

    Source: Watkins, "Learning from Delayed Rewards" (1989), chapter 7; Sutton & Barto, "Reinforcement Learning"
    (2nd edition, 2018), sections 2.2 to 2.4.

    Args:
        epsilon: Share of choices made at random, in [0, 1].

    Raises:
        ConfigurationError: `epsilon` is out of range.
    """

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise ConfigurationError(
                f"epsilon is a share in [0, 1] (setting TOOL_BANDIT_EPSILON); got {self.epsilon!r}"
            )

    @property
    def name(self) -> str:
        """`epsilon-greedy`."""
        return "epsilon-greedy"

    @property
    def version(self) -> str:
        """The rule's version and epsilon."""
        return f"1;epsilon={self.epsilon!r}"

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return the arm to use, with its propensity."""
        favourites = favourites_of(situation)
        count = len(situation.arms)
        if rng.random() < self.epsilon:
            position = int(rng.random() * count)
        elif len(favourites) == 1:
            position = favourites[0]
        else:
            position = favourites[int(rng.random() * len(favourites))]
        propensity = self.epsilon / count
        if position in favourites:
            propensity += (1 - self.epsilon) / len(favourites)
        return Choice(position, propensity)

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm."""
        favourites = favourites_of(situation)
        count = len(situation.arms)
        greedy = (1 - self.epsilon) / len(favourites)
        return tuple(self.epsilon / count + (greedy if index in favourites else 0.0) for index in range(count))


def favourites_of(situation: Situation) -> list[int]:
    """Return the arms that a greedy choice falls on: never tried, else best mean reward, else (nothing known) all."""
    means = mean_rewards(situation.statistics, situation.weights)
    if UNKNOWN in means:
        pending = situation.pending
        untried = [index for index, mean in enumerate(means) if mean == UNKNOWN and not pending[index]]
        if untried:
            return untried
    best = max(means)
    if means.count(best) == 1:
        return [means.index(best)]
    return [index for index, mean in enumerate(means) if mean == best]
