"""Health over HTTP: of the tools, and of this process."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from salesboost_tools.health import HealthReport, HealthStatus, ToolHealth
from salesboost_tools.service.access import Access
from salesboost_tools.service.callers import Callers
from salesboost_tools.service.problems import problem_responses
from salesboost_tools.toolkit import SalesToolkit


class ToolHealthAnswer(BaseModel):
    """The health of one tool."""

    status: HealthStatus
    reasons: list[str] = Field(description="Why, in words; empty if it is healthy.")
    checked_at: str | None = Field(description="When its probe last ended, ISO 8601.")
    probe_ms: float | None = Field(description="How long the probe took.")
    details: dict[str, Any] = Field(description="What the probe told.")
    recent_calls: int = Field(description="Calls of the last 5 minutes that say something about it.")
    failure_share: float | None = Field(description="Failures among them, in [0, 1].")
    p50_ms: float | None = Field(description="Median of their durations.")
    p95_ms: float | None = Field(description="95th percentile.")
    p99_ms: float | None = Field(description="99th percentile.")
    circuit: str | None = Field(description="Its circuit breaker: closed, open or half_open.")


class HealthAnswer(BaseModel):
    """The health of all tools; the status is the worst one."""

    status: HealthStatus
    total_tools: int
    healthy: int
    degraded: int
    unhealthy: int
    unknown: int
    tools: dict[str, ToolHealthAnswer]
    variants: dict[str, ToolHealthAnswer] = Field(description="Tools that answer in a group's name; not counted.")


def health_router(toolkit: SalesToolkit, access: Access | None = None) -> APIRouter:
    """Return the routes under `/health/tools`, for any FastAPI application.

    Args:
        toolkit: Whose tools.
        access: Who may ask; None for what the toolkit's settings say (everybody, without a token there).
    """
    callers = Callers(access or Access.of(toolkit.settings))
    router = APIRouter(prefix="/health/tools", tags=["health"], responses=problem_responses(HTTPStatus.UNAUTHORIZED))

    @router.get("", response_model=HealthAnswer, dependencies=[Depends(callers.anybody)])
    async def all_tools() -> dict[str, Any]:
        """Return the health of all tools; findings of probes are up to half a minute old."""
        return (await toolkit.health.check_all()).as_dict()

    @router.post(
        "/refresh",
        response_model=HealthAnswer,
        dependencies=[Depends(callers.operator)],
        responses=problem_responses(HTTPStatus.FORBIDDEN),
    )
    async def refreshed() -> dict[str, Any]:
        """Probe all tools now and return what was found."""
        return (await toolkit.health.check_all(refresh=True)).as_dict()

    @router.get(
        "/{tool_name}",
        response_model=ToolHealthAnswer,
        dependencies=[Depends(callers.anybody)],
        responses=problem_responses(HTTPStatus.NOT_FOUND),
    )
    async def one_tool(tool_name: Annotated[str, Path(max_length=100)]) -> dict[str, Any]:
        """Return the health of one tool or variant."""
        if tool_name not in toolkit.health.names:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"No such tool. There are: {', '.join(toolkit.health.names)}.")
        health: ToolHealth = await toolkit.health.check(tool_name)
        return health.as_dict()

    return router


def process_router(toolkit: SalesToolkit) -> APIRouter:
    """Return `/live` and `/ready`, for whoever starts and stops this process; neither needs a token."""
    router = APIRouter(tags=["process"])

    @router.get("/live")
    async def live() -> dict[str, str]:
        """Answer: the process runs and its event loop turns."""
        return {"status": "alive"}

    @router.get("/ready", responses=problem_responses(HTTPStatus.SERVICE_UNAVAILABLE))
    async def ready() -> JSONResponse:
        """Return whether calls can be served: some tool works. A store that is away is made up for, and no reason."""
        report: HealthReport = await toolkit.health.check_all()
        fit = len(report.tools) - report.count(HealthStatus.UNHEALTHY)
        body = {"status": "ready" if fit else "not ready", "tools_that_work": fit, "total_tools": len(report.tools)}
        return JSONResponse(body, HTTPStatus.OK if fit else HTTPStatus.SERVICE_UNAVAILABLE)

    return router
