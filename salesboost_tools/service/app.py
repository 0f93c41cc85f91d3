"""`create_app`: everything the toolkit offers over HTTP, as one ASGI application."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.observe.exposition import leave_no_gauges
from salesboost_tools.service.access import Access
from salesboost_tools.service.bounds import LOOPBACK_HOSTS, Bounds
from salesboost_tools.service.callers import Callers
from salesboost_tools.service.page import page_router
from salesboost_tools.service.problems import answer_with_problems
from salesboost_tools.service.routes.health import health_router, process_router
from salesboost_tools.service.routes.live import live_router
from salesboost_tools.service.routes.statistics import statistics_router
from salesboost_tools.service.routes.tools import tools_router
from salesboost_tools.service.routes.twilio import twilio_router
from salesboost_tools.service.sending import sending
from salesboost_tools.texting import open_callbacks
from salesboost_tools.toolkit import SalesToolkit

_DESCRIPTION = """The governed sales tools of salesboost-tools.

Send `Authorization: Bearer <token>`. Who calls follows from the token, never from a body or a query. Errors are problem
details (RFC 9457)."""


def create_app(
    toolkit: SalesToolkit | None = None,
    *,
    access: Access | None = None,
    hosts: Iterable[str] | None = None,
    max_body_bytes: int = 1_000_000,
    timeout_s: float = 60.0,
) -> FastAPI:
    """Return the application. Serve it with `salesboost serve`, or mount it in another one.

    With `TOOL_SMS_PROVIDER=twilio` it takes Twilio's callbacks, and sends texts that are due while it runs. (A mounted
    application does not: Starlette starts and ends the outer one alone. Use `service.sending` there.)

    Args:
        toolkit: Whose tools; None for one that the environment sets up. It is closed when the application ends, unless
            it was given.
        access: Who may call; None for what the toolkit's settings say.
        hosts: Names under which it may be addressed. None: any if a token is needed, else only this machine's own.
        max_body_bytes: Larger requests are refused, 1 or more.
        timeout_s: Seconds a request may take, above 0.

    Raises:
        ConfigurationError: A number is out of range, or a setting cannot be used.
    """
    if max_body_bytes < 1 or not timeout_s > 0:
        raise ConfigurationError(
            f"max_body_bytes is 1 or more, timeout_s is seconds, above 0; got {max_body_bytes!r} and {timeout_s!r}"
        )
    owned = toolkit is None
    toolkit = toolkit or SalesToolkit()
    settings = toolkit.settings
    texts_leave = settings.sms_provider == "twilio"
    access = access or Access.of(settings)
    callers = Callers(access)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        async with AsyncExitStack() as running:
            if owned:
                running.push_async_callback(toolkit.aclose)
            running.callback(leave_no_gauges)
            if texts_leave and settings.sms_dispatch_interval:
                await running.enter_async_context(sending(toolkit.outbox, settings.sms_dispatch_interval))
            yield

    app = FastAPI(
        title="salesboost-tools",
        version=version("salesboost-tools"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from another host
        redoc_url=None,
    )
    answer_with_problems(app)
    app.include_router(process_router(toolkit))
    app.include_router(health_router(toolkit, access))
    app.include_router(tools_router(toolkit, callers))
    app.include_router(statistics_router(toolkit, callers))
    app.include_router(live_router(toolkit, access))
    if texts_leave:
        app.include_router(twilio_router(open_callbacks(settings, toolkit.outbox), settings.public_url))
    app.include_router(page_router())
    app.add_middleware(
        Bounds,
        max_body_bytes=max_body_bytes,
        timeout_s=timeout_s,
        hosts=LOOPBACK_HOSTS if hosts is None and not access.is_guarded else hosts,
    )
    return app
