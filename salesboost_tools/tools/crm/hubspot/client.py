"""The connections to HubSpot: one sync client, one async client per event loop, no attempt but the first."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx

from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.tools.argument import Now
from salesboost_tools.tools.crm.hubspot.replies import failure_of, reply_of
from salesboost_tools.tools.crm.hubspot.wire import Request, Talk

BASE_URL = "https://api.hubapi.com"
_CONNECT_S = 3.0


class HubSpotClient:
    """Sends requests and tells what became of them. It never sends one twice: that is for the handlers to decide.

    Args:
        token: Of a private app. It goes into one header and is shown nowhere.
        base_url: Another address than HubSpot's, for tests and proxies.
        timeout_s: Seconds to wait for a reply; less than the tool's own time limit, so that what is reported is what
            HubSpot did, not that time was up.
        now: The present moment (UTC).

    Raises:
        ConfigurationError: The token or the address cannot be used.
    """

    def __init__(self, token: str, *, base_url: str, timeout_s: float, now: Now) -> None:
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigurationError("the token of HubSpot's private app is not one (setting TOOL_HUBSPOT_TOKEN)")
        self._options: dict[str, Any] = {
            "base_url": _usable(base_url),
            "headers": {"Authorization": f"Bearer {token}", "Accept": "application/json"},
            "timeout": httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
            "follow_redirects": False,  # a redirected write would be sent twice
        }
        self._now = now
        self._sync: httpx.Client | None = None
        self._loops: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"HubSpotClient({self._options['base_url']!r})"

    def follow(self, talk: Talk) -> dict[str, Any]:
        """Lead a talk to its end and return its answer."""
        with _closing(talk):
            step = _Step(talk)
            while step.request is not None:
                step.take(self._send(step.request))
            return step.answer

    async def afollow(self, talk: Talk) -> dict[str, Any]:
        """Do what `follow` does without blocking the event loop."""
        with _closing(talk):
            step = _Step(talk)
            while step.request is not None:
                step.take(await self._asend(step.request))
            return step.answer

    def close(self) -> None:
        """Give back the sync connections and forget those of closed loops. The client can be used again."""
        with self._lock:
            client, self._sync = self._sync, None
            self._forget_closed_loops()
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Give back the connections of this event loop too. The client can be used again."""
        with self._lock:
            own = self._loops.pop(asyncio.get_running_loop(), None)
        if own is not None:
            await own.aclose()
        self.close()

    def _send(self, request: Request) -> dict[str, Any] | ToolCallError:
        with self._lock:
            client = self._sync = self._sync or httpx.Client(**self._options)
        try:
            response = client.send(_built(client, request))
        except httpx.TransportError as error:
            return failure_of(request, error)
        return self._reply(request, response)

    async def _asend(self, request: Request) -> dict[str, Any] | ToolCallError:
        client = self._of_this_loop()
        try:
            response = await client.send(_built(client, request))
        except httpx.TransportError as error:
            return failure_of(request, error)
        return self._reply(request, response)

    def _reply(self, request: Request, response: httpx.Response) -> dict[str, Any] | ToolCallError:
        try:
            return reply_of(request, response, self._now())
        except ToolCallError as error:
            return error

    def _of_this_loop(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        with self._lock:
            client = self._loops.get(loop)
            if client is None:
                self._forget_closed_loops()
                client = self._loops[loop] = httpx.AsyncClient(**self._options)
            return client

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._loops if loop.is_closed()]:
            del self._loops[loop]


class _Step:
    """Where a talk stands: the request it waits for, or its answer."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.answer: dict[str, Any] = {}
        self.request: Request | None = None
        self._advance(lambda: next(talk))

    def take(self, reply: dict[str, Any] | ToolCallError) -> None:
        """Hand the reply to the talk, an error as an exception."""
        if isinstance(reply, ToolCallError):
            self._advance(lambda: self._talk.throw(reply))
        else:
            self._advance(lambda: self._talk.send(reply))

    def _advance(self, move: Any) -> None:
        try:
            self.request = move()
        except StopIteration as done:
            self.request, self.answer = None, done.value


@contextmanager
def _closing(talk: Talk) -> Generator[None, None, None]:
    try:
        yield
    finally:
        talk.close()


def _built(client: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
    return client.build_request(request.method, request.path, params=list(request.query), json=request.body)


def _usable(base_url: str) -> str:
    try:
        parsed = httpx.URL(base_url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigurationError(f"{base_url!r} is no address of HubSpot's API (setting TOOL_HUBSPOT_BASE_URL)")
    return base_url.rstrip("/")
