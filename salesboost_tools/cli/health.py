"""`salesboost health`: probe every tool."""

import asyncio

import typer

from salesboost_tools.cli.output import AsJson, Exit, print_json, print_table
from salesboost_tools.health import HealthStatus
from salesboost_tools.toolkit import SalesToolkit


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("health")(health)


def health(*, as_json: AsJson = False) -> None:
    """Probe every tool. Ends with 1 if one is unhealthy."""
    with SalesToolkit() as toolkit:
        report = asyncio.run(toolkit.health.check_all())
    if as_json:
        print_json(report.as_dict())
    else:
        everything = {**report.tools, **report.variants}
        rows = [(name, found.status.value, "; ".join(found.reasons)) for name, found in everything.items()]
        print_table(f"All together: {report.status.value}", ("Tool", "Health", "Why"), rows)
    if report.status is HealthStatus.UNHEALTHY:
        raise typer.Exit(Exit.FAILED)
