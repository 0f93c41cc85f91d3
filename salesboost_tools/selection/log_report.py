"""From a decision log to what people want to know: how each tool did, its share over time, what was lost, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from salesboost_tools.core.reward import DEFAULT_WEIGHTS, RewardWeights, reward
from salesboost_tools.selection.decision_log import LoggedDecision
from salesboost_tools.selection.intervals import reward_interval
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics, mean_rewards, statistics_of

_LEAST_FOR_BEST = 10
"""Outcomes a tool needs to be called the best, unless none has so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmInLog:
    """How one tool did."""

    pulls: int
    share: float
    """Of the choices, in [0, 1]."""
    success_rate: float
    mean_latency_ms: float
    mean_reward: float
    reward_low: float
    """Lower end of the interval that holds the mean reward 95 times in 100."""
    reward_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInLog:
    """What the log says of one group."""

    group: str
    decisions: int
    decided_by_policy: int
    """Choices that a policy made; else the first available tool served."""
    agreed: float | None
    """Share of the others, in [0, 1], in which the policy would have chosen the same; None if it was never asked."""
    first_at: datetime
    last_at: datetime
    policies: tuple[str, ...]
    """Names and versions, in the order in which they appear."""
    arms: Mapping[str, ArmInLog]
    best: str
    """The tool with the best mean reward."""
    shares: Mapping[str, tuple[float, ...]]
    """Share of the choices of each tool, by stretches of the log, oldest first."""
    stretch: int
    """Choices in each stretch; the last may hold fewer."""
    regret: tuple[float, ...]
    """At the end of each stretch, what had been lost against taking the best tool always: an estimate, for what that
    tool would have earned is taken from what it did earn. It falls where another tool was better for a while."""
    regret_per_decision: float


def report_on(
    decisions: Sequence[LoggedDecision], *, weights: RewardWeights = DEFAULT_WEIGHTS, stretches: int = 40
) -> GroupInLog:
    """Return what a log says of one group.

    Args:
        decisions: Of one group, oldest first, at least one.
        weights: What the reward is to be made of, whatever it was made of when it was logged.
        stretches: Into how many parts the log is cut at most, for what changes over time.
    """
    known = _known_at_the_end(decisions, weights)
    (best, best_mean) = _best(known, weights)
    stretch = max(1, -(-len(decisions) // stretches))
    parts = [decisions[start : start + stretch] for start in range(0, len(decisions), stretch)]
    counts = [Counter(decision.chosen for decision in part) for part in parts]
    lost = [sum(best_mean - worth_of(decision, weights) for decision in part) for part in parts]
    regret = tuple(accumulate(lost))
    onlookers = [each for each in decisions if each.propensities is None and each.suggested is not None]
    return GroupInLog(
        group=decisions[0].group,
        decisions=len(decisions),
        decided_by_policy=sum(decision.propensities is not None for decision in decisions),
        agreed=sum(each.suggested == each.chosen for each in onlookers) / len(onlookers) if onlookers else None,
        first_at=_moment(decisions[0]),
        last_at=_moment(decisions[-1]),
        policies=tuple(dict.fromkeys(decision.policy for decision in decisions)),
        arms={arm: _arm(sums, len(decisions), weights) for arm, sums in known.items()},
        best=best,
        shares={arm: tuple(count[arm] / len(part) for count, part in zip(counts, parts, strict=True)) for arm in known},
        stretch=stretch,
        regret=regret,
        regret_per_decision=regret[-1] / len(decisions),
    )


def choices_in_words(
    decisions: Iterable[LoggedDecision], *, weights: RewardWeights = DEFAULT_WEIGHTS, last: int = 10
) -> list[str]:
    """Return the last choices of a log in words: who chose what, what was known then, and what came of it.

    Args:
        decisions: Of one group, oldest first.
        weights: What the reward is to be made of.
        last: How many; 0 for none.
    """
    decisions = list(decisions)
    known: dict[str, ArmStatistics] = {}
    told: list[str] = []
    for number, decision in enumerate(decisions):
        if number >= len(decisions) - last:
            told.append(_in_words(decision, known, weights))
        known[decision.chosen] = known.get(decision.chosen, NOTHING).plus(_statistics(decision, weights))
    return told


def worth_of(decision: LoggedDecision, weights: RewardWeights) -> float:
    """Return what a logged outcome is worth under some weights."""
    return reward(decision.success, decision.latency_s, weights, quality=decision.quality, cost=decision.cost)


def _in_words(decision: LoggedDecision, known: Mapping[str, ArmStatistics], weights: RewardWeights) -> str:
    sentences = [f"{_moment(decision):%Y-%m-%d %H:%M:%S} {_who_chose(decision)}"]
    records = [f"{arm} {_record(known.get(arm, NOTHING), weights)}" for arm in decision.arms]
    sentences.append(f"Known then: {'; '.join(records)}.")
    if decision.masked:
        sentences.append(f"Not available: {', '.join(decision.masked)}.")
    if decision.context:
        sentences.append(f"Context: {', '.join(f'{name}={value!r}' for name, value in decision.context.items())}.")
    quality = "" if decision.quality is None else f", with quality {decision.quality:.2f}"
    sentences.append(
        f"It {'succeeded' if decision.success else 'failed'} after {decision.latency_s * 1000:.0f} ms{quality}: worth "
        f"{worth_of(decision, weights):.2f}."
    )
    return " ".join(sentences)


def _who_chose(decision: LoggedDecision) -> str:
    side = "" if decision.side is None else f" (side {decision.side})"
    policy = decision.policy.split(";", 1)[0]  # its arguments are told once, above
    if decision.propensity is not None:
        place = " in place of one that had failed" if decision.stands_in else ""
        return f"{policy}{side} chose {decision.chosen}{place}, which it did {decision.propensity:.1%} of the time."
    if decision.suggested is None:
        return f"{decision.chosen} served as the first available tool; no policy was asked."
    return (
        f"{decision.chosen} served as the first available tool; {policy} would have chosen "
        f"{'the same' if decision.suggested == decision.chosen else decision.suggested}."
    )


def _record(known: ArmStatistics, weights: RewardWeights) -> str:
    if not known.pulls:
        return "never tried"
    (mean,) = mean_rewards([known], weights)
    return (
        f"{known.successes / known.pulls:.0%} of {known.pulls:.0f} succeeded, "
        f"{known.latency_s / known.pulls * 1000:.0f} ms, worth {mean:.2f}"
    )


def _known_at_the_end(decisions: Iterable[LoggedDecision], weights: RewardWeights) -> dict[str, ArmStatistics]:
    known: dict[str, ArmStatistics] = {}
    for decision in decisions:
        known[decision.chosen] = known.get(decision.chosen, NOTHING).plus(_statistics(decision, weights))
    return dict(sorted(known.items()))


def _statistics(decision: LoggedDecision, weights: RewardWeights) -> ArmStatistics:
    return statistics_of(
        decision.success, decision.latency_s, weights.latency_cap_s, quality=decision.quality, cost=decision.cost
    )


def _best(known: Mapping[str, ArmStatistics], weights: RewardWeights) -> tuple[str, float]:
    well_known = {arm: sums for arm, sums in known.items() if sums.pulls >= _LEAST_FOR_BEST} or known
    means = dict(zip(well_known, mean_rewards(list(well_known.values()), weights), strict=True))
    best = max(means, key=means.__getitem__)
    return best, means[best]


def _arm(known: ArmStatistics, decisions: int, weights: RewardWeights) -> ArmInLog:
    (mean,) = mean_rewards([known], weights)
    low, high = reward_interval(known, weights) or (mean, mean)
    return ArmInLog(
        pulls=round(known.pulls),
        share=known.pulls / decisions,
        success_rate=known.successes / known.pulls,
        mean_latency_ms=known.latency_s / known.pulls * 1000,
        mean_reward=mean,
        reward_low=low,
        reward_high=high,
    )


def _moment(decision: LoggedDecision) -> datetime:
    return datetime.fromtimestamp(decision.at_s, UTC)
