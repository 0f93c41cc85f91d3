"""The wheel alone is enough: in an empty environment, outside the repository, with each extra by itself.

Deselected unless asked for (`make wheel`): it installs the wheel a dozen times.
"""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.services import missing

REPOSITORY = Path(__file__).parents[1]
CONSTRAINTS = REPOSITORY / "constraints.txt"

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]

WITH_EXTRA = {
    "models": "from salesboost_tools import ToolMiddleware; ToolMiddleware()",
    "otel": "from salesboost_tools import TracingHandler; TracingHandler()",
    "redis": "from salesboost_tools import RedisState; RedisState('redis://127.0.0.1:1/0').close()",
    "postgres": "from salesboost_tools.tools.database import Database; Database('postgresql://u@127.0.0.1:1/d').close()",
    "service": "from salesboost_tools import SalesToolkit; from salesboost_tools.service import create_app; "
    "create_app(SalesToolkit())",
    "mcp": "import salesboost_tools.mcp",
    "documents": "import salesboost_tools.tools.knowledge.html, salesboost_tools.tools.knowledge.pdf",
    "minilm": "import salesboost_tools.tools.knowledge.minilm",
    "plots": "import salesboost_tools.selection.plots",
}
"""What each extra is for, in a line that fails without it."""


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TOOL_"))}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


def done(*command: str | Path, folder: Path) -> str:
    result = run(*command, folder=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    result = run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, REPOSITORY, folder=folder)
    if "Could not find a version" in result.stdout + result.stderr:
        missing("pip cannot fetch what builds a wheel")
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = folder.glob("*.whl")
    return built


def installed(wheel: Path, folder: Path, extra: str = "") -> Path:
    """Return the programs of a new environment that holds the wheel, with one extra or none."""
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    done(programs / "pip", "install", "--quiet", "--disable-pip-version-check", "-c", CONSTRAINTS, what, folder=folder)
    return programs


@pytest.fixture(scope="module")
def default(wheel, tmp_path_factory) -> Path:
    return installed(wheel, tmp_path_factory.mktemp("default"))


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"salesboost_tools"}
    assert "salesboost_tools/py.typed" in names
    assert any(name.startswith("salesboost_tools/data/knowledge/") for name in names)
    assert not [name for name in names if name.endswith((".pyc", ".sqlite3", ".log"))]


def test_the_command_line_explains_itself(default, tmp_path):
    assert "brief" in done(default / "salesboost", "--help", folder=tmp_path)


def test_the_main_job_runs(default, tmp_path):
    said = done(default / "salesboost", "brief", folder=tmp_path)
    assert "Account brief" in said
    assert "knowledge/lexical" in said


def test_every_public_name_is_there_or_says_what_to_install(default, tmp_path):
    program = (
        "import salesboost_tools\n"
        "for name in salesboost_tools.__all__:\n"
        "    try: getattr(salesboost_tools, name)\n"
        "    except salesboost_tools.MissingExtraError as error: print(name, error)\n"
    )
    said = done(default / "python", "-c", program, folder=tmp_path).splitlines()
    assert {line.split()[0] for line in said} == {"RedisState", "ToolMiddleware", "TracingHandler"}
    assert all("pip install 'salesboost-tools[" in line for line in said)


@pytest.mark.parametrize("extra", sorted(WITH_EXTRA))
def test_without_its_extra_a_part_names_the_command_to_run(default, tmp_path, extra):
    result = run(default / "python", "-c", WITH_EXTRA[extra], folder=tmp_path)
    assert result.returncode == 1
    assert f"pip install 'salesboost-tools[{extra}]'" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("extra", sorted(WITH_EXTRA))
def test_every_extra_installs_and_works_alone(wheel, tmp_path, extra):
    programs = installed(wheel, tmp_path, extra)
    done(programs / "python", "-W", "error::ImportWarning", "-c", WITH_EXTRA[extra], folder=tmp_path)
