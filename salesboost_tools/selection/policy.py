"""How to choose: what a policy is given and what it answers.

A policy is a frozen value with two pure functions. It keeps no state between calls: what has been learnt is in the
statistics it is given, so that any number of workers may share them, and so that the question "what would policy B have
done?" can be asked of a log. Write one like this, and have `tests/selection/policy_contract.py` judge it:

```python
class AtRandom:
    name = "at-random"
    version = "1"

    def choose(self, situation, rng):
        return draw(self.propensities(situation), rng)

    def propensities(self, situation):
        count = len(situation.arms)
        return (1 / count,) * count
```

A policy that needs the order of outcomes or their contexts is a `LearningPolicy`: it is given a memory as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final, Protocol, TypeGuard, runtime_checkable

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.statistics import ArmStatistics


@dataclass(slots=True)
class Situation:
    """One question to a policy. Never changed once made, so it stays valid as a record of what was known."""

    group: Final[str]
    arms: Final[tuple[str, ...]]
    """The arms that may be chosen now, at least one. Masked arms are not among them."""
    statistics: Final[tuple[ArmStatistics, ...]]
    """What is known of each of `arms`, in their order; fewer than sixteen successes of each may wait to be counted."""
    pending: Final[tuple[int, ...]]
    """Choices of each of `arms` made in this process whose feedback is still awaited."""
    context: Final[Mapping[str, Any] | None]
    """Whatever the caller knows of the call; None if nothing."""
    weights: Final[RewardWeights]
    """What the reward is made of."""
    now_s: Final[float]
    """Seconds on the selector's clock."""
    memory: Final[Any] = None
    """What `LearningPolicy.new_memory` returned for this group, since then taught every outcome. Unlike the rest it
    goes on learning. None for other policies, and where only statistics are known."""

    def with_memory(self, memory: Any) -> "Situation":
        """Return the same situation as a policy with this memory sees it."""
        return Situation(
            self.group, self.arms, self.statistics, self.pending, self.context, self.weights, self.now_s, memory
        )


@cache
def nothing_pending(arms: int) -> tuple[int, ...]:
    """Return `Situation.pending` of so many arms of which no outcome is awaited: the same object every time."""
    return (0,) * arms


@dataclass(slots=True)
class Choice:
    """A policy's answer. Never changed once made."""

    position: Final[int]
    """Which of `situation.arms`: its position there."""
    propensity: Final[float | None]
    """The probability, in (0, 1], with which this very arm is chosen in this situation.

    None if it costs too much to know right now: `Policy.propensities` says it, from the same situation.
    """
    note: Final[Any] = None
    """Anything the policy wants to be told again, by `Memory.learn`, when the outcome is known.

    The same policy in other workers is told of it too if JSON has words for it, and as JSON gives it back: a tuple as
    a list.
    """


class Policy(Protocol):
    """Chooses among the arms of a situation. Pure: equal situation and equal `rng` state, equal choice."""

    @property
    def name(self) -> str:
        """The policy's name, for logs: `epsilon-greedy`."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same situation may be answered differently, parameters included."""
        ...

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return the arm to use.

        Args:
            situation: What may be chosen and what is known.
            rng: The only source of randomness; nobody else draws from it during the call.
        """
        ...

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability with which `choose` picks each of `situation.arms`.

        In their order; each in [0, 1], their sum 1 within 1e-9. Need not be fast.
        """
        ...


Outcome = tuple[Mapping[str, Any] | None, bool, float, Any]
"""What came of a choice: what was known of the call, whether it did its job, the reward, and `Choice.note` if the
policy that learns made the choice, here or in another worker; None if another policy did."""


class Memory(Protocol):
    """What a learning policy keeps of one group in one process. Its owner lets one thread in at a time."""

    def learn(self, arm: str, known: ArmStatistics, outcomes: Sequence[Outcome], now_s: float) -> bool:
        """Learn from outcomes, whoever made the choices: this process, another worker, a fallback.

        Args:
            arm: The arm that was used.
            known: What is known of it now, these outcomes included.
            outcomes: In their order, at least one; more only if the latest answer for this arm was True.
            now_s: Seconds on the selector's clock.

        Returns:
            Whether the next successes of the arm may wait, to be told up to sixteen at once (`Tally`): they would
            hardly change a choice. What else becomes of the arm is told at once in any case, after what waits.
        """
        ...

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it: bounded by the number of arms, not of outcomes."""
        ...

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of: every later choice and lesson is the same. For a memory still empty.

        Raises:
            ConfigurationError: It is no such dump, or of other reward weights; the memory is still empty.
        """
        ...


@runtime_checkable
class LearningPolicy(Policy, Protocol):
    """A policy that needs more than sums: the order of outcomes, or their contexts.

    What it learns is in memories that its caller keeps and passes back in `Situation.memory`; the policy itself stays a
    frozen value. Where there is no memory it must do with the statistics.
    """

    def new_memory(self, weights: RewardWeights) -> Memory:
        """Return an empty memory for one group, for a reward made of `weights`."""
        ...


def draw(propensities: Sequence[float], rng: Random) -> Choice:
    """Return an arm drawn from `propensities`: then the logged propensity is exact, however they were computed.

    Args:
        propensities: Probabilities of the arms, at least one above 0; scaled here by their sum.
        rng: Gives one number.
    """
    total = sum(propensities)
    left = rng.random() * total
    last = 0
    for index, propensity in enumerate(propensities):
        if propensity > 0:
            last = index
            left -= propensity
            if left < 0:
                break
    return Choice(last, propensities[last] / total)


class LoggingPolicy(Policy, Protocol):
    """A policy with a way of its own to choose and say with which probabilities, at once."""

    def choose_for_log(self, situation: Situation, rng: Random) -> tuple[Choice, tuple[float, ...]]:
        """Return a choice drawn from the propensities, and these."""
        ...


def learns(policy: Policy) -> "TypeGuard[LearningPolicy]":
    """Return whether the policy has a memory; `isinstance` says the same and takes 20 us."""
    return hasattr(policy, "new_memory")


def _chooses_for_log(policy: Policy) -> TypeGuard[LoggingPolicy]:
    return hasattr(policy, "choose_for_log")


def choose_for_log(policy: Policy, situation: Situation, rng: Random) -> tuple[Choice, tuple[float, ...]]:
    """Return a choice drawn from the policy's propensities, and these: for logs that others are evaluated on.

    The probability that is logged is then the one with which the choice was made, whatever error the policy made in
    integrating it.
    """
    if _chooses_for_log(policy):
        return policy.choose_for_log(situation, rng)
    propensities = policy.propensities(situation)
    return draw(propensities, rng), propensities
