"""The arguments of `crm_integration`: one flat schema, and which of them go with which operation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.crm.commands import AddActivity, Command, Create, Find, Get, MoveDeal, Update, Upsert
from salesboost_tools.tools.crm.properties import properties_of_new, properties_to_update, properties_to_upsert
from salesboost_tools.tools.crm.vocabulary import CLOSED_STAGES, ActivityKind, Created, RecordType, Stage

Operation = Literal[
    "get",
    "search",
    "list",
    "create_note",
    "create_task",
    "create_account",
    "create_contact",
    "create_deal",
    "upsert",
    "update_deal_stage",
    "update",
]
READING: frozenset[str] = frozenset({"get", "search", "list"})
DEFAULT_LIMIT = 10

MOST = 2**53
"""No whole number is larger: beyond it JSON does not keep them exactly."""

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
PropertyName = Annotated[str, StringConstraints(max_length=40)]
PropertyValue = Annotated[str, StringConstraints(max_length=4000)] | Annotated[int, Field(ge=-MOST, le=MOST)]


class CrmArguments(BaseModel):
    """What to do in the CRM."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Operation = Field(
        description=(
            "get: one record by record_type and record_id. "
            "search: accounts, contacts or deals whose name, domain or e-mail holds all words of query. "
            "list: deals by stage, owner_id, stalled_days, account_id or competitor; contacts of an account_id; "
            "activities of an account_id or deal_id, newest first; accounts by industry, country or owner_id. "
            "create_note: body on an account_id or deal_id. create_task: subject and due_at on an account_id or "
            "deal_id. create_account: properties. create_contact, create_deal: account_id and properties. "
            "upsert: record_type and properties, changes the account of this domain, the contact of this email or the "
            "account_id's deal of this name, or creates it. update_deal_stage: deal_id, stage, "
            "expected_version. update: record_type, record_id, properties, expected_version."
        )
    )
    record_type: RecordType | None = Field(default=None, description="With get, search, list, update.")
    record_id: Id | None = Field(default=None, description="With get and update, e.g. 'ACC-0042'.")
    query: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = Field(
        default=None, description="With search: words to look for."
    )
    account_id: Id | None = Field(default=None, description="The account, e.g. 'ACC-0042'.")
    deal_id: Id | None = Field(default=None, description="The deal, e.g. 'DEAL-0042'.")
    contact_id: Id | None = Field(default=None, description="With create_note, create_task: the person it is about.")
    stage: Stage | None = Field(default=None, description="Filter of deals; the new stage with update_deal_stage.")
    owner_id: Id | None = Field(default=None, description="Filter of accounts and deals; who does a task.")
    competitor: Annotated[str, StringConstraints(max_length=60)] | None = Field(
        default=None, description="Filter of deals; who won or lost, with update_deal_stage to 'won' or 'lost'."
    )
    industry: Annotated[str, StringConstraints(max_length=60)] | None = Field(
        default=None, description="Filter of accounts."
    )
    country: Annotated[str, StringConstraints(max_length=2, pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Filter of accounts: ISO 3166 code of two letters."
    )
    kind: ActivityKind | None = Field(default=None, description="Filter of activities.")
    stalled_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None,
        description="With list of deals: open ones without a reply, call or meeting for at least so many days.",
    )
    limit: Annotated[int, Field(ge=1, le=50)] | None = Field(
        default=None, description=f"Records per page, {DEFAULT_LIMIT} if left out."
    )
    cursor: Annotated[str, StringConstraints(max_length=2000)] | None = Field(
        default=None, description="next_cursor of the page before, with the same other arguments."
    )
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = Field(
        default=None, description="Title of a task or note."
    )
    body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)] | None = Field(
        default=None, description="Text of a note or task."
    )
    due_at: AwareDatetime | None = Field(default=None, description="When a task is due, with time zone.")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] | None = Field(
        default=None, description="Why, with update_deal_stage to 'won' or 'lost'; needed for 'lost'."
    )
    properties: dict[PropertyName, PropertyValue | None] | None = Field(
        default=None,
        max_length=20,
        description=(
            "With create_*, upsert and update; null clears a property. account: name, domain, industry, employees, "
            "country, city, phone, status. contact: first_name, last_name, email, phone, title, buying_role, "
            "preferred_channel, email_consent. deal: name, amount (text, e.g. '1200.50'), currency (when created), "
            "close_date, competitor, next_step. note, task: subject, body, due_at, status."
        ),
    )
    expected_version: Annotated[int, Field(ge=1, le=MOST)] | None = Field(
        default=None,
        description="The version you read; a record changed since then is not overwritten. upsert may leave it out.",
    )
    dry_run: bool = Field(default=False, description="With a write: say what would change, change nothing.")


@dataclass(frozen=True, slots=True)
class Shape:
    """Which arguments go with an operation: all of `needed`, at least one of `one_of`, any of `more`."""

    needed: frozenset[str]
    one_of: frozenset[str] = frozenset()
    more: frozenset[str] = frozenset()

    def __str__(self) -> str:
        parts = [", ".join(sorted(self.needed))] if self.needed else []
        parts += [f"{' or '.join(sorted(self.one_of))}"] if self.one_of else []
        parts += [f"optionally {', '.join(sorted(self.more))}"] if self.more else []
        return "; ".join(parts)


def _shape(needed: str = "", one_of: str = "", more: str = "") -> Shape:
    return Shape(frozenset(needed.split()), frozenset(one_of.split()), frozenset(more.split()))


SHAPES: Mapping[tuple[str, str | None], Shape] = {
    **{("get", record_type): _shape("record_id") for record_type in get_args(RecordType)},
    ("search", "account"): _shape("query", more="industry country owner_id limit cursor"),
    ("search", "contact"): _shape("query", more="account_id limit cursor"),
    ("search", "deal"): _shape("query", more="account_id stage owner_id competitor limit cursor"),
    ("list", "account"): _shape(more="industry country owner_id limit cursor"),
    ("list", "contact"): _shape("account_id", more="limit cursor"),
    ("list", "deal"): _shape(more="account_id stage owner_id competitor stalled_days limit cursor"),
    ("list", "activity"): _shape(one_of="account_id deal_id", more="kind limit cursor"),
    ("create_note", None): _shape("body", one_of="account_id deal_id", more="contact_id subject dry_run"),
    ("create_task", None): _shape(
        "subject due_at", one_of="account_id deal_id", more="contact_id body owner_id dry_run"
    ),
    ("create_account", None): _shape("properties", more="dry_run"),
    ("create_contact", None): _shape("account_id properties", more="dry_run"),
    ("create_deal", None): _shape("account_id properties", more="dry_run"),
    ("upsert", "account"): _shape("properties", more="expected_version dry_run"),
    ("upsert", "contact"): _shape("properties", more="account_id expected_version dry_run"),
    ("upsert", "deal"): _shape("account_id properties", more="expected_version dry_run"),
    ("update_deal_stage", None): _shape("deal_id stage expected_version", more="reason competitor dry_run"),
    **{
        ("update", record_type): _shape("record_id properties expected_version", more="dry_run")
        for record_type in get_args(RecordType)
    },
}
"""(operation, record type where the operation takes one) -> what goes with it."""

_CREATES: Mapping[str, Created] = {"create_account": "account", "create_contact": "contact", "create_deal": "deal"}
_FILTERS = ("account_id", "deal_id", "stage", "owner_id", "competitor", "industry", "country", "kind")


def command_of(asked: CrmArguments) -> Command:
    """Return the command that the arguments stand for.

    Raises:
        ToolInputError: Arguments that do not go together, or properties that may not be written; the message names
            what is allowed.
    """
    given = {name: value for name, value in asked if value is not None and value is not False and name != "operation"}
    _refuse_unfitting(asked.operation, asked.record_type, given.keys() - {"record_type"})
    match asked.operation:
        case "get":
            return Get(record_type=given["record_type"], record_id=given["record_id"])
        case "search" | "list" as operation:
            if asked.stalled_days and asked.stage in CLOSED_STAGES:
                raise wrong_input(f"stalled_days is about open deals; stage {asked.stage!r} is an end.")
            return Find(
                operation=operation,
                record_type=given["record_type"],
                query=asked.query,
                filters={name: given[name] for name in _FILTERS if name in given},
                stalled_days=asked.stalled_days,
                limit=asked.limit or DEFAULT_LIMIT,
                cursor=asked.cursor,
            )
        case "create_note" | "create_task" as operation:
            return _activity(operation, asked)
        case "create_account" | "create_contact" | "create_deal" as operation:
            created = _CREATES[operation]
            return Create(
                record_type=created,
                account_id=asked.account_id,
                properties=properties_of_new(created, given["properties"]),
                dry_run=asked.dry_run,
            )
        case "upsert":
            return Upsert(
                record_type=given["record_type"],
                account_id=asked.account_id,
                properties=properties_to_upsert(given["record_type"], given["properties"]),
                expected_version=asked.expected_version,
                dry_run=asked.dry_run,
            )
        case "update_deal_stage":
            return MoveDeal(
                deal_id=given["deal_id"],
                stage=given["stage"],
                reason=asked.reason,
                competitor=asked.competitor,
                expected_version=given["expected_version"],
                dry_run=asked.dry_run,
            )
        case "update":
            return Update(
                record_type=given["record_type"],
                record_id=given["record_id"],
                properties=properties_to_update(given["record_type"], given["properties"]),
                expected_version=given["expected_version"],
                dry_run=asked.dry_run,
            )


def _activity(operation: Literal["create_note", "create_task"], asked: CrmArguments) -> AddActivity:
    body = asked.body or ""
    return AddActivity(
        operation=operation,
        kind="note" if operation == "create_note" else "task",
        account_id=asked.account_id,
        deal_id=asked.deal_id,
        contact_id=asked.contact_id,
        subject=asked.subject or _first_line(body),
        body=body,
        due_at=asked.due_at,
        owner_id=asked.owner_id,
        dry_run=asked.dry_run,
    )


def _first_line(body: str, most: int = 80) -> str:
    line = body.splitlines()[0]
    return line if len(line) <= most else line[: most - 1] + "…"


def _refuse_unfitting(operation: str, record_type: str | None, given: Any) -> None:
    shape = SHAPES.get((operation, record_type))
    if shape is None:
        kinds = [str(kind) for name, kind in SHAPES if name == operation and kind]
        if not kinds:
            raise wrong_input(f"`{operation}` takes no record_type; it takes {SHAPES[operation, None]}.")
        got = repr(record_type) if record_type else "none"
        raise wrong_input(f"`{operation}` needs a record_type, one of {', '.join(kinds)}; got {got}.")
    missing = sorted(shape.needed - given)
    excess = sorted(given - shape.needed - shape.one_of - shape.more)
    if shape.one_of and not shape.one_of & given:
        missing.append(" or ".join(sorted(shape.one_of)))
    if not missing and not excess:
        return
    wrong = [f"missing: {', '.join(missing)}"] if missing else []
    wrong += [f"not allowed: {', '.join(excess)}"] if excess else []
    name = f"`{operation}` of {record_type}" if record_type else f"`{operation}`"
    raise wrong_input(f"{name} takes {shape}. {'; '.join(wrong).capitalize()}.")
