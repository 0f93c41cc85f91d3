"""What operators look at: metrics for Prometheus, and what selector, cache and limits know."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response
from pydantic_core import to_jsonable_python

from salesboost_tools.governed import GovernedTool
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.observe.exposition import exposition
from salesboost_tools.service.callers import Callers
from salesboost_tools.service.problems import problem_responses
from salesboost_tools.toolkit import SalesToolkit


def statistics_router(toolkit: SalesToolkit, callers: Callers) -> APIRouter:
    """Return `/metrics`, `/selection`, `/cache` and `/limits`; all for operators."""
    router = APIRouter(
        tags=["statistics"],
        dependencies=[Depends(callers.operator)],
        responses=problem_responses(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
    )

    @router.get("/metrics", response_class=Response)
    def metrics(accept: Annotated[str, Header()] = "") -> Response:
        """Return all metrics, as OpenMetrics or in Prometheus's text format, as the client accepts."""
        media_type, body = exposition(accept)
        return Response(body, media_type=media_type)

    @router.get("/selection")
    async def selection() -> dict[str, Any]:
        """Return what the selector has learnt, by group and tool: figures, and why each is chosen so often."""
        statistics = await toolkit.selector.aget_statistics()
        return {
            "enabled": toolkit.settings.bandit_enabled,
            "policy": toolkit.selector.policy_version,
            "groups": to_jsonable_python(statistics, inf_nan_mode="null"),
        }

    @router.get("/cache")
    async def cache() -> dict[str, Any]:
        """Return what the cache did in this process, by tool."""
        handler: CacheHandler | None = toolkit.handler(CacheHandler)
        if handler is None:
            return {"enabled": False, "tools": {}}
        tools = {
            name: {**to_jsonable_python(found), "hit_rate": found.hit_rate}
            for name, found in handler.statistics().items()
        }
        return {"enabled": True, "tools": tools}

    @router.get("/limits")
    async def limits() -> dict[str, Any]:
        """Return how much of each tool's rate is left; null where every tenant or user has a rate of its own."""
        handler: RateLimitHandler | None = toolkit.handler(RateLimitHandler)
        if handler is None:
            return {"enabled": False, "tools": {}}
        variants = [variant for group in toolkit.groups for variant in group.variants]
        tools = [tool for tool in (*toolkit.get_tools(), *variants) if isinstance(tool, GovernedTool)]
        found = [await handler.aheadroom(tool.name, tool.spec) for tool in tools]
        return {
            "enabled": True,
            "tools": {tool.name: to_jsonable_python(left) for tool, left in zip(tools, found, strict=True)},
        }

    return router
