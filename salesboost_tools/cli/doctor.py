"""`salesboost doctor`: look at the whole set-up and say how to mend it."""

import asyncio
from collections.abc import Iterable
from contextlib import closing
from importlib.util import find_spec
from typing import NamedTuple

import typer

from salesboost_tools.cli.output import AsJson, Exit, print_json, print_table
from salesboost_tools.core.errors import SalesToolsError
from salesboost_tools.data_folder import own_documents
from salesboost_tools.health import HealthStatus
from salesboost_tools.settings import Settings
from salesboost_tools.toolkit import SalesToolkit
from salesboost_tools.tools.knowledge import open_own
from salesboost_tools.tools.knowledge.opening import FOLDER, OWN_INDEX

_BROKEN_SHOWN = 5

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
    given = sorted(f"TOOL_{name.upper()}" for name in settings.model_fields_set)
    yield Finding("settings", is_fine=True, words=", ".join(given) or "none given; the defaults hold")
    yield from (_extra(name, modules) for name, modules in EXTRAS.items())
    yield from _probes(settings)


def _extra(name: str, modules: tuple[str, ...]) -> Finding:
    missing = [module for module in modules if find_spec(module) is None]
    words = f"not installed; if you want it: pip install 'salesboost-tools[{name}]'" if missing else "installed"
    return Finding(f"extra {name}", is_fine=True, words=words)


def _documents(settings: Settings) -> Finding:
    """Tell whose documents are searched, and which files of the followed folder cannot be read."""
    folder = own_documents(settings)
    if folder is None and not (settings.data_dir / OWN_INDEX).exists():
        return Finding("documents", is_fine=True, words="the shipped articles")
    with closing(open_own(settings.data_dir)) as index:
        broken = () if folder is None else index.ingest(folder, collection=FOLDER).broken
        held = ", ".join(
            f"{count} from {folder if name == FOLDER else name}" for name, count in index.collections().items()
        )
    told = "; ".join(f"{file.path}: {file.problem}" for file in broken[:_BROKEN_SHOWN])
    words = f"{held or 'none'}" + (f"; {len(broken)} of {folder} cannot be read: {told}" if broken else "")
    return Finding("documents", is_fine=not broken, words=words)


def _probes(settings: Settings) -> Iterable[Finding]:
    try:
        with SalesToolkit(settings) as toolkit:
            report = asyncio.run(toolkit.health.check_all())
            store = toolkit.health.store_failure()
    except SalesToolsError as error:
        yield Finding("tools", is_fine=False, words=str(error))
        return
    yield Finding("data folder", is_fine=True, words=str(settings.data_dir.resolve()))
    yield _documents(settings)
    if settings.redis_url:
        yield Finding("state store", is_fine=store is None, words=store or "answers")
    for name, health in {**report.tools, **report.variants}.items():
        broken = health.status is HealthStatus.UNHEALTHY
        details = dict(health.probed.details) if health.probed else {}
        told = ", ".join(f"{key}: {value}" for key, value in details.items())
        yield Finding(name, is_fine=not broken, words="; ".join(health.reasons) or told or "its probe succeeded")
