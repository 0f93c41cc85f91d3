"""Progress while a brief is prepared: a live table in a terminal, a line per finished call elsewhere."""

from collections import defaultdict
from collections.abc import Mapping
from time import perf_counter
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from salesboost_tools.brief.screen.call_log import CallLog, LoggedCall
from salesboost_tools.brief.screen.tables import outcome
from salesboost_tools.brief.screen.words import COLOURS, milliseconds, short_name
from salesboost_tools.observe.status import StatusEvent, StatusFeed

_GLYPHS = {"running": "·", "ok": "●", "cached": "◆", "shared": "◆"}
_ENDS = {"completed", "failed", "interrupted", "cancelled"}
_PER_SECOND = 15


class Progress:
    """Shows what the status feed tells, as it tells it: `with Progress(...) as progress: …`.

    Args:
        console: Where to.
        feed: What the tools are doing; None if status is switched off.
        title: What is being prepared.
        quiet: Write down, show nothing.

    Attributes:
        log: The calls, also after the end.
        subjects: What each call is about, by its id; may be filled while it runs.
    """

    def __init__(self, console: Console, feed: StatusFeed | None, title: str, *, quiet: bool = False) -> None:
        self.subjects: dict[str, str] = {}
        self.log = CallLog(feed, None if quiet else self._told)
        self._console = console
        self._title = title
        self._began_s = perf_counter()
        self._spinner = Spinner("dots", text=title)
        live = console.is_terminal and not quiet
        self._live = (
            Live(get_renderable=self._view, console=console, refresh_per_second=_PER_SECOND, transient=True)
            if live
            else None
        )
        if not quiet and not live:
            console.print(f"{title} …")

    def __enter__(self) -> Self:
        self.log.__enter__()
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.log.__exit__(kind, error, traceback)
        if self._live:
            self._live.stop()

    def _told(self, event: StatusEvent) -> None:
        if self._live:
            return  # the live view looks at the log by itself
        if event.kind in _ENDS:
            call = next(
                (each for each in reversed(self.log.calls()) if each.call_id == event.tool_call_id and each.duration_s),
                None,
            )
            if call:
                self._console.print(_line(call, self.subjects), no_wrap=True, overflow="ellipsis", crop=True)

    def _view(self) -> RenderableType:
        self._spinner.update(text=f"{self._title} {perf_counter() - self._began_s:.1f} s")
        by_tool: defaultdict[str, list[LoggedCall]] = defaultdict(list)
        for call in self.log.calls():
            by_tool[call.tool].append(call)
        rows = Table.grid(padding=(0, 2))
        for tool, calls in by_tool.items():
            glyphs = Text()
            for call in calls:
                glyphs.append(_GLYPHS.get(call.outcome, "✗"), style=COLOURS.get(call.outcome, ""))
            rows.add_row(f"  {tool}", glyphs, Text(_now(calls, self.subjects), style="dim"))
        return Group(self._spinner, rows)


def _now(calls: list[LoggedCall], subjects: Mapping[str, str]) -> str:
    running = [call for call in calls if call.outcome == "running"] or calls[-1:]
    subject = subjects.get(running[-1].call_id or "", "")
    return subject if len(subject) <= 40 else f"{subject[:39]}…"


def _line(call: LoggedCall, subjects: Mapping[str, str]) -> Text:
    end_s = call.start_s + (call.duration_s or 0)
    text = Text(f"  {milliseconds(end_s):>7}  {short_name(call.tool):<18} ")
    text.append(outcome(call), style=COLOURS.get(call.outcome, ""))
    return text.append(f" in {milliseconds(call.duration_s)}: {subjects.get(call.call_id or '', '')}", style="dim")
