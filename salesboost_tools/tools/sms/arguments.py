"""The arguments of `sms_outreach`: one flat schema, and which of them go with which operation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from langchain_core.tools import InjectedToolArg
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from salesboost_tools.tools.argument import wrong_input
from salesboost_tools.tools.sms.commands import Cancel, Command, GetStatus, History, Record, Send, Statistics
from salesboost_tools.tools.sms.phone import Phone, read_phone
from salesboost_tools.tools.sms.segments import segments_of

Operation = Literal["send", "schedule", "cancel", "status", "history", "opt_in", "opt_out", "statistics"]
READING: frozenset[str] = frozenset({"status", "history", "statistics"})
DEFAULT_LIMIT = 10
MAX_SEGMENTS = 10

Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class SmsArguments(BaseModel):
    """What to do about text messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Operation = Field(
        description=(
            "send: body to a number, now. schedule: the same at send_at. cancel: a message_id that has not been sent. "
            "status: what became of a message_id. history: messages of a number or campaign, newest first. "
            "opt_in: record that a number's owner agreed to texts, with evidence. opt_out: record that they want none. "
            "statistics: counts per campaign."
        )
    )
    to: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)] | None = Field(
        default=None, description="Number with country code, e.g. '+14155550123'; with send, schedule, opt_in, opt_out."
    )
    body: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1600)] | None = Field(
        default=None,
        description=f"Text of the message, with send and schedule; at most {MAX_SEGMENTS} SMS of 153 characters.",
    )
    send_at: AwareDatetime | None = Field(default=None, description="With schedule: when, with time zone.")
    message_id: Id | None = Field(default=None, description="With status and cancel, e.g. 'SMS-01K…'.")
    campaign: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] | None = Field(
        default=None, description="Name under which messages are counted together; filter of history and statistics."
    )
    evidence: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)] | None = Field(
        default=None, description="With opt_in (needed) and opt_out: where, when and in which words they said so."
    )
    idempotency_key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] | None = (
        Field(
            default=None, description="Names this message: the same key never sends twice. Made by itself if left out."
        )
    )
    limit: Annotated[int, Field(ge=1, le=50)] | None = Field(
        default=None, description=f"Messages per page of history, {DEFAULT_LIMIT} if left out."
    )
    cursor: Id | None = Field(
        default=None, description="next_cursor of the page before, with the same other arguments."
    )
    dry_run: bool = Field(default=False, description="With a write: check everything and say what would happen.")
    call_id: Annotated[str | None, InjectedToolArg] = Field(
        default=None, description="The id of the model's call, filled in by the tool itself."
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """Which arguments go with an operation: all of `needed`, any of `more`."""

    needed: frozenset[str]
    more: frozenset[str]


def _shape(needed: str, more: str) -> Shape:
    return Shape(frozenset(needed.split()), frozenset(more.split()))


SHAPES: Mapping[str, Shape] = {
    "send": _shape("to body", "campaign idempotency_key dry_run"),
    "schedule": _shape("to body send_at", "campaign idempotency_key dry_run"),
    "cancel": _shape("message_id", "dry_run"),
    "status": _shape("message_id", ""),
    "history": _shape("", "to campaign limit cursor"),
    "opt_in": _shape("to evidence", "idempotency_key dry_run"),
    "opt_out": _shape("to", "evidence idempotency_key dry_run"),
    "statistics": _shape("", "campaign"),
}

_WITHOUT_EVIDENCE = "recorded without further evidence"


def command_of(asked: SmsArguments, *, key: str | None, default_region: str | None) -> Command:
    """Return the command that the arguments stand for.

    Args:
        asked: The arguments.
        key: What makes two calls the same write; None if nothing names it.
        default_region: Country of numbers that are written without a plus.

    Raises:
        ToolInputError: Arguments that do not go together, a number or text that cannot be used; the message says why
            and does not repeat it.
    """
    _refuse_unfitting(asked)
    match asked.operation:
        case "send" | "schedule":
            assert asked.body is not None
            segments = segments_of(asked.body)
            if segments.count > MAX_SEGMENTS:
                raise wrong_input(
                    f"The text becomes {segments.count} SMS ({segments.encoding}); at most {MAX_SEGMENTS} are sent. "
                    "Shorten it."
                )
            return Send(
                phone=_phone(asked, default_region),
                body=asked.body,
                segments=segments,
                send_at=asked.send_at,
                campaign=asked.campaign,
                key=key,
                dry_run=asked.dry_run,
            )
        case "cancel":
            assert asked.message_id is not None
            return Cancel(message_id=asked.message_id, dry_run=asked.dry_run)
        case "opt_in" | "opt_out" as operation:
            return Record(
                phone=_phone(asked, default_region),
                given=operation == "opt_in",
                evidence=asked.evidence or _WITHOUT_EVIDENCE,
                key=key,
                dry_run=asked.dry_run,
            )
        case "status":
            assert asked.message_id is not None
            return GetStatus(message_id=asked.message_id)
        case "history":
            phone = None if asked.to is None else _phone(asked, default_region)
            limit = asked.limit or DEFAULT_LIMIT
            return History(phone=phone, campaign=asked.campaign, limit=limit, cursor=asked.cursor)
        case "statistics":
            return Statistics(campaign=asked.campaign)


def _phone(asked: SmsArguments, default_region: str | None) -> Phone:
    assert asked.to is not None
    return read_phone(asked.to, default_region=default_region)


def _refuse_unfitting(asked: SmsArguments) -> None:
    given = {name for name, value in asked if value is not None and value is not False}
    given -= {"operation", "call_id"}
    shape = SHAPES[asked.operation]
    if missing := sorted(shape.needed - given):
        raise wrong_input(f"{asked.operation} needs {', '.join(missing)}.")
    if surplus := sorted(given - shape.needed - shape.more):
        allowed = ", ".join(sorted(shape.needed | shape.more)) or "no others"
        raise wrong_input(f"{asked.operation} takes no {', '.join(surplus)}; it takes {allowed}.")
