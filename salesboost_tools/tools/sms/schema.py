"""The tables of texting: the outbox, the recipients and the ledger of their consent.

Every row belongs to a tenant. Numbers are E.164, times aware UTC.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from salesboost_tools.tools.database import Schema
from salesboost_tools.tools.database.columns import UtcDateTime, key_column, new_metadata

metadata = new_metadata()

SMS_SCHEMA = Schema("sms", metadata, "salesboost_tools.tools.sms.migrations", head="0001")


messages = Table(
    "sms_messages",
    metadata,
    key_column("tenant_id"),
    key_column("id"),
    Column("idempotency_key", String(80), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("state", String(10), nullable=False),
    Column("provider", String(20), nullable=False),
    Column("recipient", String(16), nullable=False),
    Column("body", Text, nullable=False),
    Column("encoding", String(5), nullable=False),
    Column("segments", Integer, nullable=False),
    Column("campaign", String(60)),
    Column("actor", String(254)),
    Column("actor_role", String(40)),
    Column("due_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("attempted_at", UtcDateTime),
    Column("lease_token", String(32)),
    Column("lease_until", UtcDateTime),
    Column("look_at", UtcDateTime),
    Column("provider_id", String(64)),
    Column("error_code", Integer),
    Column("error", String(300)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "idempotency_key"),
    UniqueConstraint("provider", "provider_id"),
    Index(None, "tenant_id", "recipient", "due_at"),
    Index(None, "tenant_id", "campaign"),
    Index(None, "state", "due_at"),
)
"""The outbox. A row exists, under a key that is unique, before anything is asked of a provider.

- `due_at`: not before then. `expires_at`: not after then. `attempted_at`: when it was last handed to the provider.
- `lease_token`, `lease_until`: who is sending it, and until when others leave it alone (state `sending`).
- `look_at`: when the provider is asked about it next (state `unknown`).
"""

recipients = Table(
    "sms_recipients",
    metadata,
    key_column("tenant_id"),
    Column("number", String(16), nullable=False),
    Column("consent", String(10), nullable=False),
    Column("by_recipient", Boolean, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant_id", "number"),
    Index(None, "number"),
)
"""What the ledger says now, per person. Whoever writes to a person locks this row first.

`by_recipient`: the last word came from the person, or from the provider on the person's behalf.
"""

consent_ledger = Table(
    "sms_consent_ledger",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    key_column("tenant_id"),
    Column("number", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("consent", String(10), nullable=False),
    Column("source", String(10), nullable=False),
    Column("evidence", String(500), nullable=False),
    Column("reference", String(100)),
    Column("actor", String(254)),
    Column("actor_role", String(40)),
    UniqueConstraint("tenant_id", "number", "reference"),
)
"""Who agreed or said stop, when and how. Rows are added, never changed. `reference` names the provider's message, so
that a callback that comes twice is entered once."""
