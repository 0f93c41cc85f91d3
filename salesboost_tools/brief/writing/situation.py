"""Where the account stands, who has a say, and why nothing moves."""

from collections.abc import Iterable

from salesboost_tools.brief.account_brief import Person, Statement
from salesboost_tools.brief.crm_records import Deal
from salesboost_tools.brief.findings import Findings
from salesboost_tools.brief.heard import Heard, Offer, sentences
from salesboost_tools.brief.writing.wording import (
    ROLE_ORDER,
    ROLES,
    counted,
    listed,
    money,
    quoted,
    said,
    shortened,
    times,
)

_NOTE_LETTERS = 320
_WORD_LETTERS = 180
_OTHER_DEALS = 3


def headline(found: Findings, offer: Offer | None, *, stalled_days: int) -> str:
    """Return the one sentence to remember."""
    deal = found.deal
    if deal is None:
        return f"{found.account_name}: no open deal"
    parts = [f"{money(deal.amount, deal.currency)} in {said(deal.stage)}"]
    if deal.silent_days >= stalled_days:
        parts.append(f"no word from the customer for {deal.silent_days} days")
    if offer:
        parts.append(f"{deal.competitor} offers {money(offer.seat_price, offer.currency)} a seat and month")
    elif deal.competitor:
        parts.append(f"against {deal.competitor}")
    return f"{found.account_name}: {', '.join(parts)}"


def situation(found: Findings) -> tuple[Statement, ...]:
    """Return what and where the account is, the deal, and how it got there."""
    return (*_account(found), *_deal(found), *_history(found), *_other_deals(found))


def _account(found: Findings) -> Iterable[Statement]:
    account = found.account
    if account is None:
        return
    place = f"{account.city} ({account.country})" if account.city and account.country else account.country
    people = f"{account.employees:,} people" if account.employees else None
    facts = [fact for fact in (account.industry, people, place, account.status) if fact]
    owner = f"; owner {account.owner_id}" if account.owner_id else ""
    yield Statement(text=f"{account.name}: {', '.join(facts)}{owner}.", cites=(account.id,))


def _deal(found: Findings) -> Iterable[Statement]:
    deal = found.deal
    if deal is None:
        return
    lines = listed([f"{quantity} {sku}" for sku, quantity in deal.lines]) or "no products named"
    days_left = (deal.close_date - found.as_of.date()).days
    when = f"in {counted(days_left, 'day')}" if days_left >= 0 else f"{counted(-days_left, 'day')} ago"
    slips = f", moved {times(deal.slips)}" if deal.slips else ""
    yield Statement(
        text=(
            f"{lines} for {money(deal.amount, deal.currency)}, in {said(deal.stage)}; "
            f"close date {deal.close_date} ({when}{slips}); owner {deal.owner_id}."
        ),
        cites=(deal.id,),
    )
    if deal.next_step:
        yield Statement(text=f"Next step on record: {quoted(deal.next_step)}.", cites=(deal.id,))


def _history(found: Findings) -> Iterable[Statement]:
    two_way = [each for each in found.activities if each.is_two_way]
    if two_way:
        first, last = two_way[-1], two_way[0]
        yield Statement(
            text=(
                f"{counted(len(two_way), 'conversation')} and mails from them since {first.at.date()}; the last on "
                f"{last.at.date()}: {last.subject}."
            ),
            cites=tuple(dict.fromkeys((first.id, last.id))),
        )


def _other_deals(found: Findings) -> Iterable[Statement]:
    others = [deal for deal in found.deals if deal != found.deal]
    for deal in others[:_OTHER_DEALS]:
        reason = f" ({said(deal.close_reason)})" if deal.close_reason else ""
        yield Statement(
            text=f"Also {said(deal.stage)}{reason}: {deal.name}, {money(deal.amount, deal.currency)}.", cites=(deal.id,)
        )


def people(found: Findings) -> tuple[Person, ...]:
    """Return who has a say, the signature first."""
    order = {role: at for at, role in enumerate(ROLE_ORDER)}
    ranked = sorted(found.contacts, key=lambda person: order.get(person.role, len(order)))
    return tuple(_person(found, person.id) for person in ranked)


def _person(found: Findings, contact_id: str) -> Person:
    contact = found.contact(contact_id)
    assert contact is not None
    last = found.last_contact_with(contact_id)
    return Person(
        contact_id=contact.id,
        name=contact.name,
        title=contact.title,
        role=ROLES.get(contact.role, said(contact.role)),
        last_contact=None if last is None else last.at.date(),
        silent_days=None if last is None else found.days_since(last.at),
        cites=(contact.id, *(() if last is None else (last.id,))),
    )


def heading_of_reasons(found: Findings, *, stalled_days: int) -> str:
    """Return what `reasons` are about; only silence is a stall."""
    return "Why it stalls" if found.deal and found.deal.silent_days >= stalled_days else "What is open"


def reasons(found: Findings, heard: list[Heard], *, power_role: str, power_days: int) -> tuple[Statement, ...]:
    """Return what holds the deal, as far as the CRM shows it."""
    deal = found.deal
    if deal is None:
        return ()
    return (
        *_last_word(found),
        *_unanswered(found),
        *_objections(heard),
        *_missing_power(found, power_role, power_days),
        *_dates(found, deal),
        *_own_note(found),
    )


def _last_word(found: Findings) -> Iterable[Statement]:
    last = next((each for each in found.activities if each.is_two_way), None)
    if last is None:
        return
    person = found.contact(last.contact_id)
    who = f" with {person.name}" if person else ""
    what = "Last mail from them" if last.kind == "email" else f"Last {last.kind}{who}"
    text = f"{what}, {counted(found.days_since(last.at), 'day')} ago: {quoted(_end_of(last.body, _WORD_LETTERS))}"
    yield Statement(text=text, cites=(last.id,))


def _unanswered(found: Findings) -> Iterable[Statement]:
    mails = found.unanswered_mails()
    if mails:
        listing = listed([f"{mail.subject} ({mail.at.date()})" for mail in reversed(mails)])
        yield Statement(
            text=f"{counted(len(mails), 'mail')} of ours since then without an answer: {listing}.",
            cites=tuple(mail.id for mail in reversed(mails)),
        )


def _objections(heard: list[Heard]) -> Iterable[Statement]:
    if heard:
        names = listed([each.objection.name[:1].lower() + each.objection.name[1:] for each in heard])
        cites = dict.fromkeys(each.source_id for each in heard)
        text = f"{counted(len(heard), 'objection')} on record: {names}."
        yield Statement(text=text, cites=tuple(cites))


def _missing_power(found: Findings, role: str, after_days: int) -> Iterable[Statement]:
    for contact in found.contacts:
        last = found.last_contact_with(contact.id)
        if contact.role != role or (last and found.days_since(last.at) < after_days):
            continue
        since = f"for {found.days_since(last.at)} days" if last else "at all"
        text = f"No conversation with {contact.name} ({ROLES[role]}) on record {since}."
        yield Statement(text=text, cites=(contact.id, *((last.id,) if last else ())))


def _dates(found: Findings, deal: Deal) -> Iterable[Statement]:
    if deal.slips or deal.close_date < found.as_of.date():
        moves = [each for each in found.activities if each.kind == "note" and "close date" in each.subject.casefold()]
        passed = ", and it has passed" if deal.close_date < found.as_of.date() else ""
        yield Statement(
            text=f"The close date was moved {times(deal.slips)}, now {deal.close_date}{passed}.",
            cites=(deal.id, *(each.id for each in reversed(moves))),
        )


def _own_note(found: Findings) -> Iterable[Statement]:
    note = next((each for each in found.activities if each.kind == "note" and each.body), None)
    if note is None:
        return
    text = f"Our own note of {note.at.date()}: {quoted(_end_of(note.body, _NOTE_LETTERS))}"
    yield Statement(text=text, cites=(note.id,))


def _end_of(body: str, most: int) -> str:
    """Return the last sentences of a note, where stands what is expected; one that is too long is cut."""
    every = sentences(body)
    chosen = every[-1:]
    for sentence in reversed(every[:-1]):
        if len(" ".join((sentence, *chosen))) > most:
            break
        chosen.insert(0, sentence)
    return shortened(" ".join(chosen), most)
