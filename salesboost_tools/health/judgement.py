"""From findings to a verdict: the one rule of what healthy means."""

from collections.abc import Iterable
from dataclasses import dataclass

from salesboost_tools.core.breaker import CircuitState
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.health.probe import Probed
from salesboost_tools.health.report import HealthStatus
from salesboost_tools.health.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRule:
    """Where the lines are drawn.

    Args:
        calls_to_go_by: How many calls of late traffic must show before it counts, at least 1.
        degraded_share: Share of failures from which a tool is degraded, above 0.
        unhealthy_share: Share of failures from which it is unhealthy, at most 1.
        slow_share: Share of its time limit that the 95th percentile may reach before it counts as slow, above 0.

    Raises:
        ConfigurationError: A number is out of range.
    """

    calls_to_go_by: int = 5
    degraded_share: float = 0.1
    unhealthy_share: float = 0.5
    slow_share: float = 0.8

    def __post_init__(self) -> None:
        if self.calls_to_go_by < 1:
            raise ConfigurationError(f"calls_to_go_by is a number of calls, 1 or more; got {self.calls_to_go_by!r}")
        if not 0 < self.degraded_share <= self.unhealthy_share <= 1:
            raise ConfigurationError(
                "degraded_share and unhealthy_share are shares of calls, above 0, at most 1, in this order; "
                f"got {self.degraded_share!r} and {self.unhealthy_share!r}"
            )
        if not self.slow_share > 0:
            raise ConfigurationError(f"slow_share is a share of the time limit, above 0; got {self.slow_share!r}")


def judge(
    rule: HealthRule,
    *,
    probed: Probed | None,
    traffic: Traffic,
    circuit: CircuitState | None = None,
    limit_s: float | None = None,
    missing: str | None = None,
) -> tuple[HealthStatus, tuple[str, ...]]:
    """Return how healthy a tool is, and why it is not healthy.

    Args:
        rule: Where the lines are drawn.
        probed: What its probe found; None if nobody asked.
        traffic: What its calls of late show.
        circuit: What its circuit breaker does; None if there is none.
        limit_s: Its time limit in seconds; None if it has none.
        missing: What it has to do without, in words; None if nothing is missing.
    """
    share = traffic.failure_share if traffic.calls >= rule.calls_to_go_by else None
    failing = f"{traffic.failures} of the last {traffic.calls} calls failed"
    broken = (
        (probed is not None and probed.failure is not None, probed and probed.failure),
        (circuit is CircuitState.OPEN, "its circuit breaker is open"),
        (share is not None and share >= rule.unhealthy_share, failing),
    )
    if reasons := _those_that_hold(broken):
        return HealthStatus.UNHEALTHY, reasons
    p95_s = traffic.p95_s or 0.0
    slow = share is not None and limit_s is not None and p95_s >= rule.slow_share * limit_s
    troubled = (
        (circuit is CircuitState.HALF_OPEN, "its circuit breaker waits for a probe to succeed"),
        (share is not None and share >= rule.degraded_share, failing),
        (slow, f"1 of 20 calls takes {p95_s:.2g} s or longer; its time limit is {limit_s} s"),
        (missing is not None, missing),
    )
    if reasons := _those_that_hold(troubled):
        return HealthStatus.DEGRADED, reasons
    if probed is None and share is None:
        return HealthStatus.UNKNOWN, ("it has not been probed, and there were too few calls of late to go by",)
    return HealthStatus.HEALTHY, ()


def _those_that_hold(findings: Iterable[tuple[bool, str | None]]) -> tuple[str, ...]:
    return tuple(words for holds, words in findings if holds and words is not None)
