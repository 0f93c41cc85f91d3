"""What every request is held to: size, time, host; and what every answer says to browsers."""

import asyncio
import json
from collections.abc import Iterable
from http import HTTPStatus

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salesboost_tools.service.problems import MEDIA_TYPE

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

_CONTENT_SECURITY_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", _CONTENT_SECURITY_POLICY),
)


class Bounds:
    """ASGI middleware: bounds for HTTP requests, a check of the host for all, headers for browsers.

    Args:
        app: What is inside.
        max_body_bytes: Larger bodies are answered with 413, before they are read whole.
        timeout_s: Seconds a request may take; then 503.
        hosts: Names under which the service may be addressed; None for any. A page of another site that lets its name
            point at this machine (DNS rebinding) is refused.
    """

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int, timeout_s: float, hosts: Iterable[str] | None = None
    ) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._timeout_s = timeout_s
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if self._hosts is not None and host_of(scope) not in self._hosts:
            await _refuse(scope, send, HTTPStatus.MISDIRECTED_REQUEST, "This service is not addressed by that name.")
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        read_bytes = 0
        too_large = f"A request may have {self._max_body_bytes} bytes."

        async def bounded_receive() -> Message:
            nonlocal read_bytes
            message = await receive()
            read_bytes += len(message.get("body", b""))
            if read_bytes > self._max_body_bytes:  # of this kind, it passes whoever reads the body
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large)
            return message

        async def marked_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _HEADERS if pair[0] not in present)]
            await send(message)

        if announced_bytes(scope) > self._max_body_bytes:
            await _refuse(scope, marked_send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large)
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._app(scope, bounded_receive, marked_send)
        except TimeoutError:
            if not started:
                late = f"It took longer than {self._timeout_s:g} s. Whether a write took effect is not known."
                await _refuse(scope, marked_send, HTTPStatus.SERVICE_UNAVAILABLE, late)


def host_of(scope: Scope) -> str:
    """Return the name the client addressed, without the port."""
    host = header_of(scope, b"host").strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def header_of(scope: Scope, name: bytes) -> str:
    """Return a header of the request, empty if it is missing."""
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), "")


def announced_bytes(scope: Scope) -> int:
    """Return the length the request announces; 0 if it announces none that is a number."""
    length = header_of(scope, b"content-length")
    return int(length) if length.isascii() and length.isdigit() else 0


async def _refuse(scope: Scope, send: Send, status: HTTPStatus, detail: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": detail})
        return
    body = json.dumps({"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
