"""MCP over streamable HTTP (extras `mcp` and `service`): the same guard as the HTTP service."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from salesboost_tools.core.call import Caller
from salesboost_tools.mcp.server import build_server
from salesboost_tools.service.access import Access, NotAuthenticatedError, bearer_token
from salesboost_tools.service.bounds import LOOPBACK_HOSTS, Bounds
from salesboost_tools.service.problems import MEDIA_TYPE
from salesboost_tools.toolkit import SalesToolkit

PATH = "/mcp"

_CALLER = "salesboost.caller"
"""Where a request's scope holds who calls."""


class _Endpoint:
    """Lets in who has a valid token, and hands the request to the MCP server."""

    def __init__(self, manager: StreamableHTTPSessionManager, access: Access) -> None:
        self._manager = manager
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope[_CALLER] = self._access.caller_of(bearer_token(Request(scope).headers.get("authorization")))
        except NotAuthenticatedError:
            body = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "Send a valid token."}
            refusal = JSONResponse(body, 401, {"WWW-Authenticate": "Bearer"}, media_type=MEDIA_TYPE)
            await refusal(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)


def create_mcp_app(
    toolkit: SalesToolkit | None = None,
    *,
    access: Access | None = None,
    hosts: Iterable[str] | None = None,
    max_body_bytes: int = 1_000_000,
    timeout_s: float = 60.0,
) -> Starlette:
    """Return an application that serves MCP at `/mcp`. No session is kept, so any worker can answer any request.

    Args:
        toolkit: Whose tools; None for one that the environment sets up, which is closed when the application ends.
        access: Who may call, and as whom; None for what the toolkit's settings say.
        hosts: Names under which it may be addressed. None: any if a token is needed, else only this machine's own.
        max_body_bytes: Larger requests are refused, 1 or more.
        timeout_s: Seconds a request may take, above 0.
    """
    owned = toolkit is None
    toolkit = toolkit or SalesToolkit()
    access = access or Access.of(toolkit.settings)
    manager = StreamableHTTPSessionManager(build_server(toolkit, _caller_of), json_response=True, stateless=True)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with AsyncExitStack() as running:
            if owned:
                running.push_async_callback(toolkit.aclose)
            await running.enter_async_context(manager.run())
            yield

    bounds = Middleware(
        Bounds,
        max_body_bytes=max_body_bytes,
        timeout_s=timeout_s,
        hosts=LOOPBACK_HOSTS if hosts is None and not access.is_guarded else hosts,
    )
    routes = [Route(PATH, _Endpoint(manager, access), methods=["GET", "POST", "DELETE"])]
    return Starlette(routes=routes, middleware=[bounds], lifespan=lifespan)


def _caller_of(request: Any) -> Caller:
    return request.scope[_CALLER]
