"""What the outbox asks of whoever carries messages, and what it may answer. Values; no exception is a normal answer."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from salesboost_tools.tools.sms.vocabulary import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Take this message and send it."""

    message_id: str
    to: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """What became of this message?"""

    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which messages with this text to this number have you taken since then?"""

    to: str = field(repr=False)
    body: str = field(repr=False)
    since: datetime


Request = Submit | Fetch | Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A message as the provider knows it.

    Attributes:
        provider_id: Its id there.
        state: SENT, DELIVERED, FAILED or CANCELLED.
        error_code: Why it failed, in the provider's numbering.
        reason: The same in a sentence that names nobody.
        opted_out: It failed because the person asked the provider for no more messages.
    """

    provider_id: str
    state: State
    error_code: int | None = None
    reason: str | None = None
    opted_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider will not send it: nothing happened, and nothing would the next time.

    Attributes:
        status: HTTP status.
        error_code: Why, in the provider's numbering.
        reason: The same in a sentence that names nobody.
        opted_out: The person asked the provider for no more messages.
    """

    status: int
    error_code: int | None
    reason: str
    opted_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTaken:
    """Nothing happened, for reasons that are not the message's: busy, unreachable, wrong credentials.

    Attributes:
        why: For operators; no numbers, no texts.
        status: HTTP status, None without an answer.
        retry_after_s: Seconds until it may be tried again, if the provider says so.
        soon: Whether the same request may be taken a little later without anybody mending something.
    """

    why: str
    status: int | None = None
    retry_after_s: float | None = None
    soon: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclear:
    """It may have happened or not: no answer, a broken one, or an error that can follow an acceptance."""

    why: str
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Attributes:
        reports: Messages with this text to this number.
        others: Ids there of messages to this number with another text: a provider may have changed ours.
        complete: Whether the provider showed everything it has.
    """

    reports: tuple[Report, ...]
    others: tuple[str, ...] = ()
    complete: bool


Answer = Report | Refused | NotTaken | Unclear | Found


class SmsProvider(Protocol):
    """Carries messages. A request is tried once: trying again is the outbox's decision.

    `Submit` is answered by Report, Refused, NotTaken or Unclear; `Fetch` by Report, Refused, NotTaken or Unclear;
    `Search` by Found, NotTaken or Unclear.

    Attributes:
        name: Stands in the outbox beside every message that was meant for it.
        delivers: False if it only keeps messages: then nothing is ever asked of it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  (see Attributes)

    @property
    def delivers(self) -> bool: ...  # noqa: D102

    def ask(self, request: Request) -> Any:
        """Answer one request."""
        ...

    async def aask(self, request: Request) -> Any:
        """Do what `ask` does without blocking the event loop."""
        ...

    def probe(self) -> None:
        """Check credentials and reachability; raise UpstreamError if it cannot be used."""
        ...

    async def aprobe(self) -> None:
        """Do what `probe` does without blocking the event loop."""
        ...


class OutboxOnly:
    """No provider: messages stay in the outbox and nothing leaves this machine."""

    name = "outbox"
    delivers = False

    def ask(self, request: Request) -> Any:
        """Refuse: there is nobody to ask."""
        raise NotImplementedError(f"nothing is sent without a provider; {type(request).__name__} came")

    async def aask(self, request: Request) -> Any:
        """Refuse: there is nobody to ask."""
        return self.ask(request)

    def probe(self) -> None:
        """Need nothing."""

    async def aprobe(self) -> None:
        """Need nothing."""
