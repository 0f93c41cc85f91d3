"""Where outcomes are counted: in the sums, and in what a policy remembers."""

from collections.abc import Mapping
from typing import Any, Final

from salesboost_tools.core.reward import RewardWeights, reward
from salesboost_tools.selection.arms import ArmStore, Note
from salesboost_tools.selection.decisions import Decision
from salesboost_tools.selection.feedback import name_of
from salesboost_tools.selection.learnt_together import Memories
from salesboost_tools.selection.statistics import statistics_of, statistics_of_successes

AT_ONCE: Final = 16
"""Successes of an arm that wait at most before they are counted together."""

_Success = tuple[float, Mapping[str, Any] | None, Any, float, float]
"""Seconds it took, context and note of the choice, when that was made, when its outcome was known."""


class Tally:
    """Counts each outcome once. Guarded by its owner's lock.

    A success that came without quality or cost may wait, up to sixteen of one arm, if the policy's memory says that
    it would hardly change a choice: counted together they cost a fraction. Whatever else becomes of the arm is counted
    at once, after what waits. Whoever reads the sums calls `count_waiting` before.

    Args:
        arms: Where the sums are, priors included.
        memories: What the policy remembers.
        weights: What rewards are made of.
        may_wait: Whether nobody else reads the sums.
    """

    def __init__(self, arms: ArmStore, memories: Memories, weights: RewardWeights, *, may_wait: bool) -> None:
        self._arms = arms
        self._memories = memories
        self._weights = weights
        self._may_wait = may_wait
        self._waiting: dict[tuple[str, str], list[_Success]] = {}  # of the arms whose successes may wait

    def count(  # noqa: PLR0917  (on every outcome: names take as long as the rest)
        self,
        decision: Decision,
        success: bool,  # noqa: FBT001  (as `ToolSelector.record_feedback`)
        latency_s: float,
        quality: float | None,
        cost: float | None,
        error: BaseException | str | None,
        now_s: float,
    ) -> None:
        """Count the outcome of a decision, now or a little later."""
        situation, arm = decision.situation, decision.chosen
        place = situation.group, arm
        waiting = self._waiting.get(place)
        if waiting is not None:
            if success and error is None and quality is None and cost is None:
                waiting.append((latency_s, situation.context, decision.note, situation.now_s, now_s))
                if len(waiting) >= AT_ONCE:
                    self._count_successes(place)
                return
            if waiting:
                self._count_successes(place)
        weights = self._weights
        known = self._arms.add(
            situation.group,
            arm,
            statistics_of(success, latency_s, weights.latency_cap_s, quality, cost),
            used_at_s=situation.now_s,
            error=None if error is None else name_of(error),
            heard_at_s=now_s,
            context=situation.context,
            note=None if decision.note is None else Note(self._memories.short_name, decision.note),
        )
        memory = situation.memory
        if memory is not None:
            worth = reward(success, latency_s, weights, quality=quality, cost=cost)
            waits = memory.learn(arm, known, [(situation.context, success, worth, decision.note)], now_s)
            self._let_wait(place, waits=waits)

    def count_waiting(self) -> None:
        """Count whatever waits."""
        for place in [place for place, waiting in self._waiting.items() if waiting]:
            self._count_successes(place)

    def _count_successes(self, place: tuple[str, str]) -> None:
        group, arm = place
        successes = self._waiting.pop(place)  # before anything can fail, or they might be counted twice
        latencies_s, _, _, used_s, heard_s = zip(*successes, strict=True)
        sums = statistics_of_successes(latencies_s, self._weights.latency_cap_s)
        known = self._arms.add(group, arm, sums, used_at_s=max(used_s), heard_at_s=heard_s[-1])
        outcomes = [
            (context, True, reward(success=True, latency_s=latency_s, weights=self._weights), note)
            for latency_s, context, note, _, _ in successes
        ]
        memory = self._memories.of(group)
        self._let_wait(place, waits=memory is not None and memory.learn(arm, known, outcomes, heard_s[-1]))

    def _let_wait(self, place: tuple[str, str], *, waits: bool) -> None:
        if waits and self._may_wait:
            self._waiting[place] = []
        else:
            self._waiting.pop(place, None)
