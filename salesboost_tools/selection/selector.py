"""Choose one of several equal tools, and learn from what comes of it."""

import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any, Literal, TypeVar, cast, get_args, overload

from langchain_core.tools import BaseTool

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import DEFAULT_WEIGHTS, RewardWeights, reward
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.arms import ArmStore, MemoryArms
from salesboost_tools.selection.candidates import Candidates, mask
from salesboost_tools.selection.decision_log import DecisionSink, JsonlLog
from salesboost_tools.selection.decisions import Decision, DecisionLog, new_decision_id
from salesboost_tools.selection.explain import doubts_in
from salesboost_tools.selection.feedback import refuse_wrong_numbers, says_something
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.guardrail import Guardrail, GuardrailWatch
from salesboost_tools.selection.learnt_together import LearntTogether, Memories
from salesboost_tools.selection.observers import Observers, SelectionMetrics
from salesboost_tools.selection.policy import Policy, Situation, choose_for_log, nothing_pending
from salesboost_tools.selection.priors import ArmsWithPriors, Prior
from salesboost_tools.selection.report import ArmReport, Outlook, report
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.selection.statistics import UNKNOWN, mean_rewards
from salesboost_tools.selection.tally import Tally
from salesboost_tools.selection.transfer import add_arms, arms_in, export_arms
from salesboost_tools.state.protocols import State

Mode = Literal["active", "shadow", "off"]
"""Who chooses: the policy; nobody, but the policy is asked and its answer kept; nobody."""

Member = TypeVar("Member", bound=BaseTool | str)
Mask = Iterable[BaseTool | str] | None
Context = Mapping[str, Any] | None

_logger = logging.getLogger(__name__)


class ToolSelector:
    """Chooses among equal tools and learns from feedback. One object serves all threads and tasks.

    Everything learnt is counted exactly once: a second feedback, one for an unknown id, or one later than
    `max_age_s`, changes nothing. A choice nobody ever answers for is forgotten after that time.

    Args:
        policy: How to choose; None for `Adaptive`.
        state: Where statistics are kept: a `State` to learn together with every worker that has the same one, or a
            store; None for this process's memory.
        seed: Makes the choices repeatable for equal questions and feedback in equal order; None for chance.
        clock: Returns seconds; None for the time since the epoch, since statistics and logs outlive a process.
        mode: "active": the policy chooses. "shadow": the first available tool serves; what the policy would have
            chosen is kept with the decision and logged. "off": the first available tool serves and the policy is not
            asked. Feedback is counted in every mode, so switching on later starts with what is known.
        weights: What the reward is made of. All but the latency cap may change without relearning.
        max_pending: Decisions that may wait for feedback at once; beyond that the oldest are forgotten.
        max_age_s: Seconds after which feedback comes too late.
        log: Is given every answered decision, with the probability of each arm; then a choice costs a few more
            microseconds. None logs nothing.
        guardrail: When the default tool takes over; None for never.
        priors: What to believe of tools before they are tried, by name. Statistics are told without them.
        metrics: Is told of every choice and reward; None tells nobody.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        state: ArmStore | State | None = None,
        seed: int | None = None,
        clock: Clock | None = None,
        mode: Mode = "active",
        weights: RewardWeights = DEFAULT_WEIGHTS,
        max_pending: int = 10_000,
        max_age_s: float = 3600.0,
        log: DecisionSink | None = None,
        guardrail: Guardrail | None = None,
        priors: Mapping[str, Prior] | None = None,
        metrics: SelectionMetrics | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise ConfigurationError(f"mode is one of {list(get_args(Mode))}; got {mode!r}")
        self._policy: Policy = Adaptive() if policy is None else policy
        self._memories = Memories(self._policy, weights)
        self._policy_version = f"{self._policy.name}@{self._policy.version}"
        self._store: ArmStore = _store_in(state)
        """What happened."""
        self._arms: ArmStore = ArmsWithPriors(self._store, priors, weights.latency_cap_s) if priors else self._store
        """What is believed."""
        # A stream of its own: a simulation that draws its outcomes from `Random(seed)` would else be an oracle.
        self._rng = Random(None if seed is None else f"selector {seed}")  # noqa: S311  (chance, not secrets)
        self._tally = Tally(self._arms, self._memories, weights, may_wait=state is None)
        self._clock: Clock = time.time if clock is None else clock
        self._mode: Mode = mode
        self._weights = weights
        self._decisions = DecisionLog(max_pending=max_pending, max_age_s=max_age_s)
        self._log = log
        self._watch = None if guardrail is None else GuardrailWatch(guardrail)
        self._observers = Observers(metrics, log, self._watch)
        self._is_observed = mode == "shadow" or not (log is None and guardrail is None and metrics is None)
        self._candidates = Candidates()
        self._lock = threading.Lock()
        if isinstance(self._store, SharedArms):
            self._store.follow(LearntTogether(self._memories, self._arms, weights, self._clock, self._lock))

    @property
    def policy_version(self) -> str:
        """Name and version of the policy: `adaptive@7`."""
        return self._policy_version

    @property
    def observer_failures(self) -> int:
        """How often metrics, the log or who is told of the guardrail failed."""
        return self._observers.failures

    @overload
    def select_tool(
        self, tool_group: ToolGroup | str, context: Context = None, *, available: Mask = None, stands_in: bool = False
    ) -> tuple[BaseTool, str]: ...
    @overload
    def select_tool(
        self, tool_group: Sequence[Member], context: Context = None, *, available: Mask = None, stands_in: bool = False
    ) -> tuple[Member, str]: ...

    def select_tool(
        self,
        tool_group: ToolGroup | str | Sequence[Any],
        context: Context = None,
        *,
        available: Mask = None,
        stands_in: bool = False,
    ) -> tuple[Any, str]:
        """Return the tool to use and the id under which its outcome is to be reported.

        Where the policy may not decide (by mode, or in a group that is not explored) the first available tool serves.

        Args:
            tool_group: A group, the name of one used before, or a sequence of tools or of names. Of a sequence the
                chosen element is returned; a sequence with tools is explored only if all their specs say READ.
            context: What is known of the call, for policies that look at it.
            available: The tools, or their names, that may serve now; None for all. Strangers to the group mean nothing.
            stands_in: Another tool has failed at this very call. The outcome is learnt from like any other; it is no
                evidence for what a policy would have earned, since with a better first choice it would not have come
                to it.

        Raises:
            ConfigurationError: The group is unknown or empty, or a name stands in the sequence twice.
            ToolCallError: No tool of the group is available.
        """
        group = self._candidates.of(tool_group)
        arms, masked = (group.names, ()) if available is None else mask(group, available)
        known_context = None if context is None else dict(context)
        decision_id = new_decision_id()
        chosen, propensity, suggested, note, propensities = arms[0], 1.0, None, None, None
        self._lock.acquire()  # (`with` takes twice as long)
        try:
            name = group.name
            now_s, decisions = self._clock(), self._decisions
            situation = Situation(
                name,
                arms,
                self._arms.read(name, arms),
                decisions.pending(name, arms) if decisions.unanswered.get(name) else nothing_pending(len(arms)),
                known_context,
                self._weights,
                now_s,
                self._memories.of(name),
            )
            if self._mode != "off" and not (self._watch is not None and self._watch.engaged(name, now_s)):
                decides = group.explore and self._mode == "active"
                if self._log is None:
                    choice = self._policy.choose(situation, self._rng)
                else:
                    choice, chances = choose_for_log(self._policy, situation, self._rng)
                    propensities = chances if decides else None
                suggested = arms[choice.position]
                if decides:
                    chosen, propensity, note = suggested, choice.propensity, choice.note
            decision = Decision(
                decision_id,
                situation,
                masked,
                chosen,
                propensity,
                suggested,
                self._policy_version,
                note,
                propensities,
                stands_in,
            )
            decisions.add(decision)
        finally:
            self._lock.release()
        if self._is_observed:
            if self._mode == "shadow":
                _logger.info("`%s` serves %s; %s would choose `%s`", chosen, name, self._policy_version, suggested)
            self._observers.tell_choice(decision)
        return group.variants[group.names.index(chosen)], decision_id

    def record_feedback(
        self,
        decision_id: str,
        success: bool,  # noqa: FBT001  (the second of three plain words, as `record_feedback(id, True, 120)`)
        latency_ms: float,
        *,
        quality: float | None = None,
        cost: float | None = None,
        error: BaseException | str | None = None,
    ) -> bool:
        """Count the outcome of a decision, once.

        Args:
            decision_id: What `select_tool` returned.
            success: Whether the tool did its job.
            latency_ms: Milliseconds the call took, retries included; 0 or more.
            quality: How good the answer was, in [0, 1]: a rating, a judge, a retrieval score. None if nobody said.
            cost: What the call cost, 0 or more; None if unknown.
            error: What went wrong. Refusals, mistakes of the caller, interrupts and cancellations end the decision
                and teach nothing. Of an exception only the type is kept; of a text, the text.

        Returns:
            True if the outcome was counted. False if the decision is unknown, already answered or too old, or if the
            error says nothing about the tool.

        Raises:
            ConfigurationError: A number is out of range; the decision still waits for its feedback.
            StateUnavailableError: A shared state failed; the outcome is lost rather than counted twice.
        """
        if not (0 <= latency_ms < math.inf and quality is None and cost is None):
            refuse_wrong_numbers(latency_ms, quality, cost)
        self._lock.acquire()
        try:
            now_s = self._clock()
            decision = self._decisions.take(decision_id, now_s)
            if decision is None or not (error is None or says_something(error)):
                return False
            latency_s = latency_ms / 1000
            self._tally.count(decision, success, latency_s, quality, cost, error, now_s)
            if self._watch is not None and decision.suggested == decision.chosen:
                self._watch.count(decision.group, success=success, now_s=now_s)
        finally:
            self._lock.release()
        if self._is_observed:
            worth = reward(success, latency_s, self._weights, quality=quality, cost=cost)
            self._observers.tell_outcome(decision, success, latency_s, worth, quality=quality, cost=cost)
        return True

    @overload
    def get_best_tool(self, tool_group: ToolGroup | str) -> BaseTool | None: ...
    @overload
    def get_best_tool(self, tool_group: Sequence[Member]) -> Member | None: ...

    def get_best_tool(self, tool_group: ToolGroup | str | Sequence[Any]) -> Any:
        """Return the tool with the best mean reward so far; of equals the first; None if no outcome is known.

        Availability plays no part, and neither does how often a tool was tried.

        Raises:
            ConfigurationError: The group is unknown or empty, or a name stands in the sequence twice.
        """
        group = self._candidates.of(tool_group)
        with self._lock:
            self._tally.count_waiting()
            means = mean_rewards(self._store.read(group.name, group.names), self._weights)
        best = max(means)
        return None if best == UNKNOWN else group.variants[means.index(best)]

    def get_statistics(self) -> dict[str, dict[str, ArmReport]]:
        """Return the figures by group and tool name; the tools of groups used here are listed even if untried."""
        names = {group.name: group.names for group in self._candidates.groups()}
        with self._lock:
            self._tally.count_waiting()
            records = self._store.records()
            return report(records, names, self._decisions.pending, self._weights, self._outlook)

    def _outlook(self, group: str, arms: Sequence[str]) -> Outlook:
        """Return how the policy sees a group now. The lock is held."""
        if self._mode == "off":
            return Outlook(decides=False)
        now_s, memory = self._clock(), self._memories.of(group)
        known, pending = self._arms.read(group, arms), self._decisions.pending(group, arms)
        situation = Situation(group, tuple(arms), known, pending, None, self._weights, now_s, memory)
        seen = {each.name: each.explore for each in self._candidates.groups()}
        return Outlook(
            decides=self._mode == "active" and seen.get(group, True),
            held=self._watch is not None and self._watch.until_s(group) is not None,
            chances=dict(zip(arms, self._policy.propensities(situation), strict=True)),
            doubts=doubts_in(memory, arms, now_s),
        )

    def find_decision(self, decision_id: str) -> Decision | None:
        """Return a decision that waits for its feedback; None if there is none of that id."""
        return self._decisions.find(decision_id)

    def export_learnt(self) -> dict[str, Any]:
        """Return everything learnt as JSON knows it: to take along, to look at, to begin with."""
        with self._lock:
            self._tally.count_waiting()
            return {**export_arms(self._store), "policy": self._memories.name, "learnt": self._memories.dump()}

    def import_learnt(self, exported: Mapping[str, Any]) -> None:
        """Begin with what another selector exported. What its policy remembered is taken over by an equal policy alone.

        Raises:
            ConfigurationError: It is no export, or would count twice since one of its tools is known here already.
                Nothing has been imported then.
        """
        with self._lock:
            arms = arms_in(exported, self._store)
            if exported.get("policy") == self._memories.name:
                self._memories.load(exported.get("learnt"))
            add_arms(self._store, arms)

    def close(self) -> None:
        """Tell the other workers what was learnt last, if there are any, and let go of the log's file."""
        if isinstance(self._log, JsonlLog):
            self._log.close()
        if isinstance(self._store, SharedArms):
            self._store.close()

    # Nothing is waited for, in memory or in shared state. The twins are there so that async callers need not ask, and
    # work on the very same state.

    @overload
    async def aselect_tool(
        self, tool_group: ToolGroup | str, context: Context = None, *, available: Mask = None, stands_in: bool = False
    ) -> tuple[BaseTool, str]: ...
    @overload
    async def aselect_tool(
        self, tool_group: Sequence[Member], context: Context = None, *, available: Mask = None, stands_in: bool = False
    ) -> tuple[Member, str]: ...

    async def aselect_tool(
        self,
        tool_group: ToolGroup | str | Sequence[Any],
        context: Context = None,
        *,
        available: Mask = None,
        stands_in: bool = False,
    ) -> tuple[Any, str]:
        """Do as `select_tool`."""
        return self.select_tool(tool_group, context, available=available, stands_in=stands_in)

    async def arecord_feedback(
        self,
        decision_id: str,
        success: bool,  # noqa: FBT001  (as `record_feedback`)
        latency_ms: float,
        *,
        quality: float | None = None,
        cost: float | None = None,
        error: BaseException | str | None = None,
    ) -> bool:
        """Do as `record_feedback`."""
        return self.record_feedback(decision_id, success, latency_ms, quality=quality, cost=cost, error=error)

    @overload
    async def aget_best_tool(self, tool_group: ToolGroup | str) -> BaseTool | None: ...
    @overload
    async def aget_best_tool(self, tool_group: Sequence[Member]) -> Member | None: ...

    async def aget_best_tool(self, tool_group: ToolGroup | str | Sequence[Any]) -> Any:
        """Do as `get_best_tool`."""
        return self.get_best_tool(tool_group)

    async def aget_statistics(self) -> dict[str, dict[str, ArmReport]]:
        """Do as `get_statistics`."""
        return self.get_statistics()


def _store_in(state: ArmStore | State | None) -> ArmStore:
    if state is None:
        return MemoryArms()
    ledger = getattr(state, "ledger", None)
    return cast("ArmStore", state) if ledger is None else SharedArms(ledger)
