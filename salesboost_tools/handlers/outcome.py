"""What counts as a failure."""

from langgraph.errors import GraphBubbleUp


def is_failure(error: BaseException) -> bool:
    """True if a tool failed; interrupts, parent commands and cancellations are no failures and pass untouched."""
    return isinstance(error, Exception) and not isinstance(error, GraphBubbleUp)
