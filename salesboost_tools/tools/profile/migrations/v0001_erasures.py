"""Who was erased."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "profile_erasures",
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(254)),
        sa.Column("actor_role", sa.String(40)),
        sa.Column("key", sa.String(200)),
        sa.PrimaryKeyConstraint("tenant_id", "person_id", name="pk_profile_erasures"),
    )
