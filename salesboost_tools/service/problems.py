"""Errors as problem details (RFC 9457): what went wrong and what to do, nothing of the inside."""

import logging
import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from salesboost_tools.core.errors import ConfigurationError, StateUnavailableError
from salesboost_tools.executor import ExecutionError

MEDIA_TYPE = "application/problem+json"

_logger = logging.getLogger(__name__)

STATUS_OF = {
    "ToolPermissionError": HTTPStatus.FORBIDDEN,
    "ApprovalRejectedError": HTTPStatus.FORBIDDEN,
    "RateLimitError": HTTPStatus.TOO_MANY_REQUESTS,
    "CircuitOpenError": HTTPStatus.SERVICE_UNAVAILABLE,
    "StateUnavailableError": HTTPStatus.SERVICE_UNAVAILABLE,
    "UncountedCallError": HTTPStatus.SERVICE_UNAVAILABLE,
    "ToolTimeoutError": HTTPStatus.GATEWAY_TIMEOUT,
    "IdempotencyError": HTTPStatus.CONFLICT,
    "ToolInputError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "ValidationError": HTTPStatus.UNPROCESSABLE_ENTITY,
    "UpstreamError": HTTPStatus.BAD_GATEWAY,
}
"""Class of a tool call's error -> HTTP status; any other failure of a tool is a 502."""


class Problem(BaseModel):
    """A problem detail (RFC 9457)."""

    type: str = Field("about:blank", description="Kind of problem; for failed tool calls the class of the error.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str | None = Field(None, description="What happened here, and what to do.")
    instance: str | None = Field(None, description="The request's path.")
    retry_after: float | None = Field(None, description="Seconds until the same request would pass, if known.")


def problem_responses(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of problems a route may answer with."""
    schema = {"content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
    return {int(status): {"description": status.phrase, **schema} for status in statuses}


def problem(
    request: Request,
    status: int,
    detail: str | None = None,
    *,
    kind: str = "about:blank",
    retry_after: float | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return a problem as the answer to a request."""
    body = Problem(
        type=kind,
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        retry_after=retry_after,
    )
    all_headers = dict(headers or {})
    if retry_after is not None:
        all_headers["Retry-After"] = str(math.ceil(retry_after))
    return JSONResponse(body.model_dump(exclude_none=True), status, all_headers, media_type=MEDIA_TYPE)


def problem_of_execution(request: Request, error: ExecutionError) -> JSONResponse:
    """Return a failed tool call as a problem."""
    status = STATUS_OF.get(error["type"], HTTPStatus.BAD_GATEWAY)
    return problem(
        request, status, error["message"], kind=f"urn:error:{error['type']}", retry_after=error["retry_after"]
    )


def answer_with_problems(app: FastAPI) -> None:
    """Turn whatever a route raises into problem details."""

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem(request, error.status_code, str(error.detail), headers=dict(error.headers or {}))

    async def wrong_request(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        wrong = "; ".join(f"{'.'.join(map(str, found['loc']))}: {found['msg']}" for found in error.errors()[:10])
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, wrong)

    async def store_gone(request: Request, error: Exception) -> JSONResponse:
        _logger.warning("the state store did not answer", exc_info=error)
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "The state store does not answer. Try again later.")

    async def wrong_call(request: Request, error: Exception) -> JSONResponse:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        _logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "It failed here, and has been written down.")

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, wrong_request)
    app.add_exception_handler(StateUnavailableError, store_gone)
    app.add_exception_handler(ConfigurationError, wrong_call)
    app.add_exception_handler(Exception, unexpected)
