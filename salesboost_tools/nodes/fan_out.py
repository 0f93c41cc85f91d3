"""`ToolFanOut`: LangGraph's ToolNode, bounded, ordered, isolated, and several times cheaper.

This module alone knows ToolNode's private parts; langgraph's own tests of ToolNode run against it.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, run_in_executor
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest, ToolInvocationError, _filter_validation_errors
from langgraph.prebuilt.tool_node import _get_all_injected_args as injections_of
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import ValidationError

from salesboost_tools.core.call import CallRecord
from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.core.spec import UNSPECIFIED, Effect
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.governed.run import Request
from salesboost_tools.handlers.daemon_threads import DaemonThreads
from salesboost_tools.nodes.choice import Choice
from salesboost_tools.nodes.failure import Failures, HandleToolErrors, error_message
from salesboost_tools.nodes.lanes import arun_lanes, lanes_of, run_lanes
from salesboost_tools.nodes.message import Message, RuntimeOf
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector

try:
    from langgraph.errors import is_invalid_resume
except ImportError:  # langgraph before it marks such errors

    def is_invalid_resume(error: BaseException, /) -> bool:  # noqa: ARG001
        """No error is marked."""
        return False


Answer = ToolMessage | Command[Any] | list[Command[Any] | ToolMessage]


@dataclass(frozen=True, slots=True)
class Raised:
    """What a call raised, kept until its siblings have finished."""

    error: Exception


class ToolFanOut(ToolNode):
    """Runs all tool calls of a message; takes ToolNode's place in any graph.

    What it adds: at most `max_concurrency` calls at once; answers in the order of the calls; a failing call becomes its
    own error message and its siblings finish; reads run side by side, declared writes one after another in the order
    asked; nothing keeps running after the node has ended; a call to a group's name is answered by one of its variants.

    Args:
        tools: Tools or functions, as ToolNode takes them; governed ones bring their handlers.
        groups: Equivalent tools behind one name each.
        selector: Chooses among the variants of a group and learns; None takes the first one that works.
        max_concurrency: How many calls run at once, at least 1; `config["max_concurrency"]` may lower it.
        parallel: False runs the calls one after another.
        deadline_s: Seconds for the whole message; what is late gets an error message. None for no limit.
        name: The node's name.
        tags: The node's tags.
        handle_tool_errors: As ToolNode takes it, but True by default: failures are isolated.
        messages_key: The state's key for messages.
        wrap_tool_call: As ToolNode takes it.
        awrap_tool_call: As ToolNode takes it.

    Raises:
        ConfigurationError: A number is out of range, or two tools or groups share a name.
    """

    def __init__(
        self,
        tools: Sequence[BaseTool | Callable[..., Any]] = (),
        *,
        groups: Sequence[ToolGroup] = (),
        selector: ToolSelector | None = None,
        max_concurrency: int = 5,
        parallel: bool = True,
        deadline_s: float | None = None,
        name: str = "tools",
        tags: list[str] | None = None,
        handle_tool_errors: HandleToolErrors = True,
        messages_key: str = "messages",
        wrap_tool_call: Any = None,
        awrap_tool_call: Any = None,
    ) -> None:
        if max_concurrency < 1:
            raise ConfigurationError(f"max_concurrency is 1 or more; got {max_concurrency}")
        if deadline_s is not None and not deadline_s > 0:
            raise ConfigurationError(f"deadline_s is seconds, above 0, or None; got {deadline_s!r}")
        super().__init__(
            tools,
            name=name,
            tags=tags,
            handle_tool_errors=handle_tool_errors,
            messages_key=messages_key,
            wrap_tool_call=wrap_tool_call,
            awrap_tool_call=awrap_tool_call,
        )
        taken = sorted({group.name for group in groups} & set(self.tools_by_name))
        if taken:
            raise ConfigurationError(f"these names stand for a tool and for a group: {taken}")
        self._governed = {tool.name: govern(tool) for tool in self.tools_by_name.values()}
        self._choices = {group.name: Choice(group, selector) for group in groups}
        for name_, choice in self._choices.items():
            for tool in (choice.face, *choice.variants.values()):
                self._injected_args[tool.name] = injections_of(tool)
            self._tools_by_name[name_] = self._governed[name_] = choice.face
        self._max_concurrency = max_concurrency
        self._parallel = parallel
        self._deadline_s = deadline_s
        self._failures = Failures(handle_tool_errors)
        self._threads = DaemonThreads()
        self._pool: ThreadPoolExecutor | None = None

    # ------------------------------------------------------------ a message

    def _func(self, input: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None) -> Any:  # noqa: A002
        message = self._open(CallbackManager, input, config, runtime)

        def answer(position: int) -> Any:
            return self._kept(message, message.calls[position])

        answers = run_lanes(message.lanes, answer, message.width, self._threads, self._deadline_s)
        return self._close(message, answers)

    async def _afunc(self, input: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None) -> Any:  # noqa: A002
        message = self._open(AsyncCallbackManager, input, config, runtime)

        async def answer(position: int) -> Any:
            return await self._akept(message, message.calls[position])

        answers = await arun_lanes(message.lanes, answer, message.width, self._deadline_s)
        return self._close(message, answers)

    def _open(self, kind: Any, given: Any, config: RunnableConfig, runtime: Runtime[Any] | None) -> Message:
        """Do once what all calls of a message share."""
        if isinstance(given, list) and not given:
            raise ValueError("No message found in input")
        calls, input_type = self._parse_input(given)
        asked = config.get("max_concurrency")
        return Message(
            calls=calls,
            input_type=input_type,
            config=ensure_config(config),
            callbacks=kind,
            runtime=runtime or Runtime(),
            state=self._extract_state(given, config),
            tools=list(self.tools_by_name.values()),
            lanes=lanes_of([self._writes(call) for call in calls], parallel=self._parallel),
            width=min(self._max_concurrency, max(1, asked)) if asked else self._max_concurrency,
        )

    def _close(self, message: Message, answers: dict[int, Any]) -> Any:
        """Put the answers in the order of the calls; what is not for the model is raised, now that all are done."""
        interrupts: list[Any] = []
        interrupted = False
        ordered: list[Any] = []
        for position, call in enumerate(message.calls):
            answer = answers[position] if position in answers else self._late(call)
            if not isinstance(answer, Raised):
                ordered.append(answer)
            elif type(answer.error) is GraphInterrupt:
                interrupted = True
                interrupts.extend(answer.error.args[0] if answer.error.args else ())
            else:
                raise answer.error
        if interrupted:
            raise GraphInterrupt(interrupts)
        return self._combine_tool_outputs(ordered, message.input_type)

    def _writes(self, call: ToolCall) -> bool:
        """True for a declared write; a tool that nobody described runs side by side with others, as in ToolNode."""
        tool = self._governed.get(call["name"])
        if tool is None or tool.spec is UNSPECIFIED:
            return False
        try:
            return tool.spec.effect_of(call["args"]) is Effect.WRITE
        except Exception:  # noqa: BLE001  (the arguments are not validated yet; the rule may stumble over bad ones)
            return True

    def _late(self, call: ToolCall) -> ToolMessage:
        advice = (
            "It is not known whether it took effect; check before repeating it."
            if self._writes(call)
            else "Continue without it."
        )
        return error_message(call, f"`{call['name']}` did not answer within {self._deadline_s:g} s. {advice}")

    # ------------------------------------------------------------ a call

    def _kept(self, message: Message, call: ToolCall) -> Any:
        """Answer a call; what it raises is kept for the end, so that its siblings finish."""
        try:
            if self._wrap_tool_call is None:
                return self._answer(message, call, self._governed.get(call["name"]), message.runtime_of)
            return self._run_one(call, message.input_type, message.runtime_of(call))
        except Exception as error:  # noqa: BLE001  (raised when all have finished)
            return Raised(error)

    async def _akept(self, message: Message, call: ToolCall) -> Any:
        try:
            if self._awrap_tool_call is not None:
                return await self._arun_one(call, message.input_type, message.runtime_of(call))
            if self._wrap_tool_call is not None:  # in a thread: a sync wrapper must not hold up the event loop
                pool, runtime = self._pool_of_threads(), message.runtime_of(call)
                return await run_in_executor(pool, copy_context().run, self._run_one, call, message.input_type, runtime)
            return await self._aanswer(message, call, self._governed.get(call["name"]), message.runtime_of)
        except Exception as error:  # noqa: BLE001
            return Raised(error)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return Raised(ToolCallError(f"`{call['name']}` cancelled itself: {error!r}"))

    def _execute_tool_sync(self, request: ToolCallRequest, input_type: Any, config: RunnableConfig) -> Any:
        """Run the call that a wrapper lets through."""
        message = Message.of_request(CallbackManager, request, input_type, config)
        return self._answer(message, request.tool_call, self._for_request(request), lambda _: request.runtime)

    async def _execute_tool_async(self, request: ToolCallRequest, input_type: Any, config: RunnableConfig) -> Any:
        message = Message.of_request(AsyncCallbackManager, request, input_type, config)
        return await self._aanswer(message, request.tool_call, self._for_request(request), lambda _: request.runtime)

    def _for_request(self, request: ToolCallRequest) -> GovernedTool | None:
        """Return what runs a request's tool; a wrapper may have put another tool in its place."""
        if request.tool is None or request.tool is self.tools_by_name.get(request.tool_call["name"]):
            return self._governed.get(request.tool_call["name"])
        return govern(request.tool)

    def _answer(self, message: Message, call: ToolCall, tool: GovernedTool | None, runtime: RuntimeOf) -> Answer:
        if tool is None:
            return self._unknown(call)
        choice = self._choices.get(call["name"])
        if choice is None:
            manager = message.manager_of(self.tools_by_name.get(call["name"], tool))
            run = partial(tool.run_request, manager, self._request(message, call, tool, runtime))
        else:
            run = partial(self._choose, choice, message, call, runtime)
        try:
            return self._normalized(run(), call, message)
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001  (raised again unless failures are answered)
            return self._failed(call, error)

    async def _aanswer(self, message: Message, call: ToolCall, tool: GovernedTool | None, runtime: RuntimeOf) -> Answer:
        if tool is None:
            return self._unknown(call)
        choice = self._choices.get(call["name"])
        if choice is None:
            manager = message.manager_of(self.tools_by_name.get(call["name"], tool))
            run = partial(tool.arun_request, manager, self._request(message, call, tool, runtime))
        else:
            run = partial(self._achoose, choice, message, call, runtime)
        try:
            return self._normalized(await run(), call, message)
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001
            return self._failed(call, error)

    def _choose(self, choice: Choice, message: Message, call: ToolCall, runtime: RuntimeOf) -> Any:
        """Let the variants of a group answer, one after another until one succeeds."""
        attempt = choice.first(message.caller)
        while True:
            request = self._request(message, call, attempt.tool, runtime, attempt.record)
            try:
                result = attempt.tool.run_request(message.manager_of(attempt.tool), request)
            except Exception as error:
                following = choice.after_error(attempt, error)
                if following is None:
                    raise
            else:
                following = choice.after_result(attempt, result)
                if following is None:
                    return choice.signed(attempt, result)
            attempt = following

    async def _achoose(self, choice: Choice, message: Message, call: ToolCall, runtime: RuntimeOf) -> Any:
        attempt = choice.first(message.caller)
        while True:
            request = self._request(message, call, attempt.tool, runtime, attempt.record)
            try:
                result = await attempt.tool.arun_request(message.manager_of(attempt.tool), request)
            except Exception as error:
                following = choice.after_error(attempt, error)
                if following is None:
                    raise
            else:
                following = choice.after_result(attempt, result)
                if following is None:
                    return choice.signed(attempt, result)
            attempt = following

    def _request(
        self, message: Message, call: ToolCall, tool: GovernedTool, runtime: RuntimeOf, record: CallRecord | None = None
    ) -> Request:
        injections = self._injected_args.get(tool.name) or injections_of(tool)
        if injections.all_injected_keys or injections.state or injections.store or injections.runtime:
            injected = self._inject_tool_args({**call, "name": tool.name}, runtime(call), tool)
            args = injected["args"]
        else:
            args = {**call["args"]}
        return Request(
            args,
            ensure_config(message.config),  # its own: a tool may write into it
            call["id"],
            caller=message.caller,
            record=record,
            executor=self._pool_of_threads(),
        )

    def _normalized(self, result: Any, call: ToolCall, message: Message) -> Answer:
        if type(result) is ToolMessage and type(result.content) is str:
            return result
        return self._normalize_tool_response(result, call, message.input_type)

    def _failed(self, call: ToolCall, error: Exception) -> ToolMessage:
        if is_invalid_resume(error):  # the model cannot mend what a person answered; the run fails and is asked again
            raise error
        if isinstance(error, ValidationError):
            shown = _filter_validation_errors(error, self._injected_args.get(call["name"]))
            invocation = ToolInvocationError(call["name"], error, call["args"], shown)
            invocation.__cause__ = error
            error = invocation
        return self._failures.message(call, error)

    def _unknown(self, call: ToolCall) -> ToolMessage:
        message = self._validate_tool_call(call)
        if message is None:
            raise TypeError(f"Tool {call['name']} is not registered with ToolNode")
        return message

    def _pool_of_threads(self) -> ThreadPoolExecutor:
        """Return threads for sync tools in async runs, as many as calls may run at once."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._max_concurrency, thread_name_prefix=f"salesboost-{self.name}")
        return self._pool
