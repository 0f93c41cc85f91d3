"""Which of a group's variants had better not be asked now."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import CircuitOpenError, RateLimitError
from salesboost_tools.governed import GovernedTool
from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler


class HealthView(Protocol):
    """Knows how tools are, without asking them: `ToolHealthChecker` is one."""

    def is_unhealthy(self, tool_name: str, /) -> bool:
        """Return whether a tool had better not be chosen."""
        ...


class Availability:
    """Masks variants that are unhealthy, whose breaker is open, or whose bucket is empty.

    An open breaker is seen before anybody is refused. An empty bucket is known from the first refusal on, which says
    exactly how long it lasts: looking into a bucket that many processes share would cost as much as the call.

    Args:
        variants: By name.
        health: Who knows how they are; None: nobody.
        clock: Monotonic seconds.
    """

    def __init__(
        self, variants: Mapping[str, GovernedTool], health: HealthView | None = None, clock: Clock = time.monotonic
    ) -> None:
        self._health = health
        self._breakers = {
            name: [handler for handler in variant.handlers if isinstance(handler, CircuitBreakerHandler)]
            for name, variant in variants.items()
        }
        self._clock = clock
        self._refuses_until_s: dict[str, float] = {}

    def among(self, names: Sequence[str]) -> list[str]:
        """Return those that may serve now; if there is none, all of them, for somebody has to say why."""
        return [name for name in names if not self._is_masked(name)] or list(names)

    def heed(self, name: str, error: BaseException) -> None:
        """Remember until when a variant refuses, if that is what an error says."""
        if isinstance(error, RateLimitError | CircuitOpenError):
            self._refuses_until_s[name] = self._clock() + (error.retry_after or 0.0)

    def _is_masked(self, name: str) -> bool:
        until_s = self._refuses_until_s.get(name)
        if until_s is not None:
            if self._clock() < until_s:
                return True
            self._refuses_until_s.pop(name, None)
        if any(breaker.is_open(name) for breaker in self._breakers[name]):
            return True
        return self._health is not None and self._health.is_unhealthy(name)
