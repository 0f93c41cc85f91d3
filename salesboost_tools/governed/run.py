"""The planned path: one governed run, from its start event to its end event.

It does what `BaseTool.run` and `arun` do, in their order, with three differences:

- handlers stand around the tool, so a run may end without the tool having been started;
- whatever ends the run, also a cancellation, an interrupt or a failing error handler, closes it exactly once;
- what cannot change between two calls comes from the plan, and nothing is prepared for listeners that are not there.
"""

# This folder is the one place that knows LangChain's private parts; a differential test holds it to them.
# pyright: reportPrivateUsage=false

from collections.abc import Awaitable, Mapping
from concurrent.futures import Executor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForToolRun,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForToolRun,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import (
    patch_config,
    run_in_executor,
    set_config_context,
    var_child_runnable_config,
)
from langchain_core.tools import ToolException
from langchain_core.tools.base import (
    _format_output as format_output,
)
from langchain_core.tools.base import (
    _handle_tool_error as handled_tool_error,
)
from langchain_core.tools.base import (
    _handle_validation_error as handled_validation_error,
)
from langchain_core.utils.uuid import uuid7
from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from salesboost_tools.core.call import Body, Caller, CallRecord, ToolCall, unheard
from salesboost_tools.core.errors import ToolCallError
from salesboost_tools.core.spec import ToolSpec
from salesboost_tools.core.write_key import WRITE_KEY
from salesboost_tools.governed.caller import asked_key_of, caller_of, thread_of
from salesboost_tools.governed.context import Inside
from salesboost_tools.governed.listening import atell_error, atell_start, listeners, tell_start
from salesboost_tools.governed.plan import Named, Plan, Positional
from salesboost_tools.handlers.chain import Chain

_Run = TypeVar("_Run", bound=BaseRunManager)
_Child = CallbackManager | AsyncCallbackManager

_COMPLETED = frozenset({"tags", "metadata", "callbacks", "recursion_limit", "configurable"})
"""What a config has for certain once LangChain has completed it."""


class Answers(Protocol):
    """What a run needs to know of the tool it belongs to; all of it may change between two calls."""

    name: str
    description: str
    handle_tool_error: Any
    handle_validation_error: Any
    answers_model: bool


@dataclass(slots=True)
class Request:
    """One call as LangChain hands it over.

    Attributes:
        tool_input: A dict of arguments, or text.
        config: The caller's config, made complete by LangChain; None if the tool was run directly.
        tool_call_id: The model's id for this call.
        run_id: Id for the run; None makes one.
        run_name: Name for the run in traces.
        start_color: Passed on to the start event.
        color: Passed on to the end event.
        extra: Further keyword arguments, passed on to the events.
        caller: Who asks, where it is known already; None reads it from the config.
        record: Where the caller wants to read afterwards what happened.
        executor: Threads for a sync tool in an async run; None takes the event loop's own.
    """

    tool_input: Any
    config: RunnableConfig | None = None
    tool_call_id: str | None = None
    run_id: UUID | None = None
    run_name: str | None = None
    start_color: str | None = "green"
    color: str | None = "green"
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    caller: Caller | None = None
    record: CallRecord | None = None
    executor: Executor | None = None


def run(tool: Answers, plan: Plan, manager: CallbackManager, request: Request) -> Any:
    """Run a governed tool in this thread, as `BaseTool.run` would.

    Args:
        tool: Whose settings for errors apply.
        plan: How to call it.
        manager: The configured callbacks of this run.
        request: The call.

    Returns:
        A `ToolMessage` if the call carries an id, else the tool's own result.
    """
    opened = _open(CallbackManagerForToolRun, manager, request)
    hearing = listeners(manager.handlers)
    if hearing:
        tell_start(hearing, opened, *_start_event(tool, plan, opened, request))
    try:
        try:
            response = _chain_call(tool, plan, opened, request, traced=bool(hearing))
            content, artifact, status = _taken_apart(plan, response)
        except Exception as error:  # noqa: BLE001  (raised again unless the tool says how to answer)
            content, artifact, status = _answer(tool, request, error)
        output = format_output(content, artifact, request.tool_call_id, tool.name, status)
    except BaseException as error:
        if hearing:
            opened.on_tool_error(error, tool_call_id=request.tool_call_id)
        raise
    if hearing:
        opened.on_tool_end(output, color=request.color, name=tool.name, **request.extra)
    return output


async def arun(tool: Answers, plan: Plan, manager: AsyncCallbackManager, request: Request) -> Any:
    """Run a governed tool in this event loop, as `BaseTool.arun` would; see `run`."""
    opened = _open(AsyncCallbackManagerForToolRun, manager, request)
    hearing = listeners(manager.handlers)
    if hearing:
        await atell_start(hearing, opened, *_start_event(tool, plan, opened, request))
    try:
        try:
            response = await _achain_call(tool, plan, opened, request, traced=bool(hearing))
            content, artifact, status = _taken_apart(plan, response)
        except Exception as error:  # noqa: BLE001  (raised again unless the tool says how to answer)
            content, artifact, status = _answer(tool, request, error)
        output = format_output(content, artifact, request.tool_call_id, tool.name, status)
    except BaseException as error:
        if hearing:
            await atell_error(opened, error, request.tool_call_id)
        raise
    if hearing:
        await opened.on_tool_end(output, color=request.color, name=tool.name, **request.extra)
    return output


def _open(kind: type[_Run], manager: BaseCallbackManager, request: Request) -> _Run:
    return kind(
        run_id=request.run_id or uuid7(),
        handlers=manager.handlers,
        inheritable_handlers=manager.inheritable_handlers,
        parent_run_id=manager.parent_run_id,
        tags=manager.tags,
        inheritable_tags=manager.inheritable_tags,
        metadata=manager.metadata,
        inheritable_metadata=manager.inheritable_metadata,
    )


# ---------------------------------------------------------------- start


def _start_event(
    tool: Answers, plan: Plan, opened: BaseRunManager, request: Request
) -> tuple[dict[str, Any], str, dict[str, Any]]:
    given: Any = request.tool_input
    inputs = _without(plan.hidden, cast(Named, given)) if isinstance(given, dict) else None
    details: dict[str, Any] = {
        "run_id": opened.run_id,
        "parent_run_id": opened.parent_run_id,
        "tags": opened.tags,
        "metadata": opened.metadata,
        "color": request.start_color,
        "name": request.run_name,
        "inputs": inputs,
        "tool_call_id": request.tool_call_id,
        **request.extra,
    }
    text = given if isinstance(given, str) else str(request.tool_input if inputs is None else inputs)
    return {"name": tool.name, "description": tool.description}, text, details


# ---------------------------------------------------------------- the call


def _chain_call(tool: Answers, plan: Plan, opened: CallbackManagerForToolRun, request: Request, *, traced: bool) -> Any:
    positional, named = plan.parse(request.tool_input, request.tool_call_id)
    args = _visible(plan, positional, named)

    def body(call: ToolCall) -> Any:
        at, by = _given(plan, call, args, positional, named)
        child = _child_config(request.config, opened.get_child())
        if traced:
            with set_config_context(child) as context:
                return _keyed(context, call).run(plan.call, at, by, opened, request.config, request.tool_call_id)
        context = copy_context()
        context.run(var_child_runnable_config.set, child)
        return _keyed(context, call).run(plan.call, at, by, opened, request.config, request.tool_call_id)

    chain = plan.chains.with_those_in(opened.handlers)
    return chain.call(_tool_call(tool, plan.spec, opened, request, chain=chain, args=args, body=body))


async def _achain_call(
    tool: Answers, plan: Plan, opened: AsyncCallbackManagerForToolRun, request: Request, *, traced: bool
) -> Any:
    positional, named = plan.parse(request.tool_input, request.tool_call_id)
    args = _visible(plan, positional, named)

    async def body(call: ToolCall) -> Any:
        at, by = _given(plan, call, args, positional, named)
        child = _child_config(request.config, opened.get_child())
        if traced:
            with set_config_context(child) as context:
                return await _within(_keyed(context, call), at, by)
        context = copy_context()
        context.run(var_child_runnable_config.set, child)
        return await _within(_keyed(context, call), at, by)

    def _within(context: Context, at: Positional, by: Named) -> Awaitable[Any]:
        if plan.acall is not None:
            awaitable = context.run(plan.acall, at, by, opened, request.config, request.tool_call_id)
            return Inside(context, awaitable)
        arguments = (plan.call, at, by, opened.get_sync(), request.config, request.tool_call_id)
        # a thread cannot be stopped: when the call is cancelled it still is in its context, so it gets one of its own
        return run_in_executor(request.executor, context.copy().run, *arguments)

    chain = plan.chains.with_those_in(opened.handlers)
    return await chain.acall(_tool_call(tool, plan.spec, opened, request, chain=chain, args=args, body=body))


def _keyed(context: Context, call: ToolCall) -> Context:
    """Tell the tool under which key it writes, if somebody sees to it that the call happens once."""
    if call.idempotency_key is not None:
        context.run(WRITE_KEY.set, (call.name, call.idempotency_key))
    return context


def _visible(plan: Plan, positional: Positional, named: Named) -> Named:
    """Return the arguments handlers see; the very dict of the named ones if nothing has to be left out."""
    if positional:
        named = {plan.lone_key: positional[0] if len(positional) == 1 else positional, **named}
    return named if plan.hidden.isdisjoint(named) else _without(plan.hidden, named)


def _without(hidden: frozenset[str], arguments: Named) -> Named:
    return {name: value for name, value in arguments.items() if name not in hidden}


def _given(plan: Plan, call: ToolCall, args: Named, positional: Positional, named: Named) -> tuple[Positional, Named]:
    """Return what the tool gets: its own arguments, or those that a handler put in their place."""
    if call.args is args:
        return positional, named
    injected = {name: value for name, value in named.items() if name not in args}
    given = {**injected, **call.args}
    if not positional:
        return (), given
    first = given.pop(plan.lone_key)
    return ((first,) if len(positional) == 1 else tuple(first)), given


def _tool_call(
    tool: Answers, spec: ToolSpec, opened: BaseRunManager, request: Request, *, chain: Chain, args: Named, body: Body
) -> ToolCall:
    if not chain.handlers:  # nobody looks, so a configuration without a proper caller is nobody's business
        return ToolCall(tool.name, args, spec, record=request.record or CallRecord(), body=body)
    config = request.config
    return ToolCall(
        name=tool.name,
        args=args,
        spec=spec,
        caller=request.caller or caller_of(config),
        tool_call_id=request.tool_call_id,
        run_id=opened.run_id,
        thread_id=thread_of(config),
        asked_key=None if request.tool_call_id else asked_key_of(config),
        record=request.record or CallRecord(),
        body=body,
        sink=chain.sink or unheard,
    )


def _child_config(config: RunnableConfig | None, child: _Child) -> RunnableConfig:
    """Return the config of whatever the tool itself runs."""
    if config is None or not config.keys() >= _COMPLETED:
        return patch_config(config, callbacks=child)
    patched = config.copy()  # whoever inherits it copies what is inside
    patched["callbacks"] = child
    patched.pop("run_name", None)
    patched.pop("run_id", None)
    return patched


# ---------------------------------------------------------------- the end


_Output = tuple[Any, Any, str]
"""Content, artifact and status of the answer."""


def _taken_apart(plan: Plan, response: Any) -> _Output:
    if not plan.pairs:
        return response, None, "success"
    try:
        if not isinstance(response, tuple):
            raise ValueError  # noqa: TRY004, TRY301  (one sentence for both ways to be wrong)
        content, artifact = response  # pyright: ignore[reportUnknownVariableType]
    except ValueError:
        raise ValueError(
            "Since response_format='content_and_artifact' a two-tuple of the message content and raw tool output is "
            f"expected. Instead, generated response is of type: {type(response)}."  # pyright: ignore[reportUnknownArgumentType]
        ) from None
    return content, artifact, "success"  # pyright: ignore[reportUnknownVariableType]


def _answer(tool: Answers, request: Request, error: Exception) -> _Output:
    """Turn an error into an answer the way the tool says, or raise it again."""
    if isinstance(error, ValidationError | ValidationErrorV1):
        if not tool.handle_validation_error:
            raise error
        content: Any = handled_validation_error(error, flag=tool.handle_validation_error)
    elif isinstance(error, ToolCallError) and (
        tool.handle_tool_error is True or (tool.answers_model and request.tool_call_id is not None)
    ):
        content = error.for_model
    elif isinstance(error, ToolException) and tool.handle_tool_error:
        content = handled_tool_error(error, flag=tool.handle_tool_error)
    else:
        raise error
    return content, None, "error"
