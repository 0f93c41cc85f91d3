"""`ToolMiddleware`: the handlers for agents made with `langchain.agents.create_agent`."""

# pyright: reportUnknownMemberType=false, reportMissingTypeArgument=false, reportUnknownVariableType=false

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import ToolMessage
from langgraph import errors as graph_errors
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt.tool_node import TOOL_CALL_ERROR_TEMPLATE

from salesboost_tools.core.errors import MissingExtraError, ToolCallError
from salesboost_tools.core.spec import ToolSpec
from salesboost_tools.governed.wrapper import AsyncExecute, Execute, ToolCallWrapper
from salesboost_tools.handlers.base import ToolHandler

try:
    from langchain.agents.middleware import AgentMiddleware
except ImportError as error:
    raise MissingExtraError("ToolMiddleware", "models") from error

_is_invalid_resume: Callable[[BaseException], bool] = getattr(graph_errors, "is_invalid_resume", lambda _: False)
"""Whether a person's answer did not fit the question: nothing that a model could mend. Older versions mark no error."""


class ToolMiddleware(AgentMiddleware):
    """Puts handlers around every tool of an agent: `create_agent(model, tools, middleware=[ToolMiddleware(...)])`.

    Args:
        *handlers: As for `govern`.
        specs: What is known about tools, by name.
        handle_tool_errors: Answer what a tool raises with an error message, of governed tools too. By default it ends
            the run, as without a middleware, and cuts off the calls beside it half-way; what handlers refuse is always
            answered.
    """

    def __init__(
        self,
        *handlers: ToolHandler,
        specs: Mapping[str, ToolSpec] | None = None,
        handle_tool_errors: bool = False,
    ) -> None:
        super().__init__()
        self._wrapper = ToolCallWrapper(*handlers, specs=specs)
        self._handle_tool_errors = handle_tool_errors

    def wrap_tool_call(self, request: Any, handler: Execute) -> Any:
        """Stand around a call of a sync run."""
        try:
            return self._wrapper.wrap_tool_call(request, handler)
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001  (told to the model, or raised again)
            return self._answer(error, request)

    async def awrap_tool_call(self, request: Any, handler: AsyncExecute) -> Any:
        """Stand around a call of an async run."""
        try:
            return await self._wrapper.awrap_tool_call(request, handler)
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001  (told to the model, or raised again)
            return self._answer(error, request)

    def _answer(self, error: Exception, request: Any) -> ToolMessage:
        if not self._handle_tool_errors or _is_invalid_resume(error):
            raise error
        own = isinstance(error, ToolCallError)
        content = error.for_model if own else TOOL_CALL_ERROR_TEMPLATE.format(error=repr(error))
        call = request.tool_call
        return ToolMessage(content, name=call["name"], tool_call_id=call["id"], status="error")
