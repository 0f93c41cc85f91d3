"""What a model is told when a call fails."""

from collections.abc import Callable
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langgraph.prebuilt.tool_node import (
    TOOL_CALL_ERROR_TEMPLATE,
    ToolInvocationError,
)
from langgraph.prebuilt.tool_node import (
    _handle_tool_error as stock_content,  # pyright: ignore[reportPrivateUsage]
)
from langgraph.prebuilt.tool_node import (
    _infer_handled_types as types_named_by,  # pyright: ignore[reportPrivateUsage]
)

from salesboost_tools.core.errors import ToolCallError

HandleToolErrors = bool | str | Callable[..., str] | type[Exception] | tuple[type[Exception], ...]
"""As ToolNode takes it: all errors, none, a fixed answer, a function, or classes of errors."""


class Failures:
    """Turns a failed call into its own error message, in every form that ToolNode's `handle_tool_errors` has.

    With True, our own errors say what they have to say to a model, and so do invalid arguments; other errors read as
    in ToolNode.

    Args:
        handle: Which errors are answered; others are raised.
    """

    def __init__(self, handle: HandleToolErrors) -> None:
        self._handle = handle
        if isinstance(handle, type):
            self._types: tuple[type[Exception], ...] = (handle,)
        elif isinstance(handle, tuple):
            self._types = handle
        elif callable(handle):
            self._types = types_named_by(handle)
        else:
            self._types = (Exception,) if handle else ()

    def message(self, call: ToolCall, error: Exception) -> ToolMessage:
        """Return the error message for a call, or raise the error again."""
        if not isinstance(error, self._types):
            raise error
        return error_message(call, self.content(error))

    def content(self, error: Exception) -> str:
        """Return what a model reads of an error."""
        if self._handle is True:
            if isinstance(error, ToolCallError):
                return error.for_model
            if isinstance(error, ToolInvocationError):
                return error.message
            return TOOL_CALL_ERROR_TEMPLATE.format(error=repr(error))
        return stock_content(error, flag=self._handle)


def error_message(call: ToolCall, content: Any) -> ToolMessage:
    """Return an error message that answers a call."""
    return ToolMessage(content, name=call["name"], tool_call_id=call["id"], status="error")
