"""The toolkit of one command: opened with the settings of the environment, closed when the command ends."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from salesboost_tools.core.call import Caller
from salesboost_tools.settings import Settings
from salesboost_tools.toolkit import SalesToolkit

Role = Annotated[str, typer.Option("--role", help="Role to call as; tools check it.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Tenant to call for.")]
User = Annotated[str | None, typer.Option("--user", help="User to call for.")]

DEFAULT_ROLE = "coach"
"""The one role that may use every tool."""


@contextmanager
def open_toolkit() -> Generator[SalesToolkit]:
    """Yield the toolkit that the environment describes."""
    toolkit = SalesToolkit(Settings())
    try:
        yield toolkit
    finally:
        toolkit.close()


def caller(role: str, tenant: str | None, user: str | None) -> Caller:
    """Return who calls from this command line."""
    return Caller(role=role, tenant_id=tenant, user_id=user)
