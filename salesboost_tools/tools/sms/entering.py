"""Writes that need no provider: a message into the outbox, one out of it, a word of consent. Each one transaction."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from salesboost_tools.core.errors import IdempotencyError
from salesboost_tools.tools.argument import iso_utc, wrong_input
from salesboost_tools.tools.sms import rows
from salesboost_tools.tools.sms.absent import insert_if_absent
from salesboost_tools.tools.sms.beginning import begin
from salesboost_tools.tools.sms.commands import Cancel, Record, Send
from salesboost_tools.tools.sms.ledger import Entry, Standing, enter, locked_standing, standing
from salesboost_tools.tools.sms.opting_out import opt_out
from salesboost_tools.tools.sms.rows import Row
from salesboost_tools.tools.sms.schema import messages
from salesboost_tools.tools.sms.scope import Policy, Scope
from salesboost_tools.tools.sms.sending_rule import may_send
from salesboost_tools.tools.sms.vocabulary import WAITING, Consent, Source, State

NewId = Callable[[datetime], str]

_AHEAD_AT_MOST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Entered:
    """What became of a message that was to be entered.

    Attributes:
        row: It, as it stands in the outbox; None for a dry run.
        replayed: It was there already, under the same key.
        begun: This caller holds it now and hands it to the provider.
    """

    row: Row | None
    replayed: bool = False
    begun: bool = False


def enter_message(  # noqa: D417  (`connection` is the open transaction everywhere in this folder)
    connection: Connection,
    command: Send,
    scope: Scope,
    policy: Policy,
    *,
    new_id: NewId,
    token: str | None,
) -> Entered:
    """Put a message into the outbox under its key, once; a message that is due is begun at the same time.

    Args:
        command: The message.
        scope: For whom and when.
        policy: What it has to keep to.
        new_id: Makes its id.
        token: Under which it is begun; None where nothing is delivered.

    Raises:
        ToolInputError: The rules do not allow it; the message says when it may go.
        IdempotencyError: Another message was entered under this key.
    """
    number = command.phone.e164
    if command.dry_run:
        _refuse_unless_allowed(connection, command, scope, policy, standing(connection, scope.tenant_id, number))
        return Entered(None)
    found = locked_standing(connection, scope.tenant_id, number, scope.now)
    message_id = new_id(scope.now)
    key = command.key or message_id
    before = rows.by_key(connection, scope.tenant_id, key)
    if before is None:
        _refuse_unless_allowed(connection, command, scope, policy, found)
        values = _row(command, scope, policy, message_id, key)
        if insert_if_absent(connection, messages, values, ("tenant_id", "idempotency_key")):
            row = rows.by_id(connection, scope.tenant_id, message_id)
            assert row is not None
            return _begun(connection, row, scope, policy, token, replayed=False)
        before = rows.by_key(connection, scope.tenant_id, key)  # entered just now, for another recipient
        assert before is not None
    if before["fingerprint"] != _fingerprint(command):
        raise IdempotencyError(
            f"another message ({before['id']}) was entered under this key; one key stands for one message",
            for_model="Another message was already entered under this idempotency key. Make a new call for a new one.",
            outcome_unknown=False,
        )
    return _begun(connection, before, scope, policy, token, replayed=True)


def _begun(
    connection: Connection, row: Row, scope: Scope, policy: Policy, token: str | None, *, replayed: bool
) -> Entered:
    """Begin a message if it is due, waits, and is meant for the provider that is there."""
    due = row["state"] in WAITING and row["due_at"] <= scope.now and row["provider"] == scope.provider
    begun = begin(connection, row, policy, token=token, now=scope.now) if due and token is not None else False
    return Entered(rows.again(connection, row), replayed=replayed, begun=begun)


def _refuse_unless_allowed(
    connection: Connection, command: Send, scope: Scope, policy: Policy, found: Standing
) -> None:
    wanted = command.send_at or scope.now
    if wanted < scope.now:
        raise wrong_input(f"send_at has passed: now is {iso_utc(scope.now)}. Use send to send now.")
    if wanted > scope.now + _AHEAD_AT_MOST:
        raise wrong_input(f"send_at is too far ahead: at most {_AHEAD_AT_MOST.days} days.")
    others = rows.times_around(connection, scope.tenant_id, command.phone.e164, wanted, policy.cap.window, without=None)
    verdict = may_send(command.phone, wanted, found, others, policy)
    if verdict.why is not None and verdict.free_from is None:
        raise wrong_input(verdict.why)
    if verdict.why is not None and verdict.free_from is not None:
        raise wrong_input(
            f"{verdict.why} The next moment is {iso_utc(verdict.free_from)}: schedule it with send_at then or later."
        )


def _row(command: Send, scope: Scope, policy: Policy, message_id: str, key: str) -> dict[str, Any]:
    due_at = command.send_at or scope.now
    return {
        "tenant_id": scope.tenant_id,
        "id": message_id,
        "idempotency_key": key,
        "fingerprint": _fingerprint(command),
        "state": State.SCHEDULED if due_at > scope.now else State.QUEUED,
        "provider": scope.provider,
        "recipient": command.phone.e164,
        "body": command.body,
        "encoding": command.segments.encoding,
        "segments": command.segments.count,
        "campaign": command.campaign,
        "actor": scope.actor,
        "actor_role": scope.actor_role,
        "due_at": due_at,
        "expires_at": due_at + policy.latest,
        "attempts": 0,
        "created_at": scope.now,
        "updated_at": scope.now,
    }


def _fingerprint(command: Send) -> str:
    """Return what stands for a message: whom, what, when."""
    when = "" if command.send_at is None else iso_utc(command.send_at)
    parts = (command.phone.e164, command.body, when, command.campaign or "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def cancel_message(connection: Connection, command: Cancel, scope: Scope, row: Row) -> Row:
    """Take a message out of the outbox.

    Raises:
        ToolInputError: It is too late; the message says what has become of it.
    """
    if row["state"] == State.CANCELLED or (command.dry_run and row["state"] in WAITING):
        return row
    waits = messages.c.state.in_(WAITING)
    if not command.dry_run and rows.change(connection, row, waits, now=scope.now, state=State.CANCELLED):
        return rows.again(connection, row)
    state = rows.again(connection, row)["state"]
    raise wrong_input(f"{_TOO_LATE.get(state, 'This message is ' + state)}; it cannot be cancelled any more.")


_TOO_LATE = {
    State.SENDING: "This message is being sent right now",
    State.UNKNOWN: "This message was handed to the provider and it is not known yet whether it was taken",
    State.SENT: "This message has been sent",
    State.DELIVERED: "This message has been delivered",
    State.FAILED: "This message has failed",
}


def record_consent(connection: Connection, command: Record, scope: Scope) -> Standing:
    """Enter into the ledger that somebody agreed, or wants no more texts, and return what it says then.

    Raises:
        ToolInputError: The person texted STOP; only the person's own START can take that back.
    """
    tenant_id, number = scope.tenant_id, command.phone.e164
    if command.dry_run:
        before = standing(connection, tenant_id, number)
    else:
        before = locked_standing(connection, tenant_id, number, scope.now)
    stopped = before.consent is Consent.WITHDRAWN and before.by_recipient
    if command.given and stopped:
        raise wrong_input(
            "This person opted out by text message. Only they can take that back, by texting START; nobody else may."
        )
    consent = Consent.GIVEN if command.given else Consent.WITHDRAWN
    if command.dry_run:
        return Standing(consent)
    if not stopped:  # a person's own word is not overwritten by ours
        entry = Entry(
            consent=consent,
            source=Source.TOOL,
            evidence=command.evidence,
            at=scope.now,
            reference=command.key,
            actor=scope.actor,
            actor_role=scope.actor_role,
        )
        (enter if command.given else opt_out)(connection, tenant_id, number, entry)
    return standing(connection, tenant_id, number)
