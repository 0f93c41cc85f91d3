"""Accounts, contacts, deals, activities and the audit trail.

Version 0.1.0 made these tables without migrations: where they are there already, they are taken over as they are.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is not there."""
    _accounts()
    _contacts()
    _deals()
    _activities()
    _audit_trail()


def _key(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(64), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[datetime]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _table(name: str, *parts: "sa.schema.SchemaItem") -> None:
    op.create_table(name, *parts, if_not_exists=True)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns), if_not_exists=True)


def _stamps() -> "tuple[sa.schema.SchemaItem, ...]":
    return _moment("created_at"), _moment("updated_at"), sa.Column("version", sa.Integer, nullable=False)


def _accounts() -> None:
    _table(
        "accounts",
        _key("tenant_id"),
        _key("id"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("domain", sa.String(253)),
        sa.Column("industry", sa.String(60)),
        sa.Column("employees", sa.Integer),
        sa.Column("annual_revenue_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("country", sa.String(2)),
        sa.Column("city", sa.String(80)),
        sa.Column("time_zone", sa.String(64)),
        sa.Column("phone", sa.String(40)),
        sa.Column("status", sa.String(16), nullable=False),
        _key("owner_id", nullable=True),
        sa.Column("search_text", sa.Text, nullable=False),
        *_stamps(),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_accounts"),
    )
    _index("accounts", "tenant_id", "name", "id")


def _contacts() -> None:
    _table(
        "contacts",
        _key("tenant_id"),
        _key("id"),
        _key("account_id"),
        sa.Column("first_name", sa.String(80), nullable=False),
        sa.Column("last_name", sa.String(80), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("phone", sa.String(40)),
        sa.Column("title", sa.String(120)),
        sa.Column("buying_role", sa.String(20)),
        sa.Column("preferred_channel", sa.String(10)),
        sa.Column("email_consent", sa.String(10), nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        *_stamps(),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_contacts"),
        sa.UniqueConstraint("tenant_id", "email", name="uq_contacts_tenant_id_email"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["accounts.tenant_id", "accounts.id"], name="fk_contacts_accounts"
        ),
    )
    _index("contacts", "tenant_id", "account_id", "last_name", "id")


def _deals() -> None:
    _table(
        "deals",
        _key("tenant_id"),
        _key("id"),
        _key("account_id"),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("line_items", sa.JSON, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        _key("owner_id", nullable=True),
        sa.Column("competitor", sa.String(60)),
        sa.Column("close_reason", sa.String(60)),
        sa.Column("next_step", sa.String(300)),
        sa.Column("close_date", sa.Date, nullable=False),
        sa.Column("close_date_slips", sa.Integer, nullable=False),
        _moment("closed_at", nullable=True),
        sa.Column("search_text", sa.Text, nullable=False),
        *_stamps(),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_deals"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["accounts.tenant_id", "accounts.id"], name="fk_deals_accounts"
        ),
    )
    _index("deals", "tenant_id", "stage")
    _index("deals", "tenant_id", "account_id")
    _index("deals", "tenant_id", "owner_id")


def _activities() -> None:
    _table(
        "activities",
        _key("tenant_id"),
        _key("id"),
        _key("account_id"),
        _key("deal_id", nullable=True),
        _key("contact_id", nullable=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("direction", sa.String(10)),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        _moment("occurred_at"),
        _moment("due_at", nullable=True),
        sa.Column("status", sa.String(10)),
        _key("owner_id", nullable=True),
        *_stamps(),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_activities"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"], ["accounts.tenant_id", "accounts.id"], name="fk_activities_accounts"
        ),
        sa.ForeignKeyConstraint(["tenant_id", "deal_id"], ["deals.tenant_id", "deals.id"], name="fk_activities_deals"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contact_id"], ["contacts.tenant_id", "contacts.id"], name="fk_activities_contacts"
        ),
    )
    _index("activities", "tenant_id", "account_id", "occurred_at")
    _index("activities", "tenant_id", "deal_id", "occurred_at")


def _audit_trail() -> None:
    _table(
        "audit_trail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        _key("tenant_id"),
        _moment("at"),
        _key("actor", nullable=True),
        sa.Column("actor_role", sa.String(40)),
        sa.Column("operation", sa.String(40), nullable=False),
        sa.Column("record_type", sa.String(20), nullable=False),
        _key("record_id"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("changes", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_trail"),
    )
    _index("audit_trail", "tenant_id", "record_type", "record_id", "id")
