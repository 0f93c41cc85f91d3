"""`salesboost brief`: prepare account briefs."""

from pathlib import Path
from typing import Annotated

import typer

from salesboost_tools.brief import demo


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("brief")(brief)


def brief(
    accounts: Annotated[
        list[str] | None,
        typer.Argument(
            help="Name, part of a name or id; none: the stalled deal with most at stake.", metavar="ACCOUNT"
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A chat model plans and writes, as provider:name.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the embedded stores; else a temporary one.")] = None,
    *,
    plain: Annotated[bool, typer.Option("--plain", help="No colours and nothing that moves.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Prepare an account brief twice and show what every call cost. Ends with 1 if an account is not known."""
    argv = [*(["--model", model] if model else []), *(["--data-dir", str(data_dir)] if data_dir else [])]
    argv += [*(["--plain"] if plain else []), *(["--json"] if as_json else []), "--", *(accounts or [])]
    raise typer.Exit(demo.main(argv))
