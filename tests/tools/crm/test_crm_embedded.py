"""The embedded database: made whole or not at all, once, by whoever comes first."""

import multiprocessing
import shutil
import sqlite3
import time
from importlib.resources import files

import pytest

from salesboost_tools.core.call import Caller
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.crm import open_crm
from salesboost_tools.tools.crm.commands import AddActivity, Find, Get
from salesboost_tools.tools.crm.embedded import FILE_NAME, build
from salesboost_tools.tools.crm.scenario import scenario_as_of, scenario_now
from tests.doubles import FakeClock

CALLER = Caller(tenant_id="default")
HERO = Get(record_type="deal", record_id="DEAL-0042")
NOTE = AddActivity(
    operation="create_note",
    kind="note",
    account_id=None,
    deal_id="DEAL-0042",
    contact_id=None,
    subject="s",
    body="b",
    due_at=None,
    owner_id=None,
)


@pytest.fixture
def tables(tmp_path):
    """A copy of the shipped tables that a test may spoil."""
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in ("accounts", "contacts", "deals", "activities"):
        shutil.copy(str(files("salesboost_tools") / "data" / f"{name}.csv"), folder)
    return folder


def test_it_is_made_on_first_use_and_kept_afterwards(tmp_path):
    store = open_crm(None, tmp_path / "new" / "folder")
    note = store.perform(NOTE, CALLER)["record"]
    store.close()
    again = open_crm(None, tmp_path / "new" / "folder")
    assert again.perform(Get(record_type="activity", record_id=note["id"]), CALLER)["record"] == note
    again.close()
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [FILE_NAME]


def test_opening_and_filling_takes_less_than_a_second_and_a_half(tmp_path):
    needed_s = []
    for folder in ("a", "b", "c"):
        start_s = time.process_time()
        open_crm(None, tmp_path / folder).close()
        needed_s.append(time.process_time() - start_s)
    assert min(needed_s) <= 1.5


def test_its_today_is_the_scenarios(tmp_path):
    store = open_crm(None, tmp_path)
    assert store.perform(HERO, CALLER)["record"]["days_since_activity"] == 46
    store.close()


def test_the_scenarios_time_goes_on_from_its_today():
    clock = FakeClock()
    now = scenario_now(clock)
    assert now() == scenario_as_of()
    clock.advance(90)
    assert (now() - scenario_as_of()).total_seconds() == 90


def test_writers_and_readers_do_not_wait_for_each_other(tmp_path):
    open_crm(None, tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def _open_and_write(folder, barrier, ids):
    barrier.wait()
    store = open_crm(None, folder)
    ids.put(store.perform(NOTE, CALLER)["record"]["id"])
    store.close()


def test_processes_that_race_to_make_it_share_one_file_and_lose_nothing(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    barrier, ids = spawn.Barrier(2), spawn.Queue()
    processes = [spawn.Process(target=_open_and_write, args=(tmp_path, barrier, ids)) for _ in range(2)]
    for process in processes:
        process.start()
    written = {ids.get(timeout=50) for _ in processes}
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    store = open_crm(None, tmp_path)
    found = Find(operation="list", record_type="activity", filters={"deal_id": "DEAL-0042", "kind": "note"}, limit=50)
    assert written <= {record["id"] for record in store.perform(found, CALLER)["records"]}
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_the_file_that_was_there_first_stays(tmp_path):
    first = tmp_path / FILE_NAME
    first.write_bytes(b"first")
    build(first, files("salesboost_tools") / "data")
    assert first.read_bytes() == b"first"


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("no hard links here")

    monkeypatch.setattr("os.link", refuse)
    store = open_crm(None, tmp_path)
    assert store.perform(HERO, CALLER)["record"]["id"] == "DEAL-0042"
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("deals", ",35006400,", ",lots,", r"deals.csv, line \d+: invalid literal for int"),
        ("deals", "DEAL-0042", "", r"deals.csv, line \d+: id may not be empty"),
        ("deals", "PIPE-BUSINESS=420", "PIPE-BUSINESS", r"deals.csv, line \d+: invalid literal"),
        ("activities", "2026-05-14T15:20:00Z", "yesterday", r"activities.csv, line \d+: Invalid isoformat"),
        ("accounts", "domain,", "website,", r"accounts.csv has unknown columns \['website'\]; allowed: "),
        ("contacts", ",created_at", "", r"contacts.csv has unknown columns|contacts.csv, line 2: 'created_at'"),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_line_and_leaves_no_database(  # noqa: PLR0917  (a table of cases)
    tmp_path, tables, name, old, new, message
):
    file = tables / f"{name}.csv"
    file.write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigurationError, match=message):
        open_crm(None, tmp_path / "db", tables=tables)
    assert list((tmp_path / "db").iterdir()) == []


def test_a_missing_table_is_refused(tmp_path, tables):
    (tables / "deals.csv").unlink()
    with pytest.raises(ConfigurationError, match=r"cannot read .*deals.csv"):
        open_crm(None, tmp_path / "db", tables=tables)


def test_rows_that_refer_to_nothing_are_refused(tmp_path, tables):
    file = tables / "accounts.csv"
    kept = [line for line in file.read_text("utf-8").splitlines(keepends=True) if "ACC-0042" not in line]
    file.write_text("".join(kept), "utf-8")
    with pytest.raises(ConfigurationError, match=r"contacts.csv: FOREIGN KEY constraint failed"):
        open_crm(None, tmp_path / "db", tables=tables)


def test_own_tables_count_days_by_the_wall_clock(tmp_path, tables):
    store = open_crm(None, tmp_path / "db", tables=tables)
    created = store.perform(NOTE, CALLER)["record"]["created_at"]
    store.close()
    assert created[:10] == time.strftime("%Y-%m-%d", time.gmtime())


def test_a_table_without_rows_is_fine(tmp_path, tables):
    for name in ("activities", "deals"):
        file = tables / f"{name}.csv"
        file.write_text(file.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    store = open_crm(None, tmp_path / "db", tables=tables)
    assert store.perform(Find(operation="list", record_type="deal"), CALLER)["records"] == []
    store.close()


def test_a_folder_that_cannot_be_written_is_refused_and_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=r"cannot write to .*file.*name another data folder"):
        open_crm(None, tmp_path / "file" / "folder")


def test_a_database_of_ones_own_gets_tables_and_no_fiction(tmp_path):
    for _ in range(2):
        store = open_crm(f"sqlite:///{tmp_path}/own.db", tmp_path / "unused")
        store.probe()
        assert store.perform(Find(operation="list", record_type="account"), CALLER)["records"] == []
        store.close()
    assert not (tmp_path / "unused").exists()
