"""Ask whoever runs the graph, by LangGraph's `interrupt`."""

from collections.abc import Mapping
from typing import Any, Final, cast

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.types import interrupt

from salesboost_tools.handlers.approvals import Approval, ApprovalRequest, rejected

_SCRATCHPAD: Final = "__pregel_scratchpad"
_CHECKPOINTER: Final = "__pregel_checkpointer"
"""Where LangGraph keeps what a node needs to ask and to be resumed; it has no public names for them."""

_YES: Final = frozenset({"approve", "approved"})
_NO: Final = frozenset({"reject", "rejected"})
ACCEPTED_ANSWERS: Final = (
    "True or False, 'approve' or 'reject', or {'approved': bool, 'by': ..., 'reason': ..., 'args': ..., "
    "'tool_call_id': ...}, of which only 'approved' is needed"
)


class InterruptApprover:
    """Asks whoever runs the graph: LangGraph's `interrupt` ends the run, `Command(resume=answer)` brings the answer.

    Accepted are True or False, "approve" or "reject", or a dict with "approved" and, if wanted, "by", "reason", "args"
    and "tool_call_id". Anything else means no. Outside of a graph, and in one without a checkpointer, nobody can
    answer, which means no.

    In a `ToolFanOut` every question has an id of its own, by which it is answered: `Command(resume={id: answer})`.
    Calls of a stock `ToolNode` are handed their answers in the order in which they happen to ask. An answer that names
    a `tool_call_id` counts for that call alone.

    Args:
        may_edit: Whether an answer may bring other arguments.
        must_name_call: Whether an answer counts only if it names the call's `tool_call_id`. Wanted wherever several
            calls of one message may ask.
    """

    pauses = True

    def __init__(self, *, may_edit: bool = False, must_name_call: bool = False) -> None:
        self._may_edit = may_edit
        self._must_name_call = must_name_call

    def ask(self, request: ApprovalRequest) -> Approval:
        """Stop the graph, or return the answer with which it was resumed."""
        refuse_if_nobody_can_answer(request)
        return self._read(request, interrupt(self._question(request)))

    async def aask(self, request: ApprovalRequest) -> Approval:
        """Do what `ask` does; there is nothing to wait for."""
        return self.ask(request)

    def _question(self, request: ApprovalRequest) -> dict[str, Any]:
        caller = request.caller
        return {
            "type": "tool_approval",
            "tool": request.tool,
            "args": dict(request.preview),
            "tool_call_id": request.tool_call_id,
            "caller": {
                "role": caller.role,
                "user_id": caller.user_id,
                "tenant_id": caller.tenant_id,
                "session_id": caller.session_id,
            },
            "may_edit": self._may_edit,
            "must_name_call": self._must_name_call,
        }

    def _read(self, request: ApprovalRequest, answer: Any) -> Approval:
        approval, named_call = read_answer(request, answer)
        if self._must_name_call and named_call is None:
            raise rejected(request.tool, f"the answer does not name its call; this one is {request.tool_call_id!r}")
        if named_call is not None and named_call != request.tool_call_id:
            raise rejected(request.tool, f"the answer is for {named_call!r}; this call is {request.tool_call_id!r}")
        if approval.args is not None and not self._may_edit:
            raise rejected(request.tool, "the answer brings other arguments, which this approver may not (may_edit)")
        return approval


def refuse_if_nobody_can_answer(request: ApprovalRequest) -> None:
    """Raise ApprovalRejectedError outside of a graph, and in one that cannot be resumed."""
    config = var_child_runnable_config.get() or {}
    configurable = config.get("configurable") or {}
    if configurable.get(_SCRATCHPAD) is None:
        raise rejected(request.tool, "there is nobody to ask outside of a graph")
    if configurable.get(_CHECKPOINTER) is None:
        raise rejected(request.tool, "nobody can answer a graph that has no checkpointer")


def read_answer(request: ApprovalRequest, answer: Any) -> tuple[Approval, str | None]:
    """Return what an answer says, and the `tool_call_id` it names, if it names one.

    Raises:
        ApprovalRejectedError: It cannot be read.
    """
    if isinstance(answer, bool):
        return Approval(answer), None
    if isinstance(answer, str) and answer.strip().lower() in _YES | _NO:
        return Approval(answer.strip().lower() in _YES), None
    if isinstance(answer, Mapping):
        said = cast("Mapping[str, Any]", answer)
        approved, args, named_call = said.get("approved"), said.get("args"), said.get("tool_call_id")
        by, reason = said.get("by"), said.get("reason")
        texts = all(text is None or isinstance(text, str) for text in (by, reason, named_call))
        if isinstance(approved, bool) and texts and (args is None or isinstance(args, Mapping)):
            return Approval(approved, by, reason, cast("Mapping[str, Any] | None", args)), named_call
    raise rejected(request.tool, f"the answer cannot be read; accepted are {ACCEPTED_ANSWERS}")
