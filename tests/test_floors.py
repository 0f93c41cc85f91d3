"""The floors hold, and a module that reaches up is found out."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

VIOLATIONS = {
    "core reaches up to state": ("core/rate.py", "from salesboost_tools import state"),
    "core meets a framework": ("core/spec.py", "import langgraph.graph"),
    "a handler imports another": ("handlers/retry.py", "from salesboost_tools.handlers import cache"),
    "handlers know the door": ("handlers/permission.py", "from salesboost_tools import governed"),
    "selection imports its sibling": ("selection/group.py", "from salesboost_tools.handlers import base"),
    "tools know nodes": ("tools/argument.py", "from salesboost_tools import nodes"),
    "nodes know tools": ("nodes/lanes.py", "from salesboost_tools.tools import crm"),
    "Prometheus in a second place": ("nodes/lanes.py", "import prometheus_client"),
    "numpy on the path of every call": ("governed/run.py", "import numpy"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("floors")
    shutil.copytree(
        ROOT / "salesboost_tools", folder / "salesboost_tools", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder):
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_the_floors_hold(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_found_out(copy, name):
    path, line = VIOLATIONS[name]
    module = copy / "salesboost_tools" / path
    kept = module.read_text(encoding="utf-8")
    module.write_text(f"{kept}\n{line}\n", encoding="utf-8")
    try:
        done = lint(copy)
    finally:
        module.write_text(kept, encoding="utf-8")
    assert done.returncode != 0, f"{line} in {path} went unnoticed"
    assert "BROKEN" in done.stdout
