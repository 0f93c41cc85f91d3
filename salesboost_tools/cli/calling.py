"""Who calls from the command line."""

from typing import Annotated

import typer

from salesboost_tools.core.call import Caller

Role = Annotated[str, typer.Option("--role", help="Role to call as; tools check it.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Tenant to call for.")]
User = Annotated[str | None, typer.Option("--user", help="User to call for.")]

DEFAULT_ROLE = "coach"
"""The one role that may use every tool."""


def caller(role: str, tenant: str | None, user: str | None) -> Caller:
    """Return who calls from this command line."""
    return Caller(role=role, tenant_id=tenant, user_id=user)
