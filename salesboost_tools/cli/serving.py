"""`salesboost serve` and `salesboost mcp`: let others call the tools."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from salesboost_tools.cli.calling import DEFAULT_ROLE, Role, Tenant, User, caller
from salesboost_tools.cli.output import err
from salesboost_tools.toolkit import SalesToolkit

Host = Annotated[str, typer.Option(help="Address to listen on; others than this machine's need TOOL_API_TOKEN.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 for any that is free.")]


class Transport(StrEnum):
    """How an MCP client is talked to."""

    STDIO = "stdio"
    HTTP = "http"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve")(serve)
    app.command("mcp")(mcp)


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; several want TOOL_REDIS_URL.")] = 1,
) -> None:
    """Serve health, metrics, the live page and the tools over HTTP (extra `service`)."""
    from salesboost_tools.service.listen import SERVICE, listen  # noqa: PLC0415  (an extra)

    listen(SERVICE, host, port, workers=workers, say=_serving_at("/"))


def mcp(
    *,
    transport: Annotated[
        Transport, typer.Option(help="stdio for a client that starts this process.")
    ] = Transport.STDIO,
    host: Host = "127.0.0.1",
    port: Port = 8081,
    role: Role = DEFAULT_ROLE,
    tenant: Tenant = None,
    user: User = None,
) -> None:
    """Serve the governed tools over the Model Context Protocol (extra `mcp`; over HTTP also `service`).

    Over stdio the client calls as --role, --tenant and --user say; over HTTP as its bearer token says.
    """
    from salesboost_tools.mcp import serve_stdio  # noqa: PLC0415  (an extra)

    if transport is Transport.HTTP:
        from salesboost_tools.service.listen import MCP, listen  # noqa: PLC0415  (an extra)

        listen(MCP, host, port, say=_serving_at("/mcp"))
        return
    with SalesToolkit() as toolkit:
        asyncio.run(serve_stdio(toolkit, caller(role, tenant, user)))


def _serving_at(path: str) -> Callable[[str], None]:
    return lambda address: err.print(f"Serving on http://{address}{path}; stop with Ctrl-C.", soft_wrap=True)
