"""What was measured: the calls on a line of time, what each handler did, what the selector has learnt."""

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from salesboost_tools.brief.screen.call_log import LoggedCall
from salesboost_tools.brief.screen.words import COLOURS, milliseconds, short_name
from salesboost_tools.brief.writing.wording import per_cent
from salesboost_tools.handlers.cache import CacheStatistics
from salesboost_tools.selection.report import ArmReport

_SHORTEST_BAR = 12
"""Columns of the bar in a terminal of 80; of a wider one it gets half of what is more."""


def timeline(
    calls: Sequence[LoggedCall], subjects: Mapping[str, str], rounds: Mapping[str, str], width: int
) -> RenderableType:
    """Return one row per call: when it began, what it was, a bar for how long, how it ended.

    Args:
        calls: In the order they began.
        subjects: What each call is about, by its id.
        rounds: In which round each call was planned, by its id.
        width: Columns of the terminal.
    """
    span_s = max((call.start_s + (call.duration_s or 0) for call in calls), default=0.0)
    bar_width = max(_SHORTEST_BAR, _SHORTEST_BAR + (width - 80) // 2)
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False, expand=True)
    table.add_column("start", justify="right", no_wrap=True)
    table.add_column("tool", no_wrap=True)
    table.add_column("about", ratio=1, no_wrap=True, overflow="ellipsis", min_width=12)
    table.add_column("", width=bar_width, no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    shown = ""
    for call in calls:
        planned = rounds.get(call.call_id or "", "")
        if planned != shown:
            table.add_row("", Text(planned, style="bold"))
            shown = planned
        table.add_row(
            milliseconds(call.start_s),
            short_name(call.tool),
            Text(subjects.get(call.call_id or "", ""), style="dim"),
            _bar(call, span_s, bar_width),
            milliseconds(call.duration_s),
            Text(outcome(call), style=COLOURS.get(call.outcome, "")),
        )
    return table


def outcome(call: LoggedCall) -> str:
    """Return how a call ended, with what is worth knowing besides."""
    return f"{call.outcome}, {call.attempts} tries" if call.attempts > 1 else call.outcome


def _bar(call: LoggedCall, span_s: float, width: int) -> Text:
    if not span_s:
        return Text()
    begin = min(width - 1, int(call.start_s / span_s * width))
    length = max(1, round((call.duration_s or 0) / span_s * width))
    bar = ("━" if call.attempts else "╸") * min(length, width - begin)
    return Text(" " * begin).append(bar, style=COLOURS.get(call.outcome, ""))


def handlers_table(calls: Sequence[LoggedCall], cache: Mapping[str, CacheStatistics]) -> RenderableType:
    """Return what each handler did, with a column per tool; a nought is dim.

    Args:
        calls: As the status feed told them.
        cache: What the cache counted for the same calls.
    """
    tools = sorted({call.tool for call in calls})
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("handler", no_wrap=True)
    table.add_column("", no_wrap=True)
    for tool in tools:
        table.add_column(short_name(tool).replace("/", "/\n"), justify="right")
    of = {tool: [call for call in calls if call.tool == tool] for tool in tools}

    def row(handler: str, what: str, counts: Sequence[int]) -> None:
        table.add_row(handler, what, *(Text(str(count), style="" if count else "dim") for count in counts))

    def ended(how: str) -> list[int]:
        return [sum(1 for call in of[tool] if call.outcome == how) for tool in tools]

    stored = [cache.get(tool, CacheStatistics()) for tool in tools]
    row("status", "calls", [len(of[tool]) for tool in tools])
    table.add_row("", "time", *(milliseconds(sum(call.duration_s or 0 for call in of[tool])) for tool in tools))
    row("permission", "refused", ended("not allowed"))
    row("cache", "hits", [each.hits for each in stored])
    row("", "shared", [each.shared for each in stored])
    row("", "misses", [each.misses for each in stored])
    row("retry", "retries", [sum(call.retries for call in of[tool]) for tool in tools])
    row("rate limit", "refused", ended("rate limited"))
    row("timeout", "timed out", ended("timed out"))
    row("the tool", "started", [sum(call.attempts for call in of[tool]) for tool in tools])
    return table


def cache_since(
    now: Mapping[str, CacheStatistics], before: Mapping[str, CacheStatistics]
) -> dict[str, CacheStatistics]:
    """Return what the cache counted since an earlier look."""
    nothing = CacheStatistics()
    return {
        tool: CacheStatistics(
            **{
                name: getattr(counts, name) - getattr(before.get(tool, nothing), name)
                for name in ("hits", "misses", "shared", "stored", "passed")
            }
        )
        for tool, counts in now.items()
    }


def selector_table(arms: Mapping[str, ArmReport]) -> RenderableType:
    """Return what is known of each variant of a group."""
    table = Table("variant", "tried", "share", "succeeded", "mean time", "mean reward", box=None, padding=(0, 2, 0, 0))
    table.header_style, table.pad_edge = "dim", False
    for column in table.columns[1:]:
        column.justify = "right"
    total = sum(arm.pulls for arm in arms.values())
    for name, arm in arms.items():
        table.add_row(
            name,
            f"{arm.pulls:g}",
            per_cent(f"{arm.pulls / total:.4f}") if total else "-",
            "-" if arm.success_rate is None else per_cent(f"{arm.success_rate:.4f}"),
            "-" if arm.mean_latency_ms is None else milliseconds(arm.mean_latency_ms / 1000),
            "-" if arm.mean_reward is None else f"{arm.mean_reward:.3f}",
        )
    return table
