"""`salesboost selection`: what a decision log says, and what another policy would have earned on it."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from salesboost_tools.cli.output import AsJson, Exit, err, fail, out, print_json, print_table
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.decision_log import LoggedDecision
from salesboost_tools.selection.log_report import GroupInLog, choices_in_words, report_on
from salesboost_tools.settings import Settings

Log = Annotated[Path | None, typer.Option("--log", help="The decision log; by default the one of TOOL_BANDIT_LOG.")]
Group = Annotated[str | None, typer.Option("--group", help="This group only.")]

app = typer.Typer(help="Look at how tools were chosen, from a decision log.", no_args_is_help=True)


def add_to(main: typer.Typer) -> None:
    """Add the commands."""
    main.add_typer(app, name="selection")


@app.command()
def report(
    *,
    log: Log = None,
    group: Group = None,
    last: Annotated[int, typer.Option("--last", min=0, help="How many choices to explain, latest last.")] = 5,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw a picture into this file (.png, .svg, .pdf; extra `plots`).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how each tool did, its share over time, what was lost, who won an A/B test, and why choices were made."""
    settings = Settings()
    weights = _weights(settings)
    by_group = _decisions(settings, log, group)
    if plot is not None:
        _draw(by_group, weights, plot)
    found = [(report_on(each, weights=weights), each) for each in by_group.values()]
    if as_json:
        print_json([_as_json(told, decisions, weights, last) for told, decisions in found])
        return
    for told, decisions in found:
        _print(told, decisions, weights, last)


@app.command()
def evaluate(
    *,
    policy: Annotated[str, typer.Option("--policy", help="The policy in question, for example `thompson`.")],
    log: Log = None,
    group: Group = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a policy would have earned on the log. Ends with 1 where the log says too little to answer."""
    from salesboost_tools.selection.evaluation import LogVerdict, evaluate_decisions  # noqa: PLC0415  (numpy)
    from salesboost_tools.selection.named_policies import policy_named  # noqa: PLC0415
    from salesboost_tools.selection.off_policy import Evaluation  # noqa: PLC0415

    settings = Settings()
    asked = policy_named(policy, epsilon=settings.bandit_epsilon)
    verdict: LogVerdict = evaluate_decisions(asked, _decisions(settings, log, group), weights=_weights(settings))
    answered = {name: found for name, found in verdict.by_group.items() if isinstance(found, Evaluation)}
    if as_json:
        groups = {
            name: asdict(found) if isinstance(found, Evaluation) else {"refused": str(found)}
            for name, found in verdict.by_group.items()
        }
        print_json({"policy": verdict.policy, "groups": groups})
    else:
        out.print(Text(verdict.text()), soft_wrap=True)
    if len(answered) < len(verdict.by_group):
        raise typer.Exit(Exit.FAILED)


def _weights(settings: Settings) -> RewardWeights:
    return RewardWeights(quality=settings.bandit_quality)


def _decisions(settings: Settings, log: Path | None, group: str | None) -> dict[str, list[LoggedDecision]]:
    from salesboost_tools.selection.evaluation import decisions_by_group  # noqa: PLC0415  (numpy)

    path = log or settings.bandit_log
    if path is None:
        fail("which log? Name it with --log, or in TOOL_BANDIT_LOG", Exit.WRONG_USE)
    by_group = decisions_by_group(path)
    if group is None:
        return by_group
    if group not in by_group:
        fail(f"{path} holds no group {group!r}; there are: {', '.join(sorted(by_group))}", Exit.WRONG_USE)
    return {group: by_group[group]}


def _draw(by_group: dict[str, list[LoggedDecision]], weights: RewardWeights, path: Path) -> None:
    from salesboost_tools.selection.plots import plot_report  # noqa: PLC0415  (extra)

    for name, decisions in by_group.items():
        own = path if len(by_group) == 1 else path.with_name(f"{path.stem}-{_file_name(name)}{path.suffix}")
        plot_report(report_on(decisions, weights=weights), own)
        err.print(Text(f"drawn: {own}"), soft_wrap=True)


def _file_name(group: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in group)


def _sides(decisions: Sequence[LoggedDecision], weights: RewardWeights) -> Any:
    """Return who did better in an A/B test; None if there was none, or too little of it."""
    from salesboost_tools.selection.evaluation import compare_sides  # noqa: PLC0415  (numpy)

    if not any(decision.side for decision in decisions):
        return None
    try:
        return compare_sides(decisions, weights=weights)
    except ConfigurationError:
        return None


def _as_json(
    told: GroupInLog, decisions: Sequence[LoggedDecision], weights: RewardWeights, last: int
) -> dict[str, Any]:
    sides = _sides(decisions, weights)
    return {
        **asdict(told),
        "ab_test": None if sides is None else asdict(sides),
        "choices": choices_in_words(decisions, weights=weights, last=last),
    }


def _print(told: GroupInLog, decisions: Sequence[LoggedDecision], weights: RewardWeights, last: int) -> None:
    rows = [
        (
            name,
            str(arm.pulls),
            f"{arm.share:.1%}",
            f"{arm.success_rate:.1%}",
            f"{arm.mean_latency_ms:.0f} ms",
            f"{arm.mean_reward:.3f} ({arm.reward_low:.3f} to {arm.reward_high:.3f})",
        )
        for name, arm in told.arms.items()
    ]
    title = f"{told.group}: {told.decisions} choices, {told.first_at:%Y-%m-%d %H:%M} to {told.last_at:%Y-%m-%d %H:%M}"
    print_table(title, ("Tool", "Choices", "Share", "Succeeded", "Took", "Reward (95 % interval)"), rows)
    out.print(Text("\n".join(_sentences(told, decisions, weights))), soft_wrap=True)
    for words in choices_in_words(decisions, weights=weights, last=last):
        out.print(Text(f"- {words}"), soft_wrap=True)
    out.print()


def _sentences(told: GroupInLog, decisions: Sequence[LoggedDecision], weights: RewardWeights) -> list[str]:
    sentences = [
        f"{told.decided_by_policy} of them were made by a policy ({', '.join(told.policies)}).",
        f"Against taking {told.best} always, {told.regret_per_decision:.4f} was lost per choice (estimate).",
    ]
    if told.agreed is not None:
        sentences.append(f"Where it only looked on, the policy would have chosen the same in {told.agreed:.1%}.")
    sides = _sides(decisions, weights)
    if sides is not None:
        gain = sides.gain
        sentences.append(
            f"A/B test: A earned {sides.first.value:.4f} over {sides.decisions[0]} choices, B {sides.second.value:.4f} "
            f"over {sides.decisions[1]}; B earned {abs(gain.value):.4f} {'less' if gain.value < 0 else 'more'} (95 % "
            f"interval of the gain {gain.low:+.4f} to {gain.high:+.4f})."
        )
    return sentences
