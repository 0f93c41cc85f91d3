"""What a node tells of its messages: how many calls they hold, how many run now, how long they wait for their turn."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

_logger = logging.getLogger(__name__)


class FanOutMetrics(Protocol):
    """Counts what nodes do: `ToolMetrics` is one."""

    def fan_out_began(self, node: str, calls: int) -> None:
        """Record a message with so many calls."""
        ...

    def fan_out_call_began(self, node: str, queued_s: float) -> None:
        """Record that a call began, and how long after its message."""
        ...

    def fan_out_call_ended(self, node: str) -> None:
        """Record that a call is under way no more."""
        ...


class Measured:
    """Tells the metrics of one node's calls. Their failure is counted and swallowed; it never harms a call.

    Args:
        metrics: Who counts.
        node: Under which name.
    """

    def __init__(self, metrics: FanOutMetrics, node: str) -> None:
        self._metrics = metrics
        self._node = node
        self.failures = 0

    def message(self, calls: int) -> float:
        """Tell of a message; return when it came, for `call`."""
        self._tell(lambda: self._metrics.fan_out_began(self._node, calls))
        return perf_counter()

    def call(self, since_s: float) -> "MeasuredCall":
        """Return what tells of a call from where it is entered to where it is left."""
        return MeasuredCall(self, since_s)

    def began(self, since_s: float) -> None:
        """Tell that a call began."""
        queued_s = perf_counter() - since_s
        self._tell(lambda: self._metrics.fan_out_call_began(self._node, queued_s))

    def ended(self) -> None:
        """Tell that a call is under way no more, however it ended."""
        self._tell(lambda: self._metrics.fan_out_call_ended(self._node))

    def _tell(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception:  # an observer's failure is its own
            self.failures += 1
            _logger.warning("a fan-out was not counted", exc_info=True)


class MeasuredCall:
    """One call that is under way."""

    __slots__ = ("_measured", "_since_s")

    def __init__(self, measured: Measured, since_s: float) -> None:
        self._measured = measured
        self._since_s = since_s

    def __enter__(self) -> None:
        self._measured.began(self._since_s)

    def __exit__(self, *_: object) -> None:
        self._measured.ended()
