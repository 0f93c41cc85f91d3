"""One variant's attempt to answer a call, and the event that says who was selected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from salesboost_tools.core.call import Caller, CallRecord, ToolCall
from salesboost_tools.governed import GovernedTool
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler


@dataclass(slots=True)
class TryRecord(CallRecord):
    """What happened to a try, and why it was made.

    Attributes:
        group: The name that was called.
        number: 1 for the first variant that tries, 2 for the one that stands in for it, and so on.
        decision_id: The selector's; None if nobody chose.
        why: "chosen" by the selector, the "only" or first one left, "equal" to a call of the message that this variant
            answered, or "hedge".
    """

    group: str = ""
    number: int = 1
    decision_id: str | None = None
    why: str = "only"


@dataclass(slots=True)
class Try:
    """One variant's attempt to answer a call.

    Attributes:
        tool: The variant.
        known_as: The variant's name within its node, where a tool outside the group may have the same one.
        args: The call's arguments.
        caller: Who asks.
        tried: The variants that have tried, this one included.
        record: What happened to the call.
        started: `perf_counter` seconds.
    """

    tool: GovernedTool
    known_as: str
    args: Mapping[str, Any]
    caller: Caller
    tried: tuple[str, ...]
    record: TryRecord
    started: float = field(default_factory=perf_counter)

    @property
    def began(self) -> bool:
        """True if the variant was started; refusals, answers from memory and bad arguments come before that."""
        return self.record.attempts > 0


class Selected(ToolHandler):
    """Reports which variant answers a call to a group's name. It stands right inside of the status handler."""

    order = 6

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Report it and go on."""
        _report(call)
        return proceed(call)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Report it and go on."""
        _report(call)
        return await proceed(call)


SELECTED: Final = Selected()
"""Stands around every variant of a group."""


def _report(call: ToolCall) -> None:
    record = call.record
    if isinstance(record, TryRecord):
        details = {"group": record.group, "number": record.number, "why": record.why}
        call.emit("selected", **details, decision_id=record.decision_id)
