"""The same handlers around tools that are not governed, for nodes that let a wrapper stand around a call.

A stock `ToolNode` takes `wrap_tool_call=` and `awrap_tool_call=`; `create_agent` takes a middleware (`ToolMiddleware`).
What comes back through these doors is a `ToolMessage` that carries the id of one call. It is taken apart for the
handlers, so that an answer may be stored, and put together again under the id of whoever asked.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command
from pydantic import BaseModel, ValidationError

from salesboost_tools.core.call import ToolCall, unheard
from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.core.spec import UNSPECIFIED, ToolSpec
from salesboost_tools.governed.caller import caller_of, thread_of
from salesboost_tools.governed.tool import GovernedTool, TracedTool, traced
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.chain import Chain, JoinedChains

Execute = Callable[[ToolCallRequest], Any]
AsyncExecute = Callable[[ToolCallRequest], Awaitable[Any]]

_TOOLS_REMEMBERED = 256


class ToolCallWrapper:
    """Handlers around every call of a node that takes wrappers. A governed tool has its own and is let through.

    A refusal or failure that handlers raise (`ToolCallError`) becomes an error message for the model; what the tool
    itself raises stays what it was. Arguments that do not validate never reach the handlers.

    Args:
        *handlers: As for `govern`; those that come with a call's callbacks stand around it too.
        specs: What is known about tools, by name; by default a tool's own `spec`, and if it has none, it counts as a
            write.

    Raises:
        ConfigurationError: A handler is not a `ToolHandler`, or a spec is not a `ToolSpec`.
    """

    def __init__(self, *handlers: ToolHandler, specs: Mapping[str, ToolSpec] | None = None) -> None:
        for handler in handlers:
            if not isinstance(handler, ToolHandler):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(f"{type(handler).__name__} is not a ToolHandler; pass it through `callbacks`")
        for name, spec in (specs or {}).items():
            if not isinstance(spec, ToolSpec):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(f"the spec of `{name}` is a ToolSpec, not {type(spec).__name__}")
        self._chains = JoinedChains(handlers)
        self._specs = dict(specs or {})
        self._traced: dict[int, tuple[BaseTool, BaseTool]] = {}

    def wrap_tool_call(self, request: ToolCallRequest, handler: Execute) -> ToolMessage | Command[Any]:
        """Stand around a call of a sync run."""
        args = _validated(request)
        if args is None:
            return handler(request)

        def body(call: ToolCall) -> Any:
            return _taken_apart(handler(self._request_of(call, request, args)), request)

        chain = self._chains.with_those_in(_callbacks(request))
        try:
            return _put_together(chain.call(self._call(chain, request, args, body)), request)
        except ToolException as error:
            return _answer(error, request)

    async def awrap_tool_call(self, request: ToolCallRequest, handler: AsyncExecute) -> ToolMessage | Command[Any]:
        """Stand around a call of an async run."""
        args = _validated(request)
        if args is None:
            return await handler(request)

        async def body(call: ToolCall) -> Any:
            return _taken_apart(await handler(self._request_of(call, request, args)), request)

        chain = self._chains.with_those_in(_callbacks(request))
        try:
            return _put_together(await chain.acall(self._call(chain, request, args, body)), request)
        except ToolException as error:
            return _answer(error, request)

    def _request_of(self, call: ToolCall, request: ToolCallRequest, args: dict[str, Any]) -> ToolCallRequest:
        """Return what the node is to run: with the arguments that handlers left, in a run that is always closed."""
        tool: Any = request.tool
        if isinstance(tool, TracedTool):  # another wrapper has been here
            running: BaseTool = tool
        else:
            _, running = self._traced.get(id(tool)) or self._remember(tool)
        if call.args is args:
            return request.override(tool=running)
        return request.override(tool=running, tool_call={**request.tool_call, "args": dict(call.args)})

    def _remember(self, tool: BaseTool) -> tuple[BaseTool, BaseTool]:
        if len(self._traced) >= _TOOLS_REMEMBERED:  # tools made anew for every call must not pile up
            self._traced.clear()
        self._traced[id(tool)] = pair = (tool, traced(tool))  # holding a tool, so that its id stays its own
        return pair

    def _call(self, chain: Chain, request: ToolCallRequest, args: dict[str, Any], body: Any) -> ToolCall:
        name, config = request.tool_call["name"], _config(request)
        own = getattr(request.tool, "spec", None)
        return ToolCall(
            name=name,
            args=args,
            spec=self._specs.get(name) or (own if isinstance(own, ToolSpec) else UNSPECIFIED),
            caller=caller_of(config),
            tool_call_id=request.tool_call["id"],
            thread_id=thread_of(config),
            form="message",
            body=body,
            sink=chain.sink or unheard,
        )


class _ErrorMessage(ToolException):
    """The node has answered a failure already; handlers see a failure all the same."""

    def __init__(self, message: ToolMessage) -> None:
        super().__init__("the tool answered with an error message")
        self.message = message


def _config(request: ToolCallRequest) -> RunnableConfig | None:
    runtime: Any = request.runtime  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return getattr(runtime, "config", None)


def _callbacks(request: ToolCallRequest) -> list[BaseCallbackHandler]:
    """Return the callbacks of the call's config and of the tool."""
    found: list[BaseCallbackHandler] = []
    for callbacks in ((_config(request) or {}).get("callbacks"), getattr(request.tool, "callbacks", None)):
        found += callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or []
    return found


def _validated(request: ToolCallRequest) -> dict[str, Any] | None:
    """Return the model's arguments with defaults filled in; None if this call is none of the handlers' business."""
    tool: BaseTool | None = request.tool
    if tool is None or (isinstance(tool, GovernedTool) and not isinstance(tool, TracedTool)):
        return None
    schema = tool.tool_call_schema
    given = request.tool_call["args"]
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return dict(given)
    try:
        model = schema.model_validate(given)
    except ValidationError:
        return None
    return {**model.__dict__, **(model.__pydantic_extra__ or {})}


def _taken_apart(answer: Any, request: ToolCallRequest) -> Any:
    """Return content and artifact of a message; raise if it is an error message; leave everything else as it is."""
    if not isinstance(answer, ToolMessage) or answer.tool_call_id != request.tool_call["id"]:
        return answer
    if answer.status == "error":
        raise _ErrorMessage(answer)
    return answer.content, answer.artifact


def _put_together(answer: Any, request: ToolCallRequest) -> Any:
    if not isinstance(answer, tuple):
        return answer
    content, artifact = answer  # pyright: ignore[reportUnknownVariableType]
    call = request.tool_call
    return ToolMessage(content, artifact=artifact, name=call["name"], tool_call_id=call["id"])  # pyright: ignore[reportUnknownArgumentType]


def _answer(error: ToolException, request: ToolCallRequest) -> ToolMessage:
    if isinstance(error, _ErrorMessage):
        return error.message
    if isinstance(error, ToolCallError):
        call = request.tool_call
        return ToolMessage(error.for_model, name=call["name"], tool_call_id=call["id"], status="error")
    raise error
