"""For whom a statement is executed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Executable

from salesboost_tools.tools.crm import statements
from salesboost_tools.tools.crm.records import Row


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom and when a command is answered."""

    tenant_id: str
    now: datetime
    actor: str | None = None
    actor_role: str | None = None


def ask(connection: Connection, statement: Executable, scope: Scope, **values: Any) -> list[Row]:
    """Return the rows of a statement for the tenant of `scope`."""
    found = connection.execute(statement, {statements.TENANT: scope.tenant_id, **values})
    return cast("list[Row]", found.mappings().all())
