"""A call to a group's name is answered by one of its variants; if that one fails, by the next."""

import logging
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator, Mapping
from time import perf_counter
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import CircuitOpenError, RateLimitError, StateUnavailableError
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.handlers.outcome import is_error_answer, is_failure
from salesboost_tools.nodes.availability import Availability, HealthView
from salesboost_tools.nodes.equal_reads import EQUAL_READS
from salesboost_tools.nodes.hedging import Latencies, first_answer
from salesboost_tools.nodes.lanes import is_declared_write
from salesboost_tools.nodes.tries import SELECTED, Try, TryRecord
from salesboost_tools.selection.feedback import says_something
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector

_NOT_A_TRY = CancelledError("the tool was not started")
"""Ends the selector's waiting for feedback and teaches it nothing."""

_OVERTAKEN = TimeoutError("a hedge was faster")
"""Teaches the selector that the tool was asked and did not answer in time: else one that hangs would never be left."""

_logger = logging.getLogger(__name__)


class Choice:
    """Chooses among a group's variants for one node, and tells the selector what came of it.

    Args:
        group: The variants.
        selector: Who chooses and learns; None takes the first variant that is left.
        health: Who knows which variants had better not be asked; None: nobody.
        hedged: Whether a slow read of an async run is asked of a second variant too. What a hedge brings teaches the
            selector nothing, for the selector did not choose it; a try that it overtakes has failed.
    """

    def __init__(
        self,
        group: ToolGroup,
        selector: ToolSelector | None,
        health: HealthView | None = None,
        *,
        hedged: bool = False,
    ) -> None:
        self._group = group
        self._selector = selector
        self._variants = {variant.name: _raising(variant) for variant in group.variants}
        first = self._variants[group.names[0]]
        self.face = first.model_copy(update={"name": group.name, "description": group.description})
        """What a model is shown: one tool of the group's name."""
        self.is_described = all(variant.spec is not UNSPECIFIED for variant in self._variants.values())
        """True if somebody said of every variant what it does."""
        self._availability = Availability(self._variants, health)
        self._latencies = {name: Latencies() for name in group.names} if hedged else {}

    def variants(self) -> Iterator[tuple[str, GovernedTool]]:
        """Yield every variant with the name it is known as."""
        return ((self._known_as(name), tool) for name, tool in self._variants.items())

    def writes(self, args: Mapping[str, Any]) -> bool:
        """Return whether a variant is declared to change something when called with these arguments."""
        return any(is_declared_write(tool, args) for tool in self._variants.values())

    def answer(
        self, args: Mapping[str, Any], caller: Caller, run: Callable[[Try], Any], served_by: str | None = None
    ) -> Any:
        """Let variants try, one after another, until one succeeds or nobody else may help.

        Args:
            args: The call's arguments.
            caller: Who asks.
            run: Makes one try.
            served_by: The variant that answered an equal call of the message; it then has this answer too.

        Returns:
            The result of the last try, under the group's name.

        Raises:
            Exception: What the last try raised.
        """
        attempt = self._first(args, caller, served_by)
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

    async def aanswer(
        self,
        args: Mapping[str, Any],
        caller: Caller,
        run: Callable[[Try], Awaitable[Any]],
        served_by: str | None = None,
        may_hedge: Callable[[], bool] = lambda: True,
    ) -> Any:
        """Do as `answer`; `may_hedge` says whether one more call may run beside those that do."""
        attempt = self._first(args, caller, served_by)
        while True:
            try:
                attempt, result = await self._amade(attempt, run, may_hedge)
            except BaseException as error:
                following = self._after_error(attempt, error)
                if following is None:
                    raise
            else:
                following = self._after_result(attempt, result)
                if following is None:
                    return self._signed(attempt, result)
            attempt = following

    async def _amade(
        self, attempt: Try, run: Callable[[Try], Awaitable[Any]], may_hedge: Callable[[], bool]
    ) -> tuple[Try, Any]:
        """Make a try; return whose result it is, for a hedge may have been faster."""
        latencies = self._latencies.get(attempt.tool.name)
        after_s = latencies.p95_s() if latencies is not None and self._may_repeat(attempt) else None
        if after_s is None:
            return attempt, await run(attempt)
        hedge: Try | None = None

        def start_hedge() -> Awaitable[Any] | None:
            nonlocal hedge
            left = self._left(attempt.tried)
            if not left or not may_hedge():
                return None
            hedge = self._made(left[0], attempt.args, attempt.caller, attempt.tried, why="hedge")
            attempt.tried = hedge.tried  # whoever stands in for a failure need not be asked a second time
            return run(hedge)

        hedge_won, result = await first_answer(lambda: run(attempt), start_hedge, after_s)
        if hedge is None or not hedge_won:
            return attempt, result
        self._report(attempt, success=False, error=_OVERTAKEN)
        return hedge, result

    def _after_error(self, attempt: Try, error: BaseException) -> Try | None:
        """Report what a try raised; return who tries next, None if nobody can help."""
        self._report(attempt, success=False, error=error)
        self._availability.heed(attempt.tool.name, error)
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

    def _first(self, args: Mapping[str, Any], caller: Caller, served_by: str | None) -> Try:
        if served_by is not None:
            return self._made(served_by, args, caller, (), why="equal")
        return self._next(args, caller, ())

    def _next(self, args: Mapping[str, Any], caller: Caller, tried: tuple[str, ...]) -> Try:
        left = self._left(tried)
        chosen, decision_id = self._chosen(left, caller, stands_in=bool(tried))
        why = "only" if decision_id is None else "chosen"
        return self._made(chosen, args, caller, tried, why=why, decision_id=decision_id)

    def _left(self, tried: tuple[str, ...]) -> list[str]:
        """Return who may be asked next; empty if everybody has been."""
        return self._availability.among([name for name in self._group.names if name not in tried])

    def _made(
        self,
        name: str,
        args: Mapping[str, Any],
        caller: Caller,
        tried: tuple[str, ...],
        *,
        why: str,
        decision_id: str | None = None,
    ) -> Try:
        record = TryRecord(group=self._group.name, number=len(tried) + 1, decision_id=decision_id, why=why)
        return Try(self._variants[name], self._known_as(name), args, caller, (*tried, name), record)

    def _chosen(self, left: list[str], caller: Caller, *, stands_in: bool) -> tuple[str, str | None]:
        if self._selector is None:
            return left[0], None
        context = {"caller_role": caller.role} if caller.role else None
        try:
            tool, decision_id = self._selector.select_tool(self._group, context, available=left, stands_in=stands_in)
        except StateUnavailableError:
            _logger.warning("nothing is known of `%s`: `%s` serves", self._group.name, left[0], exc_info=True)
            return left[0], None
        return tool.name, decision_id

    def _another(self, attempt: Try) -> Try | None:
        """What began and failed may have happened all the same, so only a read is then tried elsewhere."""
        if not self._left(attempt.tried) or not (self._may_repeat(attempt) or not attempt.began):
            return None
        return self._next(attempt.args, attempt.caller, attempt.tried)

    def _may_repeat(self, attempt: Try) -> bool:
        return attempt.tool.spec is not UNSPECIFIED and not is_declared_write(attempt.tool, attempt.args)

    def _report(self, attempt: Try, *, success: bool, error: BaseException | None) -> None:
        """Tell the selector of a try; of what was no try, only that there is nothing to wait for."""
        latency_s = perf_counter() - attempt.started
        if (success or error is _OVERTAKEN) and attempt.began and self._latencies:
            self._latencies[attempt.tool.name].add(latency_s)
        decision_id = attempt.record.decision_id
        if self._selector is None or decision_id is None:
            return
        was_a_try = attempt.began and (error is None or is_failure(error))
        try:
            self._selector.record_feedback(
                decision_id,
                success,
                latency_s * 1000,
                quality=attempt.record.quality,
                error=error if was_a_try else _NOT_A_TRY,
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


def _raising(tool: BaseTool) -> GovernedTool:
    """Return a tool whose refusals are raised, for the next variant to be tried."""
    return govern(tool, SELECTED, EQUAL_READS).model_copy(update={"answers_model": False})
