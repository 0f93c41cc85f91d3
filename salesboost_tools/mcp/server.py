"""An MCP server over the toolkit: what clients see, and what a call does."""

import json
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, cast

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from pydantic_core import to_json

from salesboost_tools.core.call import Caller
from salesboost_tools.core.spec import Effect
from salesboost_tools.governed import GovernedTool, config_of
from salesboost_tools.toolkit import SalesToolkit

IDEMPOTENCY_KEY = "idempotency_key"
"""Where a client may put a key in a call's `_meta`: equal keys make a repeated write happen once."""

_INSTRUCTIONS = (
    "Tools for sales work. A refused or failed call says in its text what to do next. A call that writes may carry an "
    f"`{IDEMPOTENCY_KEY}` in its `_meta`: repeated with the same key, it happens once."
)


def build_server(toolkit: SalesToolkit, caller_of: Callable[[Any], Caller]) -> Server[Any, Any]:
    """Return the server; serve it with `serve_stdio`, or over HTTP with `salesboost_tools.mcp.http.create_mcp_app`.

    Args:
        toolkit: Whose tools.
        caller_of: Given the HTTP request of a call (None over stdio), who calls. It is never an argument of a tool.
    """
    server: Server[Any, Any] = Server("salesboost-tools", version("salesboost-tools"), _INSTRUCTIONS)
    tools = toolkit.get_tools()
    executor = toolkit.executor()
    described = [_description(tool) for tool in tools]

    async def list_tools(_: types.ListToolsRequest) -> types.ServerResult:
        return types.ServerResult(types.ListToolsResult(tools=described))

    async def call_tool(request: types.CallToolRequest) -> types.ServerResult:
        context = server.request_context
        config = config_of(caller_of(context.request), _key_in(context.meta))
        execution = await executor.execute(request.params.name, request.params.arguments or {}, config=config)
        error = execution["error"]
        if error is not None:
            return types.ServerResult(types.CallToolResult(content=[_text(error["message"])], isError=True))
        return types.ServerResult(_result(execution["result"]))

    # The decorators would validate arguments a second time, and put what a client sent into the error.
    server.request_handlers[types.ListToolsRequest] = list_tools
    server.request_handlers[types.CallToolRequest] = call_tool
    return server


async def serve_stdio(toolkit: SalesToolkit, caller: Caller) -> None:
    """Serve one client over standard input and output until it leaves.

    Args:
        toolkit: Whose tools.
        caller: Who the client is.
    """
    server = build_server(toolkit, lambda _: caller)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _description(tool: BaseTool) -> types.Tool:
    function = convert_to_openai_tool(tool)["function"]
    reads = isinstance(tool, GovernedTool) and tool.spec.effect is Effect.READ
    return types.Tool(
        name=function["name"],
        description=function["description"],
        inputSchema=function.get("parameters", {"type": "object"}),
        annotations=types.ToolAnnotations(readOnlyHint=reads, destructiveHint=False, openWorldHint=not reads),
    )


def _result(result: Any) -> types.CallToolResult:
    """Return a tool's result: an object as structured content too, as the protocol asks."""
    if isinstance(result, str):
        return types.CallToolResult(content=[_text(result)])
    written = to_json(result, fallback=str, inf_nan_mode="null").decode()
    plain = json.loads(written)
    structured = cast("dict[str, Any]", plain) if isinstance(plain, dict) else None
    return types.CallToolResult(content=[_text(written)], structuredContent=structured)


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _key_in(meta: types.RequestParams.Meta | None) -> str | None:
    key = (meta.model_extra or {}).get(IDEMPOTENCY_KEY) if meta is not None else None
    return key if isinstance(key, str) else None
