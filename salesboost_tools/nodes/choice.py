"""A call to a group's name is answered by one of its variants; if that one fails, by the next."""

import logging
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from langchain_core.messages import ToolMessage
from pydantic import ValidationError

from salesboost_tools.core.call import Caller, CallRecord
from salesboost_tools.core.errors import CircuitOpenError, RateLimitError, StateUnavailableError
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.handlers.outcome import is_error_answer, is_failure
from salesboost_tools.nodes.lanes import is_declared_write
from salesboost_tools.selection.feedback import says_something
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector

_NOT_A_TRY = CancelledError("the tool was not started")
"""Ends the selector's waiting for feedback and teaches it nothing."""

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Try:
    """One variant's attempt to answer a call.

    Attributes:
        tool: The variant.
        known_as: The variant's name within its node, where a tool outside the group may have the same one.
        args: The call's arguments.
        caller: Who asks.
        decision_id: Under which the selector wants to hear of it; None if nobody chose.
        tried: The variants that have tried, this one included.
        started: `perf_counter` seconds.
        record: What happened to the call.
    """

    tool: GovernedTool
    known_as: str
    args: Mapping[str, Any]
    caller: Caller
    decision_id: str | None
    tried: tuple[str, ...]
    started: float = field(default_factory=perf_counter)
    record: CallRecord = field(default_factory=CallRecord)

    @property
    def began(self) -> bool:
        """True if the variant was started; refusals, answers from memory and bad arguments come before that."""
        return self.record.attempts > 0


class Choice:
    """Chooses among a group's variants for one node, and tells the selector what came of it.

    Args:
        group: The variants.
        selector: Who chooses and learns; None takes the first variant that is left.
    """

    def __init__(self, group: ToolGroup, selector: ToolSelector | None) -> None:
        self._group = group
        self._selector = selector
        self._variants = {variant.name: _raising(govern(variant)) for variant in group.variants}
        first = self._variants[group.names[0]]
        self.face = first.model_copy(update={"name": group.name, "description": group.description})
        """What a model is shown: one tool of the group's name."""

    def variants(self) -> Iterator[tuple[str, GovernedTool]]:
        """Yield every variant with the name it is known as."""
        return ((self._known_as(name), tool) for name, tool in self._variants.items())

    def writes(self, args: Mapping[str, Any]) -> bool:
        """Return whether a variant is declared to change something when called with these arguments."""
        return any(is_declared_write(tool, args) for tool in self._variants.values())

    def answer(self, args: Mapping[str, Any], caller: Caller, run: Callable[[Try], Any]) -> Any:
        """Let variants try, one after another, until one succeeds or nobody else may help.

        Args:
            args: The call's arguments.
            caller: Who asks.
            run: Makes one try.

        Returns:
            The result of the last try, under the group's name.

        Raises:
            Exception: What the last try raised.
        """
        attempt = self._next(args, caller, ())
        while True:
            try:
                result = run(attempt)
            except BaseException as error:
                following = self._after_error(attempt, error)
                if following is None:
                    raise
            else:
                following = self._after_result(attempt, result)
                if following is None:
                    return self._signed(attempt, result)
            attempt = following

    async def aanswer(self, args: Mapping[str, Any], caller: Caller, run: Callable[[Try], Awaitable[Any]]) -> Any:
        """Do as `answer`."""
        attempt = self._next(args, caller, ())
        while True:
            try:
                result = await run(attempt)
            except BaseException as error:
                following = self._after_error(attempt, error)
                if following is None:
                    raise
            else:
                following = self._after_result(attempt, result)
                if following is None:
                    return self._signed(attempt, result)
            attempt = following

    def _after_error(self, attempt: Try, error: BaseException) -> Try | None:
        """Report what a try raised; return who tries next, None if nobody can help."""
        self._report(attempt, success=False, error=error)
        return self._another(attempt) if may_be_better_elsewhere(error, began=attempt.began) else None

    def _after_result(self, attempt: Try, result: Any) -> Try | None:
        """Report a result; return who tries next if it is an error message, None if it stands."""
        failed = is_error_answer(result)
        self._report(attempt, success=not failed, error=None)
        return self._another(attempt) if failed else None

    def _signed(self, attempt: Try, result: Any) -> Any:
        """Return a result under the group's name, with the variant that made it in its metadata."""
        if isinstance(result, ToolMessage):
            result.name = self._group.name
            result.response_metadata["variant"] = attempt.tool.name
        return result

    def _next(self, args: Mapping[str, Any], caller: Caller, tried: tuple[str, ...]) -> Try:
        left = [name for name in self._group.names if name not in tried]
        chosen, decision_id = self._chosen(left, caller)
        return Try(self._variants[chosen], self._known_as(chosen), args, caller, decision_id, (*tried, chosen))

    def _chosen(self, left: list[str], caller: Caller) -> tuple[str, str | None]:
        if self._selector is None:
            return left[0], None
        context = {"caller_role": caller.role} if caller.role else None
        try:
            tool, decision_id = self._selector.select_tool(self._group, context, available=left)
        except StateUnavailableError:
            _logger.warning("nothing is known of `%s`: `%s` serves", self._group.name, left[0], exc_info=True)
            return left[0], None
        return tool.name, decision_id

    def _another(self, attempt: Try) -> Try | None:
        """What began and failed may have happened all the same, so only a read is then tried elsewhere."""
        spec = attempt.tool.spec
        reads = spec is not UNSPECIFIED and not is_declared_write(attempt.tool, attempt.args)
        exhausted = len(attempt.tried) >= len(self._group.names)
        if exhausted or not (reads or not attempt.began):
            return None
        return self._next(attempt.args, attempt.caller, attempt.tried)

    def _report(self, attempt: Try, *, success: bool, error: BaseException | None) -> None:
        """Tell the selector of a try; of what was no try, only that there is nothing to wait for."""
        if self._selector is None or attempt.decision_id is None:
            return
        was_a_try = attempt.began and (error is None or is_failure(error))
        latency_ms = (perf_counter() - attempt.started) * 1000
        try:
            self._selector.record_feedback(
                attempt.decision_id, success, latency_ms, error=error if was_a_try else _NOT_A_TRY
            )
        except StateUnavailableError:
            _logger.warning("feedback on `%s` is lost", attempt.tool.name, exc_info=True)

    def _known_as(self, variant: str) -> str:
        return f"{self._group.name}/{variant}"


def may_be_better_elsewhere(error: BaseException, *, began: bool) -> bool:
    """Return whether another variant may succeed where one met this error.

    One that is busy or broken says nothing about the others. What the caller may not do, or asked for wrongly, would
    be refused there too; so would arguments that did not even reach the tool.
    """
    if isinstance(error, RateLimitError | CircuitOpenError):
        return True
    if isinstance(error, ValidationError) and not began:
        return False
    return is_failure(error) and says_something(error)


def _raising(tool: GovernedTool) -> GovernedTool:
    """Return a tool whose refusals are raised, for the next variant to be tried."""
    return tool.model_copy(update={"answers_model": False})
