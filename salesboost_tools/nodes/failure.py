"""What a model is told when a call fails."""

from collections.abc import Callable
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage

from salesboost_tools.core.errors import ToolCallError
from salesboost_tools.nodes.stock import TOOL_CALL_ERROR_TEMPLATE, ToolInvocationError, stock_content, types_named_by

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


def unknown_outcome(call: ToolCall, what: str) -> ToolMessage:
    """Return the message for a call that may or may not have taken effect."""
    return error_message(call, f"{what} It is not known whether it took effect; check before repeating it.")


def late_message(call: ToolCall, limit_s: float | None, *, started: bool, reads: bool) -> ToolMessage:
    """Return the message for a call that was not answered in time.

    Args:
        call: Which.
        limit_s: Seconds it had.
        started: Whether it was started at all.
        reads: Whether somebody said that it changes nothing; of all others it is not known what they did.
    """
    late = f"`{call['name']}` did not answer within {limit_s:g} s."
    if not started:
        return error_message(call, f"{late} It was not even started. Continue without it, or call it again.")
    return error_message(call, f"{late} Continue without it.") if reads else unknown_outcome(call, late)
