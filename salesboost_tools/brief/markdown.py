"""An account brief as Markdown."""

from collections.abc import Iterable, Sequence

from salesboost_tools.brief.account_brief import AccountBrief, PriceOption, Source, Statement
from salesboost_tools.brief.writing.wording import listed, money, per_cent

KINDS = {"crm": "CRM", "knowledge": "Knowledge base", "battlecard": "Battlecards", "price": "Price book"}


def to_markdown(brief: AccountBrief) -> str:
    """Return the brief as a Markdown document; citations stand in square brackets, expired ones say so."""
    expired = {source.key: source for source in brief.sources if source.expired}
    parts = [
        f"# {brief.headline}",
        f"As of {brief.as_of:%Y-%m-%d %H:%M} UTC · planned by {brief.planned_by} · written by {brief.written_by}",
        *_list("Situation", brief.situation, expired),
        *_people(brief),
        *_list(brief.why_heading, brief.why, expired),
        *_list(f"Competitor: {brief.competitor}", brief.competition, expired),
        *_answers(brief, expired),
        *_prices(brief),
        *_steps(brief, expired),
        *_sources(brief.sources),
        *_left_out(brief),
    ]
    return "\n\n".join(parts) + "\n"


def citation(cites: Sequence[str], expired: dict[str, Source]) -> str:
    """Return `[ACT-1, DH-02 expired 2026-05-31]`."""
    marked = [f"{key} expired {expired[key].expires}" if key in expired else key for key in cites]
    return f"[{', '.join(marked)}]"


def _list(heading: str, statements: Sequence[Statement], expired: dict[str, Source]) -> Iterable[str]:
    if statements:
        yield f"## {heading}"
        yield "\n".join(f"- {each.text} {citation(each.cites, expired)}" for each in statements)


def _people(brief: AccountBrief) -> Iterable[str]:
    if not brief.people:
        return
    yield "## People"
    rows = [
        f"| {each.name} | {each.title} | {each.role} | {_silence(each.silent_days, str(each.last_contact))} |"
        for each in brief.people
    ]
    yield "\n".join(["| Name | Title | Part in the decision | Last conversation |", "|---|---|---|---|", *rows])


def _silence(days: int | None, day: str) -> str:
    return "none on record" if days is None else f"{day}, {days} days ago"


def _answers(brief: AccountBrief, expired: dict[str, Source]) -> Iterable[str]:
    if brief.answers:
        yield "## Objections and our answers"
    for each in brief.answers:
        lines = [f"- {answer.text} {citation(answer.cites, expired)}" for answer in each.answers]
        lines = lines or ["- No answer was found."]
        yield "\n".join([f"**{each.objection}.** {each.heard.text} {citation(each.heard.cites, expired)}", "", *lines])


def _prices(brief: AccountBrief) -> Iterable[str]:
    if not brief.price_options:
        return
    yield "## Price options, before tax"
    rows = ["| Option | Total | A unit and month | Discounts | Must agree | Quote |", "|---|---:|---|---|---|---|"]
    for each in brief.price_options:
        cells = [f"{each.letter}. {each.label}", money(each.total, each.currency), _seats(each)]
        cells += [", ".join(each.discounts), needs(each), each.quote_id]
        rows.append(f"| {' | '.join(cells)} |")
    yield "\n".join(rows)


def _seats(option: PriceOption) -> str:
    return ", ".join(f"{sku} {price}" for sku, price in option.seat_prices.items())


def needs(option: PriceOption) -> str:
    """Return who must agree to a price."""
    if option.approvers:
        return f"{listed(option.approvers)} ({per_cent(option.discretionary_fraction)} of list)"
    if option.discounts and float(option.discretionary_fraction):
        return f"nobody else ({per_cent(option.discretionary_fraction)} of list)"
    return "nobody"


def _steps(brief: AccountBrief, expired: dict[str, Source]) -> Iterable[str]:
    if brief.next_steps:
        yield "## Next steps"
        yield "\n".join(
            f"{number}. **{each.due}, {each.owner}**: {each.what}. {f'{each.how} ' if each.how else ''}"
            f"{citation(each.cites, expired)}"
            for number, each in enumerate(brief.next_steps, start=1)
        )


def _sources(sources: Sequence[Source]) -> Iterable[str]:
    yield "## Sources"
    for kind, heading in KINDS.items():
        of_kind = [source for source in sources if source.kind == kind]
        if of_kind:
            yield "\n".join(
                [f"{heading}:", "", *(f"- {source.key}: {source.title}{dates(source)}" for source in of_kind)]
            )


def dates(source: Source) -> str:
    """Return when a source is from and until when it holds, with a comma before it."""
    told = f", {source.dated}" if source.dated else ""
    if source.expires:
        told += f", {'expired' if source.expired else 'holds until'} {source.expires}"
    return told


def _left_out(brief: AccountBrief) -> Iterable[str]:
    if brief.left_out:
        yield "## Left out"
        yield "\n".join(f"- {each.what}: {each.why}" for each in brief.left_out)
