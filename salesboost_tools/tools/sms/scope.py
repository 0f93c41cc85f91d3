"""For whom, when and under which rules a command is answered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from salesboost_tools.tools.sms.cap import Cap
from salesboost_tools.tools.sms.quiet_hours import QuietHours


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of sending.

    Attributes:
        quiet_hours: When a text may be sent where.
        cap: How many one person gets at most.
        consent_required: Whether a text needs a recorded consent; a withdrawn one counts in any case.
        latest: How long after its time a message may still be sent; later it fails instead.
        lease: How long a worker has to hand one message to the provider and note the answer.
        settling: How long after an unclear attempt the provider's records are trusted to be complete.
        look_again: How long to wait before the provider is asked again what became of a message.
        attempts: How often one message is handed to the provider at most.
    """

    quiet_hours: QuietHours
    cap: Cap
    consent_required: bool = True
    latest: timedelta = timedelta(hours=24)
    lease: timedelta = timedelta(seconds=60)
    settling: timedelta = timedelta(seconds=120)
    look_again: timedelta = timedelta(seconds=30)
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom and when a command is answered."""

    tenant_id: str
    now: datetime
    provider: str
    actor: str | None = None
    actor_role: str | None = None
