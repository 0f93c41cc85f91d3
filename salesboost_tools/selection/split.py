"""An A/B test: a fixed share of choices is made by a second policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.bounded import Forgetful
from salesboost_tools.selection.policy import (
    Choice,
    Memory,
    Outcome,
    Policy,
    Situation,
    choose_for_log,
    learns,
)
from salesboost_tools.selection.statistics import ArmStatistics


class SideNote(NamedTuple):
    """The note on a choice made in an A/B test."""

    side: str
    """Who chose: "A" or "B"."""
    note: Any
    """What the policy that chose wants to be told again."""


@dataclass(slots=True)
class SplitMemory:
    """What both policies remember. Both learn from every outcome; each is told of its own notes only."""

    first: Memory
    second: Memory

    def learn(self, arm: str, known: ArmStatistics, outcomes: Sequence[Outcome], now_s: float) -> bool:
        """Learn from outcomes; the next may wait if both say so."""
        first = self.first.learn(arm, known, _as_seen_by("A", outcomes), now_s)
        second = self.second.learn(arm, known, _as_seen_by("B", outcomes), now_s)
        return first and second

    def dump(self) -> dict[str, Any]:
        """Return what both have learnt, as `json.dumps` takes it."""
        return {"A": self.first.dump(), "B": self.second.dump()}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of.

        Raises:
            ConfigurationError: It is no such dump.
        """
        if not {"A", "B"} <= dumped.keys():
            raise ConfigurationError("no dump of two memories; start with empty ones")
        self.first.load(dumped["A"])
        self.second.load(dumped["B"])


def _as_seen_by(side: str, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return outcomes with the notes of one side alone."""
    seen: list[Outcome] = []
    for context, success, reward, note in outcomes:
        chooser, its_note = note or (None, None)  # another worker's is a list
        seen.append((context, success, reward, its_note if chooser == side else None))
    return seen


@dataclass(frozen=True, slots=True)
class Split:
    """Lets policy `first` choose, and `second` in a fixed share of choices, drawn anew each time.

    Logs say who chose (`LoggedDecision.side`); `evaluation.compare_sides` says who did better. Propensities are those
    of both together, so the log is evidence for other policies as well.

    Args:
        first: Policy A.
        second: Policy B.
        share: How often B chooses, in [0, 1].

    Raises:
        ConfigurationError: `share` is out of range.
    """

    first: Policy
    second: Policy
    share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ConfigurationError(f"share is a number in [0, 1]; got {self.share!r}")

    @property
    def name(self) -> str:
        """`split`."""
        return "split"

    @property
    def version(self) -> str:
        """The share and both policies."""
        first, second = (f"{each.name}@{each.version}" for each in (self.first, self.second))
        return f"1;A={first};B={second};share={self.share!r}"

    def new_memory(self, weights: RewardWeights) -> SplitMemory:
        """Return empty memories of both for one group."""
        return SplitMemory(*[_memory(policy, weights) for policy in (self.first, self.second)])

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return what the policy chooses whose turn it is."""
        second = rng.random() < self.share
        choice = (self.second if second else self.first).choose(self._seen_by(situation, second=second), rng)
        return Choice(choice.position, None, SideNote("B" if second else "A", choice.note))

    def choose_for_log(self, situation: Situation, rng: Random) -> tuple[Choice, tuple[float, ...]]:
        """Return a choice of the policy whose turn it is, and the probabilities of both together."""
        second = rng.random() < self.share
        policy, other = (self.second, self.first) if second else (self.first, self.second)
        choice, mine = choose_for_log(policy, self._seen_by(situation, second=second), rng)
        theirs = other.propensities(self._seen_by(situation, second=not second))
        both = self._mixed(theirs, mine) if second else self._mixed(mine, theirs)
        return Choice(choice.position, both[choice.position], SideNote("B" if second else "A", choice.note)), both

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm."""
        return self._mixed(
            self.first.propensities(self._seen_by(situation, second=False)),
            self.second.propensities(self._seen_by(situation, second=True)),
        )

    def _mixed(self, first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
        share = self.share
        return tuple([(1 - share) * one + share * other for one, other in zip(first, second, strict=True)])

    def _seen_by(self, situation: Situation, *, second: bool) -> Situation:
        memory: SplitMemory | None = situation.memory
        policy = self.second if second else self.first
        if memory is None or not learns(policy):
            return situation.with_memory(None)
        return situation.with_memory(memory.second if second else memory.first)


def _memory(policy: Policy, weights: RewardWeights) -> Memory:
    return policy.new_memory(weights) if learns(policy) else Forgetful()
