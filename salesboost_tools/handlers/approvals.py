"""Who is asked before a call is made, what they are asked, what they may answer, and where that is written down."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ApprovalRejectedError, ConfigurationError


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """One question.

    Attributes:
        tool: The tool's name.
        preview: Its arguments as plain data (JSON), personal data masked, long texts cut: what people are shown.
        args: Its arguments as they are, for approvers that are programs.
        caller: Who asks, or who resumes the graph.
        tool_call_id: The model's id for the call.
        thread_id: LangGraph's conversation.
    """

    tool: str
    preview: Mapping[str, Any]
    args: Mapping[str, Any] = field(repr=False)
    caller: Caller
    tool_call_id: str | None
    thread_id: str | None


@dataclass(frozen=True, slots=True)
class Approval:
    """One answer.

    Attributes:
        approved: Yes or no.
        by: Who answered.
        reason: Why.
        args: Arguments to put in the place of those of the same name. They are not validated again: names must be
            known and types stay, the rest is the approver's responsibility.
    """

    approved: bool
    by: str | None = None
    reason: str | None = None
    args: Mapping[str, Any] | None = field(default=None, repr=False)


class Approver(Protocol):
    """Who is asked."""

    @property
    def pauses(self) -> bool:
        """True if asking ends the run, which comes back with the answer; False if whoever asks waits."""
        ...

    def ask(self, request: ApprovalRequest) -> Approval:
        """Return the answer; whatever is raised means no, interrupts excepted."""
        ...

    async def aask(self, request: ApprovalRequest) -> Approval:
        """Do what `ask` does without blocking the event loop."""
        ...


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """Who approved what.

    Attributes:
        tool: The tool's name.
        fingerprint: Stands for the arguments of the call that was approved, edited ones included; None if they have no
            canonical form.
        approved: Yes or no.
        by: Who answered, as the answer says.
        reason: Why, as the answer says.
        edited: Names of arguments that the approver changed.
        caller: Who asked, or who resumed the graph.
        tool_call_id: The model's id for the call.
        thread_id: LangGraph's conversation.
        preview: The arguments as the approver saw them.
        at: When, in UTC.
    """

    tool: str
    fingerprint: str | None
    approved: bool
    by: str | None
    reason: str | None
    edited: tuple[str, ...]
    caller: Caller
    tool_call_id: str | None
    thread_id: str | None
    preview: Mapping[str, Any] = field(compare=False)
    at: datetime = field(compare=False)


class ApprovalLog(Protocol):
    """Where answers are written down. A graph that is resumed again repeats its answers: equal records are one."""

    def record(self, entry: ApprovalRecord) -> None:
        """Write down an answer; a call is not made if this raises."""
        ...

    async def arecord(self, entry: ApprovalRecord) -> None:
        """Do what `record` does without blocking the event loop."""
        ...


class MemoryApprovalLog:
    """Remembers the last answers in this process.

    Args:
        remembered: How many, at least 1.
    """

    def __init__(self, remembered: int = 1000) -> None:
        if remembered < 1:
            raise ConfigurationError(f"a log remembers at least 1 answer; got {remembered!r}")
        self._remembered = remembered
        self._entries: dict[object, ApprovalRecord] = {}
        self._lock = threading.Lock()

    def record(self, entry: ApprovalRecord) -> None:
        """Remember an answer; one that a resumed graph repeats is the same."""
        with self._lock:
            self._entries.setdefault(object() if entry.tool_call_id is None else entry, entry)
            if len(self._entries) > self._remembered:
                del self._entries[next(iter(self._entries))]

    async def arecord(self, entry: ApprovalRecord) -> None:
        """Do what `record` does; there is nothing to wait for."""
        self.record(entry)

    def recent(self) -> list[ApprovalRecord]:
        """Return what is remembered, oldest first."""
        with self._lock:
            return list(self._entries.values())


def rejected(tool: str, why: str, *, reason: str | None = None) -> ApprovalRejectedError:
    """Return the error for a call that nobody agreed to."""
    said = f" The reason given: {reason}." if reason else ""
    return ApprovalRejectedError(
        f"`{tool}` was not approved: {why}",
        for_model=f"`{tool}` was not approved and was not done.{said} Do not try it again; continue without it.",
    )
