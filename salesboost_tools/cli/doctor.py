"""`salesboost doctor`: look at the whole set-up and say how to mend it."""

import asyncio
import os
from collections.abc import Iterable
from importlib.util import find_spec
from typing import NamedTuple

import typer

from salesboost_tools.cli.output import AsJson, Exit, print_json, print_table
from salesboost_tools.core.errors import SalesToolsError
from salesboost_tools.health import HealthStatus
from salesboost_tools.settings import Settings
from salesboost_tools.toolkit import SalesToolkit

EXTRAS = {
    "redis": ("redis", "orjson"),
    "postgres": ("psycopg",),
    "service": ("fastapi", "uvicorn", "jwt"),
    "mcp": ("mcp",),
    "otel": ("opentelemetry",),
    "models": ("langchain",),
    "documents": ("pypdf", "bs4"),
    "minilm": ("tokenizers", "safetensors"),
    "plots": ("matplotlib",),
}
"""Extra -> the modules it brings."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    subject: str
    is_fine: bool
    words: str


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(*, as_json: AsJson = False) -> None:
    """Look at the whole set-up and say what is wrong and how to mend it. Ends with 1 if something is."""
    findings = list(findings_of_the_set_up())
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        rows = [(finding.subject, "fine" if finding.is_fine else "WRONG", finding.words) for finding in findings]
        print_table("", ("What", "", "Finding"), rows)
    if not all(finding.is_fine for finding in findings):
        raise typer.Exit(Exit.FAILED)


def findings_of_the_set_up() -> Iterable[Finding]:
    """Yield what is found: settings, extras, then what the tools' probes say."""
    try:
        settings = Settings()
    except SalesToolsError as error:
        yield Finding("settings", is_fine=False, words=str(error))
        return
    given = sorted(name for name in os.environ if name.startswith("TOOL_"))
    yield Finding("settings", is_fine=True, words=", ".join(given) or "none given; the defaults hold")
    yield from (_extra(name, modules) for name, modules in EXTRAS.items())
    yield from _probes(settings)


def _extra(name: str, modules: tuple[str, ...]) -> Finding:
    missing = [module for module in modules if find_spec(module) is None]
    words = f"not installed; if you want it: pip install 'salesboost-tools[{name}]'" if missing else "installed"
    return Finding(f"extra {name}", is_fine=True, words=words)


def _probes(settings: Settings) -> Iterable[Finding]:
    try:
        toolkit = SalesToolkit(settings)
        report = asyncio.run(toolkit.health.check_all())
    except SalesToolsError as error:
        yield Finding("tools", is_fine=False, words=str(error))
        return
    yield Finding("data folder", is_fine=True, words=str(settings.data_dir.resolve()))
    store = toolkit.health.store_failure()
    toolkit.close()
    if settings.redis_url:
        yield Finding("state store", is_fine=store is None, words=store or "answers")
    for name, health in {**report.tools, **report.variants}.items():
        broken = health.status is HealthStatus.UNHEALTHY
        details = dict(health.probed.details) if health.probed else {}
        told = ", ".join(f"{key}: {value}" for key, value in details.items())
        yield Finding(name, is_fine=not broken, words="; ".join(health.reasons) or told or "its probe succeeded")
