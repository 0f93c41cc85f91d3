"""What the README says is so."""

import asyncio
import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from salesboost_tools import CacheHandler, SalesToolkit, Settings, ToolPermissionError
from salesboost_tools.cli.doctor import EXTRAS
from salesboost_tools.observe import metrics
from salesboost_tools.tools.names import TOOL_NAMES

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def _example() -> str:
    match = re.search(r"<!-- example: a test runs this block -->\n```python\n(.*?)```", README, re.DOTALL)
    assert match, "the README has lost its example"
    return match[1]


def test_the_example_runs_and_its_second_call_is_answered_from_memory():
    names: dict = {}
    exec(compile(_example(), "README.md", "exec"), names)

    async def use():
        first = await names["answer"]
        again = await names["governed"].ainvoke({"currency": "USD"}, config=names["caller"])
        with pytest.raises(ToolPermissionError):
            await names["governed"].ainvoke({"currency": "USD"})
        return first, again

    assert asyncio.run(use()) == ("1.09", "1.09")
    cache = next(handler for handler in names["handlers"] if isinstance(handler, CacheHandler))
    assert cache.statistics()["exchange_rate"].hits == 1


def test_the_example_fits_on_a_page():
    lines = [line for line in _example().splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_settings_table_is_what_the_settings_are():
    match = re.search(r"<!-- settings -->\n(.*?)<!-- /settings -->", README, re.DOTALL)
    assert match
    assert match[1] == settings_table()


def settings_table() -> str:
    """The README's table, as the code has it; paste it there when this test fails."""
    rows = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default
        assert default is not PydanticUndefined
        shown = "unset" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
        rows.append(f"| `TOOL_{name.upper()}` | `{shown}` | {field.description} |")
    return "\n".join(rows) + "\n"


def _table_of_tools() -> list[list[str]]:
    rows = [line for line in README.splitlines() if re.match(r"\| `[a-z_]+` \| [a-z_, ]+; \d+/", line)]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_the_table_of_tools_tells_who_may_call_them_and_how_often(tmp_path):
    toolkit = SalesToolkit(Settings(data_dir=tmp_path))
    told = {name: roles_and_rate for name, roles_and_rate, _ in _table_of_tools()}
    assert set(told) == {f"`{tool.name}`" for tool in toolkit.get_tools()}
    for tool in toolkit.get_tools():
        roles, _, rate = told[f"`{tool.name}`"].partition("; ")
        assert set(roles.split(", ")) == tool.spec.allowed_roles
        assert rate == str(tool.spec.rate_limit)
    toolkit.close()


def test_the_table_of_back_ends_names_settings_and_extras_that_exist_and_leaves_none_out():
    match = re.search(r"<!-- back ends -->\n(.*?)<!-- /back ends -->", README, re.DOTALL)
    assert match
    rows = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in match[1].splitlines()[2:]]
    assert {tool for tool, *_ in rows} == {f"`{name}`" for name in TOOL_NAMES}
    named = set(re.findall(r"TOOL_[A-Z_]+", match[1]))
    there_are = {f"TOOL_{name.upper()}" for name in Settings.model_fields}
    assert named <= there_are
    of_tools = re.compile(
        "TOOL_(SMS|TWILIO|HUBSPOT|PROFILE|COMPLIANCE|STAGES|DATABASE|PRICE|BATTLECARDS|KNOWLEDGE|MINILM)"
    )
    assert {name for name in there_are if of_tools.match(name)} <= named
    assert set(re.findall(r"`([a-z]+)`", " ".join(extra for _, _, extra, _ in rows))) <= set(EXTRAS)


def test_the_metrics_table_is_the_one_in_the_code():
    rows = [line for line in (metrics.__doc__ or "").splitlines() if line.startswith("| `")]
    assert rows
    assert [line for line in README.splitlines() if line.startswith("| `salesboost_tool_")] == rows
