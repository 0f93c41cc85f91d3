"""What is used of langgraph-prebuilt without being public there. No other module of the nodes imports such names.

`ToolNode`'s own private methods are inherited: `PRIVATE_METHODS` lists those that are called. A test compares both with
what is installed and fails on a version outside of `TESTED`: run the conformance and differential tests, then widen it.
"""

# pyright: reportPrivateUsage=false, reportUnknownVariableType=false, reportUnknownMemberType=false

from typing import Final

from langgraph.prebuilt import tool_node
from langgraph.prebuilt.tool_node import TOOL_CALL_ERROR_TEMPLATE, ToolCallRequest, ToolInvocationError

errors_a_model_can_mend = tool_node._filter_validation_errors  # noqa: SLF001
injections_of = tool_node._get_all_injected_args  # noqa: SLF001
stock_content = tool_node._handle_tool_error  # noqa: SLF001
types_named_by = tool_node._infer_handled_types  # noqa: SLF001

try:
    from langgraph.errors import is_invalid_resume
except ImportError:  # langgraph before it marks such errors

    def is_invalid_resume(error: BaseException, /) -> bool:  # noqa: ARG001
        """No error is marked."""
        return False


__all__ = [
    "PRIVATE_METHODS",
    "TESTED",
    "TOOL_CALL_ERROR_TEMPLATE",
    "ToolCallRequest",
    "ToolInvocationError",
    "errors_a_model_can_mend",
    "injections_of",
    "is_invalid_resume",
    "stock_content",
    "types_named_by",
]

TESTED: Final = ">=1.1.1,<1.2"
"""Versions of langgraph-prebuilt whose private parts are known."""

PRIVATE_METHODS: Final = {
    "_parse_input": ("input",),
    "_extract_state": ("input", "config"),
    "_combine_tool_outputs": ("outputs", "input_type"),
    "_inject_tool_args": ("tool_call", "tool_runtime", "tool"),
    "_normalize_tool_response": ("response", "tool_call", "input_type"),
    "_validate_tool_call": ("call",),
    "_run_one": ("call", "input_type", "tool_runtime"),
    "_arun_one": ("call", "input_type", "tool_runtime"),
    "_execute_tool_sync": ("request", "input_type", "config"),
    "_execute_tool_async": ("request", "input_type", "config"),
    "_func": ("input", "config", "runtime"),
    "_afunc": ("input", "config", "runtime"),
}
"""ToolNode's private methods that are called or replaced, with their parameters."""
