"""Twilio's Messages resource on the wire: requests as values, and what the answers mean. No I/O.

Source: Twilio REST API, version 2010-04-01, Messages resource; the same requests as the official SDK sends.
"""

import email.utils
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.errors import HeaderParseError
from typing import Any, Final, cast
from urllib.parse import quote

import httpx

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.sms.provider import (
    Answer,
    Fetch,
    Found,
    NotTaken,
    Refused,
    Report,
    Request,
    Search,
    Submit,
    Unclear,
)
from salesboost_tools.tools.sms.twilio_errors import OPTED_OUT, TOO_MANY_REQUESTS, reason_for
from salesboost_tools.tools.sms.vocabulary import State

_STATES: Final[Mapping[str, State]] = {
    "accepted": State.SENT,
    "scheduled": State.SENT,
    "queued": State.SENT,
    "sending": State.SENT,
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "partially_delivered": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.CANCELLED,
}
"""Twilio's states of outbound messages. `queued` there means that Twilio has it: for us it is sent."""

_PAGE_SIZE = 200
_PAGES_AT_MOST = 10
_CLOCK_SKEW = timedelta(seconds=60)
_CREDENTIALS = frozenset({401, 403})
_NO_SUCH_RESOURCE = 404
_BUSY = 429
_UNCERTAIN = frozenset({408, 409, 425})
"""Statuses below 500 after which the message may have been taken: see `core.aftermath`."""
_NEVER_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""The request was not sent: nothing can have happened."""

Heard = httpx.Response | httpx.HTTPError
Exchange = Generator[httpx.Request, Heard, Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """Whose account, and how it sends.

    Attributes:
        account_sid: The account.
        auth_token: Its secret: signs requests in, and callbacks out.
        sender: Number, short code or name the messages come from; None if the service chooses.
        messaging_service_sid: The service that chooses a sender; None if `sender` is set.
        status_callback_url: Where Twilio reports what becomes of messages; None for nowhere.
        base_url: Where the API is.

    Raises:
        ConfigurationError: Something is missing.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    sender: str | None = None
    messaging_service_sid: str | None = None
    status_callback_url: str | None = None
    base_url: str = "https://api.twilio.com"

    def __post_init__(self) -> None:
        if not (self.account_sid and self.auth_token):
            raise ConfigurationError("Twilio needs an account: set TOOL_TWILIO_ACCOUNT_SID and TOOL_TWILIO_AUTH_TOKEN")
        if not (self.sender or self.messaging_service_sid):
            raise ConfigurationError("Twilio needs a sender: set TOOL_TWILIO_FROM or TOOL_TWILIO_MESSAGING_SERVICE_SID")

    @property
    def messages_url(self) -> str:
        """Where messages are made and listed."""
        return f"{self.base_url.rstrip('/')}/2010-04-01/Accounts/{quote(self.account_sid)}/Messages"


# ---------------------------------------------------------------- requests


def create_request(account: TwilioAccount, message: Submit) -> httpx.Request:
    """Return the request that sends a message. Its status callback carries our id, so that a report finds its way."""
    form = {
        "To": message.to,
        "From": account.sender,
        "MessagingServiceSid": account.messaging_service_sid,
        "Body": message.body,
        "StatusCallback": status_callback_for(account, message.message_id),
    }
    given = {name: value for name, value in form.items() if value is not None}
    return _request(account, "POST", f"{account.messages_url}.json", data=given)


def status_callback_for(account: TwilioAccount, message_id: str) -> str | None:
    """Return where Twilio reports about this message; None for nowhere."""
    if account.status_callback_url is None:
        return None
    return str(httpx.URL(account.status_callback_url).copy_merge_params({"message": message_id}))


def fetch_request(account: TwilioAccount, provider_id: str) -> httpx.Request:
    """Return the request for one message."""
    return _request(account, "GET", f"{account.messages_url}/{quote(provider_id, safe='')}.json")


def list_request(account: TwilioAccount, *, to: str | None = None, page_size: int = _PAGE_SIZE) -> httpx.Request:
    """Return the request for messages to a number, or for any.

    The day of sending is no filter: a message that Twilio still holds has none, and would not be found.
    """
    sender = account.sender if to is not None and account.messaging_service_sid is None else None
    filters = {"To": to, "From": sender, "PageSize": str(page_size)}
    given = {name: value for name, value in filters.items() if value is not None}
    return _request(account, "GET", f"{account.messages_url}.json", params=given)


def next_page_request(account: TwilioAccount, page: Mapping[str, Any]) -> httpx.Request | None:
    """Return the request for the next page of a list; None behind the last."""
    path = page.get("next_page_uri")
    if not isinstance(path, str) or not path.startswith("/"):  # a path here: credentials go nowhere else
        return None
    return _request(account, "GET", account.base_url.rstrip("/") + path)


def _request(account: TwilioAccount, method: str, url: str, **content: Any) -> httpx.Request:
    credentials = httpx.BasicAuth(account.account_sid, account.auth_token)
    request = httpx.Request(method, url, headers={"Accept": "application/json", "Accept-Charset": "utf-8"}, **content)
    return next(credentials.auth_flow(request))


# ---------------------------------------------------------------- what the answers mean


def exchange(account: TwilioAccount, request: Request) -> Exchange:
    """Turn one request of the outbox into requests to Twilio and their answers into one answer."""
    match request:
        case Submit():
            return answer_to_create((yield create_request(account, request)))
        case Fetch():
            return answer_to_fetch((yield fetch_request(account, request.provider_id)))
        case Search():
            return (yield from _search(account, request))


def answer_to_create(heard: Heard) -> Report | Refused | NotTaken | Unclear:
    """Return what the answer to a create says: taken, refused, not taken, or unclear."""
    trouble = _trouble(heard)
    if trouble is not None:
        return trouble
    assert isinstance(heard, httpx.Response)
    report = report_of(_json(heard))
    return Unclear(why="the answer could not be read", status=heard.status_code) if report is None else report


def answer_to_fetch(heard: Heard) -> Report | Refused | NotTaken | Unclear:
    """Return what Twilio says has become of a message."""
    return answer_to_create(heard)


def _search(account: TwilioAccount, wanted: Search) -> Exchange:
    reports: list[Report] = []
    others: list[str] = []
    request: httpx.Request | None = list_request(account, to=wanted.to)
    for _ in range(_PAGES_AT_MOST):
        assert request is not None
        heard = yield request
        trouble = _trouble(heard)
        if trouble is not None:
            return Unclear(why=trouble.reason, status=trouble.status) if isinstance(trouble, Refused) else trouble
        assert isinstance(heard, httpx.Response)
        page = _json(heard)
        listed = page.get("messages")
        if not isinstance(listed, list):
            return Unclear(why="the list could not be read", status=heard.status_code)
        for each in cast("list[Any]", listed):
            _sort(each, wanted, reports, others)
        request = next_page_request(account, page)
        if request is None:
            return Found(reports=tuple(reports), others=tuple(others), complete=True)
    return Found(reports=tuple(reports), others=tuple(others), complete=False)


def _sort(entry: Any, wanted: Search, reports: list[Report], others: list[str]) -> None:
    """Put one entry of a list where it belongs: a match, another message since then, or neither."""
    if not isinstance(entry, dict):
        return
    message = cast("dict[str, Any]", entry)
    report = report_of(message)
    outbound = str(message.get("direction", "")).startswith("outbound")
    if report is None or not outbound or message.get("to") != wanted.to:
        return
    made = _moment(message.get("date_created"))
    if made is not None and made < wanted.since - _CLOCK_SKEW:
        return
    if str(message.get("body", "")).strip().endswith(wanted.body.strip()):  # a trial account puts words before it
        reports.append(report)
    else:
        others.append(report.provider_id)


def report_of(message: Mapping[str, Any]) -> Report | None:
    """Return what a message resource says; None if it cannot be read."""
    return report_from(message.get("sid"), message.get("status"), message.get("error_code"))


def report_from(sid: Any, status: Any, code: Any) -> Report | None:
    """Return a report from a message's id, state and error number; None if they cannot be read."""
    state = _STATES.get(status) if isinstance(status, str) else None
    if not isinstance(sid, str) or not sid or state is None:
        return None
    number = int(code) if isinstance(code, int) or (isinstance(code, str) and code.isdecimal()) else None
    failed = state is State.FAILED
    reason = reason_for(number) if failed else None
    return Report(
        provider_id=sid,
        state=state,
        error_code=number if failed else None,
        reason=reason,
        opted_out=failed and number == OPTED_OUT,
    )


def _trouble(heard: Heard) -> Refused | NotTaken | Unclear | None:
    """Return what stands against success; None if nothing does."""
    if not isinstance(heard, httpx.Response):
        kind = type(heard).__name__
        if isinstance(heard, _NEVER_REACHED):
            return NotTaken(why=f"Twilio could not be reached ({kind})")
        return Unclear(why=f"no answer ({kind})")
    status = heard.status_code
    if heard.is_success:
        return None
    code = _json(heard).get("code")
    code = code if isinstance(code, int) else None
    if status == _BUSY or code == TOO_MANY_REQUESTS:
        why = f"Twilio is busy (status {status})"
        return NotTaken(why=why, status=status, retry_after_s=_retry_after(heard))
    if status in _CREDENTIALS or (status == _NO_SUCH_RESOURCE and heard.request.method == "POST"):
        why = (
            f"Twilio does not let us in (status {status}, error {code}): "
            "check TOOL_TWILIO_ACCOUNT_SID and TOOL_TWILIO_AUTH_TOKEN"
        )
        return NotTaken(why=why, status=status, soon=False)
    if status in _UNCERTAIN or not heard.is_client_error:
        return Unclear(why=f"Twilio answered with status {status}", status=status)
    return Refused(status=status, error_code=code, reason=reason_for(code), opted_out=code == OPTED_OUT)


def _retry_after(heard: httpx.Response) -> float | None:
    """Return the seconds of a Retry-After header; None without one that is a number."""
    text = heard.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None


def _json(heard: httpx.Response) -> Mapping[str, Any]:
    try:
        found = heard.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _moment(text: Any) -> datetime | None:
    """Return an RFC 2822 date; None if it is none."""
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, HeaderParseError):
        return None
    return found.astimezone(UTC)
