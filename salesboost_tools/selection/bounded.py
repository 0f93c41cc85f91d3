"""Any policy within bounds: least and greatest shares per tool, and a greatest share of exploration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.policy import (
    Choice,
    Memory,
    Outcome,
    Policy,
    Situation,
    choose_for_log,
    draw,
    learns,
)
from salesboost_tools.selection.statistics import ArmStatistics, mean_rewards

_NEXT_TO_NOTHING = 1e-12
"""Added to every share, so that a tool that is not wanted at all can take what the others may not."""
_MOST_FACTOR = 4.0 / _NEXT_TO_NOTHING
_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Bounded:
    """Chooses as another policy does, but no tool less often than its floor or more often than its ceiling.

    A critical tool is never starved, an unwanted one never exceeds its share, and every choice but the best so far
    together no more than `most_exploration`. The choice is drawn from the bounded propensities, so these are exact.
    Costs what the propensities of the other policy cost, tens of microseconds.

    Where bounds contradict each other for the tools available now: floors are scaled down to sum to at most 1; a
    ceiling gives way where all other tools are at theirs.

    Args:
        policy: Who chooses within the bounds.
        least: Floors by tool, in [0, 1], together at most 1.
        most: Ceilings by tool, in [0, 1], none below its floor.
        most_exploration: Greatest probability, in [0, 1], of all tools but the one with the best mean reward so far.
            Floors take precedence. Before any outcome is known nothing is best, and the bound says nothing.

    Raises:
        ConfigurationError: A bound is out of range or contradicts another.
    """

    policy: Policy
    least: Mapping[str, float] = field(default_factory=dict[str, float])
    most: Mapping[str, float] = field(default_factory=dict[str, float])
    most_exploration: float = 1.0

    def __post_init__(self) -> None:
        for name, share in [*self.least.items(), *self.most.items(), ("most_exploration", self.most_exploration)]:
            if not 0 <= share <= 1:
                raise ConfigurationError(f"the share of `{name}` is a number in [0, 1]; got {share!r}")
        if sum(self.least.values()) > 1 + 1e-9:
            raise ConfigurationError(f"floors sum to at most 1; got {sum(self.least.values()):.3f}")
        crossed = sorted(name for name in self.least.keys() & self.most.keys() if self.least[name] > self.most[name])
        if crossed:
            raise ConfigurationError(f"a floor lies above the ceiling of {crossed}")

    @property
    def name(self) -> str:
        """`bounded-`, then the other policy's."""
        return f"bounded-{self.policy.name}"

    @property
    def version(self) -> str:
        """The bounds, then the other policy's."""
        bounds = f"least={dict(self.least)!r};most={dict(self.most)!r};exploration={self.most_exploration!r}"
        return f"1;{bounds};{self.policy.version}"

    def new_memory(self, weights: RewardWeights) -> Memory:
        """Return an empty memory of the other policy's."""
        return self.policy.new_memory(weights) if learns(self.policy) else Forgetful()

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return an arm drawn from the bounded propensities."""
        return self.choose_for_log(situation, rng)[0]

    def choose_for_log(self, situation: Situation, rng: Random) -> tuple[Choice, tuple[float, ...]]:
        """Return a choice drawn from the bounded propensities, and these.

        The other policy's choice stands wherever the bounds leave room for it, with its note; only the rest is drawn
        anew (a maximal coupling: Lindvall, "Lectures on the Coupling Method", 1992, section I.5).
        """
        wanted, free = choose_for_log(self.policy, self._inner(situation), rng)
        shares = self._within(free, situation)
        position = wanted.position
        if shares[position] < free[position] and rng.random() * free[position] >= shares[position]:
            missing = [max(share - other, 0.0) for share, other in zip(shares, free, strict=True)]
            return Choice((position := draw(missing, rng).position), shares[position]), shares
        return Choice(position, shares[position], wanted.note), shares

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm."""
        return self._within(self.policy.propensities(self._inner(situation)), situation)

    def _inner(self, situation: Situation) -> Situation:
        return situation if learns(self.policy) else situation.with_memory(None)

    def _within(self, free: Sequence[float], situation: Situation) -> tuple[float, ...]:
        if len(free) == 1:
            return (1.0,)
        shares = list(free)
        if self.most_exploration < 1:
            shares = _less_explored(shares, situation, self.most_exploration)
        floors = [self.least.get(arm, 0.0) for arm in situation.arms]
        ceilings = [self.most.get(arm, 1.0) for arm in situation.arms]
        return tuple(within(shares, floors, ceilings))


class Forgetful:
    """The memory of a policy that has none."""

    def learn(self, arm: str, known: ArmStatistics, outcomes: Sequence[Outcome], now_s: float) -> bool:  # noqa: ARG002
        """Forget them; none may wait, since the policy looks at the sums."""
        return False

    def dump(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Stay as it is."""


def _less_explored(shares: list[float], situation: Situation, most: float) -> list[float]:
    """Return the shares with all but the best so far scaled down to `most` together."""
    if not any(known.pulls for known in situation.statistics):
        return shares
    means = mean_rewards(situation.statistics, situation.weights)
    best = means.index(max(means))
    others = 1 - shares[best]
    if others <= most:
        return shares
    scaled = [share * most / others for share in shares]
    scaled[best] = 1 - most
    return scaled


def within(shares: list[float], floors: list[float], ceilings: list[float]) -> list[float]:
    """Return shares that sum to 1, within the bounds, and otherwise in proportion to `shares`.

    All are scaled by one factor and cut off at the bounds; the factor is found by bisection.

    Args:
        shares: Wanted, 0 or more, their sum 1.
        floors: Least shares; scaled down if they sum to more than 1.
        ceilings: Greatest shares, none below its floor; scaled up if they sum to less than 1.
    """
    if all(low <= share <= high for share, low, high in zip(shares, floors, ceilings, strict=True)):
        return shares
    if (together := sum(floors)) > 1:
        floors = [floor / together for floor in floors]
    if (room := sum(ceilings)) < 1:
        ceilings = [ceiling / room if room else 1 / len(ceilings) for ceiling in ceilings]
    wanted = [share + _NEXT_TO_NOTHING for share in shares]

    def cut(factor: float) -> list[float]:
        return [min(max(factor * share, low), high) for share, low, high in zip(wanted, floors, ceilings, strict=True)]

    too_small, too_large = 0.0, 1.0
    while sum(cut(too_large)) < 1 and too_large < _MOST_FACTOR:
        too_small, too_large = too_large, 4 * too_large
    for _ in range(_HALVINGS):
        middle = (too_small + too_large) / 2
        if sum(cut(middle)) < 1:
            too_small = middle
        else:
            too_large = middle
    result = cut(too_large)
    total = sum(result)
    return [share / total for share in result]
