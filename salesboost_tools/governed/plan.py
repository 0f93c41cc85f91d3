"""What never changes between two calls of one tool, worked out once.

LangChain inspects signatures and evaluates string annotations on every call; that is most of what a plain call costs.
"""

# This folder is the one place that knows LangChain's private parts; a differential test holds it to them.
# pyright: reportPrivateUsage=false

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langchain_core.tools.base import (
    _get_runnable_config_param as config_parameter,
)

from salesboost_tools.core.spec import ToolSpec
from salesboost_tools.governed.arguments import Parse, as_given, hidden_arguments, lone_argument, plan_parse
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.chain import JoinedChains

Positional = tuple[Any, ...]
Named = dict[str, Any]
Call = Callable[[Positional, Named, CallbackManagerForToolRun, RunnableConfig | None, str | None], Any]
AsyncCall = Callable[
    [Positional, Named, AsyncCallbackManagerForToolRun, RunnableConfig | None, str | None], Awaitable[Any]
]


@dataclass(slots=True)
class Plan:
    """How to call one tool.

    Attributes:
        spec: What is known about it.
        parse: Input to arguments.
        hidden: Arguments that the system injects; neither handlers nor callbacks see them.
        call: Runs the tool in this thread.
        acall: Runs the tool in this event loop; None if the tool is sync only and wants a thread.
        lone_key: Name under which handlers see what the tool gets by position.
        pairs: The tool returns a pair of content and artifact.
        chains: The handlers given to `govern`, and those that may come with the callbacks of a call.
    """

    spec: ToolSpec
    parse: Parse
    hidden: frozenset[str]
    call: Call
    acall: AsyncCall | None
    lone_key: str
    pairs: bool
    chains: JoinedChains


def make_plan(inner: BaseTool, handlers: tuple[ToolHandler, ...], spec: ToolSpec) -> Plan:
    """Work out how to call `inner` from now on."""
    stock = runs_the_stock_way(inner)
    call, acall = _stock_ways(inner) if stock else _own_ways(inner)
    return Plan(
        spec=spec,
        parse=plan_parse(inner) if stock else as_given,
        hidden=hidden_arguments(inner),
        call=call,
        acall=acall,
        lone_key=lone_argument(inner),
        pairs=stock and inner.response_format == "content_and_artifact",
        chains=JoinedChains(handlers),
    )


def runs_the_stock_way(tool: BaseTool) -> bool:
    """True unless the tool's class replaces LangChain's own way of running a tool."""
    kind = type(tool)
    return (
        kind.run is BaseTool.run
        and kind.arun is BaseTool.arun
        and kind.invoke is BaseTool.invoke
        and kind.ainvoke in (BaseTool.ainvoke, StructuredTool.ainvoke, Tool.ainvoke)
    )


def _stock_ways(tool: BaseTool) -> tuple[Call, AsyncCall | None]:
    kind = type(tool)
    if isinstance(tool, StructuredTool | Tool):
        stock: Any = StructuredTool if isinstance(tool, StructuredTool) else Tool
        function = tool.func if kind._run is stock._run else None
        coroutine = tool.coroutine if kind._arun is stock._arun else None
        call = _function_way(function) if function else _method_way(tool._run)
        if coroutine:
            return call, _function_way(coroutine)
        if kind._arun is stock._arun:
            return call, None
        return call, _method_way(tool._arun)
    sync_only = kind._arun is BaseTool._arun
    return _method_way(tool._run), None if sync_only else _method_way(tool._arun)


def _function_way(function: Callable[..., Any]) -> Callable[..., Any]:
    """Call the function behind a tool: it may ask for `callbacks` and for the config."""
    wants_callbacks = "callbacks" in _parameters(function)
    config_name = config_parameter(function)

    def bare(
        positional: Positional, named: Named, _manager: Any, _config: RunnableConfig | None, _id: str | None
    ) -> Any:
        return function(*positional, **named)

    def call(positional: Positional, named: Named, manager: Any, config: RunnableConfig | None, _id: str | None) -> Any:
        if wants_callbacks:
            named = {**named, "callbacks": manager.get_child()}
        if config_name:
            named = {**named, config_name: config}
        return function(*positional, **named)

    return call if wants_callbacks or config_name else bare


def _parameters(function: Callable[..., Any]) -> Iterable[str]:
    try:
        return inspect.signature(function).parameters
    except ValueError:  # some of Python's own functions do not tell
        return ()


def _method_way(method: Callable[..., Any]) -> Callable[..., Any]:
    """Call a tool's `_run` or `_arun`: it may ask for the run manager and for the config."""
    wants_manager = "run_manager" in inspect.signature(method).parameters
    config_name = config_parameter(method)

    def call(positional: Positional, named: Named, manager: Any, config: RunnableConfig | None, _id: str | None) -> Any:
        if wants_manager:
            named = {**named, "run_manager": manager}
        if config_name:
            named = {**named, config_name: config}
        return method(*positional, **named)

    return call


def _own_ways(tool: BaseTool) -> tuple[Call, AsyncCall | None]:
    """Call a tool whose class runs itself its own way, through that way.

    The run it would open is the governed one under another name, so nobody is told of it; whatever the tool runs in
    turn is heard as its child. Its errors come out unhandled, so that handlers see them.
    """
    mute = {"callbacks": None, "verbose": False, "handle_tool_error": False, "handle_validation_error": False}
    speaks = any(getattr(tool, name) for name in mute)
    muted = tool.model_copy(update=mute) if speaks else tool  # what a copy remembers, the tool does not

    def request(
        positional: Positional,
        named: Named,
        manager: CallbackManagerForToolRun | AsyncCallbackManagerForToolRun,
        config: RunnableConfig | None,
        tool_call_id: str | None,
    ) -> tuple[Any, RunnableConfig]:
        unheard = manager.get_child()
        unheard.handlers = []
        quiet: RunnableConfig = {**(config or {}), "callbacks": unheard, "run_id": manager.run_id}
        if positional:
            return positional[0], quiet
        if tool_call_id is None:
            return named, quiet
        return {"name": tool.name, "args": named, "id": tool_call_id, "type": "tool_call"}, quiet

    def call(positional: Positional, named: Named, manager: Any, config: Any, tool_call_id: str | None) -> Any:
        return muted.invoke(*request(positional, named, manager, config, tool_call_id))

    async def acall(positional: Positional, named: Named, manager: Any, config: Any, tool_call_id: str | None) -> Any:
        return await muted.ainvoke(*request(positional, named, manager, config, tool_call_id))

    return call, acall
