"""`salesboost`: every command, and errors without tracebacks."""

import sys

import typer
from rich.text import Text

from salesboost_tools.cli import brief, doctor, health, ingest, init, selection, serving, tools
from salesboost_tools.cli.output import Exit, err
from salesboost_tools.core.errors import ConfigurationError, SalesToolsError

app = typer.Typer(
    name="salesboost",
    help="Governed sales tools for LangChain and LangGraph. Settings come from the environment (TOOL_...).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _module in (tools, brief, init, ingest, selection, health, doctor, serving):
    _module.add_to(app)


def main() -> None:
    """Run the command line and end the process."""
    try:
        app()
    except SalesToolsError as error:
        err.print(Text(str(error), style="red"), soft_wrap=True)
        sys.exit(Exit.WRONG_USE if isinstance(error, ConfigurationError) else Exit.FAILED)
