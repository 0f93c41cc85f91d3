"""What tools are doing, as it happens, over a WebSocket."""

import asyncio
from base64 import urlsafe_b64decode
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.observe.status import StatusEvent, StatusFeed
from salesboost_tools.observe.subscription import Subscription
from salesboost_tools.service.access import Access, NotAuthenticatedError, bearer_token
from salesboost_tools.service.bounds import host_of
from salesboost_tools.service.callers import is_operator
from salesboost_tools.toolkit import SalesToolkit

PROTOCOL = "salesboost.status"
"""The WebSocket subprotocol. Browsers cannot send headers: they offer a second one, `bearer.` + the token in base64url
without padding."""

_BEARER = "bearer."
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013
_PENDING_AT_MOST = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a client wants; an empty set stands for all."""

    tools: frozenset[str]
    kinds: frozenset[str]

    def holds(self, event: StatusEvent) -> bool:
        """Return whether an event is wanted."""
        return (not self.tools or event.tool in self.tools) and (not self.kinds or event.kind in self.kinds)


def live_router(toolkit: SalesToolkit, access: Access) -> APIRouter:
    """Return `WS /ws/tools`, for operators."""
    router = APIRouter()

    @router.websocket("/ws/tools")
    async def tools(
        socket: WebSocket,
        tool: Annotated[list[str] | None, Query()] = None,
        kind: Annotated[list[str] | None, Query()] = None,
        replay: Annotated[int, Query(ge=0, le=_PENDING_AT_MOST)] = 0,
    ) -> None:
        """Send every status event of this process as JSON, filtered by `tool` and `kind` (each any number of times).

        With `replay=n` the latest n events of before come first. A client that reads too slowly loses the oldest events
        and is told how many: `{"type": "dropped", "count": n}`.
        """
        if not _may_watch(socket, access):
            await socket.close(_POLICY_VIOLATION)
            return
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        handler: StatusHandler | None = toolkit.handler(StatusHandler)
        if handler is None:
            await socket.close(_TRY_AGAIN_LATER, "status is switched off (TOOL_STATUS_ENABLED)")
            return
        wanted = Wanted(frozenset(tool or ()), frozenset(kind or ()))
        with suppress(WebSocketDisconnect):
            await _serve(socket, handler.feed, wanted, replay)

    return router


async def _serve(socket: WebSocket, feed: StatusFeed, wanted: Wanted, replay: int) -> None:
    async with feed.subscribe(_PENDING_AT_MOST) as events:
        before = [event for event in feed.recent() if wanted.holds(event)]
        for event in before[len(before) - min(replay, len(before)) :]:
            await socket.send_json(event.as_dict())
        sending = asyncio.ensure_future(_send(socket, events, wanted))
        hearing = asyncio.ensure_future(_until_it_leaves(socket))
        try:
            await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, hearing):
                task.cancel()
            await asyncio.gather(sending, hearing, return_exceptions=True)


async def _send(socket: WebSocket, events: Subscription[StatusEvent], wanted: Wanted) -> None:
    told = 0
    async for event in events:
        dropped = events.dropped  # read once: it grows while the message is sent
        if dropped > told:
            await socket.send_json({"type": "dropped", "count": dropped - told})
            told = dropped
        if wanted.holds(event):
            await socket.send_json(event.as_dict())


async def _until_it_leaves(socket: WebSocket) -> None:
    """Read what the client sends, which means nothing, to learn when it has left."""
    with suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()


def _may_watch(socket: WebSocket, access: Access) -> bool:
    """Return whether the client is an operator, and no page of another site."""
    origin = socket.headers.get("origin")
    if origin is not None and _host_in(origin) != host_of(socket.scope):
        return False
    try:
        return is_operator(access.caller_of(_token(socket)))
    except NotAuthenticatedError:
        return False


def _token(socket: WebSocket) -> str | None:
    offered: list[str] = socket.scope.get("subprotocols", [])
    coded = next((name.removeprefix(_BEARER) for name in offered if name.startswith(_BEARER)), None)
    return bearer_token(socket.headers.get("authorization")) or (None if coded is None else _decoded(coded))


def _decoded(coded: str) -> str | None:
    try:
        return urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except ValueError:
        return None


def _host_in(origin: str) -> str:
    host = origin.rpartition("://")[2].lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
