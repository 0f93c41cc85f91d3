"""The tables, in portable SQL.

Every key begins with the tenant, so that a row cannot even refer to another tenant's row. Money is a whole number of
minor units beside its ISO 4217 currency (SQLite keeps NUMERIC as a float). Times are UTC and come back aware.
"""

import unicodedata
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

SCHEMA_VERSION: Final = 1
"""Rises with every change of the tables; part of the embedded database's file name."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept as UTC.

    Raises:
        ValueError: A naive datetime was given: nobody knows which hour it means.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  (SQLAlchemy passes it)
        """Turn an aware moment into UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored time needs a time zone; got {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  (SQLAlchemy passes it)
        """Return an aware moment, also from a database that forgets the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def folded(*texts: str | None) -> str:
    """Return texts as they are searched: joined, without accents, in one case (the same in every database)."""
    joined = " ".join(text for text in texts if text)
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", joined) if not unicodedata.combining(letter))
    return bare.casefold()


def _key(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, String(64), nullable=nullable)


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
    _key("tenant_id"),
    _key("id"),
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
    _key("owner_id", nullable=True),
    Column("search_text", Text, nullable=False),
    *_stamps(),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index(None, "tenant_id", "name", "id"),
)

contacts = Table(
    "contacts",
    metadata,
    _key("tenant_id"),
    _key("id"),
    _key("account_id"),
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
    _key("tenant_id"),
    _key("id"),
    _key("account_id"),
    Column("name", String(200), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("line_items", JSON, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    _key("owner_id", nullable=True),
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
    _key("tenant_id"),
    _key("id"),
    _key("account_id"),
    _key("deal_id", nullable=True),
    _key("contact_id", nullable=True),
    Column("kind", String(10), nullable=False),
    Column("direction", String(10)),
    Column("subject", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("status", String(10)),
    _key("owner_id", nullable=True),
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
    _key("tenant_id"),
    Column("at", UtcDateTime, nullable=False),
    _key("actor", nullable=True),
    Column("actor_role", String(40)),
    Column("operation", String(40), nullable=False),
    Column("record_type", String(20), nullable=False),
    _key("record_id"),
    Column("version", Integer, nullable=False),
    Column("changes", JSON, nullable=False),
    Index(None, "tenant_id", "record_type", "record_id", "id"),
)
