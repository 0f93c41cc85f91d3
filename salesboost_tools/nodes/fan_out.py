"""`ToolFanOut`: LangGraph's ToolNode, bounded, ordered, isolated, and several times cheaper.

This module alone knows ToolNode's private parts; langgraph's own tests of ToolNode run against it.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

import asyncio
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, run_in_executor
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest, ToolInvocationError, _filter_validation_errors
from langgraph.prebuilt.tool_node import _get_all_injected_args as injections_of
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import ValidationError

from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.governed.context import Inside
from salesboost_tools.governed.run import Request
from salesboost_tools.nodes.choice import Choice, Try
from salesboost_tools.nodes.failure import Failures, HandleToolErrors, error_message
from salesboost_tools.nodes.lanes import (
    NOT_STARTED,
    UNFINISHED,
    arun_lanes,
    cancelled_since,
    is_declared_write,
    lanes_of,
    run_lanes,
)
from salesboost_tools.nodes.message import Message, RuntimeOf
from salesboost_tools.nodes.raised import Raised, raise_what_was_kept
from salesboost_tools.nodes.threads import THREAD_PER_CALL
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector

try:
    from langgraph.errors import is_invalid_resume
except ImportError:  # langgraph before it marks such errors

    def is_invalid_resume(error: BaseException, /) -> bool:  # noqa: ARG001
        """No error is marked."""
        return False


Answer = ToolMessage | Command[Any] | list[Command[Any] | ToolMessage]


class ToolFanOut(ToolNode):
    """Runs all tool calls of a message; takes ToolNode's place in any graph.

    What it adds: at most `max_concurrency` calls at once; answers in the order of the calls; a failing call becomes its
    own error message and its siblings finish; reads run side by side, declared writes one after another in the order
    asked; nothing keeps running after the node has ended, but for threads of sync tools that came too late or were
    cancelled, which nobody can stop; a call to a group's name is answered by one of its variants.

    Args:
        tools: Tools or functions, as ToolNode takes them; governed ones bring their handlers.
        groups: Equivalent tools behind one name each; a group answers in place of a tool of its name.
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
        ConfigurationError: A number is out of range, or two different tools, or two groups, share a name.
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
        _refuse_shared_names("tools", [(_name_of(tool), tool) for tool in tools])
        _refuse_shared_names("groups", [(group.name, group) for group in groups])
        self._failures = Failures(handle_tool_errors)
        super().__init__(
            tools,
            name=name,
            tags=tags,
            handle_tool_errors=self._failures.content if handle_tool_errors is True else handle_tool_errors,
            messages_key=messages_key,
            wrap_tool_call=wrap_tool_call,
            awrap_tool_call=awrap_tool_call,
        )
        self.func_accepts["runtime"] = ("N/A", None)  # outside a graph there is none
        self._governed: dict[str, tuple[BaseTool, GovernedTool]] = {}
        self._choices = {group.name: Choice(group, selector) for group in groups}
        for name_, choice in self._choices.items():
            for known_as, tool in ((name_, choice.face), *choice.variants()):
                self._injected_args[known_as] = injections_of(tool)
            self._tools_by_name[name_] = choice.face
            self._governed[name_] = choice.face, choice.face
        for name_ in self.tools_by_name:
            self._tool_named(name_)
        self._max_concurrency = max_concurrency
        self._parallel = parallel
        self._deadline_s = deadline_s

    # ------------------------------------------------------------ a message

    def _func(self, input: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None) -> Any:  # noqa: A002
        message = self._open(CallbackManager, input, config, runtime)

        def answer(position: int) -> Any:
            return self._kept(message, message.calls[position])

        answers = run_lanes(message.lanes, answer, message.width, self._deadline_s)
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
        ordered: list[Any] = []
        for position, call in enumerate(message.calls):
            answer = answers.get(position, NOT_STARTED)
            ordered.append(self._late(call, answer) if answer is NOT_STARTED or answer is UNFINISHED else answer)
        raise_what_was_kept(ordered)
        return self._combine_tool_outputs(ordered, message.input_type)

    def _writes(self, call: ToolCall) -> bool:
        choice = self._choices.get(call["name"])
        if choice is not None:
            return choice.writes(call["args"])
        return is_declared_write(self._tool_named(call["name"]), call["args"])

    def _late(self, call: ToolCall, answer: object) -> ToolMessage:
        late = f"`{call['name']}` did not answer within {self._deadline_s:g} s."
        if answer is NOT_STARTED:
            return error_message(call, f"{late} It was not even started. Continue without it, or call it again.")
        if self._writes(call):
            return error_message(call, f"{late} It is not known whether it took effect; check before repeating it.")
        return error_message(call, f"{late} Continue without it.")

    # ------------------------------------------------------------ a call

    def _kept(self, message: Message, call: ToolCall) -> Any:
        """Answer a call; what it raises is kept for the end, so that its siblings finish."""
        try:
            try:
                if self._wrap_tool_call is None:
                    return self._answer(message, call, self._tool_named(call["name"]), message.runtime_of)
                return copy_context().run(self._run_one, call, message.input_type, message.runtime_of(call))
            except asyncio.CancelledError as error:
                return self._failed(call, _cancelled_itself(call, error))
        except Exception as error:  # noqa: BLE001  (raised when all have finished)
            return Raised(error)

    async def _akept(self, message: Message, call: ToolCall) -> Any:
        cancelled = cancelled_since()
        try:
            try:
                if self._awrap_tool_call is not None:
                    answering = self._arun_one(call, message.input_type, message.runtime_of(call))
                    return await Inside(copy_context(), answering)
                if self._wrap_tool_call is not None:  # in a thread: a sync wrapper must not hold up the event loop
                    runtime = message.runtime_of(call)
                    return await run_in_executor(THREAD_PER_CALL, self._run_one, call, message.input_type, runtime)
                return await self._aanswer(message, call, self._tool_named(call["name"]), message.runtime_of)
            except asyncio.CancelledError as error:
                if cancelled():
                    raise
                return self._failed(call, _cancelled_itself(call, error))
        except Exception as error:  # noqa: BLE001
            return Raised(error)

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
            return self._tool_named(request.tool_call["name"])
        return govern(request.tool)

    def _answer(self, message: Message, call: ToolCall, tool: GovernedTool | None, runtime: RuntimeOf) -> Answer:
        if tool is None:
            return self._unknown(call)
        choice = self._choices.get(call["name"])
        if choice is None or tool is not choice.face:
            manager = message.manager_of(self._set_up_as(call, tool))
            run = partial(tool.run_request, manager, self._request(message, call, tool, runtime))
        else:
            run = partial(choice.answer, call["args"], message.caller, partial(self._try, message, call, runtime))
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
        if choice is None or tool is not choice.face:
            manager = message.manager_of(self._set_up_as(call, tool))
            run = partial(tool.arun_request, manager, self._request(message, call, tool, runtime))
        else:
            run = partial(choice.aanswer, call["args"], message.caller, partial(self._atry, message, call, runtime))
        try:
            return self._normalized(await run(), call, message)
        except GraphBubbleUp:
            raise
        except Exception as error:  # noqa: BLE001
            return self._failed(call, error)

    def _try(self, message: Message, call: ToolCall, runtime: RuntimeOf, attempt: Try) -> Any:
        request = self._request(message, call, attempt.tool, runtime, attempt)
        return attempt.tool.run_request(message.manager_of(attempt.tool), request)

    async def _atry(self, message: Message, call: ToolCall, runtime: RuntimeOf, attempt: Try) -> Any:
        request = self._request(message, call, attempt.tool, runtime, attempt)
        return await attempt.tool.arun_request(message.manager_of(attempt.tool), request)

    def _set_up_as(self, call: ToolCall, tool: GovernedTool) -> BaseTool:
        """Return whose callbacks, tags and metadata count: those of the tool as it was handed in, to this day."""
        return self.tools_by_name[call["name"]] if tool is self._tool_named(call["name"]) else tool

    def _request(
        self, message: Message, call: ToolCall, tool: GovernedTool, runtime: RuntimeOf, attempt: Try | None = None
    ) -> Request:
        known_as = tool.name if attempt is None else attempt.known_as
        injections = self._injected_args.get(known_as) or injections_of(tool)
        if injections.all_injected_keys or injections.state or injections.store or injections.runtime:
            injected = self._inject_tool_args({**call, "name": known_as}, runtime(call), tool)
            args = injected["args"]
        else:
            args = {**call["args"]}
        return Request(
            args,
            ensure_config(message.config),  # its own: a tool may write into it
            call["id"],
            message.run_id_of(call),
            message.config.get("run_name"),
            caller=message.caller,
            record=None if attempt is None else attempt.record,
            executor=THREAD_PER_CALL,
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
        assert message is not None, "what is not in `tools_by_name` has no governed tool either"
        return message

    def _tool_named(self, name: str) -> GovernedTool | None:
        """Return what runs calls of a name; tools may be put into `tools_by_name` at any time, as with ToolNode."""
        tool = self._tools_by_name.get(name)
        if tool is None:
            return None
        known = self._governed.get(name)
        if known is None or known[0] is not tool:
            known = self._governed[name] = (tool, govern(tool))
            self._injected_args[name] = injections_of(tool)
        return known[1]


def _cancelled_itself(call: ToolCall, error: asyncio.CancelledError) -> ToolCallError:
    cancelled = ToolCallError(f"`{call['name']}` raised CancelledError, though nobody cancelled it: {error}")
    cancelled.__cause__ = error
    return cancelled


def _name_of(tool: BaseTool | Callable[..., Any]) -> str:
    return tool.name if isinstance(tool, BaseTool) else getattr(tool, "__name__", repr(tool))


def _refuse_shared_names(kind: str, named: Sequence[tuple[str, object]]) -> None:
    first = dict(reversed(named))
    shared = sorted({name for name, one in named if one is not first[name]})
    if shared:
        raise ConfigurationError(f"{kind} of one node need different names; more than one is called: {shared}")
