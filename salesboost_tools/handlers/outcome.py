"""What counts as a failure."""

from typing import Any

from langchain_core.messages import ToolMessage
from langgraph.errors import GraphBubbleUp


def is_failure(error: BaseException) -> bool:
    """True if a tool failed; interrupts, parent commands and cancellations are no failures and pass untouched."""
    return isinstance(error, Exception) and not isinstance(error, GraphBubbleUp)


def is_error_answer(result: Any) -> bool:
    """True if a tool answered that it failed, instead of raising."""
    return isinstance(result, ToolMessage) and result.status == "error"
