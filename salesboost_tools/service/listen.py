"""Listen on a port: on this machine alone, unless a token is needed."""

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.supervisors import Multiprocess

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.observe.exposition import figures_of_workers
from salesboost_tools.service.access import Access
from salesboost_tools.settings import Settings
from salesboost_tools.toolkit import SalesToolkit

SERVICE = "salesboost_tools.service.app:create_app"
"""How worker processes make the service, each its own, set up from the environment."""
MCP = "salesboost_tools.mcp.http:create_mcp_app"
"""The same for the MCP server."""

_WORKERS = "TOOL_WORKERS"


class PromptProtocol(AutoHTTPProtocol):  # pyright: ignore[reportUntypedBaseClass, reportGeneralTypeIssues]
    """uvicorn's HTTP protocol, on connections that send at once what they are given.

    Sockets that workers share are made without naming TCP, so that asyncio does not switch Nagle's algorithm off for
    them: a body then waits 40 ms for the client to acknowledge its headers.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Switch Nagle's algorithm off."""
        link = transport.get_extra_info("socket")
        if link is not None and link.family in {socket.AF_INET, socket.AF_INET6}:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)


def listen(
    application: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    workers: int = 1,
    say: Callable[[str], None] | None = None,
) -> None:
    """Serve until the process is told to stop.

    Args:
        application: `SERVICE` or `MCP`.
        host: Address to listen on; one that others can reach needs `TOOL_API_TOKEN` or `TOOL_API_JWT_KEY`.
        port: TCP port; 0 for any that is free.
        workers: How many processes, 1 or more; several want `TOOL_REDIS_URL`, or each has limits of its own.
        say: Is told the address before anybody is served.

    Raises:
        ConfigurationError: A setting cannot be used, or the address: it is taken, or can be reached from elsewhere and
            nobody would need a token.
    """
    settings = Settings()
    refuse_open_door(host, Access.of(settings))
    SalesToolkit(settings).close()  # what is wrong with settings is said here once, not by workers that die of it
    config = uvicorn.Config(
        application,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http=PromptProtocol,
        server_header=False,
        access_log=False,  # a path may hold what a person typed
        ws_max_size=65_536,  # clients have nothing to say
        timeout_graceful_shutdown=10,
        timeout_worker_healthcheck=60,  # on a busy machine a worker that starts may be silent for longer than 5 s
    )
    link = _bound(host, port)  # before anything is said: the port may be in use, and 0 stands for one not known yet
    if say is not None:
        say(_address(host, link.getsockname()[1]))
    with shared_among(workers), suppress(KeyboardInterrupt):
        _serve(config, link)


def _serve(config: uvicorn.Config, link: socket.socket) -> None:
    """Do what `uvicorn.run` does, on a socket that is there already."""
    if config.workers > 1:
        Multiprocess(config, sockets=[link]).run()
        return
    server = uvicorn.Server(config)
    server.run(sockets=[link])
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(
            f"cannot listen on {_address(host, port)}: {why}; name another --host or --port"
        ) from error


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def shared_among(workers: int) -> Generator[None]:
    """Let worker processes started meanwhile know how many they are, and where they leave their figures."""
    if workers == 1:
        yield
        return
    told = os.environ.get(_WORKERS)
    os.environ[_WORKERS] = told or str(workers)
    try:
        with figures_of_workers():
            yield
    finally:
        if told is None:
            del os.environ[_WORKERS]


def refuse_open_door(host: str, access: Access) -> None:
    """Refuse to listen where others can call without a token.

    Raises:
        ConfigurationError: The address is not this machine's own and no token is needed.
    """
    if access.is_guarded or is_loopback(host):
        return
    raise ConfigurationError(
        f"listening on {host} lets others in, and nobody would need a token; set TOOL_API_TOKEN (or TOOL_API_JWT_KEY), "
        "or listen on 127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name may stand for any address
        return False
