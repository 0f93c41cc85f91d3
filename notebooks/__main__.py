"""`make notebooks`: run every notebook from a clean kernel. Exit code 1 if one fails or takes too long."""

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

HERE = Path(__file__).parent
MOST_S = 60.0
"""Seconds a notebook may take."""


def stripped(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without what running it left behind."""
    clean = nbformat.from_dict(notebook)
    clean.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in clean.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return clean


def environment(folder: Path) -> Mapping[str, str]:
    """Return an environment without settings of the toolkit or tracing, whose stores are new."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOOL_", "LANGSMITH_"))}
    return {
        **kept,
        "TOOL_DATA_DIR": str(folder / "stores"),
        "MPLCONFIGDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def executed(path: Path, limit_s: float = MOST_S) -> NotebookNode:
    """Return a notebook as it is after every cell ran, from a clean kernel in the notebook's folder.

    Raises:
        CellExecutionError: A cell failed.
        CellTimeoutError: A cell took longer than `limit_s`.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=round(limit_s), kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    kernel = client.create_kernel_manager()
    with TemporaryDirectory() as folder, patch.dict(os.environ, environment(Path(folder)), clear=True):
        kernel.transport, kernel.ip = "ipc", f"{folder}/kernel"  # no port that others could talk to
        return client.execute()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m notebooks")
    parser.add_argument("names", nargs="*", help="beginnings of names, as 03; all by default")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the notebooks with their outputs there")
    parser.add_argument("--strip", action="store_true", help="run nothing; take outputs out of the notebooks")
    given = parser.parse_args()
    paths = [path for path in sorted(HERE.glob("*.ipynb")) if path.name.startswith(tuple(given.names or [""]))]
    bad = 0
    for path in paths:
        if given.strip:
            nbformat.write(stripped(nbformat.read(path, as_version=4)), path)
            continue
        started_s = time.perf_counter()
        try:
            notebook = executed(path)
        except CellExecutionError as error:
            print(f"{path.name}: a cell failed\n{error}", file=sys.stderr)
            bad += 1
            continue
        took_s = time.perf_counter() - started_s
        bad += took_s > MOST_S
        print(f"{path.name}: {took_s:.1f} s" + ("" if took_s <= MOST_S else f", more than {MOST_S:.0f} s"))
        if given.keep is not None:
            given.keep.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, given.keep / path.name)
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    raise SystemExit(main())
