"""A command as a flow: from what was asked to the answer of the tool."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.tools.argument import DEFAULT_TENANT, iso_utc
from salesboost_tools.tools.crm.record_id import RANDOM_BITS, record_id
from salesboost_tools.tools.sms import entering, reading
from salesboost_tools.tools.sms.commands import Cancel, Command, GetStatus, History, Record, Send, Statistics
from salesboost_tools.tools.sms.flows import Delivery, Flow, Transaction, hand_over, refresh
from salesboost_tools.tools.sms.provider import Answer, NotTaken, Refused
from salesboost_tools.tools.sms.rows import Row
from salesboost_tools.tools.sms.scope import Scope
from salesboost_tools.tools.sms.segments import not_in_gsm7
from salesboost_tools.tools.sms.vocabulary import State

_NOTHING_LEFT = (
    "Nothing left this machine: no SMS provider is set up, so the message only stands in the outbox "
    "(setting TOOL_SMS_PROVIDER)."
)


def answer_to(command: Command, caller: Caller, delivery: Delivery) -> Flow[dict[str, Any]]:
    """Answer a command for a caller, of the caller's tenant only, plain and JSON-able.

    Raises:
        ToolInputError: What was asked does not exist or is not allowed; the message says what is.
        IdempotencyError: Another message was entered under this key.
        UpstreamError: The provider or the database did not do its part; `outcome_unknown` says whether a message may
            have been sent.
    """
    tenant_id = caller.tenant_id or DEFAULT_TENANT
    scope = Scope(tenant_id, delivery.now(), delivery.provider.name, caller.user_id, caller.role)
    match command:
        case Send():
            return (yield from _send(command, scope, delivery))
        case Cancel():
            return (yield from _cancel(command, scope))
        case Record():
            return (yield from _record(command, scope))
        case GetStatus():
            row = yield Transaction(partial(reading.message, message_id=command.message_id, scope=scope), writes=False)
            row, stale = yield from refresh(delivery, row)
            return {"message": reading.told(row), **({} if stale is None else {"note": stale})}
        case History():
            return (yield Transaction(partial(reading.history, asked=command, scope=scope), writes=False))
        case Statistics():
            return (yield Transaction(partial(reading.statistics, asked=command, scope=scope), writes=False))


def _send(command: Send, scope: Scope, delivery: Delivery) -> Flow[dict[str, Any]]:
    entered: entering.Entered = yield Transaction(
        partial(
            entering.enter_message,
            command=command,
            scope=scope,
            policy=delivery.policy,
            new_id=_new_id,
            token=delivery.token() if delivery.provider.delivers else None,
        ),
        writes=not command.dry_run,
    )
    row = entered.row
    if row is None:
        return {"dry_run": True, "would": _plan(command, scope)}
    if entered.begun:
        row, answer = yield from hand_over(delivery, row)
        _raise_unless_on_its_way(row, answer)
    replayed = {"replayed": True} if entered.replayed else {}
    return {"message": reading.told(row), **replayed, **_note(row, command)}


def _plan(command: Send, scope: Scope) -> dict[str, Any]:
    return {
        "to": command.phone.e164,
        "send_at": iso_utc(command.send_at or scope.now),
        "segments": command.segments.count,
        "encoding": command.segments.encoding,
        "provider": scope.provider,
    }


def _note(row: Row, command: Send) -> Mapping[str, Any]:
    """Say where the message is, and what made it longer than it need be."""
    notes: list[str] = []
    left = row["state"] in {State.SENT, State.DELIVERED}
    if row["provider"] == "outbox":
        notes.append(_NOTHING_LEFT)
    elif row["state"] in {State.QUEUED, State.SCHEDULED}:
        notes.append("It waits in the outbox; the dispatcher sends it when it is due.")
    elif row["state"] in {State.SENDING, State.UNKNOWN}:
        notes.append("It is not known yet whether it was sent. Ask for its status; do not send it again.")
    if command.segments.encoding == "UCS-2" and command.segments.count > 1:
        notes.append(f"These characters make it longer: {' '.join(not_in_gsm7(command.body)[:10])}")
    return {"left_machine": left, **({"note": " ".join(notes)} if notes else {})}


def _raise_unless_on_its_way(row: Row, answer: Answer) -> None:
    """Raise what a message that is not on its way means for the caller.

    Raises:
        UpstreamError: Refused, not taken or unclear.
    """
    message_id = row["id"]
    if row["state"] == State.UNKNOWN:
        raise UpstreamError(
            f"it is not known whether the provider took {message_id}: {row['error']}; it will be looked for there",
            outcome_unknown=True,
            for_model=(
                f"It is not known whether message {message_id} was sent. It will be cleared up with the provider. "
                "Do not send it again; ask for its status later."
            ),
        )
    if isinstance(answer, Refused):
        raise UpstreamError(
            f"the provider refused {message_id}: error {answer.error_code}, {answer.reason}",
            status=answer.status,
            outcome_unknown=False,
            for_model=answer.reason,
        )
    if isinstance(answer, NotTaken):
        raise UpstreamError(
            f"the provider did not take {message_id}: {answer.why}; it stays in the outbox",
            status=answer.status,
            retryable=answer.soon,
            retry_after=answer.retry_after_s,
            outcome_unknown=False,
            for_model=(
                f"The message was not sent yet. It is kept as {message_id} and goes out when the provider takes it. "
                "Do not send it again; ask for its status later, or cancel it."
            ),
        )


def _cancel(command: Cancel, scope: Scope) -> Flow[dict[str, Any]]:
    row = yield Transaction(partial(reading.message, message_id=command.message_id, scope=scope), writes=False)
    work = partial(entering.cancel_message, command=command, scope=scope, row=row)
    row = yield Transaction(work, writes=not command.dry_run)
    dry = {"dry_run": True, "would": "cancel this message"} if command.dry_run else {}
    return {"message": reading.told(row), **dry}


def _record(command: Record, scope: Scope) -> Flow[dict[str, Any]]:
    work = partial(entering.record_consent, command=command, scope=scope)
    standing = yield Transaction(work, writes=not command.dry_run)
    recorded = {"to": command.phone.e164, "consent": str(standing.consent)}
    return {"dry_run": True, "would": recorded} if command.dry_run else recorded


def _new_id(now: datetime) -> str:
    return record_id("SMS", now, secrets.randbits(RANDOM_BITS))
