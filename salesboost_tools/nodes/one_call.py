"""`OneCall`: a ToolNode that answers single calls the planned way, and knows nothing yet of many.

`stock.py` names the private parts of ToolNode that this class calls and replaces; langgraph's own tests run against it.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import ValidationError

from salesboost_tools.core.errors import ToolCallError
from salesboost_tools.core.spec import UNSPECIFIED, Effect, ToolSpec
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.governed.context import inside
from salesboost_tools.governed.request import Request
from salesboost_tools.nodes.choice import Choice
from salesboost_tools.nodes.equal_reads import EQUAL_READS
from salesboost_tools.nodes.failure import Failures, HandleToolErrors
from salesboost_tools.nodes.lanes import running_task
from salesboost_tools.nodes.message import Message, RuntimeOf
from salesboost_tools.nodes.raised import Raised, raise_what_was_kept
from salesboost_tools.nodes.stock import (
    ToolCallRequest,
    ToolInvocationError,
    errors_a_model_can_mend,
    injections_of,
    is_invalid_resume,
)
from salesboost_tools.nodes.threads import THREAD_PER_CALL
from salesboost_tools.nodes.tries import Try

Answer = ToolMessage | Command[Any] | list[Command[Any] | ToolMessage]


class OneCall(ToolNode):
    """Answers one call of a message: finds its tool or group, injects, runs it governed, turns failures into messages.

    Args:
        tools: As ToolNode takes them.
        choices: Groups, by name; one answers in place of a tool of its name.
        handle_tool_errors: As ToolNode takes it.
        **stock: Further arguments of ToolNode.
    """

    def __init__(
        self,
        tools: Sequence[BaseTool | Callable[..., Any]],
        choices: Mapping[str, Choice],
        *,
        handle_tool_errors: HandleToolErrors,
        **stock: Any,
    ) -> None:
        self._failures = Failures(handle_tool_errors)
        answered = self._failures.content if handle_tool_errors is True else handle_tool_errors
        super().__init__(tools, handle_tool_errors=answered, **stock)
        self.func_accepts["runtime"] = ("N/A", None)  # outside a graph there is none
        self._governed: dict[str, tuple[BaseTool, GovernedTool]] = {}
        self._choices = choices
        for name, choice in choices.items():
            for known_as, tool in ((name, choice.face), *choice.variants()):
                self._injected_args[known_as] = injections_of(tool)
            self._tools_by_name[name] = choice.face
            self._governed[name] = choice.face, choice.face
        for name in self.tools_by_name:
            self._tool_named(name)

    def _opened(self, kind: Any, given: Any, config: RunnableConfig, runtime: Runtime[Any] | None) -> Message:
        """Do once what all calls of a message share."""
        if isinstance(given, list) and not given:
            raise ValueError("No message found in input")
        calls, input_type = self._parse_input(given)
        return Message(
            calls=calls,
            input_type=input_type,
            config=ensure_config(config),
            callbacks=kind,
            runtime=runtime or Runtime(),
            state=self._extract_state(given, config),
            tools=list(self.tools_by_name.values()),
        )

    def _close(self, message: Message, ordered: Sequence[Any]) -> Any:
        """Return the answers as the message's form wants them; what is not for the model is raised."""
        raise_what_was_kept(ordered)
        return self._combine_tool_outputs(list(ordered), message.input_type)

    # ------------------------------------------------------------ a call

    def _answered(self, message: Message, call: ToolCall) -> Any:
        """Answer a call; what it raises is kept for the end, so that its siblings finish."""
        try:
            try:
                if self._wrap_tool_call is None:
                    return self._answer(message, call, self._tool_named(call["name"]))
                return copy_context().run(self._run_one, call, _handed_on(message), message.runtime_of(call))
            except asyncio.CancelledError as error:
                return self._failed(call, _cancelled_itself(call, error))
        except Exception as error:  # noqa: BLE001  (raised when all have finished)
            return Raised(error)

    async def _aanswered(self, message: Message, call: ToolCall) -> Any:
        task = running_task()
        asked = task.cancelling()
        message.under_way += 1
        try:
            try:
                if self._awrap_tool_call is not None or self._wrap_tool_call is not None:
                    return await self._awrapped(message, call)
                running = self._begun(message, call, self._tool_named(call["name"]))
                try:  # as `_aanswer` does: a coroutine less for each call
                    return self._normalized(await running, call, message)
                except Exception as error:  # noqa: BLE001
                    return self._failed(call, error)
            except asyncio.CancelledError as error:
                if task.cancelling() > asked:
                    raise
                return self._failed(call, _cancelled_itself(call, error))
        except Exception as error:  # noqa: BLE001
            return Raised(error)
        finally:
            message.under_way -= 1

    async def _awrapped(self, message: Message, call: ToolCall) -> Any:
        runtime = message.runtime_of(call)
        if self._awrap_tool_call is not None:
            return await inside(copy_context(), self._arun_one(call, _handed_on(message), runtime))
        # in a thread: a sync wrapper must not hold up the event loop
        return await run_in_executor(THREAD_PER_CALL, self._run_one, call, _handed_on(message), runtime)

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

    def _answer(
        self, message: Message, call: ToolCall, tool: GovernedTool | None, runtime: RuntimeOf | None = None
    ) -> Answer:
        if tool is None:
            return self._unknown(call)
        choice = self._choices.get(call["name"])
        if choice is None or tool is not choice.face:
            manager = message.manager_of(self._set_up_as(call, tool))
            run = partial(tool.run_request, manager, self._request(message, call, tool, runtime))
        else:
            trying = partial(self._try, message, call, runtime)
            run = partial(choice.answer, call["args"], message.caller, trying, message.served_by(call))
        try:
            return self._normalized(run(), call, message)
        except Exception as error:  # noqa: BLE001  (raised again unless failures are answered)
            return self._failed(call, error)

    async def _aanswer(
        self, message: Message, call: ToolCall, tool: GovernedTool | None, runtime: RuntimeOf | None = None
    ) -> Answer:
        running = self._begun(message, call, tool, runtime)
        try:
            return self._normalized(await running, call, message)
        except Exception as error:  # noqa: BLE001
            return self._failed(call, error)

    def _begun(
        self, message: Message, call: ToolCall, tool: GovernedTool | None, runtime: RuntimeOf | None = None
    ) -> Awaitable[Any]:
        """Return what answers a call once it is awaited; what is wrong with the set-up is raised at once."""
        if tool is None:
            return _known(self._unknown(call))
        choice = self._choices.get(call["name"])
        if choice is None or tool is not choice.face:
            manager = message.manager_of(self._set_up_as(call, tool))
            return tool.arun_request(manager, self._request(message, call, tool, runtime))
        trying = partial(self._atry, message, call, runtime)
        return choice.aanswer(call["args"], message.caller, trying, message.served_by(call), message.has_room)

    def _try(self, message: Message, call: ToolCall, runtime: RuntimeOf | None, attempt: Try) -> Any:
        request = self._request(message, call, attempt.tool, runtime, attempt)
        return attempt.tool.run_request(message.manager_of(attempt.tool), request)

    async def _atry(self, message: Message, call: ToolCall, runtime: RuntimeOf | None, attempt: Try) -> Any:
        request = self._request(message, call, attempt.tool, runtime, attempt)
        return await attempt.tool.arun_request(message.manager_of(attempt.tool), request)

    def _set_up_as(self, call: ToolCall, tool: GovernedTool) -> BaseTool:
        """Return whose callbacks, tags and metadata count: those of the tool as it was handed in, to this day."""
        known = self._governed.get(call["name"])
        return known[0] if known is not None and known[1] is tool else tool

    def _request(
        self,
        message: Message,
        call: ToolCall,
        tool: GovernedTool,
        runtime: RuntimeOf | None,
        attempt: Try | None = None,
    ) -> Request:
        known_as = tool.name if attempt is None else attempt.known_as
        injections = self._injected_args.get(known_as) or injections_of(tool)
        if injections.all_injected_keys or injections.state or injections.store or injections.runtime:
            injected = self._inject_tool_args({**call, "name": known_as}, (runtime or message.runtime_of)(call), tool)
            args = injected["args"]
        else:
            args = {**call["args"]}
        return Request(
            args,
            message.config_of(call),
            call["id"],
            message.run_id_of(call),
            message.config.get("run_name"),
            caller=message.caller,
            record=None if attempt is None else attempt.record,
            executor=THREAD_PER_CALL,
        )

    def _normalized(self, result: Any, call: ToolCall, message: Message) -> Answer:
        if message.equal and isinstance(result, ToolMessage):
            message.note_server(call, result)
        if type(result) is ToolMessage and type(result.content) is str:
            return result
        return self._normalize_tool_response(result, call, message.input_type)

    def _failed(self, call: ToolCall, error: Exception) -> ToolMessage:
        if isinstance(error, GraphBubbleUp):  # a question, or a command for the graph above
            raise error
        if is_invalid_resume(error):  # the model cannot mend what a person answered; the run fails and is asked again
            raise error
        if isinstance(error, ValidationError):
            shown = errors_a_model_can_mend(error, self._injected_args.get(call["name"]))
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
            known = self._governed[name] = (tool, govern(tool, EQUAL_READS) if may_read(tool) else govern(tool))
            self._injected_args[name] = injections_of(tool)
        return known[1]


async def _known(answer: ToolMessage) -> ToolMessage:
    return answer


def _handed_on(message: Message) -> Any:
    """Return what goes through ToolNode's `_run_one` in place of the answer's form, which it hands on unread."""
    return message


def may_read(tool: BaseTool) -> bool:
    """Return whether somebody said of a tool that it may be called without changing anything."""
    spec = getattr(tool, "spec", UNSPECIFIED)
    return isinstance(spec, ToolSpec) and spec is not UNSPECIFIED and spec.effect is not Effect.WRITE


def _cancelled_itself(call: ToolCall, error: asyncio.CancelledError) -> ToolCallError:
    cancelled = ToolCallError(f"`{call['name']}` raised CancelledError, though nobody cancelled it: {error}")
    cancelled.__cause__ = error
    return cancelled
