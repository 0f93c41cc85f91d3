"""A server of sales tools that speaks the Model Context Protocol over stdio. It is started as a program of its own."""

from collections import Counter

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from pydantic import BaseModel

server = FastMCP("sales", log_level="ERROR")
calls: Counter[str] = Counter()
"""How often something was asked for, by what it was."""


class Account(BaseModel):
    name: str
    employees: int
    asked: int


@server.tool()
def find_account(name: str) -> Account:
    """Finds an account by its name."""
    calls[name] += 1
    return Account(name=name, employees=120, asked=calls[name])


@server.tool(structured_output=False)
def count_deals(stage: str = "open") -> str:
    """Counts the deals in a stage."""
    calls[stage] += 1
    return f"{calls[stage]} {stage}"


@server.tool(structured_output=False)
def close_deal(deal: str) -> str:
    """Closes a deal."""
    raise ToolError(f"the deal {deal} is locked")


if __name__ == "__main__":
    server.run("stdio")
