"""Messages by Twilio: the wire over httpx, sync and async."""

import ssl
import urllib.request
from functools import cached_property
from typing import Any

import httpx

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.tools.sms.provider import Answer, Request
from salesboost_tools.tools.sms.twilio_wire import Heard, TwilioAccount, exchange, list_request

DEFAULT_TIMEOUT_S = 10.0


class Twilio:
    """An `SmsProvider` that hands messages to Twilio.

    Every request has a connection of its own. One that was kept open may have been closed by the other side: then
    nobody could tell whether a message that was written into it has arrived. The requests go to httpx's transport and
    not to its client, which would log their addresses, and with them telephone numbers.

    Args:
        account: Whose account, and how it sends.
        timeout_s: Seconds to wait for a connection, and for an answer.
    """

    name = "twilio"
    delivers = True

    def __init__(self, account: TwilioAccount, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.account = account
        self._timeout = httpx.Timeout(timeout_s).as_dict()

    def ask(self, request: Request) -> Answer:
        """Answer one request; nothing is tried twice."""
        steps = exchange(self.account, request)
        wire = next(steps)
        while True:
            try:
                wire = steps.send(self._heard(wire))
            except StopIteration as done:
                return done.value

    async def aask(self, request: Request) -> Answer:
        """Do what `ask` does without blocking the event loop."""
        steps = exchange(self.account, request)
        wire = next(steps)
        while True:
            try:
                wire = steps.send(await self._aheard(wire))
            except StopIteration as done:
                return done.value

    def probe(self) -> None:
        """List one message: that needs the credentials, and the network.

        Raises:
            UpstreamError: Twilio does not answer, or does not let us in.
        """
        _refuse_unless_welcome(self._heard(list_request(self.account, page_size=1)))

    async def aprobe(self) -> None:
        """Do what `probe` does without blocking the event loop."""
        _refuse_unless_welcome(await self._aheard(list_request(self.account, page_size=1)))

    def _heard(self, request: httpx.Request) -> Heard:
        request.extensions["timeout"] = self._timeout
        try:
            with httpx.HTTPTransport(**self._options) as transport:
                response = transport.handle_request(request)
                response.request = request
                response.read()
                return response
        except httpx.HTTPError as error:
            return error

    async def _aheard(self, request: httpx.Request) -> Heard:
        request.extensions["timeout"] = self._timeout
        try:
            async with httpx.AsyncHTTPTransport(**self._options) as transport:
                response = await transport.handle_async_request(request)
                response.request = request
                await response.aread()
                return response
        except httpx.HTTPError as error:
            return error

    @cached_property
    def _options(self) -> dict[str, Any]:
        """Return how connections are made: with the proxy that the environment names, and trusting whom httpx trusts.

        Made once: reading the certificates takes tens of milliseconds.
        """
        place = httpx.URL(self.account.base_url)
        proxy = None if urllib.request.proxy_bypass(place.host) else urllib.request.getproxies().get(place.scheme)
        trusted: ssl.SSLContext | bool = httpx.create_ssl_context() if place.scheme == "https" else False
        return {"verify": trusted, "proxy": proxy}


def _refuse_unless_welcome(heard: Heard) -> None:
    if not isinstance(heard, httpx.Response):
        raise UpstreamError(f"Twilio could not be reached ({type(heard).__name__})", retryable=True)
    if not heard.is_success:
        raise UpstreamError(
            f"Twilio answered with status {heard.status_code}: check TOOL_TWILIO_ACCOUNT_SID and "
            "TOOL_TWILIO_AUTH_TOKEN",
            status=heard.status_code,
            retryable=heard.is_server_error,
        )
