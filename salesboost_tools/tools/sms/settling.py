"""What a provider's answer makes of a message. Each function is one transaction; all may come late or twice."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from salesboost_tools.tools.sms import rows
from salesboost_tools.tools.sms.ledger import Entry
from salesboost_tools.tools.sms.opting_out import opt_out
from salesboost_tools.tools.sms.provider import Found, NotTaken, Refused, Report, Unclear
from salesboost_tools.tools.sms.rows import Row
from salesboost_tools.tools.sms.schema import messages
from salesboost_tools.tools.sms.scope import Policy
from salesboost_tools.tools.sms.vocabulary import FINAL, UNDER_WAY, Consent, Source, State, after_report


def settle(
    connection: Connection,
    row: Row,
    answer: Report | Refused | NotTaken | Unclear,
    policy: Policy,
    *,
    token: str,
    now: datetime,
) -> Row:
    """Note what the provider answered to whoever holds the message, and return it as it is then.

    If a callback was faster, or the lease has ended and others have found out already, what is known stays.
    """
    held = (messages.c.lease_token == token, messages.c.state.in_(UNDER_WAY), messages.c.provider_id.is_(None))
    match answer:
        case Report():
            _note(connection, row, answer, *held, now=now)
        case Refused():
            _note_opt_out(connection, row, opted_out=answer.opted_out, code=answer.error_code, now=now)
            rows.change(
                connection, row, *held, now=now, state=State.FAILED, error_code=answer.error_code, error=answer.reason
            )
        case NotTaken():
            wait = policy.look_again if answer.retry_after_s is None else timedelta(seconds=answer.retry_after_s)
            rows.change(connection, row, *held, now=now, state=State.QUEUED, due_at=now + wait, error=answer.why)
        case Unclear():
            rows.change(connection, row, *held, now=now, state=State.UNKNOWN, look_at=now, error=answer.why)
    return rows.again(connection, row)


def note_search(
    connection: Connection, row: Row, answer: Found | NotTaken | Unclear, policy: Policy, *, now: datetime
) -> Row:
    """Note what a search at the provider says of a message whose fate is unknown, and return it as it is then.

    One of the provider's messages that belongs to none of ours is taken for it. If the provider has none to this number
    that we cannot account for, and has had time to enter it in its records, the message was never taken: it goes back
    into the queue. Everything else leaves it unknown for another look. While an equal message is being sent, what the
    search found may be that one's.
    """
    since = row["attempted_at"]
    assert since is not None, "only what was handed to a provider can be unknown"
    unknown = (
        messages.c.state == State.UNKNOWN,
        messages.c.attempts == row["attempts"],
        messages.c.provider_id.is_(None),
    )
    if isinstance(answer, Found) and not rows.has_twin_being_sent(connection, row):
        seen = [*(each.provider_id for each in answer.reports), *answer.others]
        known = rows.known_provider_ids(connection, row["provider"], seen)
        ours = next((each for each in answer.reports if each.provider_id not in known), None)
        if ours is not None:
            _note(connection, row, ours, *unknown, now=now)
            return rows.again(connection, row)
        if answer.complete and known.issuperset(answer.others) and now - since >= policy.settling:
            _return_to_queue(connection, row, unknown, policy, now=now)
            return rows.again(connection, row)
    later = now + max(policy.look_again, (now - since) / 4)
    rows.change(connection, row, *unknown, now=now, look_at=later)
    return rows.again(connection, row)


def _return_to_queue(
    connection: Connection, row: Row, unknown: tuple[object, ...], policy: Policy, *, now: datetime
) -> None:
    if row["attempts"] < policy.attempts:
        rows.change(connection, row, *unknown, now=now, state=State.QUEUED, due_at=now, error=None)
    else:
        why = f"The provider did not take it in {row['attempts']} attempts."
        rows.change(connection, row, *unknown, now=now, state=State.FAILED, error=why)


def note_report(connection: Connection, row: Row, report: Report, *, now: datetime) -> Row:
    """Note what the provider reports of a message that it took, and return it as it is then."""
    _note(connection, row, report, messages.c.state.not_in(FINAL), now=now)
    return rows.again(connection, row)


def _note(connection: Connection, row: Row, report: Report, *only_if: object, now: datetime) -> None:
    _note_opt_out(connection, row, opted_out=report.opted_out, code=report.error_code, now=now)
    rows.change(
        connection,
        row,
        *only_if,
        now=now,
        state=after_report(State(row["state"]), report.state),
        provider_id=report.provider_id,
        sent_at=row["sent_at"] or row["attempted_at"] or now,
        error_code=report.error_code,
        error=report.reason,
        lease_until=None,
    )


def _note_opt_out(connection: Connection, row: Row, *, opted_out: bool, code: int | None, now: datetime) -> None:
    """Enter into the ledger what a provider says of a person; comes first, as everybody locks the person first."""
    if opted_out:
        entry = Entry(
            consent=Consent.WITHDRAWN,
            source=Source.PROVIDER,
            evidence=f"the provider refused {row['id']} (error {code}): the person has opted out there",
            at=now,
            reference=f"{row['id']}:{code}",
        )
        opt_out(connection, row["tenant_id"], row["recipient"], entry)
