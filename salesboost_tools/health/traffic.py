"""What the calls of late say about a tool: kept in a bounded window, fed by the status feed."""

import math
import threading
import time
from collections import deque
from dataclasses import dataclass

from salesboost_tools.core.clock import Clock
from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.observe.status import StatusEvent
from salesboost_tools.selection.feedback import NOT_THE_TOOLS_DOING

_CALLS_KEPT = 256
_BLAMELESS = frozenset(kind.__name__ for kind in (*NOT_THE_TOOLS_DOING, StateUnavailableError))


@dataclass(frozen=True, slots=True)
class Traffic:
    """The calls of a tool within the window that say something about it."""

    calls: int = 0
    failures: int = 0
    p50_s: float | None = None
    """Median of the durations, seconds, as the other percentiles (nearest rank); None without calls."""
    p95_s: float | None = None
    """95th percentile."""
    p99_s: float | None = None
    """99th percentile."""

    @property
    def failure_share(self) -> float | None:
        """Failures among the calls, in [0, 1]; None without calls."""
        return self.failures / self.calls if self.calls else None


NO_TRAFFIC = Traffic()


class TrafficWindow:
    """Remembers how the latest calls of each tool ended: at most 256 of them, none older than the window.

    Answers from memory, refusals, mistakes of the caller, interrupts and cancellations say nothing about a tool and are
    not counted; neither are error messages that a tool returned as its result, since whose fault it was is not said.

    Args:
        window_s: Seconds after which a call is forgotten, above 0.
        clock: Monotonic seconds.

    Raises:
        ConfigurationError: `window_s` is not above 0.
    """

    def __init__(self, window_s: float = 300.0, clock: Clock | None = None) -> None:
        if not window_s > 0:
            raise ConfigurationError(f"window_s is seconds, above 0; got {window_s!r}")
        self._window_s = window_s
        self._now = clock or time.monotonic
        self._ended: dict[str, deque[tuple[float, bool, float]]] = {}  # (when, failed, how long)
        self._lock = threading.Lock()

    def hear(self, event: StatusEvent) -> None:
        """Take note of how a call ended: a watcher for `StatusFeed.watch`."""
        if event.latency_s is None or event.kind not in {"completed", "failed"} or event.details.get("cached"):
            return
        failed = event.kind == "failed"
        if failed and event.details.get("error", "ToolInputError") in _BLAMELESS:
            return
        with self._lock:
            kept = self._ended.get(event.tool)
            if kept is None:
                kept = self._ended[event.tool] = deque(maxlen=_CALLS_KEPT)
            kept.append((self._now(), failed, event.latency_s))

    def of(self, tool: str) -> Traffic:
        """Return what the calls of a tool within the window show."""
        with self._lock:
            kept = self._ended.get(tool)
            if kept is None:
                return NO_TRAFFIC
            since_s = self._now() - self._window_s
            while kept and kept[0][0] < since_s:
                kept.popleft()
            calls = list(kept)
        if not calls:
            return NO_TRAFFIC
        durations = sorted(seconds for _, _, seconds in calls)
        p50_s, p95_s, p99_s = (durations[math.ceil(share * len(durations)) - 1] for share in (0.5, 0.95, 0.99))
        failures = sum(failed for _, failed, _ in calls)
        return Traffic(calls=len(calls), failures=failures, p50_s=p50_s, p95_s=p95_s, p99_s=p99_s)
