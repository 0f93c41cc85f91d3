"""A picture of what a log says of a group. Needs the extra `plots`."""

# matplotlib's types are not whole
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError
from salesboost_tools.selection.log_report import ArmInLog, GroupInLog

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError as missing:
    raise MissingExtraError("plots of selection", "plots") from missing

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
"""Colours that colour-blind people tell apart (Okabe and Ito, 2008)."""
_LINES = ("-", "--", "-.", ":")
_Z95 = 1.96


def plot_report(report: GroupInLog, path: Path) -> None:
    """Draw what is believed of each tool, its share of the choices over time, and what has been lost, into a file.

    Args:
        report: Of one group.
        path: A file whose name ends in `.png`, `.svg` or `.pdf`.

    Raises:
        ConfigurationError: The file cannot be written, or its kind is unknown.
    """
    figure = Figure(figsize=(9, 9.5), layout="constrained")
    FigureCanvasAgg(figure)
    believed, shares, regret = figure.subplots(3, 1)
    figure.suptitle(
        f"{report.group}: {report.decisions} choices, {report.first_at:%Y-%m-%d %H:%M} to "
        f"{report.last_at:%Y-%m-%d %H:%M} UTC"
    )
    _draw_beliefs(believed, report)
    ends = [min((place + 1) * report.stretch, report.decisions) for place in range(len(report.regret))]
    _draw_shares(shares, report, ends)
    regret.plot([0, *ends], [0.0, *report.regret], color="black")
    regret.axhline(0, color="grey", linewidth=0.5)
    regret.set(
        title=f"What was lost against taking {report.best} always (an estimate, luck included)",
        xlabel="choices",
        ylabel="reward lost, summed up",
        xlim=(0, report.decisions),
    )
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the plot cannot be written to {path}: {error}") from error


def _draw_beliefs(axes: Any, report: GroupInLog) -> None:
    for place, (name, arm) in enumerate(report.arms.items()):
        points, heights = _density(arm)
        label = f"{name}: {arm.mean_reward:.2f} ({arm.pulls} calls, {arm.success_rate:.0%} succeeded)"
        axes.plot(points, heights, label=label, **_style(place))
        axes.fill_between(points, heights, alpha=0.12, color=_style(place)["color"])
    axes.set(title="What is believed of each tool's mean reward: wide is unsure", xlabel="mean reward", yticks=[])
    axes.legend(loc="upper left", fontsize="small")


def _draw_shares(axes: Any, report: GroupInLog, ends: Sequence[int]) -> None:
    starts = [0, *ends[:-1]]
    middles = [(start + end) / 2 for start, end in zip(starts, ends, strict=True)]
    for place, (name, line) in enumerate(report.shares.items()):
        axes.plot(middles, line, label=name, marker="." if len(line) == 1 else None, **_style(place))
    axes.set(
        title=f"Share of the choices, in stretches of {report.stretch}",
        xlabel="choices",
        ylabel="share",
        ylim=(-0.03, 1.03),
        xlim=(0, report.decisions),
    )


def _style(place: int) -> dict[str, str]:
    return {"color": _COLOURS[place % len(_COLOURS)], "linestyle": _LINES[place % len(_LINES)]}


def _density(arm: ArmInLog) -> tuple[list[float], list[float]]:
    """Return a normal density whose sides are as wide as the sides of the interval, 1 high.

    All are as high as each other: a tool hardly known would be a flat line beside one that is well known.
    """
    below = max((arm.mean_reward - arm.reward_low) / _Z95, 1e-4)
    above = max((arm.reward_high - arm.mean_reward) / _Z95, 1e-4)
    offsets = [step / 40 for step in range(-160, 161)]
    points = [arm.mean_reward + offset * (below if offset < 0 else above) for offset in offsets]
    return points, [math.exp(-offset * offset / 2) for offset in offsets]
