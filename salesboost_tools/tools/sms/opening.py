"""The outbox that works without any set-up, and the one in a database of one's own."""

import csv
import io
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sqlalchemy import URL, Connection, select

from salesboost_tools.core.errors import ConfigurationError, ToolInputError
from salesboost_tools.tools.argument import Now, utc_now
from salesboost_tools.tools.crm.scenario import scenario_as_of
from salesboost_tools.tools.database import Database
from salesboost_tools.tools.sms.ledger import Entry, enter, locked_standing
from salesboost_tools.tools.sms.outbox import SmsOutbox
from salesboost_tools.tools.sms.phone import read_phone
from salesboost_tools.tools.sms.provider import SmsProvider
from salesboost_tools.tools.sms.schema import SMS_SCHEMA, consent_ledger
from salesboost_tools.tools.sms.scope import Policy
from salesboost_tools.tools.sms.vocabulary import Consent, Source

FILE_NAME = "sms-v1.sqlite3"
"""The 1 stays: later versions of the package upgrade the file they find."""

_AGREED = {"preferred_channel": "text", "email_consent": "given"}


def open_sms(
    data_dir: Path,
    *,
    policy: Policy,
    database: Database | None = None,
    provider: SmsProvider | None = None,
    now: Now = utc_now,
) -> SmsOutbox:
    """Return the outbox in a database of the user's own, or the embedded one.

    Args:
        data_dir: Folder of the embedded file; created if missing.
        policy: What messages have to keep to.
        database: The user's own, which other stores may share: its tables are made or upgraded, nobody's consent is
            filled in. None for an SQLite file that nobody else may read, made on first use, with the consent of the
            shipped contacts, as long as nothing is really sent.
        provider: Who carries messages; nobody by default.
        now: The present moment (UTC).

    Raises:
        ConfigurationError: The database is one of a later version, or the folder cannot be written.
        UpstreamError: The database did not answer.
    """
    if database is not None:
        database.upgrade(SMS_SCHEMA)
        return SmsOutbox(database, policy=policy, provider=provider, now=now)
    file = (data_dir / FILE_NAME).absolute()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)  # numbers, texts and who agreed to what: nobody else's business
    except OSError as error:
        raise ConfigurationError(f"cannot write to {data_dir}: {error}; set TOOL_DATA_DIR") from error
    embedded = Database(URL.create("sqlite", database=str(file)))
    embedded.upgrade(SMS_SCHEMA)
    if provider is None or not provider.delivers:  # the consent of people in a story is no consent
        embedded.perform(seed_consent, writes=True)
    return SmsOutbox(embedded, policy=policy, provider=provider, now=now)


def seed_consent(connection: Connection, contacts: Traversable | None = None) -> int:
    """Enter the consent of the shipped scenario's contacts, once, and return how many were entered.

    Those count who prefer texts and agreed to be written to, as far as their numbers exist outside the story.

    Args:
        connection: The open transaction.
        contacts: A CSV file with the columns of the CRM's contacts; the shipped one by default.
    """
    if connection.execute(select(consent_ledger.c.id).where(consent_ledger.c.source == Source.SEED).limit(1)).first():
        return 0
    file = contacts or files("salesboost_tools") / "data" / "contacts.csv"
    rows = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline=""))
    entered = 0
    for row in rows:
        if any(row[column] != value for column, value in _AGREED.items()) or not row["phone"]:
            continue
        try:
            number = read_phone(row["phone"]).e164
        except ToolInputError:  # a number set aside for stories
            continue
        entry = Entry(
            consent=Consent.GIVEN,
            source=Source.SEED,
            evidence=f"shipped scenario: {row['id']} prefers texts",
            at=scenario_as_of(),
            reference=f"scenario:{row['id']}",
        )
        locked_standing(connection, row["tenant_id"], number, entry.at)
        entered += enter(connection, row["tenant_id"], number, entry)
    return entered
