"""Why a tool was chosen, in words."""

from collections.abc import Iterable
from typing import Any

from salesboost_tools.selection.decisions import Decision
from salesboost_tools.selection.health import CERTAIN
from salesboost_tools.selection.statistics import ArmStatistics, mean_rewards


def explain(decision: Decision) -> str:
    """Return a few sentences on a decision: who chose what, how likely that was, what was known of each tool.

    Of a policy with a memory the health of tools is told as it is now; the rest is as it was then.
    """
    situation = decision.situation
    lines = [_first_line(decision)]
    means = mean_rewards(situation.statistics, situation.weights)
    best = max(range(len(means)), key=means.__getitem__)
    doubts = doubts_in(situation.memory, situation.arms, decision.at_s)
    known_at_all = any(known.pulls for known in situation.statistics)
    for position, arm in enumerate(situation.arms):
        words = [_record_in_words(situation.statistics[position])]
        if known_at_all and position == best and situation.statistics[position].pulls:
            words.append("the best so far")
        if decision.propensities is not None:
            words.append(f"chosen {decision.propensities[position]:.1%} of the time")
        if situation.pending[position]:
            words.append(f"{situation.pending[position]} unanswered")
        doubt = doubts.get(arm, 0.0)
        if doubt > CERTAIN:
            words.append(f"out of order with probability {doubt:.0%}")
        lines.append(f"- `{arm}`: {', '.join(words)}.")
    if decision.masked:
        lines.append(f"Not available: {', '.join(f'`{arm}`' for arm in decision.masked)}.")
    if situation.context:
        lines.append(f"Context: {', '.join(f'{name}={value!r}' for name, value in situation.context.items())}.")
    return "\n".join(lines)


def _first_line(decision: Decision) -> str:
    chosen, group = decision.chosen, decision.group
    if decision.suggested is None:
        return f"`{chosen}` served `{group}` as the first available tool; no policy was asked."
    if decision.suggested != chosen:
        return (
            f"`{chosen}` served `{group}` as the first available tool; {decision.policy} would have chosen "
            f"`{decision.suggested}`."
        )
    chance = "" if decision.propensity is None else f", which it does {decision.propensity:.1%} of the time"
    return f"{decision.policy} chose `{chosen}` for `{group}`{chance}."


def _record_in_words(known: ArmStatistics) -> str:
    if not known.pulls:
        return "never tried"
    share, seconds = known.successes / known.pulls, known.latency_s / known.pulls
    return f"{share:.0%} of {known.pulls:.0f} calls succeeded, {seconds * 1000:.0f} ms each"


def doubts_in(memory: Any, arms: Iterable[str], now_s: float) -> dict[str, float]:
    """Return how likely each arm is out of order, in [0, 1], as far as a policy's memory has an opinion.

    Args:
        memory: Of any policy; None if it has none.
        arms: Whose health is asked for.
        now_s: Seconds on the selector's clock.
    """
    tracks = getattr(memory, "tracks", {})
    return {arm: tracks[arm].doubt_at(now_s) for arm in arms if arm in tracks}
