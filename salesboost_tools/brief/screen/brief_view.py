"""An account brief in the terminal; the same content as its Markdown, laid out for 80 columns and more."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from salesboost_tools.brief.account_brief import AccountBrief, Answer, Source, Statement
from salesboost_tools.brief.markdown import KINDS, needs
from salesboost_tools.brief.screen.words import citation
from salesboost_tools.brief.writing.wording import money


def brief_view(brief: AccountBrief) -> RenderableType:
    """Return the whole brief."""
    expired = {source.key: str(source.expires) for source in brief.sources if source.expired}
    return Group(
        _title(brief),
        *_section("Situation", [_points(brief.situation, expired)] if brief.situation else []),
        *_section("People", [_people(brief)] if brief.people else []),
        *_section(brief.why_heading, [_points(brief.why, expired)] if brief.why else []),
        *_section(
            f"Competitor: {brief.competitor}", [_points(brief.competition, expired)] if brief.competition else []
        ),
        *_section("Objections and our answers", [_answer(each, expired) for each in brief.answers]),
        *_section("Price options, before tax", [_prices(brief)] if brief.price_options else []),
        *_section("Next steps", [_steps(brief, expired)] if brief.next_steps else []),
        *_section("Left out", [_left_out(brief)] if brief.left_out else []),
        *_section("Sources", [_sources(brief.sources)]),
    )


def heading(title: str) -> RenderableType:
    """Return a section's heading."""
    return Padding(Text(title, style="bold cyan"), (1, 0, 0, 0))


def _title(brief: AccountBrief) -> RenderableType:
    by = f"As of {brief.as_of:%Y-%m-%d %H:%M} UTC. Planned by {brief.planned_by}, written by {brief.written_by}."
    return Panel(Group(Text(brief.headline, style="bold"), Text(by, style="dim")), title="Account brief")


def _section(title: str, content: Sequence[RenderableType]) -> Iterable[RenderableType]:
    if content:
        yield heading(title)
        yield from content


def _points(statements: Sequence[Statement], expired: dict[str, str]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for each in statements:
        grid.add_row("•", Text(each.text).append(citation(each.cites, expired)))
    return grid


def _people(brief: AccountBrief) -> RenderableType:
    table = _table("Name", "Title", "Part", "Last conversation")
    for each in brief.people:
        when = "none on record" if each.silent_days is None else f"{each.last_contact} ({each.silent_days} days)"
        table.add_row(each.name, each.title, each.role, when)
    return table


def _answer(answer: Answer, expired: dict[str, str]) -> RenderableType:
    said = Text().append(f"{answer.objection}. ", style="bold").append(answer.heard.text, style="italic")
    grid = Table.grid(padding=(0, 1))
    grid.add_row("•", said.append(citation(answer.heard.cites, expired)))
    for each in answer.answers:
        grid.add_row(
            "", Text("→ ", style="green").append(each.text, style="default").append(citation(each.cites, expired))
        )
    if not answer.answers:
        grid.add_row("", Text("→ No answer was found.", style="yellow"))
    return grid


def _prices(brief: AccountBrief) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    for each in brief.price_options:
        grid.add_row(
            Text(each.letter, style="bold"),
            Text(each.label, style="bold"),
            Text(money(each.total, each.currency), style="bold"),
        )
        seats = ", ".join(f"{sku} {price}" for sku, price in each.seat_prices.items())
        grid.add_row("", Text(f"{seats} a unit and month"))
        if each.discounts:
            grid.add_row("", Text(", ".join(each.discounts), style="dim"))
        style = "yellow" if each.approvers else "green"
        grid.add_row("", Text(f"Must agree: {needs(each)}", style=style).append(f"  {each.quote_id}", style="dim"))
    return grid


def _steps(brief: AccountBrief, expired: dict[str, str]) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for each in brief.next_steps:
        what = Text(each.what).append(".")
        if each.how:
            what.append(f" {each.how}", style="italic")
        day = Text(f"{each.due:%a} {each.due}", style="bold")
        grid.add_row(day, each.owner, what.append(citation(each.cites, expired)))
    return grid


def _left_out(brief: AccountBrief) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    for each in brief.left_out:
        grid.add_row("•", Text(f"{each.what}: ").append(each.why, style="yellow"))
    return grid


def _sources(sources: Sequence[Source]) -> RenderableType:
    """Say what the keys stand for as shortly as possible; the Markdown and the JSON list each with its title."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    for kind, name in KINDS.items():
        of_kind = [source for source in sources if source.kind == kind]
        if kind == "knowledge":
            listed = Text("\n").join(_articles(of_kind))
        elif kind == "battlecard":
            listed = Text(", ").join(Text(_until(source), style="red" if source.expired else "") for source in of_kind)
        else:
            listed = Text(", ".join(source.key for source in of_kind))
        if of_kind:
            grid.add_row(Text(name, style="dim"), listed)
    return grid


def _articles(sources: Sequence[Source]) -> Iterable[Text]:
    """Return a line per article; which sections were used stands where they are cited."""
    by_document = {source.key.partition(" ")[0]: source for source in sources}
    return [Text(key).append(f" {each.title}, {each.dated}", style="dim") for key, each in by_document.items()]


def _until(source: Source) -> str:
    if source.expires is None:
        return f"{source.key} ({source.dated})"
    return f"{source.key} ({'expired' if source.expired else 'until'} {source.expires})"


def _table(*columns: str) -> Table:
    table = Table(*columns, box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in table.columns:
        column.vertical = "top"
    return table
