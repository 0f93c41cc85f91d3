"""A call to a group's name is answered by one of its variants; if that one fails, by the next."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from langchain_core.messages import ToolMessage

from salesboost_tools.core.call import Caller, CallRecord
from salesboost_tools.core.errors import CircuitOpenError, RateLimitError
from salesboost_tools.core.spec import Effect
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.handlers.outcome import is_failure
from salesboost_tools.selection.feedback import says_something
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector


@dataclass(slots=True)
class Try:
    """One variant's attempt to answer a call.

    Attributes:
        tool: The variant.
        caller: Who asks.
        decision_id: Under which the selector wants to hear of it; None if nobody chose.
        tried: The variants that have tried, this one included.
        started: `perf_counter` seconds.
        record: What happened to the call.
    """

    tool: GovernedTool
    caller: Caller
    decision_id: str | None
    tried: tuple[str, ...]
    started: float = field(default_factory=perf_counter)
    record: CallRecord = field(default_factory=CallRecord)


class Choice:
    """Chooses among a group's variants for one node, and tells the selector what came of it.

    Args:
        group: The variants.
        selector: Who chooses and learns; None takes the first variant that is left.
    """

    def __init__(self, group: ToolGroup, selector: ToolSelector | None) -> None:
        self._group = group
        self._selector = selector
        self.variants = {variant.name: _raising(govern(variant)) for variant in group.variants}
        """Governed, by name; their refusals are raised here, for the next variant to be tried."""
        first = self.variants[group.names[0]]
        self.face = first.model_copy(update={"name": group.name, "description": group.description})
        """What a model is shown: one tool of the group's name."""

    def first(self, caller: Caller) -> Try:
        """Choose among all variants."""
        return self._next(caller, ())

    def after_error(self, attempt: Try, error: Exception) -> Try | None:
        """Report a failure; return who tries next, None if nobody can help."""
        self._report(attempt, success=False, error=error)
        if not is_failure(error):
            return None
        refused_before_it_began = isinstance(error, RateLimitError | CircuitOpenError)
        return self._another(attempt) if refused_before_it_began or says_something(error) else None

    def after_result(self, attempt: Try, result: Any) -> Try | None:
        """Report a result; return who tries next if it is an error message, None if it stands."""
        failed = isinstance(result, ToolMessage) and result.status == "error"
        self._report(attempt, success=not failed, error=None)
        return self._another(attempt) if failed else None

    def signed(self, attempt: Try, result: Any) -> Any:
        """Return a result under the group's name, with the variant that made it in its metadata."""
        if isinstance(result, ToolMessage):
            result.name = self._group.name
            result.response_metadata["variant"] = attempt.tool.name
        return result

    def _next(self, caller: Caller, tried: tuple[str, ...]) -> Try:
        left = [name for name in self._group.names if name not in tried]
        decision_id: str | None = None
        chosen = left[0]
        if self._selector is not None:
            context = {"caller_role": caller.role} if caller.role else None
            tool, decision_id = self._selector.select_tool(self._group, context, available=left)
            chosen = tool.name
        return Try(self.variants[chosen], caller, decision_id, (*tried, chosen))

    def _another(self, attempt: Try) -> Try | None:
        """A failed write may have happened all the same, so only reads are tried elsewhere."""
        reads = attempt.tool.spec.effect is Effect.READ
        exhausted = len(attempt.tried) >= len(self._group.names)
        return self._next(attempt.caller, attempt.tried) if reads and not exhausted else None

    def _report(self, attempt: Try, *, success: bool, error: Exception | None) -> None:
        """Answers from memory say nothing about a variant; the selector itself sifts out refusals and interrupts."""
        if self._selector is None or attempt.decision_id is None or attempt.record.cached:
            return
        latency_ms = (perf_counter() - attempt.started) * 1000
        self._selector.record_feedback(attempt.decision_id, success, latency_ms, error=error)


def _raising(tool: GovernedTool) -> GovernedTool:
    return tool.model_copy(update={"answers_model": False})
