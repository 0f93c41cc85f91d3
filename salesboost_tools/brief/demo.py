"""Prepare account briefs in the terminal, and show what the calls cost: the main job, without keys or network."""

# pyright: reportUnknownMemberType=false

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from salesboost_tools.brief.account_brief import AccountBrief
from salesboost_tools.brief.calls import subject_of
from salesboost_tools.brief.graph import build_account_brief
from salesboost_tools.brief.screen.brief_view import brief_view, heading
from salesboost_tools.brief.screen.call_log import LoggedCall
from salesboost_tools.brief.screen.progress import Progress
from salesboost_tools.brief.screen.tables import cache_since, handlers_table, selector_table, timeline
from salesboost_tools.brief.screen.words import TrimmedLines
from salesboost_tools.brief.writing.wording import listed, said
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.handlers.cache import CacheHandler, CacheStatistics
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.settings import Settings
from salesboost_tools.toolkit import SalesToolkit

DONE, NO_BRIEF, WRONG_SET_UP = 0, 1, 2


@dataclass(slots=True)
class Preparation:
    """One brief, and what was measured while it was prepared.

    Attributes:
        brief: None if there is a problem.
        took_s: Seconds from the question to the brief.
        subjects: What each call is about, by its id.
        rounds: In which round each call was planned, by its id.
        cache: What the cache counted.
    """

    asked: str | None
    brief: AccountBrief | None = None
    problem: str | None = None
    took_s: float = 0.0
    calls: Sequence[LoggedCall] = ()
    subjects: dict[str, str] = field(default_factory=dict[str, str])
    rounds: dict[str, str] = field(default_factory=dict[str, str])
    cache: dict[str, CacheStatistics] = field(default_factory=dict[str, CacheStatistics])

    @property
    def from_memory(self) -> int:
        """How many calls the cache answered."""
        return sum(call.from_memory for call in self.calls)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo.

    Returns:
        0; 1 if an account is not known; 2 if the set-up is wrong.
    """
    options = _arguments(argv)
    console = _console(still=options.plain or options.json)
    try:
        with ExitStack() as stack:
            folder = options.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="salesboost-")))
            return _run(options, folder, console, stack)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201  (a person at the terminal reads it)
        return WRONG_SET_UP


def _console(*, still: bool) -> Console:
    """Return the terminal, or, if it is none or should be still, a console without colours and moving parts."""
    out = cast("TextIO", sys.stdout)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows only ASCII shows ? for bars and arrows
    if still or not out.isatty():
        trimmed = cast("TextIO", TrimmedLines(out))
        return Console(file=trimmed, color_system=None, force_terminal=False, highlight=False)
    return Console(highlight=False)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m graphs.account_brief",
        description="Prepare account briefs on the shipped data, and show what every tool call cost.",
    )
    parser.add_argument(
        "accounts",
        metavar="ACCOUNT",
        nargs="*",
        help="name, part of a name or id; without one the stalled deal with most at stake, as the CRM tells it",
    )
    parser.add_argument("--model", metavar="PROVIDER:NAME", help="a chat model plans and writes; without one, rules do")
    parser.add_argument("--data-dir", type=Path, help="folder for the embedded stores; without one, a temporary one")
    parser.add_argument("--plain", action="store_true", help="no colours and nothing that moves")
    parser.add_argument("--json", action="store_true", help="print the briefs and the measurements as JSON")
    return parser.parse_args(argv)


def _run(options: argparse.Namespace, folder: Path, console: Console, stack: ExitStack) -> int:
    began = perf_counter()
    toolkit = SalesToolkit(Settings(bandit_enabled=True, data_dir=folder))
    stack.callback(toolkit.close)
    desk = _Desk(toolkit, _model(options.model), console, quiet=options.json)
    set_up_s = perf_counter() - began
    if not options.json:
        console.print(Text(f"Stores opened and graph built in {set_up_s:.2f} s.", style="dim"))
    prepared = asyncio.run(desk.prepare_all(options.accounts or [None]))
    if options.json:
        print(json.dumps(_as_json(prepared, toolkit, set_up_s), indent=2, ensure_ascii=False))  # noqa: T201
    return NO_BRIEF if any(each.problem for each in prepared) else DONE


def _model(name: str | None) -> BaseChatModel | None:
    if name is None:
        return None
    from salesboost_tools.brief.init_model import init_model  # noqa: PLC0415  (an extra; most runs do without)

    return init_model(name)


class _Desk:
    """Prepares briefs and shows them."""

    def __init__(self, toolkit: SalesToolkit, model: BaseChatModel | None, console: Console, *, quiet: bool) -> None:
        self._toolkit = toolkit
        self._graph = build_account_brief(toolkit, model)
        self._console = console
        self._quiet = quiet
        status: StatusHandler | None = toolkit.handler(StatusHandler)
        self._feed = status.feed if status else None
        self._cache: CacheHandler | None = toolkit.handler(CacheHandler)

    async def prepare_all(self, accounts: Sequence[str | None]) -> list[Preparation]:
        """Prepare a brief for each account, and the first one again."""
        prepared: list[Preparation] = []
        for account in accounts:
            prepared.append(await self.prepare(account, f"Preparing a brief for {account or 'the most urgent deal'}"))
            if not self._quiet:
                self._show(prepared[-1])
        first = prepared[0]
        if first.brief:
            again = await self.prepare(first.asked, f"Preparing the brief for {first.brief.account_name} again")
            prepared.append(again)
            if not self._quiet:
                self._show_again(first, again)
        return prepared

    async def prepare(self, account: str | None, title: str) -> Preparation:
        """Run the graph once and measure it."""
        done = Preparation(account)
        before = self._cache.statistics() if self._cache else {}
        with Progress(self._console, self._feed, title, quiet=self._quiet) as progress:
            began = perf_counter()
            async for update in self._graph.astream({"account": account}, stream_mode="updates"):
                self._note(update, done, progress)
            done.took_s = perf_counter() - began
        done.calls = progress.log.calls()
        done.cache = cache_since(self._cache.statistics(), before) if self._cache else {}
        return done

    def _note(self, update: dict[str, Any], done: Preparation, progress: Progress) -> None:
        """Keep what a node has done: the calls it planned, and the result."""
        for change in update.values():
            done.brief = change.get("brief", done.brief)
            done.problem = change.get("problem", done.problem)
            for message in change.get("messages", ()):
                if isinstance(message, AIMessage) and message.tool_calls:
                    named = "find" if not done.rounds else f"plan {len(set(done.rounds.values()))}"
                    for call in message.tool_calls:
                        done.rounds[str(call["id"])] = named
                        done.subjects[str(call["id"])] = subject_of(call["name"], call["args"])
                    progress.subjects.update(done.subjects)

    def _show(self, done: Preparation) -> None:
        console = self._console
        if done.brief is None:
            console.print(Text(done.problem or "No brief was written.", style="bold yellow"))
            return
        console.print(brief_view(done.brief))
        if done.calls:
            console.print(heading(f"Timeline: {len(done.calls)} calls, brief ready after {done.took_s:.2f} s"))
            console.print(timeline(done.calls, done.subjects, done.rounds, console.width))
            console.print(heading("What the handlers did"))
            console.print(handlers_table(done.calls, done.cache))

    def _show_again(self, first: Preparation, again: Preparation) -> None:
        console = self._console
        console.print()
        console.print(Rule("The same brief again, in the same run"))
        if again.brief is None:
            console.print(Text(again.problem or "No brief was written.", style="bold yellow"))
            return
        console.print(_compared(first, again))
        if again.calls:
            console.print(handlers_table(again.calls, again.cache))
        statistics = self._toolkit.selector.get_statistics()
        for group in self._toolkit.groups:
            arms = statistics.get(group.name, {})
            console.print(heading(f"What the selector has learnt about {group.name}, both briefs together"))
            console.print(selector_table(arms))
            best = self._toolkit.selector.get_best_tool(group)
            if best is not None:
                console.print(Text(f"Best so far: {best.name}. Answers from memory teach nothing and are not counted."))


def _compared(first: Preparation, again: Preparation) -> Text:
    faster = f", {first.took_s / again.took_s:.1f} times as fast" if again.took_s else ""
    text = Text(f"{again.took_s:.2f} s instead of {first.took_s:.2f} s{faster}")
    if again.calls:
        text.append(f": {again.from_memory} of {len(again.calls)} calls were answered from memory")
    text.append(". ")
    assert first.brief is not None
    assert again.brief is not None
    changed = [said(name) for name, value in first.brief if getattr(again.brief, name) != value]
    return text.append(f"It differs in {listed(changed)}." if changed else "It says the same, word for word.")


def _as_json(prepared: Sequence[Preparation], toolkit: SalesToolkit, set_up_s: float) -> dict[str, Any]:
    statistics = toolkit.selector.get_statistics()
    return {
        "set_up_s": set_up_s,
        "briefs": [
            {
                "asked": each.asked,
                "problem": each.problem,
                "brief": each.brief.model_dump(mode="json") if each.brief else None,
                "took_s": each.took_s,
                "calls": [
                    {
                        **asdict(call),
                        "about": each.subjects.get(call.call_id or ""),
                        "round": each.rounds.get(call.call_id or ""),
                    }
                    for call in each.calls
                ],
                "cache": {tool: asdict(counts) for tool, counts in each.cache.items()},
            }
            for each in prepared
        ],
        "selector": {group: {name: asdict(arm) for name, arm in arms.items()} for group, arms in statistics.items()},
    }
