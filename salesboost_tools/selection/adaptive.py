"""The default: random bounds that notice outages, forget slowly and look at the context where that helps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.adaptive_memory import AdaptiveMemory
from salesboost_tools.selection.bounds import HEIGHTS, STEPS
from salesboost_tools.selection.cold_start import chances_in_turn, choose_in_turn
from salesboost_tools.selection.policy import Choice, Situation, draw

CURIOSITY = 0.02
"""Share of the choices for a context that goes to neglected arms, while there are any."""


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Chooses the arm with the highest bound `mean + (z / √s + √(2 q · ln n)) · deviation`, one random z ≥ 0 for all.

    Where `z` is small the best arm so far is used, where it is large one that could be better: like Thompson sampling,
    without the draws that only make a good arm look bad. With the number n of outcomes the bounds rise, those of arms
    hardly known most. An arm that was unlucky at first is thereby tried again sooner or later, where a `z` alone could
    leave it for good: some other arm may have the higher bound at every `z`. Each `z` is one of a table's (`bounds`).
    Besides:

    - An arm that used to work and fails now is believed to be ill, is left within a handful of calls and probed again,
      at first soon, then more and more rarely, and the more rarely the less there is to gain (`health`). What was known
      of it stays known.
    - At most about 500 outcomes are remembered of an arm, so that slow changes are followed.
    - Contexts are looked at once they have proved to foretell rewards, and as long as that pays (`gate`). Mean and
      width then come from a logistic model of success and a linear one of what else rewards are made of. One choice in
      fifty of these goes to arms of which little is known beside the others: to the models, an arm that was unlucky in
      its first calls may seem hopeless in contexts it has never met. A context that has not helped for long is learnt
      from every fourth outcome, until it begins to.
    - Successes of a healthy, well-known arm may wait to be learnt up to sixteen at once; a failure may not.
    - Awaited outcomes narrow the bounds as if they had come, so that late feedback spreads the choices. Before any
      outcome is known, the arms are asked in turn.

    It learns in a memory of its own beside the shared totals. Outcomes of other workers reach it through the totals.
    Propensities are exact up to rounding; ask for them before anything else is learnt.

    Source: Vaswani, Mehrabian, Durand & Kveton, "Old Dog Learns New Tricks: Randomized UCB for Bandit Problems",
    AISTATS (2020); Auer, Cesa-Bianchi & Fischer, "Finite-time Analysis of the Multiarmed Bandit Problem", Machine
    Learning 47 (2002); Mellor & Shapiro, "Thompson Sampling in Switching Environments with Bayesian Online Change
    Detection", AISTATS (2013).

    Args:
        sharpness: `s`: how much the random part of the bounds is narrowed, above 0; more explores less.
        persistence: `q`: how fast the bounds rise with what is known, 0 or more; 1 is UCB's rule, 0 never.
        context: Whether contexts are looked at, ever.

    Raises:
        ConfigurationError: `sharpness` or `persistence` is out of range.
    """

    sharpness: float = 20.0
    persistence: float = 0.1
    context: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.sharpness < math.inf:
            raise ConfigurationError(f"sharpness is a finite number above 0; got {self.sharpness!r}")
        if not 0 <= self.persistence < math.inf:
            raise ConfigurationError(f"persistence is a finite number, 0 or more; got {self.persistence!r}")

    @property
    def name(self) -> str:
        """`adaptive`."""
        return "adaptive"

    @property
    def version(self) -> str:
        """The rule's version and its arguments."""
        return f"8;sharpness={self.sharpness!r};persistence={self.persistence!r};context={self.context!r}"

    def new_memory(self, weights: RewardWeights) -> AdaptiveMemory:
        """Return an empty memory for one group."""
        return AdaptiveMemory(weights, self.sharpness, self.persistence, looks=self.context)

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return the arm with the highest bound."""
        if len(situation.arms) == 1:
            return Choice(0, 1.0)
        memory = situation.memory
        if memory is None:
            memory = self.new_memory(situation.weights)
        if (
            memory.sure_below >= 0
            and situation.statistics is memory.asked
            and situation.pending is memory.nothing_pending
            and situation.arms is memory.arms
        ):  # nothing has changed (`lines` would say so; on every choice, a call less)
            lines = memory.lined_up_lines
        else:
            lines = memory.lines(situation)
        if not memory.heard:
            return choose_in_turn(situation.pending, rng)
        note, lift = None, memory.lift
        if memory.trust and situation.context and rng.random() < memory.trust:
            neglected = memory.neglected(situation)
            if neglected and rng.random() < CURIOSITY:
                return Choice(neglected[int(rng.random() * len(neglected))], None)
            note, lift, lines = memory.standard(situation), memory.looked_lift, memory.looked_lines(situation)
        drawn = rng.random() * STEPS
        step = int(drawn)
        luck = drawn - step  # the whole part and the rest are independent
        if luck < memory.most_doubt:
            lines = memory.lines_if_ill(lines, HEIGHTS[step], luck, situation.now_s)
        elif step < memory.sure_below and lines is memory.lined_up_lines:
            return memory.leader
        height = HEIGHTS[step] + lift
        bounds = [mean + height * width for mean, width in lines]
        return Choice(bounds.index(max(bounds)), None, note)

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm, exactly, given what the memory holds now."""
        plain, informed, trust = self._ways(situation)
        return _mixed(plain, self._curious(informed, situation), trust)

    def choose_for_log(self, situation: Situation, rng: Random) -> tuple[Choice, tuple[float, ...]]:
        """Return a choice drawn from the propensities, and these."""
        plain, informed, trust = self._ways(situation)
        if not trust:
            return draw(plain, rng), plain
        memory = self._memory(situation)
        both = _mixed(plain, self._curious(informed, situation), trust)
        looks = rng.random() < trust
        neglected = memory.neglected(situation) if looks else ()
        if neglected and rng.random() < CURIOSITY:
            position = neglected[int(rng.random() * len(neglected))]
            return Choice(position, both[position]), both
        position = draw(informed if looks else plain, rng).position
        return Choice(position, both[position], memory.standard(situation) if looks else None), both

    def _ways(self, situation: Situation) -> tuple[tuple[float, ...], Sequence[float], float]:
        """Return the probabilities of the arms without the context, with it, and how often it is looked at."""
        if len(situation.arms) == 1:
            return (1.0,), (), 0.0
        memory = self._memory(situation)
        lines = memory.lines(situation)
        if not memory.heard:
            return chances_in_turn(situation.pending), (), 0.0
        plain = memory.chances(lines, memory.lift, situation.now_s)
        if not (memory.trust and situation.context):
            return plain, (), 0.0
        return plain, memory.chances(memory.looked_lines(situation), memory.looked_lift, situation.now_s), memory.trust

    def _curious(self, informed: Sequence[float], situation: Situation) -> Sequence[float]:
        """Return the probabilities of the arms in choices for the context, those for neglected arms included."""
        neglected = self._memory(situation).neglected(situation) if informed else ()
        if not neglected:
            return informed
        own = CURIOSITY / len(neglected)
        return [
            (1 - CURIOSITY) * chance + (own if position in neglected else 0.0)
            for position, chance in enumerate(informed)
        ]

    def _memory(self, situation: Situation) -> AdaptiveMemory:
        return situation.memory if situation.memory is not None else self.new_memory(situation.weights)


def _mixed(plain: Sequence[float], informed: Sequence[float], trust: float) -> tuple[float, ...]:
    if not trust:
        return tuple(plain)
    return tuple([trust * one + (1 - trust) * other for one, other in zip(informed, plain, strict=True)])
