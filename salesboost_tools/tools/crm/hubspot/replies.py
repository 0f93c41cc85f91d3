"""What HubSpot's reply to a request means, and above all: whether a write may have happened."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast

import httpx

from salesboost_tools.core.errors import ToolInputError, UpstreamError
from salesboost_tools.tools.crm.hubspot.wire import Request

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Failures before the first byte of a request went out."""
_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_CATEGORY = re.compile(r"[A-Z_]{1,60}")
_EXISTING = re.compile(r"Existing ID: (\d+)")
_FOR_MODEL = "The CRM does not answer. Continue without it, or try again in a moment."
_FOR_MODEL_UNKNOWN = (
    "The CRM did not confirm this change: it may have happened or not. Do not repeat it; read the record first."
)


def reply_of(request: Request, response: httpx.Response, now: datetime) -> dict[str, Any]:
    """Return the object a reply holds.

    Args:
        request: What was asked.
        response: HubSpot's reply, read.
        now: The present moment: a Retry-After may name a date.

    Raises:
        UpstreamError: HubSpot refused, failed, or said something that cannot be read. After a write `outcome_unknown`
            is True if it may have happened nevertheless: a 500, a reply cut short.
        ConflictError: Another object has a value that only one may have.
        ToolInputError: HubSpot does not accept a value; its properties are named, never their values.
    """
    if response.is_success:
        return _read(request, response)
    status = response.status_code
    said = _error_of(response)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _too_many(response, said, now)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise _unauthorised(status, said)
    if status == HTTPStatus.CONFLICT:
        existing = _EXISTING.search(str(said.get("message", "")))
        raise ConflictError(existing.group(1) if existing else "")
    if status == HTTPStatus.BAD_REQUEST:
        names = ", ".join(_names(said)) or "a value"
        raise ToolInputError(
            f"HubSpot does not accept this ({_category(said)}): {names}",
            for_model=f"The CRM does not accept this value: {names}. Change it and try again.",
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or not response.is_client_error:
        raise _lost(request, f"HubSpot answered {status} ({_category(said)})", status)
    raise UpstreamError(
        f"HubSpot answered {status} ({_category(said)})", status=status, outcome_unknown=False, for_model=_FOR_MODEL
    )


def failure_of(request: Request, error: httpx.TransportError) -> UpstreamError:
    """Return the error for a request without a reply."""
    if isinstance(error, _NEVER_SENT):
        return UpstreamError(
            f"HubSpot cannot be reached: {type(error).__name__}",
            retryable=True,
            outcome_unknown=False,
            for_model=_FOR_MODEL,
        )
    return _lost(request, f"HubSpot's reply did not come: {type(error).__name__}", None)


class ConflictError(UpstreamError):
    """HubSpot has an object with the same unique value.

    Attributes:
        existing_id: That object's id; "" if HubSpot did not say.
    """

    def __init__(self, existing_id: str) -> None:
        super().__init__(
            f"HubSpot has this object already ({existing_id or 'id not given'})",
            status=409,
            outcome_unknown=False,
            for_model="The CRM has this record already. Search for it and update it.",
        )
        self.existing_id = existing_id


def _lost(request: Request, why: str, status: int | None) -> UpstreamError:
    return UpstreamError(
        f"{why}; it is not known whether the change happened" if request.writes else why,
        status=status,
        retryable=not request.writes,
        outcome_unknown=request.writes,
        for_model=_FOR_MODEL_UNKNOWN if request.writes else _FOR_MODEL,
    )


def _read(request: Request, response: httpx.Response) -> dict[str, Any]:
    try:
        told: Any = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        told = None
    if not isinstance(told, dict):
        raise _lost(request, "HubSpot's reply cannot be read", None)
    return cast("dict[str, Any]", told)


def _error_of(response: httpx.Response) -> Mapping[str, Any]:
    try:
        told: Any = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    return cast("Mapping[str, Any]", told) if isinstance(told, dict) else {}


def _category(said: Mapping[str, Any]) -> str:
    category = said.get("category")
    return category if isinstance(category, str) and _CATEGORY.fullmatch(category) else "no category"


def _names(said: Mapping[str, Any], context: str = "propertyName") -> list[str]:
    """Return the names HubSpot's error is about; whatever does not look like a name may be a person's data."""
    found: list[Any] = []
    for each in cast("list[Any]", said.get("errors") or []):
        inside: Any = (each.get("context") or {}).get(context) if isinstance(each, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        found += inside if isinstance(inside, list) else []
    return sorted({name for name in found if isinstance(name, str) and _NAME.fullmatch(name)})


def _unauthorised(status: int, said: Mapping[str, Any]) -> UpstreamError:
    if status == HTTPStatus.UNAUTHORIZED:
        why = "HubSpot does not know the token, or it has expired; set TOOL_HUBSPOT_TOKEN to a valid one"
    else:
        scopes = ", ".join(_names(said, "requiredGranularScopes")) or "crm.objects.* and crm.schemas.*"
        why = f"HubSpot's token lacks a scope; give its private app: {scopes}"
    return UpstreamError(
        why,
        status=status,
        outcome_unknown=False,
        for_model="The CRM refuses this access; a person has to mend the set-up. Continue without it.",
    )


def _too_many(response: httpx.Response, said: Mapping[str, Any], now: datetime) -> UpstreamError:
    wait_s = _seconds(response.headers.get("Retry-After"), now)
    policy = said.get("policyName")
    limit = policy if isinstance(policy, str) and _CATEGORY.fullmatch(policy) else "a"
    when = "later" if wait_s is None else f"in {wait_s:g} s"
    return UpstreamError(
        f"HubSpot's {limit} limit is reached; free again {when}",
        status=429,
        retryable=True,
        retry_after=wait_s,
        outcome_unknown=False,
        for_model=f"The CRM is busy. Continue without it, or call it again {when.replace(' s', ' seconds')}.",
    )


def _seconds(header: str | None, now: datetime) -> float | None:
    """Return what Retry-After says: seconds, or a date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", header):
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError):
        return None
