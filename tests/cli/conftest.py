"""The command line, run within the test's process."""

import sys

import pytest
from typer.testing import CliRunner

from salesboost_tools.cli.main import app, main


@pytest.fixture
def run(data_dir, monkeypatch):
    monkeypatch.setenv("TOOL_DATA_DIR", str(data_dir))
    monkeypatch.setenv("TOOL_HEALTH_TIMEOUT", "30")  # the machine may be busy

    def run(*words, **options):
        return CliRunner().invoke(app, list(words), **options)

    return run


@pytest.fixture
def run_to_the_end(run, monkeypatch, capsys):
    """Runs as the shell does: with what happens to errors. Returns code, output, errors."""

    def run_main(*words):
        monkeypatch.setattr(sys, "argv", ["salesboost", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code or 0, *capsys.readouterr())

    return run_main
