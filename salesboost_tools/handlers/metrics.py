"""Count and time every call and every attempt."""

import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import (
    ApprovalRejectedError,
    CircuitOpenError,
    IdempotencyError,
    RateLimitError,
    ToolPermissionError,
    ToolTimeoutError,
)
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_error_answer, is_failure
from salesboost_tools.observe.metrics import CollectorRegistry, ToolMetrics, metrics_in

_logger = logging.getLogger(__name__)

_STATUS_OF: dict[type[BaseException], str] = {
    ToolPermissionError: "refused",
    ApprovalRejectedError: "refused",
    RateLimitError: "rate_limited",
    CircuitOpenError: "circuit_open",
    IdempotencyError: "conflict",
    ToolTimeoutError: "timeout",
}
_OPERATION_OF = {"hits": "hit", "shared": "shared"}
_APPROVALS = {"approval_requested": "requested", "approved": "approved", "rejected": "rejected"}
_CIRCUITS = {"circuit_opened": "opened", "circuit_closed": "closed"}
_WRITES = frozenset({"replayed", "unprotected", "unrecorded"})


class MetricsHandler(ToolHandler):
    """Counts and times calls for Prometheus: outermost the whole call, innermost every attempt.

    A failure to record is counted and swallowed; it never harms the call.

    Args:
        registry: Where the metrics are collected; None for prometheus_client's default one.
    """

    order = 10

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.metrics = self._metrics = metrics_in(registry)
        """Where they are collected; a `ToolSelector` takes it as its `metrics`."""
        self._attempts = AttemptMetricsHandler(self._metrics, self._not_recorded)

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
            self._metrics.cache_asked(call.name, _OPERATION_OF.get(details["how"], "hit"))
        elif event == "cache_miss":
            self._metrics.cache_asked(call.name, "miss")
        elif event == "retrying":
            self._metrics.retried(call.name)
        elif event == "rate_limited":
            self._metrics.rate_limited(call.name)
        elif event in _WRITES:
            self._metrics.write_settled(call.name, event)
        elif event in _APPROVALS:
            self._metrics.approval(call.name, _APPROVALS[event])
        elif event in _CIRCUITS:
            self._metrics.circuit_changed(call.name, _CIRCUITS[event], details["now_open"])
        elif event == "waited":
            self._metrics.waited(call.name, details["wait_s"])
        elif event == "store_failed":
            self._metrics.state_failed(call.name, details["store"])

    def _record(self, call: ToolCall, started: float, error: BaseException | None, result: Any) -> None:
        try:
            status = status_of(call, error, result)
            self._metrics.call_ended(call.name, status, call.caller.role, perf_counter() - started)
            if error is not None and is_failure(error):
                self._metrics.call_failed(call.name, error)
        except Exception as failure:  # noqa: BLE001  (an observer's sink)
            self._not_recorded(call, failure)

    def _not_recorded(self, call: ToolCall, failure: Exception) -> None:
        self.observer_failures += 1
        _logger.warning("recording a call of `%s` failed", call.name, exc_info=failure)


class AttemptMetricsHandler(ToolHandler):
    """Times every attempt. It stands innermost on behalf of `MetricsHandler`.

    Args:
        metrics: Where durations go.
        not_recorded: Told when that failed.
    """

    order = 90

    def __init__(self, metrics: ToolMetrics, not_recorded: Callable[[ToolCall, Exception], None]) -> None:
        self._metrics = metrics
        self._not_recorded = not_recorded

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Time one attempt."""
        started = perf_counter()
        try:
            return proceed(call)
        finally:
            self._record(call, started)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Time one attempt."""
        started = perf_counter()
        try:
            return await proceed(call)
        finally:
            self._record(call, started)

    def _record(self, call: ToolCall, started: float) -> None:
        try:
            self._metrics.attempt_ended(call.name, perf_counter() - started)
        except Exception as failure:  # noqa: BLE001  (an observer's sink)
            self._not_recorded(call, failure)


def status_of(call: ToolCall, error: BaseException | None, result: Any) -> str:
    """Return how a call ended, in one of the words of the metrics table."""
    if error is None:
        if call.record.cached:
            return "cached"
        return "error" if is_error_answer(result) else "success"
    if is_failure(error):
        return next((status for kind, status in _STATUS_OF.items() if isinstance(error, kind)), "error")
    return "interrupted" if isinstance(error, Exception) else "cancelled"
