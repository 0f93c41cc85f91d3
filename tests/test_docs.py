"""What the documentation's pages show as Python runs, page by page, as a reader would run it."""

import ast
import asyncio
import inspect
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "```python" in page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names: dict = {"__name__": "page"}

    async def read():
        for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            above = "\n" * text[: block.start(1)].count("\n")  # so that a traceback names the line
            code = compile(above + block[1], page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            pending = eval(code, names)
            if inspect.isawaitable(pending):
                await pending

    asyncio.run(read())


def test_every_page_is_listed_once():
    listed = re.findall(
        r"^ +- (?:\w+: )?([\w/]+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    tours = [f"tours/{path.stem}.md" for path in (DOCS.parent / "notebooks").glob("*.ipynb")]
    assert sorted(listed) == sorted([*(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")), *tours])
