"""`ToolMiddleware`: the handlers for agents made with `langchain.agents.create_agent`."""

# pyright: reportUnknownMemberType=false, reportMissingTypeArgument=false, reportUnknownVariableType=false

from collections.abc import Mapping
from typing import Any

from salesboost_tools.core.errors import MissingExtraError
from salesboost_tools.core.spec import ToolSpec
from salesboost_tools.governed.wrapper import AsyncExecute, Execute, ToolCallWrapper
from salesboost_tools.handlers.base import ToolHandler

try:
    from langchain.agents.middleware import AgentMiddleware
except ImportError as error:
    raise MissingExtraError("ToolMiddleware", "models") from error


class ToolMiddleware(AgentMiddleware):
    """Puts handlers around every tool of an agent: `create_agent(model, tools, middleware=[ToolMiddleware(...)])`.

    Args:
        *handlers: As for `govern`.
        specs: What is known about tools, by name.
    """

    def __init__(self, *handlers: ToolHandler, specs: Mapping[str, ToolSpec] | None = None) -> None:
        super().__init__()
        self._wrapper = ToolCallWrapper(*handlers, specs=specs)

    def wrap_tool_call(self, request: Any, handler: Execute) -> Any:
        """Stand around a call of a sync run."""
        return self._wrapper.wrap_tool_call(request, handler)

    async def awrap_tool_call(self, request: Any, handler: AsyncExecute) -> Any:
        """Stand around a call of an async run."""
        return await self._wrapper.awrap_tool_call(request, handler)
