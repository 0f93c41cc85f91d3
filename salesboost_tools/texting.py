"""Texting as the settings want it: the outbox with its rules and its provider."""

from datetime import timedelta

from salesboost_tools.settings import Settings
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms import Policy, SmsOutbox, open_sms
from salesboost_tools.tools.sms.cap import Cap
from salesboost_tools.tools.sms.quiet_hours_file import default_quiet_hours, load_quiet_hours


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
    return open_sms(settings.data_dir, policy=policy_of(settings), database=database, now=now)


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
