"""What Twilio tells us unasked: what became of a message, and what a customer texted. No web framework here."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.argument import DEFAULT_TENANT, Now, utc_now
from salesboost_tools.tools.sms import rows
from salesboost_tools.tools.sms.flows import Flow, Transaction
from salesboost_tools.tools.sms.keywords import Asked, Keywords, default_keywords
from salesboost_tools.tools.sms.ledger import Entry, enter, locked_standing, tenants_that_know
from salesboost_tools.tools.sms.opting_out import opt_out
from salesboost_tools.tools.sms.outbox import SmsOutbox
from salesboost_tools.tools.sms.phone import read_phone
from salesboost_tools.tools.sms.provider import Report
from salesboost_tools.tools.sms.settling import note_report
from salesboost_tools.tools.sms.twilio_signature import Params, is_twilios
from salesboost_tools.tools.sms.twilio_wire import report_from
from salesboost_tools.tools.sms.vocabulary import Consent, Source

_PROVIDER = "twilio"


@dataclass(frozen=True, slots=True)
class CallbackAnswer:
    """What to answer Twilio over HTTP.

    Attributes:
        status: HTTP status.
        body: The body.
        content_type: Of the body.
        what: What was done, for logs: no numbers, no texts.
    """

    status: int
    body: str
    content_type: str
    what: str


_NOT_TWILIOS: Final = CallbackAnswer(403, "", "text/plain", "refused: no valid signature")


def _noted(what: str) -> CallbackAnswer:
    return CallbackAnswer(204, "", "text/plain", what)


def _no_reply(what: str) -> CallbackAnswer:
    """Answer an inbound message with nothing to be sent back: Twilio itself confirms STOP and START."""
    return CallbackAnswer(200, "<Response/>", "text/xml", what)


class TwilioCallbacks:
    """Takes Twilio's callbacks; each may come late, twice and out of order, and says who sent it.

    Args:
        outbox: The messages and the ledger they are about.
        auth_token: The account's secret, which signs callbacks.
        keywords: STOP and START in all languages; the shipped ones by default.
        now: The present moment (UTC).
    """

    def __init__(
        self, outbox: SmsOutbox, auth_token: str, *, keywords: Keywords | None = None, now: Now = utc_now
    ) -> None:
        self._outbox = outbox
        self._auth_token = auth_token
        self._keywords = keywords or default_keywords()
        self._now = now

    def handle_status_callback(self, url: str, params: Params, signature: str | None) -> CallbackAnswer:
        """Note what became of a message.

        Args:
            url: As Twilio called it, query included: behind a proxy, the outer address.
            params: The fields of the form.
            signature: The header X-Twilio-Signature.

        Returns:
            403 without a valid signature; 204 otherwise, also where nothing was to be noted.

        Raises:
            UpstreamError: The database did not answer. Answer with 503, so that Twilio tells it again.
        """
        return self._outbox.run(self._status(url, params, signature))

    async def ahandle_status_callback(self, url: str, params: Params, signature: str | None) -> CallbackAnswer:
        """Do what `handle_status_callback` does without blocking the event loop."""
        return await self._outbox.arun(self._status(url, params, signature))

    def handle_inbound(self, url: str, params: Params, signature: str | None) -> CallbackAnswer:
        """Enter a STOP or START into the ledger; other messages change nothing.

        All tenants share the sender, so a STOP counts for every tenant that knows the number, and for the default one;
        a START counts for every tenant that knows it.

        Args:
            url: As Twilio called it, query included: behind a proxy, the outer address.
            params: The fields of the form.
            signature: The header X-Twilio-Signature.

        Returns:
            403 without a valid signature; 200 with an empty TwiML document otherwise.

        Raises:
            UpstreamError: The database did not answer. Answer with 503, so that Twilio tells it again.
        """
        return self._outbox.run(self._inbound(url, params, signature))

    async def ahandle_inbound(self, url: str, params: Params, signature: str | None) -> CallbackAnswer:
        """Do what `handle_inbound` does without blocking the event loop."""
        return await self._outbox.arun(self._inbound(url, params, signature))

    def _is_twilios(self, url: str, params: Params, signature: str | None) -> bool:
        return signature is not None and is_twilios(url, params, signature, self._auth_token)

    def _status(self, url: str, params: Params, signature: str | None) -> Flow[CallbackAnswer]:
        if not self._is_twilios(url, params, signature):
            return _NOT_TWILIOS
        status = _one(params, "MessageStatus") or _one(params, "SmsStatus")
        sid = _one(params, "MessageSid") or _one(params, "SmsSid")
        report = report_from(sid, status, _one(params, "ErrorCode"))
        if report is None:
            return _noted("nothing to note")
        ours = parse_qs(urlsplit(url).query).get("message", [None])[0]
        work = partial(self._note, report=report, message_id=ours)
        return _noted((yield Transaction(work)))

    def _note(self, connection: Connection, report: Report, message_id: str | None) -> str:
        row = rows.of_any_tenant(connection, _PROVIDER, provider_id=report.provider_id, message_id=message_id)
        if row is None:
            return "a message that is not ours"
        after = note_report(connection, row, report, now=self._now())
        return f"{row['id']} is {after['state']}"

    def _inbound(self, url: str, params: Params, signature: str | None) -> Flow[CallbackAnswer]:
        if not self._is_twilios(url, params, signature):
            return _NOT_TWILIOS
        asked = self._asked(params)
        sid, sender = _one(params, "MessageSid"), _one(params, "From")
        if asked not in {Asked.STOP, Asked.START} or sid is None or sender is None:
            return _no_reply("nothing to enter")
        try:
            number = read_phone(sender).e164
        except ToolInputError:  # a short code, a name
            return _no_reply("nothing to enter: the sender is no number that is texted")
        changed = yield Transaction(partial(self._enter, asked=asked, number=number, sid=sid))
        return _no_reply(f"{asked.value}: entered for {changed} tenants")

    def _asked(self, params: Params) -> Asked:
        """Return what a message asks for: in Twilio's own judgement (advanced opt-out), or in ours."""
        judged: Mapping[str, Asked] = {"STOP": Asked.STOP, "START": Asked.START, "HELP": Asked.HELP}
        theirs = judged.get((_one(params, "OptOutType") or "").upper())
        return theirs or self._keywords.asked(_one(params, "Body") or "")

    def _enter(self, connection: Connection, asked: Asked, number: str, sid: str) -> int:
        now = self._now()
        stop = asked is Asked.STOP
        entry = Entry(
            consent=Consent.WITHDRAWN if stop else Consent.GIVEN,
            source=Source.RECIPIENT,
            evidence=f"texted {asked.value.upper()}",
            at=now,
            reference=sid,
        )
        known = tenants_that_know(connection, number)
        changed = 0
        for tenant_id in sorted({*known, DEFAULT_TENANT}) if stop else known:
            if stop:
                changed += opt_out(connection, tenant_id, number, entry)
            elif locked_standing(connection, tenant_id, number, now).consent is not Consent.GIVEN:
                changed += enter(connection, tenant_id, number, entry)
        return changed


def _one(params: Params, name: str) -> str | None:
    """Return a field's value, the first if it came several times; None if it is missing or empty."""
    value = params.get(name)
    if value is None or isinstance(value, str):
        return value or None
    return next(iter(value), None) or None
