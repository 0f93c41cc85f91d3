"""The tables, in portable SQL.

Every key begins with the tenant, so that a row cannot even refer to another tenant's row. Money is a whole number of
minor units beside its ISO 4217 currency (SQLite keeps NUMERIC as a float). Times are UTC and come back aware.
"""

import unicodedata
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    ForeignKeyConstraint,
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

CRM_SCHEMA = Schema("crm", metadata, "salesboost_tools.tools.crm.migrations", head="0002")


def folded(*texts: str | None) -> str:
    """Return texts as they are searched: joined, without accents, in one case (the same in every database)."""
    joined = " ".join(text for text in texts if text)
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", joined) if not unicodedata.combining(letter))
    return bare.casefold()


def _stamps() -> tuple[Column[Any], ...]:
    """Return when a row was made and last changed, and how often (1 when new)."""
    return (
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("version", Integer, nullable=False, default=1),
    )


accounts = Table(
    "accounts",
    metadata,
    key_column("tenant_id"),
    key_column("id"),
    Column("name", String(200), nullable=False),
    Column("domain", String(253)),
    Column("industry", String(60)),
    Column("employees", Integer),
    Column("annual_revenue_minor", BigInteger),
    Column("currency", String(3), nullable=False),
    Column("country", String(2)),
    Column("city", String(80)),
    Column("time_zone", String(64)),
    Column("phone", String(40)),
    Column("status", String(16), nullable=False),
    key_column("owner_id", nullable=True),
    Column("search_text", Text, nullable=False),
    *_stamps(),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "name", "id"),
)

contacts = Table(
    "contacts",
    metadata,
    key_column("tenant_id"),
    key_column("id"),
    key_column("account_id"),
    Column("first_name", String(80), nullable=False),
    Column("last_name", String(80), nullable=False),
    Column("email", String(254)),
    Column("phone", String(40)),
    Column("title", String(120)),
    Column("buying_role", String(20)),
    Column("preferred_channel", String(10)),
    Column("email_consent", String(10), nullable=False),
    Column("search_text", Text, nullable=False),
    *_stamps(),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "email"),
    ForeignKeyConstraint(["tenant_id", "account_id"], ["accounts.tenant_id", "accounts.id"]),
    Index(None, "tenant_id", "account_id", "last_name", "id"),
)

deals = Table(
    "deals",
    metadata,
    key_column("tenant_id"),
    key_column("id"),
    key_column("account_id"),
    Column("name", String(200), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("line_items", JSON, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    key_column("owner_id", nullable=True),
    Column("competitor", String(60)),
    Column("close_reason", String(60)),
    Column("next_step", String(300)),
    Column("close_date", Date, nullable=False),
    Column("close_date_slips", Integer, nullable=False, default=0),
    Column("closed_at", UtcDateTime),
    Column("search_text", Text, nullable=False),
    *_stamps(),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "account_id"], ["accounts.tenant_id", "accounts.id"]),
    Index(None, "tenant_id", "stage"),
    Index(None, "tenant_id", "account_id"),
    Index(None, "tenant_id", "owner_id"),
)

activities = Table(
    "activities",
    metadata,
    key_column("tenant_id"),
    key_column("id"),
    key_column("account_id"),
    key_column("deal_id", nullable=True),
    key_column("contact_id", nullable=True),
    Column("kind", String(10), nullable=False),
    Column("direction", String(10)),
    Column("subject", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("status", String(10)),
    Column("owner_id", String(254)),
    *_stamps(),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id", "account_id"], ["accounts.tenant_id", "accounts.id"]),
    ForeignKeyConstraint(["tenant_id", "deal_id"], ["deals.tenant_id", "deals.id"]),
    ForeignKeyConstraint(["tenant_id", "contact_id"], ["contacts.tenant_id", "contacts.id"]),
    Index(None, "tenant_id", "account_id", "occurred_at"),
    Index(None, "tenant_id", "deal_id", "occurred_at"),
)

audit_trail = Table(
    "audit_trail",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    key_column("tenant_id"),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(254)),
    Column("actor_role", String(40)),
    Column("operation", String(40), nullable=False),
    Column("record_type", String(20), nullable=False),
    key_column("record_id"),
    Column("version", Integer, nullable=False),
    Column("changes", JSON, nullable=False),
    Index(None, "tenant_id", "record_type", "record_id", "id"),
)

written_keys = Table(
    "written_keys",
    metadata,
    key_column("tenant_id"),
    Column("key", String(200), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("operation", String(40), nullable=False),
    Column("record_type", String(20), nullable=False),
    key_column("record_id"),
    Column("version", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant_id", "key"),
)
"""Which write happened under which idempotency key; what it wrote stands in its record and in the audit trail."""
