"""Say what a call is doing while it does it."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_error_answer, is_failure
from salesboost_tools.observe.status import StatusEvent, StatusFeed

_logger = logging.getLogger(__name__)
_TOLD = frozenset({"cached", "retrying", "rate_limited", "selected"})


class StatusHandler(ToolHandler):
    """Publishes started, completed and failed, and what other handlers report in between.

    A failure to publish is counted and swallowed; it never harms the call.

    Args:
        feed: Where events go; by default a feed of its own, `handler.feed`.
    """

    order = 5

    def __init__(self, feed: StatusFeed | None = None) -> None:
        self.feed = feed or StatusFeed()

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Publish the beginning and the end."""
        started = self._begin(call)
        try:
            result = proceed(call)
        except BaseException as error:
            self._end(call, started, error=error)
            raise
        self._end(call, started, result=result)
        return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Publish the beginning and the end."""
        started = self._begin(call)
        try:
            result = await proceed(call)
        except BaseException as error:
            self._end(call, started, error=error)
            raise
        self._end(call, started, result=result)
        return result

    def observe(self, call: ToolCall, event: str, details: Mapping[str, Any]) -> None:
        """Pass on what another handler reports."""
        if event in _TOLD:
            self._publish(call, event, None, details)

    def _begin(self, call: ToolCall) -> float:
        self._publish(call, "started", None, {})
        return perf_counter()

    def _end(self, call: ToolCall, started: float, *, result: Any = None, error: BaseException | None = None) -> None:
        details: dict[str, Any] = {"attempts": call.record.attempts, "cached": call.record.cached}
        kind = "failed" if is_error_answer(result) else "completed"
        if error is not None:
            details["error"] = type(error).__name__
            kind = "failed" if is_failure(error) else "interrupted" if isinstance(error, Exception) else "cancelled"
        self._publish(call, kind, perf_counter() - started, details)

    def _publish(self, call: ToolCall, kind: str, latency_s: float | None, details: Mapping[str, Any]) -> None:
        try:
            self.feed.publish(
                StatusEvent(
                    kind=kind,
                    tool=call.name,
                    at=datetime.now(UTC),
                    tool_call_id=call.tool_call_id,
                    run_id=str(call.run_id) if call.run_id else None,
                    role=call.caller.role,
                    latency_s=latency_s,
                    details=details,
                )
            )
        except Exception:
            self.observer_failures += 1
            _logger.warning("publishing %r of `%s` failed", kind, call.name, exc_info=True)
