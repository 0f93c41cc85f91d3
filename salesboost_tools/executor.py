"""Tools by name, for programs without an agent."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any, TypedDict
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, ToolException
from langgraph.errors import GraphBubbleUp
from pydantic import ValidationError

from salesboost_tools.core.call import CallRecord
from salesboost_tools.core.errors import ConfigurationError, ToolCallError, ToolInputError
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.governed.request import Request
from salesboost_tools.handlers.outcome import is_failure
from salesboost_tools.nodes.lanes import arun_lanes, is_declared_write, lanes_of, running_task
from salesboost_tools.nodes.raised import Raised, raise_what_was_kept
from salesboost_tools.nodes.threads import THREAD_PER_CALL
from salesboost_tools.wrong_arguments import explained

DEFAULT_MAX_CONCURRENT = 5

Saying = bool | str | Callable[[ToolException], Any] | None
"""What a tool's author lets it say of its own errors: LangChain's `handle_tool_error`."""

_KEYS = frozenset({"name", "payload", "tool_call_id"})
_RAISING = {"handle_tool_error": False, "handle_validation_error": False}
"""A tool that turns failures into results would hide them."""


class ExecutionError(TypedDict):
    """Why a call failed: the class of the error, a sentence that is safe to show, and when to come back (seconds)."""

    type: str
    message: str
    retry_after: float | None


class Execution(TypedDict):
    """What became of one call."""

    ok: bool
    tool: str
    tool_call_id: str
    caller_role: str | None
    result: Any
    """The tool's own result; None if it failed."""
    error: ExecutionError | None
    cached: bool
    attempts: int
    """How often the tool was started: 0 if it was refused or answered from memory."""
    latency_ms: float


class ToolExecutor:
    """Runs tools by name. A failure is an answer, never an exception; it does not disturb other calls.

    Args:
        tools: Governed or plain tools, of different names.
        max_concurrent: Calls at once in `execute_parallel`, unless it says otherwise; at least 1.

    Raises:
        ConfigurationError: Two tools share a name, or the number is out of range.
    """

    def __init__(self, tools: Iterable[BaseTool], *, max_concurrent: int = DEFAULT_MAX_CONCURRENT) -> None:
        self._tools: dict[str, GovernedTool] = {}
        self._sayings: dict[str, Saying] = {}
        for tool in tools:
            if tool.name in self._tools:
                raise ConfigurationError(f"two tools are called `{tool.name}`")
            self._tools[tool.name] = govern(tool).model_copy(update=_RAISING)
            self._sayings[tool.name] = tool.handle_tool_error
        self._max_concurrent = _at_least_one(max_concurrent)

    async def execute(
        self,
        name: str,
        payload: Mapping[str, Any],
        caller_role: str | None = None,
        *,
        tool_call_id: str | None = None,
        config: RunnableConfig | None = None,
    ) -> Execution:
        """Run one tool.

        Args:
            name: Which.
            payload: Its arguments.
            caller_role: Who asks; it takes precedence over the config's.
            tool_call_id: Names the call in the answer; made up if missing.
            config: LangChain's, for callbacks, tags and the rest of who asks.
        """
        record = CallRecord()
        started = perf_counter()
        task = running_task()
        asked = task.cancelling()
        result: Any = None
        failure: BaseException | None = None
        try:
            result = await self._run(name, payload, _config(config, caller_role), record)
        except Exception as error:
            if not is_failure(error):
                raise
            failure = error
        except asyncio.CancelledError as error:
            if task.cancelling() > asked:
                raise
            failure = error
        return Execution(
            ok=failure is None,
            tool=name,
            tool_call_id=tool_call_id or f"auto-{uuid4().hex}",
            caller_role=caller_role,
            result=result,
            error=None if failure is None else self._explained(name, failure),
            cached=record.cached,
            attempts=record.attempts,
            latency_ms=(perf_counter() - started) * 1000,
        )

    async def execute_parallel(
        self,
        calls: Sequence[Mapping[str, Any]],
        caller_role: str | None = None,
        max_concurrent: int | None = None,
        *,
        config: RunnableConfig | None = None,
    ) -> list[Execution]:
        """Run several tools: reads side by side, declared writes one after another in the order given.

        Args:
            calls: `{"name": ..., "payload": {...}}`, and a `tool_call_id` if there is one; no payload means no
                arguments.
            caller_role: Who asks.
            max_concurrent: Calls at once, at least 1; None for the executor's own bound.
            config: LangChain's.

        Returns:
            One answer per call, in the order of the calls.

        Raises:
            ConfigurationError: A call has no name or a key that means nothing, or the number is out of range.
        """
        wanted = [_read(call) for call in calls]
        width = self._max_concurrent if max_concurrent is None else _at_least_one(max_concurrent)

        async def answer(position: int) -> Execution | Raised:
            name, payload, tool_call_id = wanted[position]
            try:
                return await self.execute(name, payload, caller_role, tool_call_id=tool_call_id, config=config)
            except GraphBubbleUp as error:
                return Raised(error)

        lanes = lanes_of([is_declared_write(self._tools.get(name), payload) for name, payload, _ in wanted])
        answers = await arun_lanes(lanes, answer, width, None)
        ordered = [answers[position] for position in range(len(wanted))]
        raise_what_was_kept(ordered)
        return ordered

    def _explained(self, name: str, failure: BaseException) -> ExecutionError:
        return _explained(name, self._tools.get(name), failure, self._sayings.get(name))

    async def _run(self, name: str, payload: Mapping[str, Any], config: RunnableConfig, record: CallRecord) -> Any:
        tool = self._tools.get(name)
        if tool is None:
            raise ToolInputError(
                f"no tool is called {name!r}; there are: {', '.join(sorted(self._tools))}",
                for_model=f"There is no such tool. Use one of: {', '.join(sorted(self._tools))}.",
            )
        if not isinstance(payload, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ToolInputError(
                f"the payload of `{name}` is a {type(payload).__name__}; it has to be a mapping of arguments",
                for_model=f"The payload of `{name}` has to be an object that holds its arguments by name.",
            )
        manager = AsyncCallbackManager.configure(
            config.get("callbacks"),
            tool.callbacks,
            tool.verbose,
            config.get("tags"),
            tool.tags,
            config.get("metadata"),
            tool.metadata,
        )
        return await tool.arun_request(manager, Request(dict(payload), config, record=record, executor=THREAD_PER_CALL))


def _config(config: RunnableConfig | None, caller_role: str | None) -> RunnableConfig:
    ensured = ensure_config(config)
    if caller_role is not None:
        ensured["configurable"] = {**ensured.get("configurable", {}), "caller_role": caller_role}
    return ensured


def _explained(name: str, tool: BaseTool | None, error: BaseException, saying: Saying) -> ExecutionError:
    if isinstance(error, ToolCallError):
        message = error.for_model
    elif isinstance(error, ValidationError):
        message = explained(name, tool, error)
    elif isinstance(error, ToolException) and saying:
        message = saying if isinstance(saying, str) else str(error) if saying is True else str(saying(error))
    else:
        message = f"`{name}` failed unexpectedly."
    return ExecutionError(type=type(error).__name__, message=message, retry_after=getattr(error, "retry_after", None))


def _read(call: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str | None]:
    shape = '{"name": ..., "payload": {...}}, and a "tool_call_id" if there is one'
    if not isinstance(call, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"a call is {shape}; got a {type(call).__name__}")
    name, payload = call.get("name"), call.get("payload")
    if not isinstance(name, str) or not call.keys() <= _KEYS:
        raise ConfigurationError(f"a call is {shape}; got the keys {sorted(map(str, call))}")
    return name, {} if payload is None else payload, call.get("tool_call_id")


def _at_least_one(max_concurrent: int) -> int:
    if max_concurrent < 1:
        raise ConfigurationError(f"max_concurrent is 1 or more; got {max_concurrent}")
    return max_concurrent
