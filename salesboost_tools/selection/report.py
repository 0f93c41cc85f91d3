"""What people are told about an arm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.arms import UNTRIED, ArmRecord
from salesboost_tools.selection.statistics import mean_rewards


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmReport:
    """One arm of one group in figures. Means are None as long as there is nothing to average."""

    pulls: float
    """Outcomes counted."""
    pending: int
    """Choices whose feedback is awaited by this process."""
    success_rate: float | None
    """In [0, 1]."""
    mean_latency_ms: float | None
    """Milliseconds, uncapped."""
    mean_reward: float | None
    """Under the selector's present weights."""
    mean_quality: float | None
    """In [0, 1], over the successes that were rated."""
    mean_cost: float | None
    """Over the outcomes that were priced."""
    last_used_s: float | None
    """When the latest counted call was chosen, in seconds on the selector's clock."""
    last_error: str | None
    """Kind of the latest failure that named one."""


def report(
    records: Mapping[str, Mapping[str, ArmRecord]],
    groups: Mapping[str, Sequence[str]],
    pending: Callable[[str, Sequence[str]], Sequence[int]],
    weights: RewardWeights,
) -> dict[str, dict[str, ArmReport]]:
    """Return the figures of every arm on record, and of every arm of `groups`, by group and arm.

    Args:
        records: What is stored.
        groups: Names of arms by group, in the order they are listed; those on record besides come after them.
        pending: Given a group and arms, how many choices of each wait for feedback.
        weights: What the reward is made of.
    """
    names = {**groups, **{group: (*groups.get(group, ()), *arms) for group, arms in records.items()}}
    reports: dict[str, dict[str, ArmReport]] = {}
    for group, listed in names.items():
        arms = list(dict.fromkeys(listed))
        stored = records.get(group, {})
        reports[group] = {
            arm: _report_of(stored.get(arm, UNTRIED), weights, pending=waiting)
            for arm, waiting in zip(arms, pending(group, arms), strict=True)
        }
    return reports


def _report_of(record: ArmRecord, weights: RewardWeights, *, pending: int) -> ArmReport:
    known = record.statistics
    return ArmReport(
        pulls=known.pulls,
        pending=pending,
        success_rate=_mean(known.successes, known.pulls),
        mean_latency_ms=_mean(known.latency_s * 1000, known.pulls),
        mean_reward=mean_rewards([known], weights)[0] if known.pulls else None,
        mean_quality=_mean(known.quality, known.rated),
        mean_cost=_mean(known.cost, known.priced),
        last_used_s=record.last_used_s,
        last_error=record.last_error,
    )


def _mean(total: float, count: float) -> float | None:
    return total / count if count else None
