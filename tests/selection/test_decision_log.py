"""Answered decisions are written down, bounded, and read back as they were."""

import json
import threading

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.decision_log import JsonlLog, read_log
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.selector import ToolSelector
from tests.selection.logs import KeptLog, logged_in


@pytest.fixture
def path(tmp_path):
    return tmp_path / "decisions.jsonl"


def kept(decisions: int = 20) -> list:
    log = KeptLog()
    logged_in(log, EpsilonGreedy(0.3), decisions, contexts=({"lang": "en", "length": 3}, None))
    return log.records


def write(path, records, **options) -> None:
    with JsonlLog(path, **options) as log:
        for record in records:
            log.write(record)


def test_what_is_written_is_read_back(path):
    records = kept()
    write(path, records)
    assert list(read_log(path)) == records


def test_a_record_holds_what_an_evaluation_needs(clock):
    log = KeptLog()
    selector = ToolSelector(EpsilonGreedy(0.1), seed=1, clock=clock, log=log)
    chosen, decision_id = selector.select_tool(["a", "b", "c"], {"lang": "en"}, available=["a", "b"])
    selector.record_feedback(decision_id, True, 250, quality=0.5, cost=0.1)
    (record,) = log.records
    assert (record.arms, record.masked, record.chosen) == (("a", "b"), ("c",), chosen)
    assert record.propensities == (0.5, 0.5)
    assert record.propensity == 0.5
    assert (record.policy, record.side, record.suggested) == ("epsilon-greedy@1;epsilon=0.1", None, chosen)
    assert (record.at_s, record.latency_s, record.quality, record.cost) == (clock(), 0.25, 0.5, 0.1)
    assert record.reward_version.startswith("1;")
    assert record.context == {"lang": "en"}


def test_a_shadow_choice_is_logged_without_being_evidence(clock):
    log = KeptLog()
    selector = ToolSelector(EpsilonGreedy(1.0), seed=4, clock=clock, mode="shadow", log=log)
    for _ in range(30):
        selector.record_feedback(selector.select_tool(["a", "b"])[1], True, 100)
    assert {record.chosen for record in log.records} == {"a"}
    assert {record.suggested for record in log.records} == {"a", "b"}
    assert all(record.propensity is None for record in log.records)


def test_what_teaches_nothing_is_not_logged(clock):
    log = KeptLog()
    selector = ToolSelector(seed=1, clock=clock, log=log)
    selector.record_feedback(selector.select_tool(["a", "b"])[1], False, 1, error=ConfigurationError("mine"))
    assert log.records == []


def test_that_a_tool_stood_in_for_another_is_logged_and_was_not_so_before_it_was_logged(path, clock):
    log = KeptLog()
    selector = ToolSelector(seed=1, clock=clock, log=log)
    for stands_in in (False, True):
        selector.record_feedback(selector.select_tool(["a", "b"], stands_in=stands_in)[1], True, 1)
    write(path, log.records)
    assert [record.stands_in for record in read_log(path)] == [False, True]
    path.write_text(path.read_text().replace(',"stands_in":false', "").replace(',"stands_in":true', ""))
    assert [record.stands_in for record in read_log(path)] == [False, False]


def test_two_files_are_kept_at_most(path):
    records = kept(200)
    write(path, records, max_bytes=8000)
    sizes = [part.stat().st_size for part in path.parent.iterdir()]
    assert all(size <= 8000 for size in sizes)
    assert sorted(part.name for part in path.parent.iterdir()) == ["decisions.jsonl", "decisions.jsonl.1"]
    read = list(read_log(path))
    assert read == records[-len(read) :]
    assert len(read) > 20


def test_a_log_goes_on_where_it_ended(path):
    records = kept(10)
    write(path, records[:5])
    write(path, records[5:])
    assert list(read_log(path)) == records


def test_a_line_that_a_crash_cut_short_is_left_out(path):
    records = kept(5)
    write(path, records)
    with path.open("ab") as file:
        file.write(b'{"v":1,"decision_id":"x')
    assert list(read_log(path)) == records


def test_a_log_whose_last_line_was_cut_short_goes_on_with_the_next(path):
    records = kept(5)
    write(path, records[:3])
    with path.open("ab") as file:
        file.write(b'{"v":1,"decision_id":"x')
    write(path, records[3:])
    assert list(read_log(path)) == records


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("no json\n", "line 1 is no logged decision"),
        ("[1]\n", "line 1 is no logged decision"),
        ('{"v":1,"group":"x"}\n', "line 1 is no logged decision"),
        ('{"v":99}\n', "format 99; this version reads 1"),
    ],
)
def test_what_is_no_log_is_refused_with_its_line(path, line, complaint):
    path.write_text(line)
    with pytest.raises(ConfigurationError, match=complaint):
        list(read_log(path))


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\); name another file"):
        list(read_log(tmp_path))


def test_what_is_no_text_is_refused_with_its_line(path):
    path.write_bytes(b"\xa4\xff\n")
    with pytest.raises(ConfigurationError, match="line 1 is no logged decision"):
        list(read_log(path))


def test_contexts_json_does_not_know_are_written_as_text(path):
    with JsonlLog(path) as log:
        selector = ToolSelector(seed=1, clock=lambda: 5.0, log=log)
        selector.record_feedback(selector.select_tool(["a", "b"], {"where": path})[1], True, 1)
    assert json.loads(path.read_text())["context"] == {"where": str(path)}


def test_threads_write_whole_lines(path):
    records = kept(40)

    def write_all() -> None:
        for record in records:
            log.write(record)

    with JsonlLog(path) as log:
        threads = [threading.Thread(target=write_all) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(list(read_log(path))) == 160


def test_several_processes_keep_one_log_and_begin_it_anew_once(path):
    records = kept(60)
    logs = [JsonlLog(path, max_bytes=16_000) for _ in range(3)]  # locks are between open files, as between processes
    for number, record in enumerate(records):
        logs[number % 3].write(record)
    for log in logs:
        log.close()
    assert list(read_log(path)) == records[-len(list(read_log(path))) :]
    assert path.with_name("decisions.jsonl.1").stat().st_size > 15_000


def test_a_closed_log_is_opened_again_by_the_next_record(path):
    first, second = kept(2)
    log = JsonlLog(path)
    log.write(first)
    log.close()
    log.write(second)
    log.close()
    assert list(read_log(path)) == [first, second]


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be written"):
        JsonlLog(tmp_path / "no" / "such" / "folder.jsonl")


def test_a_log_that_fails_harms_no_call_and_is_counted(clock):
    class Full:
        def write(self, record):
            raise OSError("no space left")

    selector = ToolSelector(seed=1, clock=clock, log=Full())
    assert selector.record_feedback(selector.select_tool(["a", "b"])[1], True, 1)
    assert selector.observer_failures == 1


def test_a_file_needs_room():
    with pytest.raises(ConfigurationError, match="max_bytes"):
        JsonlLog("never-made.jsonl", max_bytes=0)
