"""What people are told about an arm."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.arms import UNTRIED, ArmRecord
from salesboost_tools.selection.intervals import reward_interval
from salesboost_tools.selection.statistics import UNKNOWN, mean_rewards

_IS_DOUBTED = 0.5
_HARDLY = 0.0005


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
    reward_low: float | None = None
    """Lower end of the interval that holds the mean reward 95 times in 100."""
    reward_high: float | None = None
    share: float | None = None
    """Of the group's outcomes, in [0, 1]."""
    chance: float | None = None
    """Probability with which the policy would choose it now if all tools of the group were available and nothing were
    known of the call; None if there is no policy to ask."""
    why: str = ""
    """Why it is chosen so often, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How the policy sees the arms of one group now."""

    decides: bool
    """Whether its choices are followed."""
    held: bool = False
    """Whether the guardrail holds it back."""
    chances: Mapping[str, float] = field(default_factory=dict[str, float])
    doubts: Mapping[str, float] = field(default_factory=dict[str, float])
    """Probability of each arm to be out of order, where the policy has an opinion."""


def report(
    records: Mapping[str, Mapping[str, ArmRecord]],
    groups: Mapping[str, Sequence[str]],
    pending: Callable[[str, Sequence[str]], Sequence[int]],
    weights: RewardWeights,
    outlook: Callable[[str, Sequence[str]], Outlook] = lambda _, __: Outlook(decides=False),
) -> dict[str, dict[str, ArmReport]]:
    """Return the figures of every arm on record, and of every arm of `groups`, by group and arm.

    Args:
        records: What is stored.
        groups: Names of arms by group, in the order they are listed; those on record besides come after them.
        pending: Given a group and arms, how many choices of each wait for feedback.
        weights: What the reward is made of.
        outlook: Given a group and arms, how the policy sees them.
    """
    names = {**groups, **{group: (*groups.get(group, ()), *arms) for group, arms in records.items()}}
    reports: dict[str, dict[str, ArmReport]] = {}
    for group, listed in names.items():
        arms = list(dict.fromkeys(listed))
        stored = records.get(group, {})
        around = _Group.of(arms, stored, weights, outlook(group, arms))
        reports[group] = {
            arm: _report_of(arm, stored.get(arm, UNTRIED), around, pending=waiting)
            for arm, waiting in zip(arms, pending(group, arms), strict=True)
        }
    return reports


class _Group(NamedTuple):
    """What an arm is seen beside."""

    weights: RewardWeights
    outcomes: float
    best: str | None
    """The arm with the best mean reward; None if none was tried."""
    best_mean: float
    best_low: float
    """Lower end of its interval."""
    seen: Outlook

    @classmethod
    def of(
        cls, arms: Sequence[str], stored: Mapping[str, ArmRecord], weights: RewardWeights, seen: Outlook
    ) -> "_Group":
        means = mean_rewards([stored.get(arm, UNTRIED).statistics for arm in arms], weights)
        highest = max(means, default=UNKNOWN)
        best = None if highest == UNKNOWN else arms[means.index(highest)]
        interval = None if best is None else reward_interval(stored[best].statistics, weights)
        outcomes = sum(record.statistics.pulls for record in stored.values())
        return cls(weights, outcomes, best, highest, highest if interval is None else interval[0], seen)


def _report_of(arm: str, record: ArmRecord, around: _Group, *, pending: int) -> ArmReport:
    known = record.statistics
    low, high = reward_interval(known, around.weights) or (None, None)
    mean = mean_rewards([known], around.weights)[0] if known.pulls else None
    return ArmReport(
        pulls=known.pulls,
        pending=pending,
        success_rate=_mean(known.successes, known.pulls),
        mean_latency_ms=_mean(known.latency_s * 1000, known.pulls),
        mean_reward=mean,
        mean_quality=_mean(known.quality, known.rated),
        mean_cost=_mean(known.cost, known.priced),
        last_used_s=record.last_used_s,
        last_error=record.last_error,
        reward_low=low,
        reward_high=high,
        share=_mean(known.pulls, around.outcomes),
        chance=around.seen.chances.get(arm),
        why="; ".join([_standing(arm, mean, high, around), *_frequency(arm, around.seen), *_trouble(record)]),
    )


def _standing(arm: str, mean: float | None, high: float | None, around: _Group) -> str:
    doubt = around.seen.doubts.get(arm, 0.0)
    if mean is None or high is None:
        return "never tried"
    if doubt > _IS_DOUBTED:
        return f"out of order with probability {doubt:.0%}, asked more and more rarely until it answers again"
    if arm == around.best:
        return "the best so far"
    less = f"{around.best_mean - mean:.2f}"
    if less == "0.00":
        return f"earns as much as {around.best}"
    perhaps = ", which may be chance" if high >= around.best_low else ""
    return f"earns {less} less than {around.best}{perhaps}"


def _frequency(arm: str, seen: Outlook) -> Iterator[str]:
    if arm in seen.chances:
        chance = seen.chances[arm]
        often = f"{chance:.1%} of the time" if chance >= _HARDLY else "hardly ever"
        yield f"{'chosen' if seen.decides and not seen.held else 'the policy would choose it'} {often}"
    if seen.held:
        yield "the guardrail holds the policy back"


def _trouble(record: ArmRecord) -> Iterator[str]:
    if record.last_error is not None:
        yield f"latest failure: {record.last_error}"


def _mean(total: float, count: float) -> float | None:
    return total / count if count else None
