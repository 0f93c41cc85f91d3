"""Twilio's callbacks: what became of a text, and what a customer texted. Twilio's signature stands for a token."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.service.problems import problem_responses
from salesboost_tools.tools.sms.twilio_callbacks import CallbackAnswer, TwilioCallbacks
from salesboost_tools.tools.sms.twilio_signature import Params

STATUS_PATH = "/twilio/status"
INBOUND_PATH = "/twilio/inbound"

_FIELDS_AT_MOST = 500
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"type": "object", "additionalProperties": {"type": "string"}}
            }
        },
    },
    "parameters": [
        {
            "name": "X-Twilio-Signature",
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": "HMAC-SHA1 of the address and the fields with the account's secret.",
        }
    ],
}

Handle = Callable[[str, Params, str | None], Awaitable[CallbackAnswer]]


def twilio_router(callbacks: TwilioCallbacks, public_url: str | None = None) -> APIRouter:
    """Return the routes under `/twilio`. Each request may come late, twice and out of order.

    Args:
        callbacks: What takes them.
        public_url: Where the outside reaches this service, which Twilio signs; None if that is what requests say.
    """
    router = APIRouter(
        prefix="/twilio",
        tags=["twilio"],
        responses=problem_responses(HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE),
    )

    async def answer(request: Request, path: str, handle: Handle) -> Response:
        url = address_of(request, path, public_url)
        signature = request.headers.get("x-twilio-signature")
        try:
            answer = await handle(url, fields_of(await request.body()), signature)
        except UpstreamError:
            raise HTTPException(
                HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer. Tell it again."
            ) from None
        if answer.status == HTTPStatus.FORBIDDEN:
            raise HTTPException(HTTPStatus.FORBIDDEN, "This does not carry Twilio's signature.")
        return Response(answer.body or None, answer.status, media_type=answer.content_type)

    @router.post("/status", status_code=204, response_class=Response, openapi_extra=_FORM)
    async def status(request: Request) -> Response:
        """Note what became of a message."""
        return await answer(request, STATUS_PATH, callbacks.ahandle_status_callback)

    inbound_responses: dict[int | str, dict[str, Any]] = {
        200: {"description": "Nothing is sent back.", "content": {"text/xml": {"schema": {"type": "string"}}}}
    }

    @router.post("/inbound", response_class=Response, openapi_extra=_FORM, responses=inbound_responses)
    async def inbound(request: Request) -> Response:
        """Enter a STOP or START into the ledger of consent; other messages change nothing."""
        return await answer(request, INBOUND_PATH, callbacks.ahandle_inbound)

    return router


def address_of(request: Request, path: str, public_url: str | None) -> str:
    """Return the address that was called, as Twilio knows it, query included."""
    if public_url is None:
        return str(request.url)
    query = request.scope["query_string"].decode("latin-1")
    return public_url.rstrip("/") + path + (f"?{query}" if query else "")


def fields_of(body: bytes) -> Params:
    """Return the fields of a form; none if it is no form, for then nobody signed it."""
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_AT_MOST)
    except ValueError:
        return {}
