"""What the brief does not say, and why: refused and failed calls, questions without an answer, cut notes."""

from collections.abc import Iterable

from salesboost_tools.brief.account_brief import LeftOut
from salesboost_tools.brief.calls import CRM, KNOWLEDGE, subject_of
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.writing.wording import counted


def left_out(found: Findings) -> tuple[LeftOut, ...]:
    """Return everything that is missing, each thing once."""
    every = [*_failed(found), *_without_answer(found), *_more_pages(found), *_cut(found)]
    return tuple(dict.fromkeys(every))


def _failed(found: Findings) -> Iterable[LeftOut]:
    for answer in found.answers:
        if not answer.ok:
            yield LeftOut(what=_named(answer.tool, subject_of(answer.tool, answer.args)), why=answer.text)


def _without_answer(found: Findings) -> Iterable[LeftOut]:
    for answer in found.answers:
        if answer.asked(KNOWLEDGE) and answer.data.get("note"):
            yield LeftOut(what=_named(answer.tool, subject_of(answer.tool, answer.args)), why=answer.data["note"])


def _more_pages(found: Findings) -> Iterable[LeftOut]:
    for answer in found.answers:
        if answer.asked(CRM, operation="list") and answer.data.get("next_cursor"):
            shown = len(answer.data["records"])
            subject = subject_of(answer.tool, answer.args)
            yield LeftOut(what=f"More {subject}", why=f"Only the first {shown} were read.")


def _cut(found: Findings) -> Iterable[LeftOut]:
    cut = [each for each in found.activities if not each.body_is_complete]
    if cut:
        yield LeftOut(
            what=f"The end of {counted(len(cut), 'note')}: {', '.join(each.id for each in cut)}",
            why="The CRM's list shows the beginning of long texts only.",
        )


def _named(tool: str, subject: str) -> str:
    return f"{subject} ({tool})"
