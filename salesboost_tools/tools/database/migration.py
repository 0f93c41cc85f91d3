"""How the tables of a module come to be what they are today: numbered steps inside the package, run by alembic."""

import threading
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection, MetaData, String, column, inspect, select, table, text

from salesboost_tools.core.errors import ConfigurationError

_ONE_AT_A_TIME = threading.Lock()
"""Alembic's `op` is a global of its module."""

_ADVISORY_LOCK = 7_311_402_690_551
"""PostgreSQL's lock for whoever migrates: any number, always the same."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one module. Every module has a history of its own, so that none waits for another's.

    Attributes:
        name: The module's; its revision is kept in the table `<name>_revision`.
        metadata: The tables as they are today.
        migrations: The package that holds the steps, one file each, in alembic's form.
        head: The revision of the last step.
    """

    name: str
    metadata: MetaData
    migrations: str
    head: str

    @property
    def version_table(self) -> str:
        """Name of the table that says which step came last."""
        return f"{self.name}_revision"


def is_current(connection: Connection, schema: Schema) -> bool:
    """Return whether the last step has been taken. Alembic is not needed for that, so it is not even imported."""
    return _revision(connection, schema) == schema.head


def upgrade(connection: Connection, schema: Schema) -> None:
    """Take the missing steps, inside the connection's transaction.

    The transaction holds SQLite's write lock, or takes PostgreSQL's advisory lock: whoever comes second waits, and
    finds nothing left to do.

    Raises:
        ConfigurationError: The database stands at a step this version does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    if is_current(connection, schema):
        return
    from alembic.config import Config  # noqa: PLC0415  (0.2 s that most openings do not need)
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.runtime.migration import MigrationStep  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    folder = str(files(schema.migrations))
    script = ScriptDirectory(folder, version_locations=[folder])
    found = _revision(connection, schema)
    if found is not None and found not in {step.revision for step in script.walk_revisions()}:
        raise ConfigurationError(
            f"the database's {schema.name} tables are at revision {found!r}, which this version of salesboost-tools "
            f"(up to {schema.head!r}) does not know; install the version that made it, or name another database"
        )

    def steps(now: Any, _context: Any) -> list[Any]:
        missing = list(script.iterate_revisions("head", now, implicit_base=True))
        return [MigrationStep.upgrade_from_script(script.revision_map, step) for step in reversed(missing)]

    with _ONE_AT_A_TIME, EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(
            connection=connection, target_metadata=schema.metadata, version_table=schema.version_table
        )
        environment.run_migrations()


def _revision(connection: Connection, schema: Schema) -> str | None:
    if not inspect(connection).has_table(schema.version_table):
        return None
    return connection.execute(select(column("version_num", String)).select_from(table(schema.version_table))).scalar()
