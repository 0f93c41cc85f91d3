"""The table of erasures: who was erased, when and by whom. It holds ids and no personal data."""

from typing import Final

from sqlalchemy import Column, PrimaryKeyConstraint, String, Table

from salesboost_tools.tools.database import Schema
from salesboost_tools.tools.database.columns import UtcDateTime, key_column, new_metadata

metadata = new_metadata()

profile_erasures: Final = Table(
    "profile_erasures",
    metadata,
    key_column("tenant_id"),
    key_column("person_id"),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(254)),
    Column("actor_role", String(40)),
    Column("key", String(200)),
    PrimaryKeyConstraint("tenant_id", "person_id"),
)

PROFILE_SCHEMA: Final = Schema("profile", metadata, migrations="salesboost_tools.tools.profile.migrations", head="0001")
