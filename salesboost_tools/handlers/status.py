"""Say what a call is doing while it does it."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.masking import USUAL_MASKS, MaskRules
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_error_answer, is_failure
from salesboost_tools.observe.custom_events import EventLine, custom_event_listeners, tell
from salesboost_tools.observe.graph_stream import stream_writer
from salesboost_tools.observe.preview import preview_of
from salesboost_tools.observe.status import EVENT_NAME, StatusEvent, StatusFeed

_logger = logging.getLogger(__name__)

TOLD = frozenset(
    {
        "waited",
        "store_failed",
        *("cached", "retrying", "rate_limited", "selected"),
        *("approval_requested", "approved", "rejected"),
        *("replayed", "unprotected", "unrecorded"),
        *("circuit_opened", "circuit_closed"),
    }
)
"""What is passed on of the events of other handlers."""


class _Open:
    """A call that has begun and not ended."""

    __slots__ = ("in_loop", "line", "started_s")

    def __init__(self, *, in_loop: bool) -> None:
        self.in_loop = in_loop
        self.line: EventLine | None = None
        self.started_s = perf_counter()


class StatusHandler(ToolHandler):
    """Publishes how a call begins and ends, and what other handlers report in between.

    Events go to the feed; inside a graph to its `stream_mode="custom"`, as dictionaries with the type "tool_status";
    and to callback handlers that listen for LangChain's custom events (`astream_events` is one), under the name
    "tool_status", for the tool's run. The last two cost nothing where nobody reads them. Listeners are found where the
    tool is called from: a graph, a chain, a node; not where a bare tool is called with callbacks in its configuration.

    A failure to publish is counted and swallowed; it never harms the call.

    Args:
        feed: Where events go; by default a feed of its own, `handler.feed`.
        preview_chars: How many characters of a result the last event shows, personal data masked; 0 shows none.
        masks: What is masked there.
        to_stream: Whether a graph's custom stream gets them.
        to_callbacks: Whether listeners for custom events get them.

    Raises:
        ConfigurationError: `preview_chars` is below 0.
    """

    order = 5

    def __init__(
        self,
        feed: StatusFeed | None = None,
        *,
        preview_chars: int = 0,
        masks: MaskRules = USUAL_MASKS,
        to_stream: bool = True,
        to_callbacks: bool = True,
    ) -> None:
        if preview_chars < 0:
            raise ConfigurationError(f"preview_chars is a number of characters, 0 or more; got {preview_chars!r}")
        self.feed = feed or StatusFeed()
        self._preview_chars = preview_chars
        self._masks = masks
        self._open: dict[int, _Open] = {}  # by the identity of the call's record, which lives as long as the call
        self._sinks: tuple[Callable[[ToolCall, StatusEvent, _Open | None], None], ...] = (
            self._to_feed,
            *((self._to_stream,) if to_stream else ()),
            *((self._to_callbacks,) if to_callbacks else ()),
        )

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Publish the beginning and the end."""
        opened = self._begin(call, in_loop=False)
        try:
            result = proceed(call)
        except BaseException as error:
            self._end(call, opened, error=error)
            raise
        self._end(call, opened, result=result)
        return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Publish the beginning and the end."""
        opened = self._begin(call, in_loop=True)
        try:
            result = await proceed(call)
        except GeneratorExit as error:  # thrown away: nothing can be awaited any more
            self._end(call, opened, error=error)
            raise
        except BaseException as error:
            self._end(call, opened, error=error)
            if opened.line is not None:
                await self._arrived(call, opened.line)
            raise
        self._end(call, opened, result=result)
        if opened.line is not None:
            await self._arrived(call, opened.line)
        return result

    def observe(self, call: ToolCall, event: str, details: Mapping[str, Any]) -> None:
        """Pass on what another handler reports."""
        if event in TOLD:
            self._publish(call, event, details, self._open.get(id(call.record)))

    # ------------------------------------------------------------ a call's events

    def _begin(self, call: ToolCall, *, in_loop: bool) -> _Open:
        opened = self._open[id(call.record)] = _Open(in_loop=in_loop)
        self._publish(call, "started", {}, opened)
        return opened

    def _end(self, call: ToolCall, opened: _Open, *, result: Any = None, error: BaseException | None = None) -> None:
        details: dict[str, Any] = {"attempts": call.record.attempts, "cached": call.record.cached}
        preview = None
        if error is None:
            kind = "failed" if is_error_answer(result) else "completed"
            preview = self._preview(call, result) if self._preview_chars else None
        else:
            details["error"] = type(error).__name__
            kind = "failed" if is_failure(error) else "interrupted" if isinstance(error, Exception) else "cancelled"
        self._publish(call, kind, details, opened, preview=preview)
        self._open.pop(id(call.record), None)

    def _publish(
        self,
        call: ToolCall,
        kind: str,
        details: Mapping[str, Any],
        opened: _Open | None,
        *,
        preview: str | None = None,
    ) -> None:
        latency_s = None if opened is None or kind == "started" else perf_counter() - opened.started_s
        event = StatusEvent(
            kind=kind,
            tool=call.name,
            at=datetime.now(UTC),
            tool_call_id=call.tool_call_id,
            run_id=str(call.run_id) if call.run_id else None,
            role=call.caller.role,
            latency_s=latency_s,
            details=details,
            attempt=call.record.attempts,
            preview=preview,
        )
        for sink in self._sinks:
            try:
                sink(call, event, opened)
            except Exception as error:  # noqa: BLE001  (an observer's sink)
                self._not_told(error, "publishing %r of `%s` failed", kind, call.name)

    def _preview(self, call: ToolCall, result: Any) -> str | None:
        try:
            return preview_of(result, self._preview_chars, self._masks)
        except Exception as error:  # noqa: BLE001  (a result may refuse to be written down in any way)
            self._not_told(error, "the result of `%s` cannot be previewed", call.name)
            return None

    def _not_told(self, error: Exception, message: str, *names: str) -> None:
        self.observer_failures += 1
        _logger.warning(message, *names, exc_info=error)

    # ------------------------------------------------------------ where they go

    def _to_feed(self, _: ToolCall, event: StatusEvent, __: _Open | None) -> None:
        self.feed.publish(event)

    def _to_stream(self, _: ToolCall, event: StatusEvent, __: _Open | None) -> None:
        write = stream_writer()
        if write is not None:
            write(event.as_dict())

    def _to_callbacks(self, call: ToolCall, event: StatusEvent, opened: _Open | None) -> None:
        listeners, parent_run_id = custom_event_listeners()
        run_id = call.run_id or parent_run_id
        if not listeners or run_id is None:
            return
        if opened is None or not opened.in_loop:
            tell(listeners, EVENT_NAME, event.as_dict(), run_id)
            return
        if opened.line is None:
            opened.line = EventLine()
        opened.line.tell(listeners, EVENT_NAME, event.as_dict(), run_id)

    async def _arrived(self, call: ToolCall, line: EventLine) -> None:
        try:
            await line.arrived()
        except Exception as error:  # noqa: BLE001  (a listener's own)
            self._not_told(error, "a listener to the events of `%s` failed", call.name)
