"""Rows of the outbox: found, counted and changed, always of one tenant unless the name says otherwise."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection, func, select, update

from salesboost_tools.tools.sms.schema import messages
from salesboost_tools.tools.sms.vocabulary import State

Row = Mapping[str, Any]

_NOT_COUNTED = (State.CANCELLED, State.FAILED)


def by_id(connection: Connection, tenant_id: str, message_id: str) -> Row | None:
    """Return a message; None if the tenant has none of this id."""
    return _one(connection, messages.c.tenant_id == tenant_id, messages.c.id == message_id)


def by_key(connection: Connection, tenant_id: str, key: str) -> Row | None:
    """Return the message that was entered under a key."""
    return _one(connection, messages.c.tenant_id == tenant_id, messages.c.idempotency_key == key)


def of_any_tenant(connection: Connection, provider: str, *, provider_id: str, message_id: str | None) -> Row | None:
    """Return the message a provider speaks of: by its id there, or else by our id, which the provider hands back."""
    known = _one(connection, messages.c.provider == provider, messages.c.provider_id == provider_id)
    if known is not None or message_id is None:
        return known
    return _one(
        connection, messages.c.provider == provider, messages.c.id == message_id, messages.c.provider_id.is_(None)
    )


def again(connection: Connection, row: Row) -> Row:
    """Return a message as it is now."""
    found = by_id(connection, row["tenant_id"], row["id"])
    assert found is not None, "messages are never deleted while they are worked on"
    return found


def change(connection: Connection, row: Row, *only_if: Any, now: datetime, **values: Any) -> bool:
    """Write values into a message and return whether it was as `only_if` demands."""
    done = connection.execute(
        update(messages)
        .where(messages.c.tenant_id == row["tenant_id"], messages.c.id == row["id"], *only_if)
        .values(**values, updated_at=now)
    )
    return done.rowcount == 1


def times_around(
    connection: Connection, tenant_id: str, number: str, moment: datetime, window: timedelta, *, without: str | None
) -> Sequence[datetime]:
    """Return when other messages to a person went or will go, as far as they share a window with `moment` or later."""
    found = connection.execute(
        select(func.coalesce(messages.c.sent_at, messages.c.due_at, type_=messages.c.due_at.type)).where(
            messages.c.tenant_id == tenant_id,
            messages.c.recipient == number,
            messages.c.state.not_in(_NOT_COUNTED),
            messages.c.due_at > moment - 2 * window,
            messages.c.id != (without or ""),
        )
    )
    return list(found.scalars())


def has_twin_being_sent(connection: Connection, row: Row) -> bool:
    """Return whether another message with the same text to the same person is on its way to the provider."""
    return (
        _one(
            connection,
            messages.c.recipient == row["recipient"],
            messages.c.body == row["body"],
            messages.c.provider == row["provider"],
            messages.c.state == State.SENDING,
            messages.c.id != row["id"],
        )
        is not None
    )


def known_provider_ids(connection: Connection, provider: str, provider_ids: Sequence[str]) -> set[str]:
    """Return those of a provider's ids that belong to messages already, of whatever tenant."""
    found = connection.execute(
        select(messages.c.provider_id).where(messages.c.provider == provider, messages.c.provider_id.in_(provider_ids))
    )
    return set(found.scalars())


def _one(connection: Connection, *where: Any) -> Row | None:
    found = connection.execute(select(messages).where(*where).limit(1)).mappings().one_or_none()
    return None if found is None else cast(Row, dict(found))
