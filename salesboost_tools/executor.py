"""Tools by name, for programs without an agent."""

from collections.abc import Iterable, Mapping, Sequence
from time import perf_counter
from typing import Any, TypedDict
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from salesboost_tools.core.call import CallRecord
from salesboost_tools.core.errors import ConfigurationError, ToolCallError, ToolInputError
from salesboost_tools.core.spec import UNSPECIFIED, Effect
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.governed.run import Request
from salesboost_tools.handlers.outcome import is_failure
from salesboost_tools.nodes.lanes import arun_lanes, lanes_of

DEFAULT_MAX_CONCURRENT = 5


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
        for tool in tools:
            if tool.name in self._tools:
                raise ConfigurationError(f"two tools are called `{tool.name}`")
            self._tools[tool.name] = tool if isinstance(tool, GovernedTool) else govern(tool)
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
        result: Any = None
        failure: Exception | None = None
        try:
            result = await self._run(name, payload, _config(config, caller_role), record)
        except Exception as error:
            if not is_failure(error):
                raise
            failure = error
        return Execution(
            ok=failure is None,
            tool=name,
            tool_call_id=tool_call_id or f"auto-{uuid4().hex}",
            caller_role=caller_role,
            result=result,
            error=None if failure is None else _explained(name, failure),
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
            calls: `{"name": ..., "payload": {...}}`, and a `tool_call_id` if there is one.
            caller_role: Who asks.
            max_concurrent: Calls at once, at least 1; None for the executor's own bound.
            config: LangChain's.

        Returns:
            One answer per call, in the order of the calls.

        Raises:
            ConfigurationError: A call has no name, or the number is out of range.
        """
        wanted = [_read(call) for call in calls]
        width = self._max_concurrent if max_concurrent is None else _at_least_one(max_concurrent)

        async def answer(position: int) -> Execution:
            name, payload, tool_call_id = wanted[position]
            return await self.execute(name, payload, caller_role, tool_call_id=tool_call_id, config=config)

        lanes = lanes_of([self._writes(name, payload) for name, payload, _ in wanted])
        answers = await arun_lanes(lanes, answer, width, None)
        return [answers[position] for position in range(len(wanted))]

    async def _run(self, name: str, payload: Mapping[str, Any], config: RunnableConfig, record: CallRecord) -> Any:
        tool = self._tools.get(name)
        if tool is None:
            raise ToolInputError(
                f"no tool is called {name!r}; there are: {', '.join(sorted(self._tools))}",
                for_model=f"There is no such tool. Use one of: {', '.join(sorted(self._tools))}.",
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
        return await tool.arun_request(manager, Request(dict(payload), config, record=record))

    def _writes(self, name: str, payload: Mapping[str, Any]) -> bool:
        tool = self._tools.get(name)
        if tool is None or tool.spec is UNSPECIFIED:
            return False
        try:
            return tool.spec.effect_of(payload) is Effect.WRITE
        except Exception:  # noqa: BLE001  (the payload is not validated yet; the rule may stumble over a bad one)
            return True


def _config(config: RunnableConfig | None, caller_role: str | None) -> RunnableConfig:
    ensured = ensure_config(config)
    if caller_role is not None:
        ensured["configurable"] = {**ensured.get("configurable", {}), "caller_role": caller_role}
    return ensured


def _explained(name: str, error: Exception) -> ExecutionError:
    if isinstance(error, ToolCallError):
        message = error.for_model
    elif isinstance(error, ValidationError):
        wrong = [f"{'.'.join(map(str, p['loc'])) or 'payload'}: {p['msg']}" for p in error.errors(include_input=False)]
        message = f"The arguments of `{name}` are wrong. {'; '.join(wrong)}"
    else:
        message = f"`{name}` failed unexpectedly."
    return ExecutionError(type=type(error).__name__, message=message, retry_after=getattr(error, "retry_after", None))


def _read(call: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str | None]:
    name = call.get("name")
    if not isinstance(name, str):
        raise ConfigurationError(f'a call is {{"name": ..., "payload": {{...}}}}; got the keys {sorted(call)}')
    return name, call.get("payload") or {}, call.get("tool_call_id")


def _at_least_one(max_concurrent: int) -> int:
    if max_concurrent < 1:
        raise ConfigurationError(f"max_concurrent is 1 or more; got {max_concurrent}")
    return max_concurrent
