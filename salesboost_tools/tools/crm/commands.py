"""What can be asked of a CRM, as values: a back end answers each of them. Validated, free of the model's spelling."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from salesboost_tools.core.call import Caller
from salesboost_tools.tools.crm.vocabulary import Created, RecordType, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Get:
    """One record by its id."""

    record_type: RecordType
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """One page of records.

    Attributes:
        query: Words that all occur in name, domain, e-mail; None for no search.
        filters: Argument name -> wanted value (`industry`, `country`, `account_id`, `deal_id`, `stage`, `owner_id`,
            `competitor`, `kind`).
        stalled_days: Only open deals without contact with the customer for at least so many days; None for any.
        limit: Records per page, 1 to 50.
        cursor: Where the page before ended; None for the first.
    """

    operation: Literal["search", "list"]
    record_type: RecordType
    query: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict[str, str])
    stalled_days: int | None = None
    limit: int = 10
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddActivity:
    """A note or a task on an account or a deal."""

    operation: Literal["create_note", "create_task"]
    kind: Literal["note", "task"]
    account_id: str | None
    deal_id: str | None
    contact_id: str | None
    subject: str
    body: str
    due_at: datetime | None
    owner_id: str | None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """A new account, or a new person or deal at one.

    Attributes:
        account_id: None for an account.
        properties: Checked values by column name, money excepted: `amount` in major units beside its `currency`.
    """

    record_type: Created
    account_id: str | None
    properties: Mapping[str, Any]
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsert:
    """A record by what it is known by in the world: changed if it is there, created if it is not.

    An account is known by its domain, a contact by its e-mail address, a deal by its name within its account.

    Attributes:
        account_id: Where a contact or deal belongs; None is enough for a contact that exists.
        properties: Checked values by column name, what it is known by included.
        expected_version: The version the caller saw; None if it saw none, and whatever is there may be changed.
    """

    record_type: Created
    account_id: str | None
    properties: Mapping[str, Any]
    expected_version: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDeal:
    """A deal into another stage. `reason` and `competitor` go with an end, won or lost."""

    deal_id: str
    stage: Stage
    reason: str | None
    competitor: str | None
    expected_version: int
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Other values for some properties of a record."""

    record_type: RecordType
    record_id: str
    properties: Mapping[str, Any]
    expected_version: int
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WinLoss:
    """How deals ended, per competitor; of one competitor (any case) or all. For programs, not for the model."""

    competitor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTrail:
    """Who changed a record, when and what. For programs, not for the model."""

    record_type: RecordType
    record_id: str


Read = Get | Find | WinLoss | AuditTrail
Write = AddActivity | Create | Upsert | MoveDeal | Update
Command = Read | Write


def changes_something(command: Command) -> bool:
    """Return whether a command writes: a dry run does not."""
    return isinstance(command, Write) and not command.dry_run


class Crm(Protocol):
    """A CRM behind the tool: answers commands for a caller, of the caller's tenant only."""

    @property
    def product(self) -> str:
        """What it is, for operators: 'SQLite', 'PostgreSQL', 'HubSpot'."""
        ...

    def perform(self, command: Command, caller: Caller, key: str | None = None) -> dict[str, Any]:
        """Answer, plain and JSON-able.

        Args:
            command: What is asked.
            caller: Who asks; only this tenant's records are seen.
            key: What names a write, at most 200 characters: a second one with the same key does nothing and answers
                with the first one's record. None leaves that to somebody else.

        Raises:
            ToolInputError: What was asked does not exist, is stale or is not allowed; the message says what is.
            IdempotencyError: The key came before with another write.
            UpstreamError: The CRM did not answer; `outcome_unknown` says whether a write may have happened.
        """
        ...

    async def aperform(self, command: Command, caller: Caller, key: str | None = None) -> dict[str, Any]:
        """Do what `perform` does without blocking the event loop."""
        ...

    def probe(self) -> None:
        """Touch what the CRM lives on; raise UpstreamError if it cannot be used."""
        ...

    async def aprobe(self) -> None:
        """Touch what the CRM lives on; raise UpstreamError if it cannot be used."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...

    async def aclose(self) -> None:
        """Give back connections."""
        ...
