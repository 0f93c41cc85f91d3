"""The notebooks are as readers need them: numbered, short cells, words before code, nothing left of an earlier run."""

import ast
from pathlib import Path

import nbformat
import pytest

from notebooks.__main__ import stripped

FOLDER = Path(__file__).parent.parent / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_they_are_numbered_without_a_gap():
    assert [path.name[:3] for path in PATHS] == [f"{number:02d}_" for number in range(1, len(PATHS) + 1)]


def test_nothing_is_left_of_an_earlier_run(notebook):
    nbformat.validate(notebook)
    assert stripped(notebook) == notebook


def test_a_run_leaves_nothing_once_it_is_stripped(notebook):
    ran = nbformat.from_dict(notebook)
    ran.metadata["widgets"] = {}
    for number, cell in enumerate(ran.cells):
        cell.metadata["scrolled"] = True
        if cell.cell_type == "code":
            cell.execution_count = number
            cell.outputs = [nbformat.v4.new_output("stream", text="what it said")]
    assert stripped(ran) == notebook


def test_it_begins_with_its_title_and_says_something_before_the_first_code(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    title, *rest = first.source.splitlines()
    assert title.startswith("# ")
    assert any(rest)


def test_cells_fit_on_a_screen(notebook):
    longest = max((cell.source for cell in notebook.cells), key=lambda source: source.count("\n"))
    assert longest.count("\n") < 40, longest


def test_words_stand_before_code(notebook):
    kinds = [cell.cell_type for cell in notebook.cells]
    assert "codecodecode" not in "".join(kinds)


def test_links_lead_to_files_that_exist(notebook):
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for link in [part.split(")")[0] for part in text.split("](")[1:]]:
        assert (FOLDER / link.split("#")[0]).exists(), link


def test_a_cell_is_plain_python_without_magic_commands(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            compile(cell.source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
