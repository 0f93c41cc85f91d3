"""Every call is a span with the names of the conventions, and its duration is in the histogram."""

import asyncio
import contextlib
import importlib
import os
import sys

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError, RateLimitError
from salesboost_tools.core.masking import MaskRules
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.retry import RetryHandler
from tests.doubles import ScriptedTool
from tests.handlers.doubles import READ, GatedTool, Naps, turns

if os.environ.get("CI") != "true":
    pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from salesboost_tools.handlers.tracing import TracingHandler


class Telescope:
    """Sees what is exported."""

    def __init__(self):
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])

    def handler(self, **options):
        return TracingHandler(self.tracers, self.meters, **options)

    @property
    def spans(self):
        return list(self._exporter.get_finished_spans())

    @property
    def span(self):
        (span,) = self.spans
        return span

    @property
    def durations(self):
        """The histogram and its points."""
        ((metric,),) = [
            [metric for scope in resource.scope_metrics for metric in scope.metrics]
            for resource in self._reader.get_metrics_data().resource_metrics
        ]
        return metric, list(metric.data.data_points)


@pytest.fixture
def telescope():
    telescope = Telescope()
    yield telescope
    telescope.tracers.shutdown()
    telescope.meters.shutdown()


async def test_a_call_is_a_span_with_the_names_of_the_conventions(ask, telescope):
    assert await ask(govern(ScriptedTool(), telescope.handler())) == "answer"
    span = telescope.span
    assert (span.name, span.kind) == ("execute_tool scripted", trace.SpanKind.INTERNAL)
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "scripted",
        "salesboost.tool.attempts": 1,
        "salesboost.tool.cached": False,
    }
    assert span.status.status_code is trace.StatusCode.UNSET


async def test_a_models_call_carries_its_id(telescope):
    call = {"name": "scripted", "args": {"query": "q"}, "id": "call-1", "type": "tool_call"}
    await govern(ScriptedTool(), telescope.handler()).ainvoke(call)
    assert telescope.span.attributes["gen_ai.tool.call.id"] == "call-1"


async def test_the_duration_is_recorded_in_seconds_with_the_buckets_of_the_conventions(ask, telescope):
    governed = govern(ScriptedTool("answer", ValueError("no")), telescope.handler())
    await ask(governed)
    with pytest.raises(ValueError, match="no"):
        await ask(governed)
    metric, points = telescope.durations
    assert (metric.name, metric.unit) == ("gen_ai.execute_tool.duration", "s")
    base = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "scripted"}
    assert sorted((dict(point.attributes) for point in points), key=len) == [
        base,
        {**base, "error.type": "ValueError"},
    ]
    for point in points:
        assert point.count == 1
        assert 0 <= point.sum < 10
        assert (point.explicit_bounds[0], point.explicit_bounds[-1]) == (0.01, 81.92)


@pytest.mark.parametrize(
    ("ending", "error_type"),
    [
        (ValueError("secret"), "ValueError"),
        (RateLimitError("secret", retry_after=1.0), "salesboost_tools.core.errors.RateLimitError"),
        (ToolMessage("secret", tool_call_id="1", status="error"), "tool_error"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_failure_is_told_by_its_class_and_not_by_its_message(ask, telescope, ending, error_type):
    try:
        await ask(govern(ScriptedTool(ending), telescope.handler()))
    except Exception as error:
        assert error is ending
    span = telescope.span
    assert span.attributes["error.type"] == error_type
    assert span.status.status_code is trace.StatusCode.ERROR
    assert "secret" not in span.to_json()


async def test_an_interrupt_is_no_failure(ask, telescope):
    with pytest.raises(GraphInterrupt):
        await ask(govern(ScriptedTool(GraphInterrupt(())), telescope.handler()))
    assert telescope.span.status.status_code is trace.StatusCode.UNSET
    assert "error.type" not in telescope.span.attributes


async def test_a_cancellation_is_no_failure(telescope):
    call = asyncio.create_task(govern(GatedTool(), telescope.handler()).ainvoke({"query": "q"}))
    await turns()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert telescope.span.status.status_code is trace.StatusCode.UNSET


async def test_a_call_that_is_thrown_away_ends_its_span(telescope, caplog):
    call = govern(GatedTool(), telescope.handler()).ainvoke({"query": "q"})
    call.send(None)
    call.close()
    assert telescope.span.end_time
    assert not caplog.records


async def test_attempts_and_answers_from_memory_are_told(ask, telescope):
    naps = Naps()
    retry = RetryHandler(sleep=naps.sleep, asleep=naps.asleep)
    governed = govern(ScriptedTool(ConnectionError(), "answer"), telescope.handler(), CacheHandler(), retry)
    for _ in range(2):
        await ask(governed)
    told = [
        (span.attributes["salesboost.tool.attempts"], span.attributes["salesboost.tool.cached"])
        for span in telescope.spans
    ]
    assert told == [(2, False), (0, True)]


# ---------------------------------------------------------------- context


def child_of(telescope):
    """A tool that makes a span of its own."""
    tracer = telescope.tracers.get_tracer("the tool")

    def work(query: str = "q") -> str:
        """Does it."""
        with tracer.start_as_current_span("work"):
            return query

    async def awork(query: str = "q") -> str:
        with tracer.start_as_current_span("work"):
            await turns()
            return query

    return work, awork


@pytest.mark.parametrize("threaded", [False, True], ids=["coroutine", "thread"])
async def test_spans_of_the_tool_are_children_of_its_call(ask, telescope, threaded):
    work, awork = child_of(telescope)
    tool = StructuredTool.from_function(work, None if threaded else awork)
    with telescope.tracers.get_tracer("the caller").start_as_current_span("caller") as caller:
        await ask(govern(tool, telescope.handler(), spec=READ))
        assert trace.get_current_span() is caller
    spans = {span.name: span for span in telescope.spans}
    assert spans["work"].parent.span_id == spans["execute_tool work"].context.span_id
    assert spans["execute_tool work"].parent.span_id == spans["caller"].context.span_id


async def test_calls_at_once_keep_their_children_apart(telescope):
    _, awork = child_of(telescope)
    governed = govern(StructuredTool.from_function(coroutine=awork, description="Does it."), telescope.handler())
    await asyncio.gather(*(governed.ainvoke({"query": str(number)}) for number in range(5)))
    works = [span for span in telescope.spans if span.name == "work"]
    calls = {span.context.span_id for span in telescope.spans if span.name != "work"}
    assert {span.parent.span_id for span in works} == calls
    assert len(calls) == 5


@pytest.mark.parametrize("ending", [ValueError("no"), "answer"], ids=["failure", "success"])
async def test_after_a_call_nothing_of_it_is_current(ask, telescope, ending):
    before = trace.get_current_span()
    with contextlib.suppress(ValueError):
        await ask(govern(ScriptedTool(ending), telescope.handler()))
    assert trace.get_current_span() is before


# ---------------------------------------------------------------- content


async def test_no_argument_and_no_result_is_recorded_unless_asked(ask, telescope):
    await ask(govern(ScriptedTool("secret result"), telescope.handler()), "secret argument")
    assert "secret" not in telescope.span.to_json()


async def test_arguments_and_results_are_recorded_when_asked_masked_and_short(ask, telescope):
    handler = telescope.handler(arguments=True, results=True, longest=30)
    await ask(govern(ScriptedTool({"email": "ann@acme.example", "notes": "x" * 50}), handler), "ask bob@acme.example")
    shown = telescope.span.attributes
    assert shown["gen_ai.tool.call.arguments"].startswith('{"query":"ask ')
    assert "bob@acme" not in shown["gen_ai.tool.call.arguments"]
    assert len(shown["gen_ai.tool.call.result"]) == 30
    assert "ann@acme" not in shown["gen_ai.tool.call.result"]


async def test_what_is_masked_is_for_the_rules_to_say(ask, telescope):
    handler = telescope.handler(results=True, masks=MaskRules(by_pattern=False))
    await ask(govern(ScriptedTool("ann@acme.example"), handler))
    assert telescope.span.attributes["gen_ai.tool.call.result"] == "ann@acme.example"


async def test_content_that_cannot_be_written_down_harms_nobody(ask, telescope):
    ring = []
    ring.append(ring)
    handler = telescope.handler(results=True)
    assert await ask(govern(ScriptedTool(ring), handler)) is ring
    assert "gen_ai.tool.call.result" not in telescope.span.attributes
    assert handler.observer_failures == 1


async def test_a_span_that_is_not_sampled_is_spared_the_writing_down(ask, monkeypatch):
    def never(*args):
        raise AssertionError("nobody records this")

    monkeypatch.setattr("salesboost_tools.handlers.tracing.preview_of", never)
    handler = TracingHandler(TracerProvider(ALWAYS_OFF), arguments=True, results=True)
    assert await ask(govern(ScriptedTool(), handler)) == "answer"
    assert handler.observer_failures == 0


@pytest.mark.parametrize("longest", [0, -1])
def test_content_has_at_least_a_character(longest):
    with pytest.raises(ConfigurationError, match="longest is a number of characters, 1 or more"):
        TracingHandler(longest=longest)


# ---------------------------------------------------------------- failures and absence


async def test_without_providers_it_uses_the_global_ones_which_may_do_nothing(ask):
    assert await ask(govern(ScriptedTool(), TracingHandler())) == "answer"


async def test_a_tracer_that_fails_never_harms_the_call(ask, telescope, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise OSError("the collector is gone")

    handler = telescope.handler()
    monkeypatch.setattr(handler._tracer, "start_span", fail)
    assert await ask(govern(ScriptedTool(), handler)) == "answer"
    assert handler.observer_failures == 1
    assert "tracing a call of `scripted` failed" in caplog.text


async def test_a_histogram_that_fails_never_harms_the_call(ask, telescope, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("the collector is gone")

    handler = telescope.handler()
    monkeypatch.setattr(handler._duration, "record", fail)
    assert await ask(govern(ScriptedTool(), handler)) == "answer"
    assert telescope.span.end_time
    assert handler.observer_failures == 1


def test_without_opentelemetry_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.delitem(sys.modules, "salesboost_tools.handlers.tracing")
    with pytest.raises(MissingExtraError, match=r"TracingHandler needs the extra 'otel'"):
        importlib.import_module("salesboost_tools.handlers.tracing")
