"""Ask somebody before a call is made."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ApprovalRejectedError, ConfigurationError
from salesboost_tools.core.masking import USUAL_MASKS, MaskRules, mask
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.handlers.approvals import (
    Approval,
    ApprovalLog,
    ApprovalRecord,
    ApprovalRequest,
    Approver,
    MemoryApprovalLog,
    rejected,
)
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.interrupt_approver import InterruptApprover
from salesboost_tools.handlers.outcome import is_failure

LONGEST_SHOWN = 500
"""Characters of a text that an approver gets to see."""

Needed = Callable[[ToolCall], bool]
"""Says whether a call needs to be approved."""


def is_declared_write(call: ToolCall) -> bool:
    """Return whether a call changes something, as far as somebody has said so."""
    return call.spec is not UNSPECIFIED and not call.changes_nothing


class ApprovalHandler(ToolHandler):
    """Makes a call only if somebody agrees to it.

    Fails closed: nobody to ask, an answer that cannot be read, an approver or a log that fails, all mean no.

    It stands before anything is spent: quota, a place among the idempotency keys. With the approver shipped, the graph
    stops and asks; when it is resumed it calls again, is answered, and goes on. A stock `ToolNode` then runs finished
    siblings again as well (`ToolFanOut` does not), so writes that ask belong under an `IdempotencyHandler` too.

    Args:
        approver: Who is asked; by default whoever resumes the graph.
        needed: Which calls need approval; by default those of tools declared to change something.
        by_tool: The same for single tools, by name: a rule, True or False. It comes before `needed`.
        log: Where answers are written down, before the call is made.
        masks: What an approver does not get to see of the arguments.
        now: Returns the time, in UTC.

    Attributes:
        log: As given; by default the last ones in memory.

    Raises:
        ConfigurationError: A rule is of another kind.
    """

    order = 30

    def __init__(
        self,
        approver: Approver | None = None,
        *,
        needed: Needed = is_declared_write,
        by_tool: Mapping[str, Needed | bool] | None = None,
        log: ApprovalLog | None = None,
        masks: MaskRules = USUAL_MASKS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.log: ApprovalLog = MemoryApprovalLog() if log is None else log
        self._approver: Approver = approver or InterruptApprover()
        self._needed = needed
        self._by_tool = dict(by_tool or {})
        self._masks = masks
        self._now = now
        for name, rule in self._by_tool.items():
            if not isinstance(rule, bool) and not callable(rule):
                raise ConfigurationError(f"by_tool[{name!r}] is True, False or a function of the call; got {rule!r}")

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Ask, and go on if the answer is yes."""
        if not self.needs_approval(call):
            return proceed(call)
        request = self._request(call)
        self._asking(call)
        try:
            approval = self._approver.ask(request)
            settled, record = self._settled(call, request, approval)
            self.log.record(record)
        except Exception as error:
            refusal = self._refusal(call, error)
            if refusal is error:
                raise
            raise refusal from error
        return proceed(agreed(settled, approval))

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Ask, and go on if the answer is yes."""
        if not self.needs_approval(call):
            return await proceed(call)
        request = self._request(call)
        self._asking(call)
        try:
            approval = await self._approver.aask(request)
            settled, record = self._settled(call, request, approval)
            await self.log.arecord(record)
        except Exception as error:
            refusal = self._refusal(call, error)
            if refusal is error:
                raise
            raise refusal from error
        return await proceed(agreed(settled, approval))

    def needs_approval(self, call: ToolCall) -> bool:
        """Return whether somebody has to agree to a call."""
        rule = self._by_tool.get(call.name, self._needed)
        return rule if isinstance(rule, bool) else rule(call)

    def _request(self, call: ToolCall) -> ApprovalRequest:
        plain = to_jsonable_python(dict(call.args), fallback=str, bytes_mode="base64")
        preview = {name: shortened(value) for name, value in mask(plain, self._masks).items()}
        return ApprovalRequest(call.name, preview, call.args, call.caller, call.tool_call_id, call.thread_id)

    def _asking(self, call: ToolCall) -> None:
        if not self._approver.pauses:  # else it is known only afterwards whether anybody was asked
            call.emit("approval_requested")

    def _settled(self, call: ToolCall, request: ApprovalRequest, approval: Approval) -> tuple[ToolCall, ApprovalRecord]:
        """Return the call as it was answered, and what to write down."""
        if not isinstance(approval, Approval):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise rejected(call.name, f"the approver returned {type(approval).__name__}, not an Approval")
        edited = edits(request, approval)
        settled = call.with_args({**call.args, **edited}) if edited else call
        record = ApprovalRecord(
            tool=call.name,
            fingerprint=cache_key(call.name, None, None, settled.args),
            approved=approval.approved,
            by=approval.by,
            reason=approval.reason,
            edited=tuple(sorted(edited)),
            caller=call.caller,
            tool_call_id=call.tool_call_id,
            thread_id=call.thread_id,
            preview=request.preview,
            at=self._now(),
        )
        return settled, record

    def _refusal(self, call: ToolCall, error: Exception) -> Exception:
        """Return what to raise when there is no answer: an interrupt is one yet to come, everything else means no."""
        if not is_failure(error):
            call.emit("approval_requested")
            return error
        call.emit("rejected", by=None)
        if isinstance(error, ApprovalRejectedError):
            return error
        return rejected(call.name, f"the approver or the log of approvals failed: {error!r}")


def agreed(call: ToolCall, approval: Approval) -> ToolCall:
    """Return the call if it was approved.

    Raises:
        ApprovalRejectedError: It was not.
    """
    call.emit("approved" if approval.approved else "rejected", by=approval.by)
    if not approval.approved:
        who = approval.by or "the approver"
        why = f"{who} said no" + (f" ({approval.reason})" if approval.reason else "")
        raise rejected(call.name, why, reason=approval.reason)
    return call


def edits(request: ApprovalRequest, approval: Approval) -> dict[str, Any]:
    """Return the arguments that an approver changed, by name. What comes back as it was shown was not changed.

    Raises:
        ApprovalRejectedError: An argument is unknown, or of another type than the one it replaces.
    """
    changed: dict[str, Any] = {}
    for name, value in (approval.args or {}).items():
        if name not in request.args:
            raise rejected(request.tool, f"the edited argument {name!r} is unknown; known are {sorted(request.args)}")
        before = request.args[name]
        if value in (before, request.preview[name]):
            continue
        if before is not None and type(value) is not type(before):
            raise rejected(
                request.tool,
                f"the edited argument {name!r} is {type(value).__name__}; it has to be {type(before).__name__}",
            )
        changed[name] = value
    return changed


def shortened(value: Any) -> Any:
    """Return text short enough to be shown, other values as they are."""
    too_long = isinstance(value, str) and len(value) > LONGEST_SHOWN
    return f"{value[:LONGEST_SHOWN]}…" if too_long else value
