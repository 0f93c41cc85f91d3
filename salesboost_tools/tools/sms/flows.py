"""What happens between the outbox and the provider, step by step: written once, run by a sync and an async door.

A flow is a generator. It yields what is to be done next, a transaction or a request to the provider, and is sent what
came of it. Between any two steps the process may die: what the outbox says then is what the next one goes on from.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from salesboost_tools.tools.argument import Now
from salesboost_tools.tools.sms import rows
from salesboost_tools.tools.sms.beginning import begin, end_leases, next_due, to_look_at
from salesboost_tools.tools.sms.provider import (
    Answer,
    Fetch,
    NotTaken,
    Report,
    Request,
    Search,
    SmsProvider,
    Submit,
    Unclear,
)
from salesboost_tools.tools.sms.rows import Row
from salesboost_tools.tools.sms.scope import Policy
from salesboost_tools.tools.sms.settling import note_report, note_search, settle
from salesboost_tools.tools.sms.vocabulary import State

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Transaction:
    """Run `work` in one transaction; it gets the connection."""

    work: Callable[[Connection], Any]
    writes: bool = True


Step = Transaction | Request
Flow = Generator[Step, Any, _T]

MakeToken = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the steps need to know.

    Attributes:
        provider: Whom messages are handed to.
        policy: What they have to keep to.
        now: The present moment, aware, UTC; asked anew for every step.
        token: Makes what tells one holder of a message from another.
    """

    provider: SmsProvider
    policy: Policy
    now: Now
    token: MakeToken


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What one round of dispatching did.

    Attributes:
        handed_over: Messages that were handed to the provider.
        held_back: Messages that were due and were cancelled, put off or given up by the rules.
        cleared_up: Messages whose fate was unknown and is known now, those that went back into the queue included.
        still_unknown: Messages that were looked for and remain unknown.
        stopped_by: Why the round ended before the outbox was empty; None if it did not.
    """

    handed_over: int = 0
    held_back: int = 0
    cleared_up: int = 0
    still_unknown: int = 0
    stopped_by: str | None = None


def hand_over(delivery: Delivery, row: Row) -> Flow[tuple[Row, Answer]]:
    """Hand a leased message to the provider, note the answer, and look at once if the answer is unclear.

    Returns:
        The message as it is then, and the answer.
    """
    answer = yield Submit(message_id=row["id"], to=row["recipient"], body=row["body"])
    token = row["lease_token"]
    policy = delivery.policy
    settled: Row = yield Transaction(
        partial(settle, row=row, answer=answer, policy=policy, token=token, now=delivery.now())
    )
    if isinstance(answer, Unclear) and settled["state"] == State.UNKNOWN:
        settled = yield from clear_up(delivery, settled)
    return settled, answer


def clear_up(delivery: Delivery, row: Row) -> Flow[Row]:
    """Ask the provider about a message whose fate is unknown, and return it as it is then."""
    since = row["attempted_at"]
    answer = yield Search(to=row["recipient"], body=row["body"], since=since)
    now = delivery.now()
    return (yield Transaction(partial(note_search, row=row, answer=answer, policy=delivery.policy, now=now)))


def refresh(delivery: Delivery, row: Row) -> Flow[tuple[Row, str | None]]:
    """Ask the provider what has become of a message that is not at its end.

    Returns:
        The message as it is then, and why that may be out of date; None if it is not.
    """
    if not delivery.provider.delivers or row["provider"] != delivery.provider.name:
        return row, None
    if row["state"] == State.UNKNOWN:
        return (yield from clear_up(delivery, row)), None
    if row["state"] != State.SENT:
        return row, None
    answer = yield Fetch(provider_id=row["provider_id"])
    if isinstance(answer, Report):
        return (yield Transaction(partial(note_report, row=row, report=answer, now=delivery.now()))), None
    return row, "The provider did not say what has become of it since."


def dispatch(delivery: Delivery, *, most: int) -> Flow[Dispatched]:
    """Clear up what is unknown, then hand over what is due, of all tenants, until nothing is left or `most` are done.

    Each message is leased on its own, just before it is handed over: two workers never hold the same one.
    """
    if not delivery.provider.delivers:
        return Dispatched(stopped_by="no provider is set up (setting TOOL_SMS_PROVIDER)")
    cleared, unknown = yield from _clear_up_all(delivery, most=most)
    handed_over = held_back = 0
    stopped_by: str | None = None
    while stopped_by is None and handed_over + held_back < most:
        row, begun = yield Transaction(partial(_begin_next, delivery=delivery))
        if row is None:
            break
        if not begun:
            held_back += 1
            continue
        _, answer = yield from hand_over(delivery, row)
        handed_over += 1
        stopped_by = answer.why if isinstance(answer, NotTaken) else None
    return Dispatched(handed_over, held_back, cleared, unknown, stopped_by)


def _clear_up_all(delivery: Delivery, *, most: int) -> Flow[tuple[int, int]]:
    name = delivery.provider.name
    yield Transaction(partial(end_leases, provider=name, now=delivery.now()))
    look = partial(to_look_at, provider=name, now=delivery.now(), most=most)
    doubtful: list[Row] = yield Transaction(look, writes=False)
    still_unknown = 0
    for row in doubtful:
        after = yield from clear_up(delivery, row)
        still_unknown += after["state"] == State.UNKNOWN
    return len(doubtful) - still_unknown, still_unknown


def _begin_next(connection: Connection, delivery: Delivery) -> tuple[Row | None, bool]:
    now = delivery.now()
    row = next_due(connection, delivery.provider.name, now=now)
    if row is None:
        return None, False
    begun = begin(connection, row, delivery.policy, token=delivery.token(), now=now)
    return rows.again(connection, row), begun
