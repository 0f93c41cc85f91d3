"""Texting as the settings want it: the outbox with its rules and its provider, and the provider's callbacks."""

from datetime import timedelta

from salesboost_tools.settings import Settings
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms import OutboxOnly, Policy, SmsOutbox, SmsProvider, open_sms
from salesboost_tools.tools.sms.cap import Cap
from salesboost_tools.tools.sms.quiet_hours_file import default_quiet_hours, load_quiet_hours
from salesboost_tools.tools.sms.twilio import Twilio
from salesboost_tools.tools.sms.twilio_callbacks import TwilioCallbacks
from salesboost_tools.tools.sms.twilio_wire import TwilioAccount


def open_texting(settings: Settings, *, database: Database | None = None, now: Now = utc_now) -> SmsOutbox:
    """Open the outbox.

    Args:
        settings: Its database, rules and provider.
        database: What stands at `database_url`, if somebody has opened it already.
        now: The present moment (UTC) as long as nothing is really sent; real messages go by the wall clock.

    Raises:
        ConfigurationError: A setting names a database, file or provider that cannot be used.
        UpstreamError: The database did not answer.
    """
    if database is None and settings.database_url is not None:
        database = Database(settings.database_url)
    provider = provider_of(settings)
    return open_sms(
        settings.data_dir,
        policy=policy_of(settings),
        database=database,
        provider=provider,
        now=utc_now if provider.delivers else now,
    )


def provider_of(settings: Settings) -> SmsProvider:
    """Return who carries the messages.

    Raises:
        ConfigurationError: What the provider needs is not set.
    """
    return OutboxOnly() if settings.sms_provider == "outbox" else Twilio(_account(settings))


def open_callbacks(settings: Settings, outbox: SmsOutbox) -> TwilioCallbacks:
    """Return what takes Twilio's callbacks: mount its two functions where Twilio is told to call.

    Raises:
        ConfigurationError: What Twilio needs is not set: nobody could tell whether a callback is its own.
    """
    return TwilioCallbacks(outbox, _account(settings).auth_token)


def _account(settings: Settings) -> TwilioAccount:
    return TwilioAccount(
        account_sid=settings.twilio_account_sid or "",
        auth_token=settings.twilio_auth_token or "",
        sender=settings.twilio_from,
        messaging_service_sid=settings.twilio_messaging_service_sid,
        status_callback_url=settings.twilio_status_callback_url,
        base_url=settings.twilio_base_url,
    )


def policy_of(settings: Settings) -> Policy:
    """Return the rules of sending that the settings ask for.

    Raises:
        ConfigurationError: The file of quiet hours cannot be used.
    """
    own = settings.sms_quiet_hours
    return Policy(
        quiet_hours=default_quiet_hours() if own is None else load_quiet_hours(own),
        cap=Cap(settings.sms_recipient_cap, timedelta(seconds=settings.sms_recipient_window)),
        consent_required=settings.sms_consent_required,
    )
