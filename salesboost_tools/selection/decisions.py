"""Decisions that wait for their feedback: each may be answered once, late or never."""

import itertools
import math
import os
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.policy import Situation, nothing_pending


@dataclass(slots=True)
class Decision:
    """One choice, with everything needed to learn from it and to explain it afterwards. Never changed once made."""

    decision_id: Final[str]
    situation: Final[Situation]
    """Group, arms that were allowed, what was known of them, context, reward weights, time."""
    masked: Final[tuple[str, ...]]
    """Arms of the group that were not allowed at that moment."""
    chosen: Final[str]
    """The arm that serves the call."""
    propensity: Final[float | None]
    """Probability with which `chosen` was chosen: 1 if no policy decided, None if it is computed from `situation`."""
    suggested: Final[str | None]
    """What the policy says: `chosen` when it decides; None when it is switched off."""
    policy: Final[str]
    """Name and version of the policy that was asked."""
    note: Final[Any] = None
    """What the policy wants to be told again with the outcome; None if it did not decide."""
    propensities: Final[tuple[float, ...] | None] = None
    """Probability of each of `arms`, if the decision is logged; None if nobody asked."""
    stands_in: Final[bool] = False
    """Whether another arm has failed at the same call before."""

    @property
    def group(self) -> str:
        """The group that was chosen from."""
        return self.situation.group

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that were allowed."""
        return self.situation.arms

    @property
    def context(self) -> Mapping[str, Any] | None:
        """What the caller knew of the call."""
        return self.situation.context

    @property
    def at_s(self) -> float:
        """When it was made, in seconds on the selector's clock."""
        return self.situation.now_s


class DecisionLog:
    """Decisions whose feedback is awaited, bounded in number and in age. Guarded by its owner's lock, not by its own.

    A decision leaves when it is answered, when it is older than `max_age_s`, or when `max_pending` newer ones wait;
    after that nothing is kept of it, so a second feedback is an unknown one.

    Args:
        max_pending: Decisions kept at most, 1 or more.
        max_age_s: Seconds after which feedback comes too late, above 0.

    Raises:
        ConfigurationError: A bound is out of range.
    """

    def __init__(self, *, max_pending: int = 10_000, max_age_s: float = 3600.0) -> None:
        if not max_pending >= 1:
            raise ConfigurationError(f"max_pending is a number of decisions, 1 or more; got {max_pending!r}")
        if not max_age_s > 0:
            raise ConfigurationError(f"max_age_s is seconds, above 0; got {max_age_s!r}")
        self._max_pending = max_pending
        self._max_age_s = max_age_s
        self._decisions: dict[str, Decision] = {}  # in the order they were made
        # (An `OrderedDict` finds the oldest sooner, and costs each choice more than looking for it ever does.)
        self.unanswered: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """How many decisions wait, by group and arm; of arms with none there is no entry."""
        self._look_at_s = -math.inf  # no decision can be too old before then

    def __len__(self) -> int:
        return len(self._decisions)

    def add(self, decision: Decision) -> None:
        """Keep a decision until it is answered, and let go of those that are over a bound."""
        situation, chosen = decision.situation, decision.chosen
        counts = self.unanswered[situation.group]
        counts[chosen] = counts.get(chosen, 0) + 1
        self._decisions[decision.decision_id] = decision
        if situation.now_s > self._look_at_s or len(self._decisions) > self._max_pending:
            self._let_go(situation.now_s)

    def take(self, decision_id: str, now_s: float) -> Decision | None:
        """Return the decision and forget it; None if it is unknown, was answered before, or is too old."""
        decision = self._decisions.pop(decision_id, None)
        if decision is None:
            return None
        chosen, counts = decision.chosen, self.unanswered[decision.situation.group]
        left = counts[chosen] - 1
        if left:
            counts[chosen] = left
        else:
            del counts[chosen]
        return decision if now_s - decision.situation.now_s <= self._max_age_s else None

    def find(self, decision_id: str) -> Decision | None:
        """Return a decision whose feedback is awaited; None if there is none of that id."""
        return self._decisions.get(decision_id)

    def pending(self, group: str, arms: Sequence[str]) -> tuple[int, ...]:
        """Return how many unanswered choices there are of each of `arms`, in their order."""
        counts = self.unanswered.get(group)
        return tuple([counts.get(arm, 0) for arm in arms]) if counts else nothing_pending(len(arms))

    def _let_go(self, now_s: float) -> None:
        """Drop the oldest until both bounds hold, and note when the then oldest is to be looked at again."""
        decisions = self._decisions
        oldest = next(iter(decisions.values()))
        while len(decisions) > self._max_pending or now_s - oldest.situation.now_s > self._max_age_s:
            self.take(oldest.decision_id, now_s)
            oldest = next(iter(decisions.values()))  # the newest is within both bounds, so there is one
        self._look_at_s = oldest.situation.now_s + self._max_age_s


class _Ids:
    """Makes ids that no other worker makes: a random prefix of this process and a running number."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin a new series; a forked child must, or it would go on with its parent's."""
        self.prefix = secrets.token_hex(8)
        self.numbers = itertools.count(1)

    def next(self) -> str:
        return f"{self.prefix}-{next(self.numbers)}"


_ids = _Ids()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.renew)

new_decision_id = _ids.next
"""Return an id never given before, in this or any other process: 64 random bits and a running number."""
