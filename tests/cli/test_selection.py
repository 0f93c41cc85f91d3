"""`salesboost selection` reads a decision log: a report with a picture, and what another policy would have earned."""

import json
import re

import pytest

from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.decision_log import JsonlLog
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.first_available import FirstAvailable
from salesboost_tools.selection.split import Split
from tests.selection.logs import logged_in


@pytest.fixture
def data_dir(tmp_path):
    """Nothing: no tool is opened to read a log."""
    return tmp_path


@pytest.fixture
def log(tmp_path):
    return written(tmp_path / "choices.jsonl", EpsilonGreedy(0.5))


def written(path, policy, decisions=400):
    with JsonlLog(path) as log:
        logged_in(log, policy, decisions)
    return path


def test_a_report_tells_of_each_tool_of_what_was_lost_and_why(run, log):
    told = run("selection", "report", "--log", str(log), "--last", "2")
    assert told.exit_code == 0
    assert "(unnamed): 400 choices" in told.output
    assert all(name in told.output for name in ("lexical", "semantic", "hybrid"))
    assert "Against taking semantic always" in told.output
    assert told.output.count("Known then") == 2


def test_a_report_for_programs(run, log):
    (told,) = json.loads(run("selection", "report", "--log", str(log), "--json").output)
    assert (told["best"], told["decisions"], len(told["choices"])) == ("semantic", 400, 5)
    assert sum(arm["share"] for arm in told["arms"].values()) == pytest.approx(1)
    assert told["ab_test"] is None


def test_the_log_may_be_named_in_the_settings(run, log, monkeypatch):
    monkeypatch.setenv("TOOL_BANDIT_LOG", str(log))
    assert run("selection", "report").exit_code == 0


@pytest.mark.parametrize(
    ("first", "second", "word"), [(FirstAvailable(), Adaptive(), "more"), (Adaptive(), FirstAvailable(), "less")]
)
def test_a_report_tells_who_won_an_ab_test(run, tmp_path, first, second, word):
    log = written(tmp_path / "ab.jsonl", Split(first, second, 0.5), 600)
    words = run("selection", "report", "--log", str(log), "--last", "0").output
    assert re.search(rf"B earned 0\.\d+ {word} \(95 % interval of the gain", words)
    (told,) = json.loads(run("selection", "report", "--log", str(log), "--json").output)
    assert (told["ab_test"]["gain"]["value"] > 0) == (word == "more")


def test_a_report_draws_a_picture(run, log, tmp_path):
    path = tmp_path / "picture.png"
    told = run("selection", "report", "--log", str(log), "--plot", str(path))
    assert told.exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_another_policy_is_evaluated_on_the_log(run, log):
    told = run("selection", "evaluate", "--policy", "thompson", "--log", str(log))
    assert told.exit_code == 0
    assert "would have earned more" in told.output
    found = json.loads(run("selection", "evaluate", "--policy", "thompson", "--log", str(log), "--json").output)
    dr = found["groups"]["(unnamed)"]["dr"]
    assert dr["low"] < dr["value"] < dr["high"]


def test_where_the_log_says_too_little_there_is_no_answer(run, tmp_path):
    log = written(tmp_path / "narrow.jsonl", FirstAvailable(), 200)
    told = run("selection", "evaluate", "--policy", "ucb1", "--log", str(log))
    assert told.exit_code == 1
    assert "no answer: 200 decisions are worth only" in told.output
    refused = json.loads(run("selection", "evaluate", "--policy", "ucb1", "--log", str(log), "--json").output)
    assert "at least 50 are needed" in refused["groups"]["(unnamed)"]["refused"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report",), "TOOL_BANDIT_LOG"),
        (("report", "--log", "none.jsonl"), "holds no decisions"),
        (("report", "--log", "."), "cannot be read (Is a directory)"),
        (("report", "--log", "LOG", "--group", "x"), "there are: (unnamed)"),
        (("report", "--log", "LOG", "--plot", "picture.doc"), "the plot cannot be written"),
        (("evaluate", "--log", "LOG", "--policy", "greedy"), "there is no policy 'greedy'"),
        (("evaluate", "--log", "LOG"), "--policy"),
    ],
)
def test_wrong_use_is_said_in_words(run_to_the_end, log, words, said):
    code, _, errors = run_to_the_end("selection", *[str(log) if word == "LOG" else word for word in words])
    assert code == 2
    assert said in errors
    assert "Traceback" not in errors
