"""The closed lists of words texting uses, and how a message may pass from one state to the next."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a message is."""

    QUEUED = "queued"
    """In the outbox; nothing was asked of the provider."""
    SCHEDULED = "scheduled"
    """In the outbox until its time comes."""
    SENDING = "sending"
    """A worker holds it: the request may be on its way."""
    UNKNOWN = "unknown"
    """The request may have been accepted or not; the provider is asked before anything else happens."""
    SENT = "sent"
    """The provider has accepted it."""
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


WAITING: Final = (State.QUEUED, State.SCHEDULED)
"""Not begun: may be cancelled, may be sent."""
UNDER_WAY: Final = (State.SENDING, State.UNKNOWN)
"""A provider may know of it, and perhaps under which id."""
FINAL: Final = frozenset({State.DELIVERED, State.FAILED, State.CANCELLED})


def after_report(current: State, reported: State) -> State:
    """Return the state of a message after its provider has reported one; reports come late, twice and out of order.

    An end stays an end, and a message that is known to be sent does not become unknown again.
    """
    return current if current in FINAL else reported


class Consent(StrEnum):
    """Whether somebody agreed to be texted."""

    NONE = "none"
    """Nothing is recorded."""
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class Source(StrEnum):
    """Where an entry of the consent ledger comes from."""

    TOOL = "tool"
    """A caller of the tool recorded it."""
    RECIPIENT = "recipient"
    """The person texted STOP or START."""
    PROVIDER = "provider"
    """The provider refused a message because the person opted out there."""
    SEED = "seed"
    """The shipped scenario."""
