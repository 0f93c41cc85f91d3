"""What can be asked of texting, as values: validated, free of the model's spelling."""

from dataclasses import dataclass, field
from datetime import datetime

from salesboost_tools.tools.sms.phone import Phone
from salesboost_tools.tools.sms.segments import Segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A text to one person, now (`send_at` None) or at a time.

    Attributes:
        key: What makes two calls the same message; None if nothing names it.
    """

    phone: Phone = field(repr=False)
    body: str = field(repr=False)
    segments: Segments = field(repr=False)
    send_at: datetime | None = None
    campaign: str | None = None
    key: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A message that is not to be sent after all."""

    message_id: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Somebody agreed to be texted (`given`), or does not want to be any more. `key` as in `Send`."""

    phone: Phone = field(repr=False)
    given: bool
    evidence: str = field(repr=False)
    key: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStatus:
    """One message and what became of it."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Messages, newest first: of a person, of a campaign, or all.

    Attributes:
        cursor: Id of the last message of the page before; None for the first page.
    """

    phone: Phone | None = field(repr=False)
    campaign: str | None = None
    limit: int = 10
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Counts per state, of one campaign or of all."""

    campaign: str | None = None


Read = GetStatus | History | Statistics
Write = Send | Cancel | Record
Command = Read | Write
