"""The planned path: one governed run, from its start event to its end event.

It does what `BaseTool.run` and `arun` do, in their order, with three differences:

- handlers stand around the tool, so a run may end without the tool having been started;
- whatever ends the run, also a cancellation, an interrupt or a failing error handler, closes it exactly once;
- what cannot change between two calls comes from the plan, and nothing is prepared for listeners that are not there.
"""

# This folder is the one place that knows LangChain's private parts; a differential test holds it to them.
# pyright: reportPrivateUsage=false

from typing import Any, Protocol, TypeVar, cast

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForToolRun,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForToolRun,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.tools import ToolException
from langchain_core.tools.base import (
    _handle_tool_error as handled_tool_error,
)
from langchain_core.tools.base import (
    _handle_validation_error as handled_validation_error,
)
from langchain_core.utils.uuid import uuid7
from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from salesboost_tools.core.call import Body, CallRecord, ToolCall, new_call, unheard
from salesboost_tools.core.errors import ToolCallError
from salesboost_tools.core.spec import ToolSpec
from salesboost_tools.governed.answer import formatted
from salesboost_tools.governed.body import AsyncBody, SyncBody
from salesboost_tools.governed.caller import asked_key_of, caller_of, thread_of
from salesboost_tools.governed.listening import atell_error, atell_start, listeners, tell_start
from salesboost_tools.governed.plan import Named, Plan, Positional
from salesboost_tools.governed.request import Request
from salesboost_tools.handlers.chain import Chain

_Run = TypeVar("_Run", bound=BaseRunManager)


class Answers(Protocol):
    """What a run needs to know of the tool it belongs to; all of it may change between two calls."""

    name: str
    description: str
    handle_tool_error: Any
    handle_validation_error: Any
    answers_model: bool


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
            chain, call = _made_ready(SyncBody, tool, plan, opened, request, traced=bool(hearing))
            response = chain.call(call)
            content, artifact, status = _taken_apart(plan, response)
        except Exception as error:  # noqa: BLE001  (raised again unless the tool says how to answer)
            content, artifact, status = _answer(tool, request, error)
        output = formatted(content, artifact, request.tool_call_id, tool.name, status)
    except BaseException as error:
        if hearing:
            opened.on_tool_error(error, tool_call_id=request.tool_call_id)
        raise
    if hearing:
        opened.on_tool_end(output, color=request.color, name=tool.name, **(request.extra or {}))
    return output


async def arun(tool: Answers, plan: Plan, manager: AsyncCallbackManager, request: Request) -> Any:
    """Run a governed tool in this event loop, as `BaseTool.arun` would; see `run`."""
    opened = _open(AsyncCallbackManagerForToolRun, manager, request)
    hearing = listeners(manager.handlers)
    if hearing:
        await atell_start(hearing, opened, *_start_event(tool, plan, opened, request))
    try:
        try:
            chain, call = _made_ready(AsyncBody, tool, plan, opened, request, traced=bool(hearing))
            response = await chain.acall(call)
            content, artifact, status = _taken_apart(plan, response)
        except Exception as error:  # noqa: BLE001  (raised again unless the tool says how to answer)
            content, artifact, status = _answer(tool, request, error)
        output = formatted(content, artifact, request.tool_call_id, tool.name, status)
    except BaseException as error:
        if hearing:
            await atell_error(opened, error, request.tool_call_id)
        raise
    if hearing:
        await opened.on_tool_end(output, color=request.color, name=tool.name, **(request.extra or {}))
    return output


def _open(kind: type[_Run], manager: BaseCallbackManager, request: Request) -> _Run:
    opened = kind(
        run_id=request.run_id or uuid7(),
        handlers=manager.handlers,
        inheritable_handlers=manager.inheritable_handlers,
        parent_run_id=manager.parent_run_id,
        tags=manager.tags,
        inheritable_tags=manager.inheritable_tags,
        metadata=manager.metadata,
        inheritable_metadata=manager.inheritable_metadata,
    )
    # LangChain shares these, but makes new lists in the place of empty ones, which a waiting call would then hold
    opened.inheritable_handlers = manager.inheritable_handlers
    opened.tags, opened.inheritable_tags = manager.tags, manager.inheritable_tags
    return opened


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
        **(request.extra or {}),
    }
    text = given if isinstance(given, str) else str(request.tool_input if inputs is None else inputs)
    return {"name": tool.name, "description": tool.description}, text, details


# ---------------------------------------------------------------- the call


def _made_ready(
    kind: type[SyncBody] | type[AsyncBody], tool: Answers, plan: Plan, opened: Any, request: Request, *, traced: bool
) -> tuple[Chain, ToolCall]:
    """Parse the arguments; return the handlers and what to hand them."""
    positional, named = plan.parse(request.tool_input, request.tool_call_id)
    args = _visible(plan, positional, named) if positional or not plan.hidden.isdisjoint(named) else named
    chain = plan.chains.with_those_in(opened.handlers)
    body = kind(plan, request, args, positional, named, traced, opened)
    return chain, _tool_call(tool, plan.spec, opened, request, chain=chain, args=args, body=body)


def _visible(plan: Plan, positional: Positional, named: Named) -> Named:
    """Return the arguments handlers see, where these are not simply the named ones."""
    if positional:
        named = {plan.lone_key: positional[0] if len(positional) == 1 else positional, **named}
    return _without(plan.hidden, named)


def _without(hidden: frozenset[str], arguments: Named) -> Named:
    return {name: value for name, value in arguments.items() if name not in hidden}


def _tool_call(
    tool: Answers, spec: ToolSpec, opened: BaseRunManager, request: Request, *, chain: Chain, args: Named, body: Body
) -> ToolCall:
    record, config = request.record or CallRecord(), request.config
    if not chain.handlers:  # nobody looks, so a configuration without a proper caller is nobody's business
        return new_call(tool.name, args, spec, record=record, body=body)
    return new_call(
        tool.name,
        args,
        spec,
        request.caller or caller_of(config),
        request.tool_call_id,
        opened.run_id,
        thread_of(config),
        None if request.tool_call_id else asked_key_of(config),
        record=record,
        body=body,
        sink=chain.sink or unheard,
    )


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
