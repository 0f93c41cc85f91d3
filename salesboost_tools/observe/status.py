"""The status feed: what tools are doing, as it happens, for whoever wants to watch."""

import logging
import math
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from salesboost_tools.observe.subscription import Subscription

EVENT_NAME = "tool_status"
"""What the events are called among others: the name of LangChain's custom event, `type` in LangGraph's stream."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """Something that happened to a tool call. It holds no arguments, and of a result at most a preview.

    Attributes:
        kind: started; completed, failed, interrupted or cancelled at the end; in between what handlers report: cached,
            retrying, rate_limited, waited, store_failed, approval_requested, approved, rejected, replayed, unprotected,
            unrecorded, circuit_opened, circuit_closed; and `selected`, what a node reports when one of several equal
            tools is picked (details: group, number, why, decision_id). guardrail_engaged and guardrail_released belong
            to no call: `tool` is then a group, and its first tool serves, or the policy chooses again.
        tool: The tool's name.
        at: When, in UTC.
        tool_call_id: The model's id for the call, if a model called.
        run_id: The trace's id for the run.
        role: The caller's role.
        latency_s: Seconds since the call started; None where it has just begun.
        details: Numbers and names that belong to it.
        attempt: How often the tool itself has been started so far.
        preview: The beginning of the result, personal data masked; None unless it was asked for.
    """

    kind: str
    tool: str
    at: datetime
    tool_call_id: str | None = None
    run_id: str | None = None
    role: str | None = None
    latency_s: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])
    attempt: int = 0
    preview: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the event as plain data that JSON can hold; the time as ISO 8601, seconds as numbers."""
        return {
            "type": EVENT_NAME,
            "kind": self.kind,
            "tool": self.tool,
            "at": self.at.isoformat(),
            "tool_call_id": self.tool_call_id,
            "run_id": self.run_id,
            "role": self.role,
            "latency_s": self.latency_s,
            "attempt": self.attempt,
            "preview": self.preview,
            "details": {name: _plain(value) for name, value in self.details.items()},
        }


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

    def subscribe(self, max_pending: int = 1000) -> Subscription[StatusEvent]:
        """Return an iterator over every event from now on: `async for event in feed.subscribe()`.

        Publishing never waits for it: a reader that is too slow loses the oldest events, which it can read off its
        `dropped`. It leaves the feed when it is closed, when `async with` ends, and when nobody holds it any more.

        Args:
            max_pending: How many events may wait for the reader, at least 1.

        Raises:
            ConfigurationError: `max_pending` is below 1.
        """
        subscription = Subscription[StatusEvent](max_pending)
        reader = weakref.ref(subscription)

        def hand_over(event: StatusEvent) -> None:
            if (there := reader()) is not None:
                there.put(event)

        leave = self.watch(hand_over)
        subscription.when_closed(leave)
        weakref.finalize(subscription, leave).atexit = False
        return subscription

    def recent(self) -> list[StatusEvent]:
        """Return the events remembered, oldest first."""
        return list(self._recent)


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a detail; numbers that are none become None, objects their text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
