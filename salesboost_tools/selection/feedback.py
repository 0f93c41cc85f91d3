"""What a reported outcome says about the tool, if anything."""

import math
from asyncio import CancelledError

from langgraph.errors import GraphBubbleUp

from salesboost_tools.core.errors import (
    ApprovalRejectedError,
    CircuitOpenError,
    ConfigurationError,
    IdempotencyError,
    RateLimitError,
    ToolInputError,
    ToolPermissionError,
)

NOT_THE_TOOLS_DOING = (
    ApprovalRejectedError,
    CancelledError,
    CircuitOpenError,
    ConfigurationError,
    GraphBubbleUp,
    IdempotencyError,
    RateLimitError,
    ToolInputError,
    ToolPermissionError,
)
"""Refusals by us, mistakes of the caller, interrupts: the tool was not tried, or was not to blame."""


def says_something(error: BaseException | str | None) -> bool:
    """Return whether an outcome with this error tells how good the tool is."""
    return not isinstance(error, NOT_THE_TOOLS_DOING)


def name_of(error: BaseException | str | None) -> str | None:
    """Return what to call an error in statistics: the exception's type, never its message, or the caller's word."""
    return type(error).__name__ if isinstance(error, BaseException) else error


def refuse_wrong_numbers(latency_ms: float, quality: float | None, cost: float | None) -> None:
    """Refuse what would spoil the sums for ever.

    Raises:
        ConfigurationError: A number is missing, not finite or out of range; the message says what is allowed.
    """
    if not 0 <= latency_ms < math.inf:
        raise ConfigurationError(f"latency_ms is milliseconds, 0 or more and finite; got {latency_ms!r}")
    if quality is not None and not 0 <= quality <= 1:
        raise ConfigurationError(f"quality is a number in [0, 1], or None; got {quality!r}")
    if cost is not None and not 0 <= cost < math.inf:
        raise ConfigurationError(f"cost is 0 or more and finite, or None; got {cost!r}")
