"""Tables and timelines for the notebooks."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from salesboost_tools.observe.status import StatusEvent

BLUE, ORANGE, GREEN, RED, GREY, PURPLE = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#8c8c8c", "#cc79a7"
"""Colours that people tell apart however they see colours (Okabe & Ito, "Color Universal Design", 2008)."""

_ENDS = {"completed": BLUE, "failed": RED, "interrupted": ORANGE, "cancelled": GREY}

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


def timelines(panels: Mapping[str, Iterable[StatusEvent]], labels: Mapping[str, str]) -> None:
    """Show a panel for each set of status events: a bar for each call, from its start to its end.

    A call that took no time of its own, since another one's answer was its, is a diamond.

    Args:
        panels: Events, oldest first, by title.
        labels: What to write beside a call, by its id, in the order from top to bottom.
    """
    height = 0.9 + 0.24 * len(labels)
    figure, columns = plt.subplots(
        1, len(panels), figsize=(10, height), sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    for axes, (title, told) in zip(columns[0], panels.items(), strict=True):
        _timeline(list(told), list(labels), axes)
        axes.set(title=title, xlabel="seconds")
    columns[0][0].set_yticks(range(len(labels)), list(labels.values()))
    columns[0][0].invert_yaxis()
    shown = {kind: mark for axes in columns[0] for mark, kind in zip(*axes.get_legend_handles_labels(), strict=True)}
    if len(shown) > 1:
        figure.legend(shown.values(), shown.keys(), loc="outside right upper")
    plt.show()


def _timeline(told: Sequence[StatusEvent], call_ids: Sequence[str], axes: Axes) -> None:
    started = {event.tool_call_id: event for event in told if event.kind == "started"}
    begun_at = min(event.at for event in told)
    for event in told:
        if event.kind not in _ENDS:
            continue
        start_s = (started[event.tool_call_id].at - begun_at).total_seconds()
        end_s = (event.at - begun_at).total_seconds()
        place = call_ids.index(event.tool_call_id or "")
        if event.details.get("cached"):
            axes.plot(end_s, place, "D", color=GREEN, label="answered by another")
        else:
            axes.barh(place, end_s - start_s, left=start_s, color=_ENDS[event.kind], height=0.6, label=event.kind)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
