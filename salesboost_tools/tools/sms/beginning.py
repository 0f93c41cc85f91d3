"""How a message comes into a worker's hands: leased by one, checked again, or put off."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from salesboost_tools.tools.sms import rows
from salesboost_tools.tools.sms.ledger import locked_standing
from salesboost_tools.tools.sms.phone import read_phone
from salesboost_tools.tools.sms.rows import Row
from salesboost_tools.tools.sms.schema import messages
from salesboost_tools.tools.sms.scope import Policy
from salesboost_tools.tools.sms.sending_rule import may_send
from salesboost_tools.tools.sms.vocabulary import WAITING, State


def begin(connection: Connection, row: Row, policy: Policy, *, token: str, now: datetime) -> bool:
    """Lease a waiting message that is due, if the rules still allow it, and return whether it is leased.

    What was allowed when it was entered may not be so any more: the person may have said stop, or be asleep. Then it is
    cancelled or put off. A message that is long overdue is not sent to somebody who no longer expects it.
    """
    waits = messages.c.state.in_(WAITING)
    found = locked_standing(connection, row["tenant_id"], row["recipient"], now)
    if now > row["expires_at"]:
        rows.change(connection, row, waits, now=now, state=State.FAILED, error="It was overdue and was not sent.")
        return False
    others = rows.times_around(
        connection, row["tenant_id"], row["recipient"], now, policy.cap.window, without=row["id"]
    )
    verdict = may_send(read_phone(row["recipient"]), now, found, others, policy)
    if verdict.free_from is None:
        rows.change(connection, row, waits, now=now, state=State.CANCELLED, error=verdict.why)
        return False
    if verdict.free_from > now:
        until = verdict.free_from
        rows.change(
            connection, row, waits, now=now, state=State.SCHEDULED, due_at=until, expires_at=until + policy.latest
        )
        return False
    return rows.change(
        connection,
        row,
        waits,
        now=now,
        state=State.SENDING,
        attempts=messages.c.attempts + 1,
        attempted_at=now,
        lease_token=token,
        lease_until=now + policy.lease,
    )


def next_due(connection: Connection, provider: str, *, now: datetime) -> Row | None:
    """Return the message, of whatever tenant, that has been due longest; None if none is."""
    found = connection.execute(
        select(messages)
        .where(messages.c.state.in_(WAITING), messages.c.due_at <= now, messages.c.provider == provider)
        .order_by(messages.c.due_at, messages.c.id)
        .limit(1)
    )
    row = found.mappings().one_or_none()
    return None if row is None else dict(row)


def end_leases(connection: Connection, provider: str, *, now: datetime) -> int:
    """Declare unknown what workers began and never reported, of whatever tenant, and return how many those were."""
    done = connection.execute(
        update(messages)
        .where(messages.c.state == State.SENDING, messages.c.lease_until <= now, messages.c.provider == provider)
        .values(state=State.UNKNOWN, look_at=now, updated_at=now)
    )
    return done.rowcount


def to_look_at(connection: Connection, provider: str, *, now: datetime, most: int) -> list[Row]:
    """Return messages, of whatever tenant, whose fate the provider is to be asked about now."""
    found = connection.execute(
        select(messages)
        .where(messages.c.state == State.UNKNOWN, messages.c.look_at <= now, messages.c.provider == provider)
        .order_by(messages.c.look_at, messages.c.id)
        .limit(most)
    )
    return [dict(row) for row in found.mappings()]
