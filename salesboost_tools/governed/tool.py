"""`govern`: put handlers around any LangChain tool."""

# This folder is the one place that knows LangChain's private parts; a differential test holds it to them.
# pyright: reportPrivateUsage=false

import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager, Callbacks
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, Tool
from langchain_core.tools.base import ArgsSchema
from langchain_core.utils.pydantic import TypeBaseModel
from pydantic import Field, field_serializer

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import UNSPECIFIED, ToolSpec
from salesboost_tools.governed.plan import Plan, make_plan, runs_the_stock_way
from salesboost_tools.governed.request import Request
from salesboost_tools.governed.run import arun, run
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.chain import NoChains

_COPIED = (
    "name",
    "description",
    "args_schema",
    "return_direct",
    "verbose",
    "callbacks",
    "tags",
    "metadata",
    "handle_tool_error",
    "handle_validation_error",
    "response_format",
    "extras",
)


class GovernedTool(BaseTool):
    """A tool with handlers around it. To LangChain it looks and behaves like the tool inside.

    Make one with `govern`. Every call is one run in the trace, closed exactly once however it ends. Handlers given to
    `govern` stand around the tool together with any `ToolHandler` that comes through `callbacks`, of the tool or of a
    call's config, in the sequence of their `order`.

    Attributes:
        inner: The tool inside.
        spec: What handlers know about it.
        handlers: Those given to `govern`, in the sequence in which they were given.
        func: The function behind the tool, if there is one; LangGraph looks here for injected arguments.
        coroutine: The async function behind the tool, if there is one.
        answers_model: A refusal or failure (`ToolCallError`) of a call that carries a tool call id comes back as an
            error `ToolMessage` for the model, instead of being raised. Calls without an id always raise.
    """

    inner: BaseTool = Field(frozen=True, exclude=True)
    spec: ToolSpec = Field(frozen=True, exclude=True)
    handlers: tuple[ToolHandler, ...] = Field(default=(), frozen=True, exclude=True)
    func: Callable[..., Any] | None = Field(default=None, exclude=True)
    coroutine: Callable[..., Any] | None = Field(default=None, exclude=True)
    answers_model: bool = False

    @cached_property
    def _plan(self) -> Plan:
        """How to call the tool inside; not a private attribute of pydantic's, which takes a microsecond to read."""
        return make_plan(self.inner, self.handlers, self.spec)

    def model_post_init(self, context: Any, /) -> None:
        """Work out at once how to call the tool inside: what is wrong with it shows now."""
        super().model_post_init(context)
        _ = self._plan

    # ------------------------------------------------------------ copies and dumps

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the tool; a copy with another spec or other handlers goes by these."""
        copied = super().model_copy(update=update, deep=deep)
        copied._plan = make_plan(copied.inner, copied.handlers, copied.spec)
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for shared in (self._plan, *self.handlers):  # a copy with buckets and a cache of its own would double the quota
            memo[id(shared)] = shared
        copied = super().__deepcopy__(memo)
        copied._plan = make_plan(copied.inner, copied.handlers, copied.spec)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        return {**state, "__dict__": {name: value for name, value in state["__dict__"].items() if name != "_plan"}}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        _ = self._plan

    @field_serializer("args_schema", when_used="json-unless-none")
    def _schema_as_json(self, schema: ArgsSchema) -> dict[str, Any]:
        return schema if isinstance(schema, dict) else self.inner.get_input_jsonschema()

    # ------------------------------------------------------------ what LangChain and LangGraph ask a tool

    @property
    def _injected_args_keys(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.inner._injected_args_keys

    @property
    def tool_call_schema(self) -> ArgsSchema:
        """The schema the model sees: that of the tool inside."""
        return self.inner.tool_call_schema

    @property
    def args(self) -> dict[str, Any]:
        """The properties of that schema."""
        return self.inner.args

    def get_input_schema(self, config: RunnableConfig | None = None) -> TypeBaseModel:
        """Return the schema arguments are validated with: that of the tool inside."""
        return self.inner.get_input_schema(config)

    # ------------------------------------------------------------ running

    def run(  # noqa: D102  (LangChain's own, and its signature)
        self,
        tool_input: str | dict[str, Any],
        verbose: bool | None = None,  # noqa: FBT001
        start_color: str | None = "green",
        color: str | None = "green",
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        run_name: str | None = None,
        run_id: uuid.UUID | None = None,
        config: RunnableConfig | None = None,
        tool_call_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        manager = CallbackManager.configure(
            callbacks, self.callbacks, self.verbose or bool(verbose), tags, self.tags, metadata, self.metadata
        )
        request = Request(tool_input, config, tool_call_id, run_id, run_name, start_color, color, kwargs)
        return run(self, self._plan, manager, request)

    async def arun(  # noqa: D102
        self,
        tool_input: str | dict[str, Any],
        verbose: bool | None = None,  # noqa: FBT001
        start_color: str | None = "green",
        color: str | None = "green",
        callbacks: Callbacks = None,
        *,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        run_name: str | None = None,
        run_id: uuid.UUID | None = None,
        config: RunnableConfig | None = None,
        tool_call_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        manager = AsyncCallbackManager.configure(
            callbacks, self.callbacks, self.verbose or bool(verbose), tags, self.tags, metadata, self.metadata
        )
        request = Request(tool_input, config, tool_call_id, run_id, run_name, start_color, color, kwargs)
        return await arun(self, self._plan, manager, request)

    def arun_request(self, manager: AsyncCallbackManager, request: Request) -> Coroutine[Any, Any, Any]:
        """Run one call under callbacks that are configured already; the node configures them once for many calls."""
        return arun(self, self._plan, manager, request)

    def run_request(self, manager: CallbackManager, request: Request) -> Any:
        """Run one call in this thread under callbacks that are configured already."""
        return run(self, self._plan, manager, request)

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the tool inside bare. LangChain wants this method; a governed run does not come by here."""
        return self.inner._run(*args, **kwargs)


class GovernedSimpleTool(GovernedTool, Tool):  # pyright: ignore[reportIncompatibleVariableOverride]
    """A governed `Tool`: LangChain shows this class to models in a form of its own, so it must be recognised."""

    ainvoke = BaseTool.ainvoke  # `Tool` would run a sync function as a sync call, in a thread


class TracedTool(GovernedTool):
    """A tool without handlers whose run is closed whatever happens: a stock one leaves that of a cancelled call open.

    Handlers that come with a call's callbacks do not stand around it; whoever makes one has them stand elsewhere.
    """

    def model_post_init(self, context: Any, /) -> None:
        """Work out once how to call the tool inside."""
        super().model_post_init(context)
        self._plan = replace(self._plan, chains=NoChains())


def traced(tool: BaseTool) -> BaseTool:
    """Return a `TracedTool` to run in a tool's place; the tool itself if its class has a way of its own to run."""
    if not runs_the_stock_way(tool):
        return tool
    return TracedTool(
        inner=tool,
        spec=UNSPECIFIED,
        func=getattr(tool, "func", None),
        coroutine=getattr(tool, "coroutine", None),
        **{name: getattr(tool, name) for name in _COPIED},
    )


def govern(tool: BaseTool, *handlers: ToolHandler, spec: ToolSpec | None = None) -> GovernedTool:
    """Put handlers around any `BaseTool`: a function tool, a class, a retriever tool, an MCP or partner tool.

    Without handlers the result is indistinguishable from the bare tool, only cheaper. A tool that is governed already
    keeps its handlers and gets the new ones besides; it is not governed twice.

    Args:
        tool: The tool. It is not changed.
        *handlers: Handlers to put around it; their `order` says which is outer.
        spec: What handlers should know; by default the tool's own `spec`, and if it has none, it counts as a write.

    Returns:
        A tool to use in the other's place.

    Raises:
        ConfigurationError: `tool` is not a `BaseTool`, a handler not a `ToolHandler`, or `spec` not a `ToolSpec`.
    """
    if not isinstance(tool, BaseTool):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"govern takes a LangChain BaseTool, got {type(tool)}; make one with @tool")
    for handler in handlers:
        if isinstance(handler, type):
            raise ConfigurationError(f"{handler.__name__} is a class; pass an instance: {handler.__name__}()")
        if not isinstance(handler, ToolHandler):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"{type(handler).__name__} is not a ToolHandler; pass it through `callbacks`")
    if spec is not None and not isinstance(spec, ToolSpec):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"spec is a ToolSpec, for example ToolSpec(effect=Effect.READ); got {spec!r}")
    settings = {name: getattr(tool, name) for name in _COPIED}
    if isinstance(tool, GovernedTool):
        inner, handlers, known = tool.inner, (*tool.handlers, *handlers), tool.spec
        settings["answers_model"] = tool.answers_model
    else:
        inner, known = tool, getattr(tool, "spec", UNSPECIFIED)
    kind = GovernedSimpleTool if isinstance(inner, Tool) else GovernedTool
    return kind(
        inner=inner,
        spec=spec or (known if isinstance(known, ToolSpec) else UNSPECIFIED),
        handlers=handlers,
        func=getattr(inner, "func", None),
        coroutine=getattr(inner, "coroutine", None),
        **settings,
    )
