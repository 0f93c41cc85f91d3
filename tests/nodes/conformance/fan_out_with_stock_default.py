"""This node with ToolNode's default for errors, for langgraph's own tests: four of them expect it."""

from langgraph.prebuilt.tool_node import _default_handle_tool_errors as stock_default

from salesboost_tools.nodes.fan_out import ToolFanOut


class FanOutWithToolNodesDefault(ToolFanOut):
    """Raises what ToolNode raises if nobody says how errors are handled."""

    def __init__(self, *args, handle_tool_errors=stock_default, **options):
        super().__init__(*args, handle_tool_errors=handle_tool_errors, **options)
