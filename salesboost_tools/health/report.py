"""What is said of a tool's health, and of all tools together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from salesboost_tools.health.probe import Probed
from salesboost_tools.health.traffic import Traffic


class HealthStatus(StrEnum):
    """How fit a tool is. `health/judgement.py` holds the rule."""

    HEALTHY = "healthy"
    """It works."""
    DEGRADED = "degraded"
    """It answers, but slowly, with failures, or without something it should have."""
    UNHEALTHY = "unhealthy"
    """It does not work; a group's call goes to another variant."""
    UNKNOWN = "unknown"
    """Nothing has been found out: it has no probe, and too few calls of late to go by."""


_WORST_FIRST = (HealthStatus.UNHEALTHY, HealthStatus.DEGRADED, HealthStatus.UNKNOWN, HealthStatus.HEALTHY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolHealth:
    """The health of one tool.

    Attributes:
        tool: Its name.
        status: The verdict.
        reasons: Why, in words for operators; empty if it is healthy.
        checked_at: When its probe last ended, in UTC; None if it was never asked.
        probed: What the probe found; None if it has none, or was never asked.
        traffic: What calls of late have shown.
        circuit: What its circuit breaker does: closed, open or half_open; None if there is no breaker.
    """

    tool: str
    status: HealthStatus
    reasons: tuple[str, ...]
    checked_at: datetime | None
    probed: Probed | None
    traffic: Traffic
    circuit: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as data that JSON can hold; milliseconds, and shares in [0, 1]."""
        probed, traffic = self.probed, self.traffic
        return {
            "status": self.status.value,
            "reasons": list(self.reasons),
            "checked_at": None if self.checked_at is None else self.checked_at.isoformat(),
            "probe_ms": None if probed is None else _milliseconds(probed.seconds),
            "details": {} if probed is None else dict(probed.details),
            "recent_calls": traffic.calls,
            "failure_share": traffic.failure_share,
            "p50_ms": _milliseconds(traffic.p50_s),
            "p95_ms": _milliseconds(traffic.p95_s),
            "p99_ms": _milliseconds(traffic.p99_s),
            "circuit": self.circuit,
        }


@dataclass(frozen=True, slots=True)
class HealthReport:
    """The health of all tools, by name.

    Attributes:
        tools: Those a model is shown.
        variants: Those that answer in a group's name; they do not count.
    """

    tools: Mapping[str, ToolHealth]
    variants: Mapping[str, ToolHealth] = field(default_factory=dict[str, ToolHealth])

    @property
    def status(self) -> HealthStatus:
        """The worst status any tool has; UNKNOWN if there are no tools."""
        found = {health.status for health in self.tools.values()}
        return next((status for status in _WORST_FIRST if status in found), HealthStatus.UNKNOWN)

    def count(self, status: HealthStatus) -> int:
        """Return how many tools have a status."""
        return sum(health.status is status for health in self.tools.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the report as `GET /health/tools` answers it."""
        return {
            "status": self.status.value,
            "total_tools": len(self.tools),
            **{status.value: self.count(status) for status in HealthStatus},
            "tools": {name: health.as_dict() for name, health in self.tools.items()},
            "variants": {name: health.as_dict() for name, health in self.variants.items()},
        }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
