"""Why a tool was chosen, in words."""

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
    known_at_all = any(known.pulls for known in situation.statistics)
    for position, arm in enumerate(situation.arms):
        words = [_record_in_words(situation.statistics[position])]
        if known_at_all and position == best and situation.statistics[position].pulls:
            words.append("the best so far")
        if decision.propensities is not None:
            words.append(f"chosen {decision.propensities[position]:.1%} of the time")
        if situation.pending[position]:
            words.append(f"{situation.pending[position]} unanswered")
        doubt = _doubt(decision, arm)
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


def _doubt(decision: Decision, arm: str) -> float:
    tracks = getattr(decision.situation.memory, "tracks", {})
    track = tracks.get(arm)
    return 0.0 if track is None else track.doubt_at(decision.at_s)
