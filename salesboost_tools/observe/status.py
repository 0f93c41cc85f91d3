"""The status feed: what tools are doing, as it happens, for whoever wants to watch."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """Something that happened to a tool call. It holds no arguments and no results.

    Attributes:
        kind: started, completed, failed, cached, retrying, rate_limited, selected, …
        tool: The tool's name.
        at: When, in UTC.
        tool_call_id: The model's id for the call, if a model called.
        run_id: The trace's id for the run.
        role: The caller's role.
        latency_s: Seconds since the call started; None where it has just begun.
        details: Numbers and names that belong to it.
    """

    kind: str
    tool: str
    at: datetime
    tool_call_id: str | None = None
    run_id: str | None = None
    role: str | None = None
    latency_s: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


Watcher = Callable[[StatusEvent], None]


class StatusFeed:
    """Hands events to watchers and remembers the last ones.

    Args:
        remembered: How many events `recent` can give back.
    """

    def __init__(self, remembered: int = 1000) -> None:
        self._recent: deque[StatusEvent] = deque(maxlen=remembered)
        self._watchers: dict[object, Watcher] = {}  # replaced, never changed, so that publishing needs no lock
        self._lock = threading.Lock()

    def publish(self, event: StatusEvent) -> None:
        """Tell every watcher, in the publisher's thread; one that fails is logged and does not stop the others."""
        self._recent.append(event)
        for watcher in self._watchers.values():
            try:
                watcher(event)
            except Exception:
                _logger.warning("a status watcher failed", exc_info=True)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with every event from now on; returns the function that ends it."""
        place = object()
        with self._lock:
            self._watchers = {**self._watchers, place: watcher}

        def stop() -> None:
            with self._lock:
                self._watchers = {other: kept for other, kept in self._watchers.items() if other is not place}

        return stop

    def recent(self) -> list[StatusEvent]:
        """Return the events remembered, oldest first."""
        return list(self._recent)
