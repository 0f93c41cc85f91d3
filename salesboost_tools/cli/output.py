"""What commands print, and how they end."""

import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Annotated, Any, NoReturn

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


class Exit(IntEnum):
    """How a command ends."""

    DONE = 0
    FAILED = 1
    """What was asked for did not succeed: a call failed, a tool is unhealthy, nothing was found."""
    WRONG_USE = 2
    """The command or the set-up is wrong, and a person must mend it."""


def print_json(value: Any) -> None:
    """Print a value as JSON; what JSON does not know as text."""
    sys.stdout.write(to_json(value, indent=2, fallback=str, inf_nan_mode="null").decode() + "\n")


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print rows of text; nothing in them is taken for markup."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=place == 0)  # names are for copying
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)


def fail(message: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Say why on standard error, and end."""
    err.print(Text(message, style="red"), soft_wrap=True)
    raise typer.Exit(code)
