"""The window holds the latest calls that say something about a tool, and nothing else."""

from datetime import UTC, datetime

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.health.traffic import NO_TRAFFIC, TrafficWindow
from salesboost_tools.observe.status import StatusEvent


def ended(kind="completed", latency_s=0.1, tool="t", **details):
    return StatusEvent(kind=kind, tool=tool, at=datetime.now(UTC), latency_s=latency_s, details=details)


@pytest.fixture
def window(clock):
    return TrafficWindow(300, clock)


def test_calls_and_failures_are_counted_per_tool(window):
    for event in (ended(), ended("failed", error="UpstreamError"), ended(tool="other")):
        window.hear(event)
    assert (window.of("t").calls, window.of("t").failures, window.of("t").failure_share) == (2, 1, 0.5)
    assert window.of("other").failures == 0


def test_of_a_tool_nobody_called_nothing_is_known(window):
    assert window.of("t") is NO_TRAFFIC
    assert NO_TRAFFIC.failure_share is None


@pytest.mark.parametrize(
    "event",
    [
        ended("started", None),
        ended("retrying"),
        ended("interrupted"),
        ended("cancelled"),
        ended(cached=True),
        ended("failed"),
        *[
            ended("failed", error=name)
            for name in (
                "ToolPermissionError",
                "RateLimitError",
                "ToolInputError",
                "CircuitOpenError",
                "IdempotencyError",
            )
        ],
        ended("failed", error="StateUnavailableError"),
    ],
    ids=lambda event: f"{event.kind}-{event.details.get('error', '')}",
)
def test_what_is_not_the_tools_doing_is_not_counted(window, event):
    window.hear(event)
    assert window.of("t") is NO_TRAFFIC


def test_a_call_is_forgotten_when_its_time_is_up(window, clock):
    window.hear(ended("failed", error="OSError"))
    clock.advance(299)
    window.hear(ended())
    assert window.of("t").calls == 2
    clock.advance(2)
    assert (window.of("t").calls, window.of("t").failures) == (1, 0)
    clock.advance(300)
    assert window.of("t") is NO_TRAFFIC


def test_of_very_many_calls_the_latest_256_are_kept(window):
    for _ in range(300):
        window.hear(ended("failed", error="OSError"))
    for _ in range(256):
        window.hear(ended())
    assert (window.of("t").calls, window.of("t").failures) == (256, 0)


def test_percentiles_are_durations_that_were_measured(window):
    for hundredths in range(1, 21):
        window.hear(ended(latency_s=hundredths / 100))
    found = window.of("t")
    assert (found.p50_s, found.p95_s, found.p99_s) == (0.1, 0.19, 0.2)


def test_a_window_without_length_is_refused():
    with pytest.raises(ConfigurationError, match="window_s"):
        TrafficWindow(0)
