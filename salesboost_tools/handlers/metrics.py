"""Count and time every call and every attempt."""

import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from langchain_core.messages import ToolMessage

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import (
    ApprovalRejectedError,
    CircuitOpenError,
    RateLimitError,
    ToolPermissionError,
    ToolTimeoutError,
)
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_failure
from salesboost_tools.observe.metrics import CollectorRegistry, ToolMetrics, metrics_in

_logger = logging.getLogger(__name__)

_STATUS_OF: dict[type[BaseException], str] = {
    ToolPermissionError: "refused",
    ApprovalRejectedError: "refused",
    RateLimitError: "rate_limited",
    CircuitOpenError: "circuit_open",
    ToolTimeoutError: "timeout",
}
_OPERATION_OF = {"hits": "hit", "shared": "shared"}


class MetricsHandler(ToolHandler):
    """Counts and times calls for Prometheus: outermost the whole call, innermost every attempt.

    A failure to record is counted and swallowed; it never harms the call.

    Args:
        registry: Where the metrics are collected; None for prometheus_client's default one.
    """

    order = 10

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._metrics = metrics_in(registry)
        self._attempts = AttemptMetricsHandler(self._metrics)

    def companions(self) -> tuple[ToolHandler, ...]:
        """The part that stands innermost."""
        return (self._attempts,)

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Time the whole call."""
        started = perf_counter()
        try:
            result = proceed(call)
        except BaseException as error:
            self._record(call, started, error, None)
            raise
        self._record(call, started, None, result)
        return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Time the whole call."""
        started = perf_counter()
        try:
            result = await proceed(call)
        except BaseException as error:
            self._record(call, started, error, None)
            raise
        self._record(call, started, None, result)
        return result

    def observe(self, call: ToolCall, event: str, details: Mapping[str, Any]) -> None:
        """Count what other handlers did."""
        if event == "cached":
            self._metrics.cache_asked(call.name, _OPERATION_OF[details["how"]])
        elif event == "cache_miss":
            self._metrics.cache_asked(call.name, "miss")
        elif event == "retrying":
            self._metrics.retried(call.name)
        elif event == "rate_limited":
            self._metrics.rate_limited(call.name)

    def _record(self, call: ToolCall, started: float, error: BaseException | None, result: Any) -> None:
        try:
            status = status_of(call, error, result)
            self._metrics.call_ended(call.name, status, call.caller.role, perf_counter() - started)
            if error is not None and is_failure(error):
                self._metrics.call_failed(call.name, error)
        except Exception:
            self.observer_failures += 1
            _logger.warning("recording a call of `%s` failed", call.name, exc_info=True)


class AttemptMetricsHandler(ToolHandler):
    """Times every attempt. It stands innermost on behalf of `MetricsHandler`."""

    order = 90

    def __init__(self, metrics: ToolMetrics) -> None:
        self._metrics = metrics

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Time one attempt."""
        started = perf_counter()
        try:
            return proceed(call)
        finally:
            self._metrics.attempt_ended(call.name, perf_counter() - started)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Time one attempt."""
        started = perf_counter()
        try:
            return await proceed(call)
        finally:
            self._metrics.attempt_ended(call.name, perf_counter() - started)


def status_of(call: ToolCall, error: BaseException | None, result: Any) -> str:
    """Return how a call ended, in one of the words of the metrics table."""
    if error is None:
        if call.record.cached:
            return "cached"
        return "error" if isinstance(result, ToolMessage) and result.status == "error" else "success"
    if isinstance(error, Exception):
        return _STATUS_OF.get(type(error), "error") if is_failure(error) else "interrupted"
    return "cancelled"
