"""The outbox, the recipients and the ledger of their consent."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the three tables."""
    _messages()
    _recipients()
    _consent_ledger()


def _key(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.String(64), nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> "sa.Column[datetime]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _messages() -> None:
    op.create_table(
        "sms_messages",
        _key("tenant_id"),
        _key("id"),
        sa.Column("idempotency_key", sa.String(80), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("recipient", sa.String(16), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("encoding", sa.String(5), nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("campaign", sa.String(60)),
        sa.Column("actor", sa.String(254)),
        sa.Column("actor_role", sa.String(40)),
        _moment("due_at"),
        _moment("expires_at"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _moment("attempted_at", nullable=True),
        sa.Column("lease_token", sa.String(32)),
        _moment("lease_until", nullable=True),
        _moment("look_at", nullable=True),
        sa.Column("provider_id", sa.String(64)),
        sa.Column("error_code", sa.Integer),
        sa.Column("error", sa.String(300)),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("sent_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_sms_messages"),
        sa.UniqueConstraint("tenant_id", "idempotency_key", name="uq_sms_messages_tenant_id_idempotency_key"),
        sa.UniqueConstraint("provider", "provider_id", name="uq_sms_messages_provider_provider_id"),
    )
    _index("sms_messages", "tenant_id", "recipient", "due_at")
    _index("sms_messages", "tenant_id", "campaign")
    _index("sms_messages", "state", "due_at")


def _recipients() -> None:
    op.create_table(
        "sms_recipients",
        _key("tenant_id"),
        sa.Column("number", sa.String(16), nullable=False),
        sa.Column("consent", sa.String(10), nullable=False),
        sa.Column("by_recipient", sa.Boolean, nullable=False),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("tenant_id", "number", name="pk_sms_recipients"),
    )
    _index("sms_recipients", "number")


def _consent_ledger() -> None:
    op.create_table(
        "sms_consent_ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        _key("tenant_id"),
        sa.Column("number", sa.String(16), nullable=False),
        _moment("at"),
        sa.Column("consent", sa.String(10), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("evidence", sa.String(500), nullable=False),
        sa.Column("reference", sa.String(100)),
        sa.Column("actor", sa.String(254)),
        sa.Column("actor_role", sa.String(40)),
        sa.UniqueConstraint(
            "tenant_id", "number", "reference", name="uq_sms_consent_ledger_tenant_id_number_reference"
        ),
    )
