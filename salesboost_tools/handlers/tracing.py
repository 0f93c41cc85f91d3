"""Trace and time calls with OpenTelemetry, under the names of its conventions for generative AI."""

import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError, MissingExtraError
from salesboost_tools.core.masking import USUAL_MASKS, MaskRules
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_error_answer, is_failure
from salesboost_tools.observe.preview import preview_of

try:
    from opentelemetry import context as current
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider, get_tracer, set_span_in_context
except ImportError as missing:
    raise MissingExtraError("TracingHandler", "otel") from missing

_logger = logging.getLogger(__name__)

_SCOPE = "salesboost_tools"
_OPERATION = "execute_tool"
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Bounds of the histogram, as the conventions advise for durations of operations."""

_ANSWERED_AN_ERROR = "tool_error"
"""The type of an error that a tool answered with, instead of raising."""


class TracingHandler(ToolHandler):
    """Makes a span `execute_tool {name}` of every call, and records its duration in `gen_ai.execute_tool.duration`.

    The span is current while the tool runs, also in a thread or another task, so spans made within are its children.
    A failed call has the status error and its class as `error.type`; interrupts and cancellations are no failures. No
    message of an error, no argument and no result is recorded unless asked, and then with personal data masked.

    It stands outside of everything that answers or repeats a call: one span per call, with the number of attempts in
    `salesboost.tool.attempts` and whether the answer came from memory in `salesboost.tool.cached`.

    A failure to record is counted and swallowed; it never harms the call.

    Args:
        tracer_provider: Makes the spans; by default the global one.
        meter_provider: Makes the histogram; by default the global one.
        arguments: Whether spans show arguments, as JSON, in `gen_ai.tool.call.arguments`.
        results: Whether spans show results, as JSON, in `gen_ai.tool.call.result`.
        masks: What is masked there.
        longest: Characters that are shown of each, at least 1.

    Raises:
        ConfigurationError: `longest` is below 1.
    """

    order = 3

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        arguments: bool = False,
        results: bool = False,
        masks: MaskRules = USUAL_MASKS,
        longest: int = 8_000,
    ) -> None:
        if longest < 1:
            raise ConfigurationError(f"longest is a number of characters, 1 or more; got {longest!r}")
        self._tracer = get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._duration = get_meter(_SCOPE, meter_provider=meter_provider).create_histogram(
            "gen_ai.execute_tool.duration",
            unit="s",
            description="Duration of a whole tool call, waits and retries included",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._arguments = arguments
        self._results = results
        self._masks = masks
        self._longest = longest

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Trace the whole call."""
        started_s = perf_counter()
        span = self._begin(call)
        if span is None:
            return proceed(call)
        token = current.attach(set_span_in_context(span))
        try:
            result = proceed(call)
        except BaseException as error:
            self._end(call, span, started_s, error=error)
            raise
        else:
            self._end(call, span, started_s, result=result)
            return result
        finally:
            current.detach(token)

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Trace the whole call."""
        started_s = perf_counter()
        span = self._begin(call)
        if span is None:
            return await proceed(call)
        token = current.attach(set_span_in_context(span))
        try:
            result = await proceed(call)
        except GeneratorExit as error:  # thrown away, maybe in a foreign context, which keeps what is current there
            self._end(call, span, started_s, error=error)
            raise
        except BaseException as error:
            current.detach(token)
            self._end(call, span, started_s, error=error)
            raise
        current.detach(token)
        self._end(call, span, started_s, result=result)
        return result

    def _begin(self, call: ToolCall) -> Span | None:
        try:
            attributes: dict[str, str] = {"gen_ai.operation.name": _OPERATION, "gen_ai.tool.name": call.name}
            if call.tool_call_id:
                attributes["gen_ai.tool.call.id"] = call.tool_call_id
            span = self._tracer.start_span(f"{_OPERATION} {call.name}", kind=SpanKind.INTERNAL, attributes=attributes)
        except Exception as failure:  # noqa: BLE001  (an observer's sink)
            self._not_recorded(call, failure)
            return None
        if self._arguments and span.is_recording():
            self._show(call, span, "gen_ai.tool.call.arguments", dict(call.args))
        return span

    def _end(
        self, call: ToolCall, span: Span, started_s: float, *, result: Any = None, error: BaseException | None = None
    ) -> None:
        duration_s = perf_counter() - started_s
        if self._results and error is None and span.is_recording():
            self._show(call, span, "gen_ai.tool.call.result", result)
        try:
            attributes = {"gen_ai.operation.name": _OPERATION, "gen_ai.tool.name": call.name}
            failed_with = error_type(error, result)
            if failed_with is not None:
                attributes["error.type"] = failed_with
                span.set_attribute("error.type", failed_with)
                span.set_status(StatusCode.ERROR)
            span.set_attributes(_what_happened(call))
            span.end()
            self._duration.record(duration_s, attributes, set_span_in_context(span))
        except Exception as failure:  # noqa: BLE001  (an observer's sink)
            self._not_recorded(call, failure)

    def _show(self, call: ToolCall, span: Span, attribute: str, value: Any) -> None:
        try:
            span.set_attribute(attribute, preview_of(value, self._longest, self._masks))
        except Exception as failure:  # noqa: BLE001  (a value may refuse to be written down in any way)
            self._not_recorded(call, failure)

    def _not_recorded(self, call: ToolCall, failure: Exception) -> None:
        self.observer_failures += 1
        _logger.warning("tracing a call of `%s` failed", call.name, exc_info=failure)


def error_type(error: BaseException | None, result: Any) -> str | None:
    """Return the `error.type` of a call that ended so: the full name of an error's class; None if it did not fail."""
    if error is None:
        return _ANSWERED_AN_ERROR if is_error_answer(result) else None
    if not is_failure(error):
        return None
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _what_happened(call: ToolCall) -> Mapping[str, int | bool]:
    return {"salesboost.tool.attempts": call.record.attempts, "salesboost.tool.cached": call.record.cached}
