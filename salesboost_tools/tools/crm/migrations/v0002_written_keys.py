"""Idempotency keys of writes, and room for people whose id is an e-mail address."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table, widen two columns."""
    op.create_table(
        "written_keys",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(40), nullable=False),
        sa.Column("record_type", sa.String(20), nullable=False),
        sa.Column("record_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_written_keys"),
    )
    with op.batch_alter_table("audit_trail") as table:
        table.alter_column("actor", type_=sa.String(254), existing_type=sa.String(64), existing_nullable=True)
    with op.batch_alter_table("activities") as table:
        table.alter_column("owner_id", type_=sa.String(254), existing_type=sa.String(64), existing_nullable=True)
