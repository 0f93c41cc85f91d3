"""The executor over HTTP: which tools there are, one call, several calls."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Request
from fastapi.responses import Response
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from salesboost_tools.core.call import Caller
from salesboost_tools.executor import Execution
from salesboost_tools.governed import config_of
from salesboost_tools.service.callers import Callers
from salesboost_tools.service.problems import problem_of_execution, problem_responses
from salesboost_tools.toolkit import SalesToolkit

_CALLS_AT_MOST = 100
_KEY_CHARS_AT_MOST = 200

FAILURES = problem_responses(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class Invocation(BaseModel):
    """Arguments of one call. Who calls is in the token."""

    model_config = ConfigDict(extra="forbid")

    payload: dict[str, Any] = Field({}, description="The tool's arguments by name.")


class BatchCall(BaseModel):
    """One call of a batch."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=100, description="The tool's name.")
    payload: dict[str, Any] = Field({}, description="The tool's arguments by name.")
    tool_call_id: str | None = Field(None, max_length=_KEY_CHARS_AT_MOST, description="Names the call in the answer.")


class Batch(BaseModel):
    """Several calls: reads side by side, writes one after another in this order."""

    model_config = ConfigDict(extra="forbid")

    calls: list[BatchCall] = Field(max_length=_CALLS_AT_MOST, description=f"At most {_CALLS_AT_MOST}.")
    max_concurrent: int | None = Field(None, ge=1, le=_CALLS_AT_MOST, description="Calls at once.")


class ToolDescription(BaseModel):
    """A tool as a model is shown it."""

    name: str
    description: str
    parameters: dict[str, Any] = Field(description="Its arguments, as JSON Schema.")


def tools_router(toolkit: SalesToolkit, callers: Callers) -> APIRouter:
    """Return the routes under `/tools`."""
    router = APIRouter(prefix="/tools", tags=["tools"])
    executor = toolkit.executor()
    tools = toolkit.get_tools()
    names = frozenset(tool.name for tool in tools)
    described = [_description(convert_to_openai_tool(tool)["function"]) for tool in tools]

    @router.get("", dependencies=[Depends(callers.anybody)], responses=problem_responses(HTTPStatus.UNAUTHORIZED))
    async def list_tools() -> list[ToolDescription]:
        """Return the tools and the schemas of their arguments."""
        return described

    @router.post("/batch", response_model=list[dict[str, Any]], responses=FAILURES)
    async def batch(asked: Batch, caller: Annotated[Caller, Depends(callers.anybody)]) -> Response:
        """Make several calls. One that fails is an answer among the others, in the order of the calls."""
        calls = [call.model_dump(exclude_none=True) for call in asked.calls]
        _refuse_half_characters(calls)
        answers = await executor.execute_parallel(calls, caller.role, asked.max_concurrent, config=config_of(caller))
        return _json(answers)

    @router.post("/{name}/invoke", response_model=dict[str, Any], responses=FAILURES)
    async def invoke(
        name: Annotated[str, Path(max_length=100)],
        asked: Invocation,
        request: Request,
        caller: Annotated[Caller, Depends(callers.anybody)],
        idempotency_key: Annotated[
            str | None,
            Header(max_length=_KEY_CHARS_AT_MOST, description="Equal keys make a repeated write happen once."),
        ] = None,
    ) -> Response:
        """Make one call; a failure is a problem with a status of its own."""
        if name not in names:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"No such tool. There are: {', '.join(sorted(names))}.")
        _refuse_half_characters(asked.payload)
        config = config_of(caller, idempotency_key)
        execution: Execution = await executor.execute(name, asked.payload, caller.role, config=config)
        if execution["error"] is not None:
            return problem_of_execution(request, execution["error"])
        return _json(execution)

    return router


def _description(function: Mapping[str, Any]) -> ToolDescription:
    return ToolDescription(
        name=function["name"], description=function["description"], parameters=function.get("parameters", {})
    )


def _json(answer: object) -> Response:
    """Return an answer whatever a tool put into it: what JSON does not know becomes text, NaN and infinity null."""
    return Response(to_json(answer, fallback=str, inf_nan_mode="null"), media_type="application/json")


def _refuse_half_characters(payload: object) -> None:
    """Refuse halves of surrogate pairs, which JSON can write and no database or provider can store."""
    try:
        to_json(payload)
    except ValueError:
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, "A text holds half a character (a lone surrogate); send whole ones."
        ) from None
