"""The demo as a person runs it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from salesboost_tools.brief.demo import main

ROOT = Path(__file__).parents[2]
SECTIONS = (
    "Account brief",
    "Situation",
    "People",
    "Why it stalls",
    "Competitor: Dealharbor",
    "Objections and our answers",
    "Price options, before tax",
    "Next steps",
    "Left out",
    "Sources",
    "Timeline: ",
    "What the handlers did",
    "The same brief again, in the same run",
    "calls were answered from",
    "What the selector has learnt",
)


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "graphs.account_brief", *arguments],
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("TOOL_")}, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


@pytest.fixture(autouse=True)
def settings_of_this_test_only(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TOOL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_it_shows_the_brief_the_calls_and_what_was_learnt_within_the_width(columns, data_dir):
    done = run("--data-dir", str(data_dir), COLUMNS=columns)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for section in SECTIONS:
        assert section in done.stdout, section
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.stdout)  # no colours, no moving parts
    assert not any(line != line.rstrip() for line in lines)


def test_without_a_folder_it_works_in_a_temporary_one_and_leaves_nothing(tmp_path):
    done = run("Nordlicht", "--plain", COLUMNS="80", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Nordlicht Logistik GmbH" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_as_json_it_says_the_same_and_can_be_read(data_dir, capsys):
    assert main(["--json", "--data-dir", str(data_dir)]) == 0
    told = json.loads(capsys.readouterr().out)
    first, second = told["briefs"]
    assert first["brief"]["account_id"] == second["brief"]["account_id"] == "ACC-0042"
    assert sum(call["outcome"] == "cached" for call in first["calls"]) == 0
    assert sum(call["outcome"] == "cached" for call in second["calls"]) >= 13
    assert {call["round"] for call in first["calls"]} >= {"find", "plan 1", "plan 2", "plan 3"}
    assert all(call["duration_s"] is not None for call in first["calls"])
    arms = told["selector"]["knowledge_retriever"]
    tried = [call for each in told["briefs"] for call in each["calls"] if call["tool"] in arms and call["attempts"]]
    assert sum(arm["pulls"] for arm in arms.values()) == len(tried)


def test_an_unknown_account_is_an_answer_and_the_exit_code_is_one(data_dir, capsys):
    assert main(["Acmee", "--plain", "--data-dir", str(data_dir)]) == 1
    told = capsys.readouterr()
    assert "No account 'Acmee'. Nearest: 'Acme Corp' (ACC-0042)." in " ".join(told.out.split())
    assert told.err == ""


def test_several_accounts_share_the_rates_and_the_one_that_is_refused_says_so(data_dir, capsys):
    assert main(["ACC-0042", "ACC-0117", "--plain", "--data-dir", str(data_dir)]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "Acme Corp: 350,064.00 USD" in told
    assert "`crm_integration` is busy" in told


def test_a_wrong_setting_is_named_and_the_exit_code_is_two(monkeypatch, capsys):
    monkeypatch.setenv("TOOL_BANDIT_EPSILON", "2")
    assert main(["--plain"]) == 2
    assert "TOOL_BANDIT_EPSILON" in capsys.readouterr().err


def test_a_model_that_cannot_be_used_is_named_and_the_exit_code_is_two(data_dir, capsys):
    assert main(["--model", "no-such-provider:x", "--data-dir", str(data_dir)]) == 2
    assert "no-such-provider:x" in capsys.readouterr().err


def test_with_everything_switched_off_the_brief_is_still_written(monkeypatch, data_dir, capsys):
    for name in ("STATUS", "CACHE", "RATE_LIMIT", "METRICS", "RETRY", "TIMEOUT", "PERMISSION"):
        monkeypatch.setenv(f"TOOL_{name}_ENABLED", "false")
    assert main(["ACC-0042", "--plain", "--data-dir", str(data_dir)]) == 0
    told = capsys.readouterr().out
    assert "Acme Corp" in told
    assert "Timeline" not in told  # nobody watched
    assert "Left out" not in told  # nothing was refused


def test_the_served_graph_is_the_one_langgraph_json_names(monkeypatch, tmp_path):
    monkeypatch.setenv("TOOL_DATA_DIR", str(tmp_path / "stores"))
    monkeypatch.syspath_prepend(str(ROOT))
    place, _, name = json.loads((ROOT / "langgraph.json").read_text())["graphs"]["account_brief"].partition(":")
    assert (ROOT / place).is_file()
    module = __import__("graphs.account_brief", fromlist=[name])
    result = getattr(module, name).invoke({"account": "ACC-0203"})
    assert result["brief"].account_name == "Halcyon Biosciences"
    assert [path.name for path in tmp_path.iterdir()] == ["stores"]
