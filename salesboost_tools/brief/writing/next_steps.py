"""What to do next, who does it and by when, as rules on what was found."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from salesboost_tools.brief.account_brief import NextStep, PriceOption, Statement
from salesboost_tools.brief.crm_records import Contact, Deal
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.heard import Heard
from salesboost_tools.brief.playbook import Playbook
from salesboost_tools.brief.writing.our_answers import advice
from salesboost_tools.brief.writing.wording import ROLES, listed, times

MOST_STEPS = 7
APPROVAL_DAYS = 2
POWER_DAYS = 3
ANSWER_DAYS = 3
PLAN_DAYS = 5
_WEEKDAYS = 5


def next_steps(
    found: Findings, heard: Sequence[Heard], options: Sequence[PriceOption], playbook: Playbook
) -> tuple[NextStep, ...]:
    """Return at most seven steps, the earliest first. Days are working days from the CRM's present."""
    deal = found.deal
    if deal is None:
        return tuple(_open_tasks(found))
    steps = [
        *_open_tasks(found),
        *_approval(found, deal, options, playbook),
        *_signature(found, deal, playbook),
        *_objections(found, deal, heard),
        *_plan(found, deal, playbook),
    ]
    return tuple(sorted(steps, key=lambda step: step.due)[:MOST_STEPS])


def working_days_after(day: date, days: int) -> date:
    """Return the day so many working days, Monday to Friday, after another; holidays are not known."""
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < _WEEKDAYS
    return day


def _open_tasks(found: Findings) -> Iterable[NextStep]:
    for task in found.activities:
        if task.is_open_task and task.due_at:
            owner = task.owner_id or "nobody"
            yield NextStep(what=f"{task.subject} (open task)", owner=owner, due=task.due_at.date(), cites=(task.id,))


def _approval(found: Findings, deal: Deal, options: Sequence[PriceOption], playbook: Playbook) -> Iterable[NextStep]:
    for option in options:
        if option.approvers:
            yield _step(
                f"Ask the {listed(option.approvers)} about price option {option.letter} before anybody names it",
                deal,
                working_days_after(found.as_of.date(), APPROVAL_DAYS),
                option.cites,
                advice(found, playbook.approval.question),
            )


def _signature(found: Findings, deal: Deal, playbook: Playbook) -> Iterable[NextStep]:
    """Yield a conversation with whoever signs and was not spoken to for long."""
    for person in found.contacts:
        last = found.last_contact_with(person.id)
        if person.role != playbook.power.role or (last and found.days_since(last.at) < playbook.power.after_days):
            continue
        how, why, cites = _way_to(found, person)
        since = f"last spoken to on {last.at.date()}" if last else "never spoken to"
        yield _step(
            f"{how} {person.name}, {ROLES[person.role]}, {since}{why}",
            deal,
            working_days_after(found.as_of.date(), POWER_DAYS),
            (person.id, *((last.id,) if last else ()), *cites),
            advice(found, playbook.power.question),
        )


def _objections(found: Findings, deal: Deal, heard: Sequence[Heard]) -> Iterable[NextStep]:
    """Yield one step per person: the answers themselves, not an offer to talk about them."""
    raised: dict[str, list[Heard]] = {}
    for each in heard:
        if each.contact_id:
            raised.setdefault(each.contact_id, []).append(each)
    for contact_id, objections in raised.items():
        person = found.contact(contact_id)
        if person is None:
            continue
        how, why, cites = _way_to(found, person)
        names = listed([each.objection.name[:1].lower() + each.objection.name[1:] for each in objections])
        yield _step(
            f"{how} {person.name} with the answer on {names}{why}",
            deal,
            working_days_after(found.as_of.date(), ANSWER_DAYS),
            (person.id, *(each.source_id for each in objections), *cites),
        )


def _plan(found: Findings, deal: Deal, playbook: Playbook) -> Iterable[NextStep]:
    passed = deal.close_date < found.as_of.date()
    if deal.slips > 1 or passed or deal.silent_days >= playbook.stalled.after_days:
        why = "it has passed" if passed else f"moved {times(deal.slips)}" if deal.slips > 1 else "nobody confirms it"
        yield _step(
            f"Agree a dated plan with the customer, or take {deal.close_date} out of the forecast ({why})",
            deal,
            working_days_after(found.as_of.date(), PLAN_DAYS),
            (deal.id,),
            advice(found, playbook.stalled.question),
        )


def _way_to(found: Findings, person: Contact) -> tuple[str, str, tuple[str, ...]]:
    """Return how to reach somebody, why so, and what that rests on: not by a mail if the last one stayed unanswered."""
    ignored = next((mail for mail in found.unanswered_mails() if mail.contact_id == person.id), None)
    if ignored:
        return "Call", f"; the mail of {ignored.at.date()} stayed unanswered", (ignored.id,)
    if person.consent == "withdrawn":
        return "Call", "; no mail, consent was withdrawn", ()
    return ("Write to" if person.channel == "email" else "Call"), "", ()


def _step(what: str, deal: Deal, due: date, cites: Sequence[str], how: Statement | None = None) -> NextStep:
    every = (*cites, *(how.cites if how else ()))
    return NextStep(
        what=what, owner=deal.owner_id, due=due, how=how.text if how else None, cites=tuple(dict.fromkeys(every))
    )
