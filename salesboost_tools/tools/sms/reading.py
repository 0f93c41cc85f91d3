"""Questions to the outbox, and how its rows are told."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, distinct, func, select

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.argument import iso_utc, nearest, wrong_input
from salesboost_tools.tools.sms import rows
from salesboost_tools.tools.sms.commands import History, Statistics
from salesboost_tools.tools.sms.ledger import standing
from salesboost_tools.tools.sms.rows import Row
from salesboost_tools.tools.sms.schema import messages, recipients
from salesboost_tools.tools.sms.scope import Scope
from salesboost_tools.tools.sms.vocabulary import Consent, State

_NAMED_AT_MOST = 10
_EXCERPT_LETTERS = 160


def told(row: Row) -> dict[str, Any]:
    """Return a message as an answer shows it: what is not known is left out."""
    shown: dict[str, Any] = {
        "id": row["id"],
        "state": str(row["state"]),
        "to": row["recipient"],
        "body": row["body"],
        "segments": row["segments"],
        "encoding": row["encoding"],
        "campaign": row["campaign"],
        "send_at": iso_utc(row["due_at"]) if row["state"] == State.SCHEDULED else None,
        "sent_at": _time(row["sent_at"]),
        "entered_at": iso_utc(row["created_at"]),
        "provider": row["provider"],
        "error_code": row["error_code"],
        "error": row["error"],
    }
    return {name: value for name, value in shown.items() if value is not None}


def _told_in_short(row: Row) -> dict[str, Any]:
    """Return a message for a list: a long text is cut, and `status` tells the whole of it."""
    shown = told(row)
    if len(shown["body"]) > _EXCERPT_LETTERS:
        shown |= {"body": shown["body"][:_EXCERPT_LETTERS] + "…", "body_is_complete": False}
    return shown


def _time(moment: Any) -> str | None:
    return None if moment is None else iso_utc(moment)


def touch(connection: Connection) -> None:
    """Read next to nothing from the outbox."""
    connection.execute(select(messages.c.id).limit(1))


def message(connection: Connection, message_id: str, scope: Scope) -> Row:
    """Return a message.

    Raises:
        ToolInputError: The tenant has none of this id; the message names the latest there are.
    """
    row = rows.by_id(connection, scope.tenant_id, message_id)
    if row is None:
        raise _no_message(connection, scope)
    return row


def history(connection: Connection, asked: History, scope: Scope) -> dict[str, Any]:
    """Return one page of messages, newest first, and what the ledger says of the person if one was asked for.

    Raises:
        ToolInputError: The cursor is no message of the tenant, or there is no such campaign.
    """
    wanted = _of_tenant(select(messages), scope)
    if asked.phone is not None:
        wanted = wanted.where(messages.c.recipient == asked.phone.e164)
    if asked.campaign is not None:
        _refuse_unknown_campaign(connection, asked.campaign, scope)
        wanted = wanted.where(messages.c.campaign == asked.campaign)
    if asked.cursor is not None:
        message(connection, asked.cursor, scope)
        wanted = wanted.where(messages.c.id < asked.cursor)  # ids rise with the time a message was entered
    found = connection.execute(wanted.order_by(messages.c.id.desc()).limit(asked.limit + 1)).mappings().all()
    page = found[: asked.limit]
    answer: dict[str, Any] = {"messages": [_told_in_short(dict(row)) for row in page]}
    if len(found) > len(page):
        answer["next_cursor"] = page[-1]["id"]
    if asked.phone is not None:
        answer["consent"] = str(standing(connection, scope.tenant_id, asked.phone.e164).consent)
    if not page:
        total = connection.execute(_of_tenant(select(func.count()), scope)).scalar_one()
        answer["note"] = f"None found; the outbox holds {total} messages in all."
    return answer


def statistics(connection: Connection, asked: Statistics, scope: Scope) -> dict[str, Any]:
    """Return counts per campaign, or of one: messages by state, segments, persons, and who of them has opted out since.

    Raises:
        ToolInputError: There is no such campaign; the message names those there are.
    """
    if asked.campaign is not None:
        _refuse_unknown_campaign(connection, asked.campaign, scope)
    chosen = [messages.c.campaign == asked.campaign] if asked.campaign is not None else []
    by_state = connection.execute(
        select(messages.c.campaign, messages.c.state, func.count(), func.sum(messages.c.segments))
        .where(messages.c.tenant_id == scope.tenant_id, *chosen)
        .group_by(messages.c.campaign, messages.c.state)
    )
    campaigns: dict[str | None, dict[str, Any]] = {}
    for campaign, state, count, segments in by_state:
        counted = campaigns.setdefault(campaign, {"campaign": campaign, "messages": 0, "segments": 0, "by_state": {}})
        counted["messages"] += count
        counted["segments"] += int(segments)
        counted["by_state"][str(state)] = count
    gone = (
        (recipients.c.tenant_id == messages.c.tenant_id)
        & (recipients.c.number == messages.c.recipient)
        & (recipients.c.consent == Consent.WITHDRAWN)
    )
    persons = connection.execute(
        select(
            messages.c.campaign, func.count(distinct(messages.c.recipient)), func.count(distinct(recipients.c.number))
        )
        .select_from(messages.outerjoin(recipients, gone))
        .where(messages.c.tenant_id == scope.tenant_id, *chosen)
        .group_by(messages.c.campaign)
    )
    for campaign, people, opted_out in persons:
        campaigns[campaign].update({"recipients": people, "opted_out": opted_out, **_shares(campaigns[campaign])})
    return {"campaigns": sorted(campaigns.values(), key=lambda each: each["campaign"] or "")}


def _shares(counted: Mapping[str, Any]) -> dict[str, float]:
    """Return how many of the messages with an outcome were delivered; nothing while there are none."""
    by_state: Mapping[str, int] = counted["by_state"]
    delivered, failed = by_state.get(State.DELIVERED, 0), by_state.get(State.FAILED, 0)
    return {"delivered_fraction": round(delivered / (delivered + failed), 4)} if delivered + failed else {}


def _of_tenant(wanted: Select[Any], scope: Scope) -> Select[Any]:
    return wanted.where(messages.c.tenant_id == scope.tenant_id)


def _refuse_unknown_campaign(connection: Connection, campaign: str, scope: Scope) -> None:
    named = _of_tenant(select(messages.c.campaign).distinct(), scope).where(messages.c.campaign.is_not(None))
    known = list(connection.execute(named.order_by(messages.c.campaign)).scalars())
    if campaign in known:
        return
    if not known:
        raise wrong_input("No message belongs to a campaign yet.")
    alike = nearest(campaign, {name: [name] for name in known})
    hint = f" Nearest: '{alike}'." if alike else f" There are: {', '.join(known[:_NAMED_AT_MOST])}."
    raise wrong_input(f"There is no such campaign.{hint}")


def _no_message(connection: Connection, scope: Scope) -> ToolInputError:
    latest = _of_tenant(select(messages.c.id), scope).order_by(messages.c.id.desc()).limit(3)
    known = list(connection.execute(latest).scalars())
    hint = f"The latest are: {', '.join(known)}." if known else "The outbox is empty."
    return wrong_input(f"There is no message of this id. {hint}")
