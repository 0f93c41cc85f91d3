"""Tables and timelines for the notebooks."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from salesboost_tools.observe.status import StatusEvent

BLUE, ORANGE, GREEN, RED, GREY, PURPLE = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#8c8c8c", "#cc79a7"
"""Colours that people tell apart however they see colours (Okabe & Ito, "Color Universal Design", 2008)."""

_ENDS = {"completed": BLUE, "cached": GREEN, "failed": RED, "interrupted": ORANGE, "cancelled": GREY}

plt.rcParams.update(
    {
        "figure.dpi": 110,
        "figure.figsize": (8, 3.2),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
        "axes.axisbelow": True,
        "legend.frameon": False,
        "font.size": 9,
    }
)


class Table:
    """Rows as a table, in a notebook and in a terminal."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        rows = list(rows)
        self._heads = list(dict.fromkeys(name for row in rows for name in row))
        self._rows = [[_text(row.get(name)) for name in self._heads] for row in rows]

    def __repr__(self) -> str:
        lines = [self._heads, *self._rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self._heads))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], kind: str) -> str:
            style = "text-align:left;vertical-align:top;max-width:34em"
            return "<tr>" + "".join(f'<{kind} style="{style}">{html.escape(cell)}</{kind}>' for cell in cells) + "</tr>"

        return f"<table>{row(self._heads, 'th')}{''.join(row(cells, 'td') for cells in self._rows)}</table>"


def table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return rows as something a notebook shows as a table."""
    return Table(rows)


def events(feed: Iterable[StatusEvent]) -> Table:
    """Return status events as a table, with milliseconds since the first."""
    told = list(feed)
    return Table(
        {
            "ms": (event.at - told[0].at).total_seconds() * 1000,
            "tool": event.tool,
            "event": event.kind,
            "details": ", ".join(f"{name}={_text(value)}" for name, value in event.details.items()),
        }
        for event in told
    )


def timeline(feed: Iterable[StatusEvent], axes: Axes, title: str) -> None:
    """Draw a bar for each call, from its start to its end, coloured by how it ended; the first call on top.

    Args:
        feed: Status events, oldest first.
        axes: Where to draw.
        title: Above it.
    """
    told = list(feed)
    started = {event.run_id: event for event in told if event.kind == "started"}
    ended = {event.run_id: event for event in told if event.kind in _ENDS and event.kind != "cached"}
    bars = sorted(started.values(), key=lambda event: event.at)
    for place, event in enumerate(bars):
        end = ended.get(event.run_id)
        if end is None:
            continue
        begin_s = (event.at - bars[0].at).total_seconds()
        kind = "cached" if end.details.get("cached") else end.kind
        axes.barh(place, (end.at - event.at).total_seconds(), left=begin_s, color=_ENDS[kind], height=0.6, label=kind)
    axes.set_yticks(range(len(bars)), [event.tool for event in bars])
    axes.invert_yaxis()
    axes.set(title=title, xlabel="seconds")
    handles, labels = axes.get_legend_handles_labels()
    shown = dict(zip(labels, handles, strict=True))
    if len(shown) > 1:
        axes.legend(shown.values(), shown.keys(), loc="lower right")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
