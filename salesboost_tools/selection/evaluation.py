"""From a decision log to a verdict: what would this policy have earned, and which of two did better? Needs numpy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import DEFAULT_WEIGHTS, RewardWeights, reward
from salesboost_tools.selection.decision_log import LoggedDecision, read_log
from salesboost_tools.selection.named_policies import policy_named
from salesboost_tools.selection.off_policy import (
    Estimate,
    Evaluation,
    Evidence,
    TooLittleOverlapError,
    difference_of_means,
    evaluate,
    mean_of,
    rows_of,
)
from salesboost_tools.selection.policy import LearningPolicy, Policy, Situation
from salesboost_tools.selection.reward_model import foretell
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics, statistics_of


def evidence_for(
    policy: Policy, decisions: Iterable[LoggedDecision], *, weights: RewardWeights = DEFAULT_WEIGHTS
) -> Evidence:
    """Return the log as evidence for a policy that learns along with it.

    At every decision the policy is asked for its probabilities, knowing the decisions before it and their outcomes;
    then it is told of this one. It learns from what was logged, not from what it would have chosen itself, so a
    policy that would have explored other tools is judged by what this log could teach it.

    Args:
        policy: The policy in question.
        decisions: From `read_log`, of one group, oldest first. Those that no policy made are learnt from, not
            counted, and so are stand-ins for what failed: how often it comes to them is the logged policy's doing.
        weights: What the reward is to be made of, whatever it was made of when it was logged.

    Raises:
        ConfigurationError: There are decisions of several groups, or fewer than two that a policy made.
    """
    known: dict[str, ArmStatistics] = {}
    memory = policy.new_memory(weights) if isinstance(policy, LearningPolicy) else None
    rows: list[list[float]] = []
    logged: list[list[float]] = []
    kept: list[LoggedDecision] = []
    rewards: list[float] = []
    places: dict[str, int] = {}
    groups: set[str] = set()
    total = 0
    for decision in decisions:
        total += 1
        groups.add(decision.group)
        if len(groups) > 1:
            raise ConfigurationError(f"evaluate one group at a time; the log holds {sorted(groups)}")
        arms, chosen = decision.arms, decision.chosen
        worth = reward_of(decision, weights)
        if decision.propensities is not None and not decision.stands_in:
            situation = Situation(
                decision.group,
                arms,
                tuple([known.get(arm, NOTHING) for arm in arms]),
                (0,) * len(arms),
                decision.context,
                weights,
                decision.at_s,
                memory,
            )
            row = dict(zip(arms, policy.propensities(situation), strict=True))
            served = dict(zip(arms, decision.propensities, strict=True))
            for arm in arms:
                places.setdefault(arm, len(places))
            rows.append([row.get(arm, 0.0) for arm in places])
            logged.append([served.get(arm, 0.0) for arm in places])
            kept.append(decision)
            rewards.append(worth)
        outcome = statistics_of(
            decision.success, decision.latency_s, weights.latency_cap_s, quality=decision.quality, cost=decision.cost
        )
        known[chosen] = known.get(chosen, NOTHING).plus(outcome)
        if memory is not None:
            memory.learn(chosen, known[chosen], [(decision.context, decision.success, worth, None)], decision.at_s)
    if len(kept) < 2:
        raise ConfigurationError(
            f"of {total} decisions in the log fewer than two were made by a policy. Where the first available tool "
            "always serves, nothing tells what another one earns: let a policy make some of the choices (an A/B test)"
        )
    earned, positions = np.array(rewards), np.array([places[decision.chosen] for decision in kept])
    return Evidence(
        rewards=earned,
        propensities=np.array([decision.propensity for decision in kept], dtype=np.float64),
        chosen=positions,
        target=rows_of(rows, len(places)),
        logged=rows_of(logged, len(places)),
        model=foretell([decision.context for decision in kept], positions, earned, len(places)),
    )


def evaluate_policy(
    policy: Policy, decisions: Iterable[LoggedDecision], *, weights: RewardWeights = DEFAULT_WEIGHTS, seed: int = 0
) -> Evaluation:
    """Return what a policy would have earned on a log; see `evidence_for` and `evaluate`.

    Raises:
        ConfigurationError: The log is of several groups or too short.
        TooLittleOverlapError: The policy chooses what the log hardly holds.
    """
    return evaluate(evidence_for(policy, decisions, weights=weights), seed=seed)


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """What a policy would have earned on a log, by group; of a group without an answer, why there is none."""

    policy: str
    """Name and version."""
    by_group: Mapping[str, Evaluation | TooLittleOverlapError | ConfigurationError]

    def text(self) -> str:
        """Return the verdict for people, a paragraph per group."""
        return "\n\n".join(f"{group}, {self.policy}:\n{_in_words(found)}" for group, found in self.by_group.items())


def evaluate_log(
    path: Path | str, policy_name: str, *, weights: RewardWeights = DEFAULT_WEIGHTS, seed: int = 0
) -> LogVerdict:
    """Return what a policy would have earned on every group of a log file.

    Args:
        path: A file of `JsonlLog`'s.
        policy_name: See `policy_named`.
        weights: What the reward is to be made of.
        seed: Of the resampling.

    Raises:
        ConfigurationError: The policy is unknown, or the file is missing, empty or no log.
    """
    return evaluate_decisions(policy_named(policy_name), decisions_by_group(path), weights=weights, seed=seed)


def evaluate_decisions(
    policy: Policy,
    by_group: Mapping[str, Iterable[LoggedDecision]],
    *,
    weights: RewardWeights = DEFAULT_WEIGHTS,
    seed: int = 0,
) -> LogVerdict:
    """Return what a policy would have earned on every group of a log.

    Args:
        policy: The policy in question.
        by_group: See `decisions_by_group`.
        weights: What the reward is to be made of.
        seed: Of the resampling.
    """
    found: dict[str, Evaluation | TooLittleOverlapError | ConfigurationError] = {}
    for group, decisions in by_group.items():
        try:
            found[group] = evaluate_policy(policy, decisions, weights=weights, seed=seed)
        except (TooLittleOverlapError, ConfigurationError) as refusal:
            found[group] = refusal
    return LogVerdict(f"{policy.name}@{policy.version}", found)


def decisions_by_group(path: Path | str) -> dict[str, list[LoggedDecision]]:
    """Return the decisions of a log file by group, oldest first.

    Raises:
        ConfigurationError: The file is missing, empty or no log.
    """
    by_group: dict[str, list[LoggedDecision]] = {}
    for decision in read_log(path):
        by_group.setdefault(decision.group, []).append(decision)
    if not by_group:
        raise ConfigurationError(f"{path} holds no decisions; a selector writes them with `log=JsonlLog(path)`")
    return by_group


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """How the two policies of an A/B test did: mean rewards per decision."""

    decisions: tuple[int, int]
    """Of A and of B."""
    first: Estimate
    second: Estimate
    gain: Estimate
    """What B earned more than A."""


def compare_sides(
    decisions: Iterable[LoggedDecision], *, weights: RewardWeights = DEFAULT_WEIGHTS, seed: int = 0
) -> SideBySide:
    """Return how the policies of a `Split` did, each on the choices it made itself; a stand-in is nobody's merit.

    Raises:
        ConfigurationError: One of them made fewer than two choices.
    """
    earned: dict[str | None, list[float]] = {"A": [], "B": [], None: []}
    for decision in decisions:
        if not decision.stands_in:
            earned[decision.side].append(reward_of(decision, weights))
    first, second = np.array(earned["A"]), np.array(earned["B"])
    if min(len(first), len(second)) < 2:
        raise ConfigurationError(
            f"an A/B test needs two choices of each side; the log holds {len(first)} of A and {len(second)} of B"
        )
    return SideBySide(
        decisions=(len(first), len(second)),
        first=mean_of(first, seed=seed),
        second=mean_of(second, seed=seed),
        gain=difference_of_means(second, first, seed=seed),
    )


def reward_of(decision: LoggedDecision, weights: RewardWeights) -> float:
    """Return what a logged outcome is worth under some weights."""
    return reward(decision.success, decision.latency_s, weights, quality=decision.quality, cost=decision.cost)


def _in_words(found: Evaluation | TooLittleOverlapError | ConfigurationError) -> str:
    if not isinstance(found, Evaluation):
        return f"  no answer: {found}"
    lines = [
        f"  the logged policy earned {found.logged:.4f} per decision, over {found.decisions} decisions",
        f"  worth {found.effective_sample_size:.0f} of this policy's own (effective sample size)",
        f"  IPS    {_shown(found.ips)}",
        f"  SNIPS  {_shown(found.snips)}",
    ]
    best = found.snips if found.dr is None else found.dr
    if found.dr is not None:
        lines.append(f"  DR     {_shown(found.dr)}")
    if best.low > found.logged:
        lines.append("  It would have earned more.")
    elif best.high < found.logged:
        lines.append("  It would have earned less.")
    else:
        lines.append("  This log cannot tell whether it would have earned more or less.")
    return "\n".join(lines)


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.4f}  (95 % interval {estimate.low:.4f} to {estimate.high:.4f})"
