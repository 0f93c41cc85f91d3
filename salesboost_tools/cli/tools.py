"""`salesboost tools` and `salesboost call`."""

import asyncio
import json
import sys
from typing import Annotated, Any, cast

import typer
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from rich.json import JSON

from salesboost_tools.cli.calling import DEFAULT_ROLE, Role, Tenant, User, caller
from salesboost_tools.cli.output import AsJson, Exit, fail, out, print_json, print_table
from salesboost_tools.core.errors import ToolPermissionError, UpstreamError
from salesboost_tools.core.rate_windows import shown
from salesboost_tools.core.spec import Effect
from salesboost_tools.governed import GovernedTool, config_of
from salesboost_tools.toolkit import SalesToolkit


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("tools")(list_tools)
    app.command("call")(call)


def list_tools(*, as_json: AsJson = False) -> None:
    """List the tools: who may call them, how often, what they do."""
    with SalesToolkit() as toolkit:
        tools = toolkit.get_tools()
        if as_json:
            print_json([convert_to_openai_tool(tool)["function"] for tool in tools])
            return
        print_table("", ("Tool", "Effect", "Roles", "Rate", "What it does"), map(_row, tools))


def call(
    name: Annotated[str, typer.Argument(help="The tool's name.")],
    *,
    arguments: Annotated[str, typer.Option("--args", help="Its arguments as JSON; - reads standard input.")] = "{}",
    key: Annotated[str | None, typer.Option("--idempotency-key", help="A write with it happens once.")] = None,
    role: Role = DEFAULT_ROLE,
    tenant: Tenant = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Call a tool and print its result."""
    payload = _payload(arguments)
    with SalesToolkit() as toolkit:
        config = config_of(caller(role, tenant, user), key)
        execution = asyncio.run(toolkit.executor().execute(name, payload, role, config=config))
        error = execution["error"]
        hint = _hint(toolkit, name, error["type"]) if error else ""
    if as_json:
        print_json(execution)
    elif error is None:
        result = execution["result"]
        out.print(result if isinstance(result, str) else JSON.from_data(result, default=str), soft_wrap=True)
    if error is not None:
        if as_json:
            raise typer.Exit(Exit.FAILED)
        fail(f"{error['type']}: {error['message']}{hint}")


def _hint(toolkit: SalesToolkit, name: str, kind: str) -> str:
    """Return what people at a terminal may do besides: choose their role, look at the set-up. Models may not."""
    if kind == UpstreamError.__name__:
        return " `salesboost doctor` says what is wrong."
    roles = next((_roles(tool) for tool in toolkit.get_tools() if tool.name == name), "")
    return f" --role may be one of: {roles}." if roles and kind == ToolPermissionError.__name__ else ""


def _payload(arguments: str) -> dict[str, Any]:
    text = sys.stdin.read() if arguments == "-" else arguments
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError) as error:
        fail(f"--args is not JSON: {error}", Exit.WRONG_USE)
    if not isinstance(payload, dict):
        fail("--args has to be a JSON object that holds the arguments by name", Exit.WRONG_USE)
    return cast("dict[str, Any]", payload)


def _row(tool: BaseTool) -> tuple[str, ...]:
    assert isinstance(tool, GovernedTool)
    spec = tool.spec
    effect = spec.effect.value if isinstance(spec.effect, Effect) else "read or write"
    rate = "" if spec.rate_limit is None else shown(spec.rate_limit)
    return tool.name, effect, _roles(tool), rate, tool.description.partition(". ")[0].partition(":")[0]


def _roles(tool: BaseTool) -> str:
    assert isinstance(tool, GovernedTool)
    roles = tool.spec.allowed_roles
    return "everybody" if roles is None else ", ".join(sorted(roles)) or "nobody"
