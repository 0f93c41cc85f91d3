"""Every tool call of one brief as the status feed tells it: when it began, how long it took, how it ended."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from salesboost_tools.observe.status import StatusEvent, StatusFeed, Watcher

_OUTCOMES = {
    "RateLimitError": "rate limited",
    "ToolPermissionError": "not allowed",
    "ToolTimeoutError": "timed out",
}


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One run of one tool.

    Attributes:
        tool: The tool; of a group, the variant.
        call_id: The id of the call it answers; two variants may have tried one call.
        start_s: Seconds after the log began.
        duration_s: None while it runs.
        outcome: running, ok, cached, shared, rate limited, not allowed, timed out, failed, interrupted, cancelled.
        attempts: How often the tool itself was started.
        retries: Attempts after the first.
        error: Class of the error; None if there was none.
        retry_after_s: When the rate limit would let it through; None if it did not refuse.
    """

    tool: str
    call_id: str | None
    start_s: float
    duration_s: float | None = None
    outcome: str = "running"
    attempts: int = 0
    retries: int = 0
    error: str | None = None
    retry_after_s: float | None = None

    @property
    def from_memory(self) -> bool:
        """Whether the cache answered."""
        return self.outcome in {"cached", "shared"}


class CallLog:
    """Watches a status feed while it is open: `with CallLog(feed) as log: …`.

    Args:
        feed: Where events come from; None if status is switched off, then the log stays empty.
        also: Is called after each event was written down.
    """

    def __init__(self, feed: StatusFeed | None, also: Watcher | None = None) -> None:
        self._feed = feed
        self._also = also
        self._began = datetime.now(UTC)
        self._calls: dict[str, LoggedCall] = {}
        self._lock = threading.Lock()
        self._stop = lambda: None

    def __enter__(self) -> Self:
        if self._feed is not None:
            self._stop = self._feed.watch(self._write)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    def calls(self) -> Sequence[LoggedCall]:
        """Return the calls so far, in the order they began."""
        with self._lock:
            return sorted(self._calls.values(), key=lambda call: call.start_s)

    def _write(self, event: StatusEvent) -> None:
        key = event.run_id or str(event.tool_call_id)
        with self._lock:
            known = self._calls.get(key)
            if known is None:
                known = LoggedCall(event.tool, event.tool_call_id, (event.at - self._began).total_seconds())
            self._calls[key] = after(known, event)
        if self._also is not None:
            self._also(event)


def after(call: LoggedCall, event: StatusEvent) -> LoggedCall:
    """Return what is known of a call after an event."""
    details = event.details
    match event.kind:
        case "cached":
            return replace(call, outcome="shared" if details.get("how") == "shared" else "cached")
        case "retrying":
            return replace(call, retries=call.retries + 1)
        case "rate_limited":
            return replace(call, retry_after_s=details.get("retry_after"))
        case "completed":
            return _ended(call, event, call.outcome if call.from_memory else "ok", details)
        case "failed":
            return _ended(call, event, _OUTCOMES.get(str(details.get("error")), "failed"), details)
        case "interrupted" | "cancelled":
            return _ended(call, event, event.kind, details)
        case _:
            return call


def _ended(call: LoggedCall, event: StatusEvent, outcome: str, details: Mapping[str, Any]) -> LoggedCall:
    return replace(
        call,
        duration_s=event.latency_s,
        outcome=outcome,
        attempts=details.get("attempts", 0),
        error=details.get("error"),
    )
