"""One variant's attempt to answer a call, and the event that says who was selected."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from salesboost_tools.core.call import Caller, CallRecord, ToolCall
from salesboost_tools.governed import GovernedTool
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_error_answer

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class TryRecord(CallRecord):
    """What happened to a try, and why it was made.

    Attributes:
        group: The name that was called.
        number: 1 for the first variant that tries, 2 for the one that stands in for it, and so on.
        decision_id: The selector's; None if nobody chose.
        why: "chosen" by the selector, the "only" or first one left, "equal" to a call of the message that this variant
            answered, or "hedge".
        quality: How good the result was, in [0, 1]; None if nobody could tell.
    """

    group: str = ""
    number: int = 1
    decision_id: str | None = None
    why: str = "only"
    quality: float | None = None


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
    """Reports which variant answers a call to a group's name, and asks the tool's spec how good the answer is.

    It stands right inside of the status handler.
    """

    order = 6

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Report it and go on."""
        _report(call)
        result = proceed(call)
        _rate(call, result)
        return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Report it and go on."""
        _report(call)
        result = await proceed(call)
        _rate(call, result)
        return result


SELECTED: Final = Selected()
"""Stands around every variant of a group."""


def _report(call: ToolCall) -> None:
    record = call.record
    if isinstance(record, TryRecord):
        details = {"group": record.group, "number": record.number, "why": record.why}
        call.emit("selected", **details, decision_id=record.decision_id)


def _rate(call: ToolCall, result: Any) -> None:
    """Keep how good a result is that was made just now; a rule that fails is logged and says nothing."""
    record, rule = call.record, call.spec.quality
    if rule is None or not isinstance(record, TryRecord) or not record.attempts or is_error_answer(result):
        return
    try:
        record.quality = _in_range(rule(result))
    except Exception:  # (an observer's)
        _logger.warning("the quality of what `%s` answered cannot be told", call.name, exc_info=True)


def _in_range(quality: float | None) -> float | None:
    if quality is not None and not 0 <= quality <= 1:
        raise ValueError(f"quality is a number in [0, 1], or None; got {quality!r}")
    return quality
