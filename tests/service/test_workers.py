"""Several workers are one service: their figures are added up, whichever of them is asked."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from salesboost_tools.observe.exposition import MULTIPROCESS_VARIABLE, exposition, figures_of_workers, leave_no_gauges
from salesboost_tools.service.listen import shared_among
from tests.service.workers import service

CALLS = 'salesboost_tool_calls_total{role="system",status="success",tool="price_calculator"}'
GAUGE = "import os; from prometheus_client import Gauge; Gauge('open', 'Open', multiprocess_mode='livesum').set(1)"


def quote(quantity):
    return {"payload": {"lines": [{"sku": "PIPE-TEAM", "quantity": quantity}]}}


@pytest.mark.timeout(120)
def test_metrics_of_two_workers_are_added_up_whoever_is_asked(data_dir, tmp_path):
    settings = {"TOOL_DATA_DIR": str(data_dir), "TOOL_CACHE_ENABLED": "false", "TOOL_RATE_LIMIT_ENABLED": "false"}
    with service(2, tmp_path, TMPDIR=str(tmp_path), **settings) as workers:
        (folder,) = tmp_path.glob("salesboost-metrics-*")
        calls = 0
        while len(list(folder.glob("counter_*.db"))) < 2:  # until each worker has been asked
            calls += 1
            called = httpx.post(f"{workers.url}/tools/price_calculator/invoke", json=quote(calls), timeout=30)
            assert called.status_code == 200
        counted = [httpx.get(f"{workers.url}/metrics", timeout=30).text for _ in range(6)]
    assert calls >= 2
    assert all(f"{CALLS} {calls}.0" in text for text in counted), counted[0]
    assert workers.log.read_text().count("Finished server process") == 2
    assert not folder.exists()


def test_a_gauge_of_a_worker_that_was_killed_is_buried(tmp_path, monkeypatch):
    environment = {**os.environ, MULTIPROCESS_VARIABLE: str(tmp_path)}
    subprocess.run([sys.executable, "-c", GAUGE], env=environment, check=True, timeout=50)
    (left,) = tmp_path.glob("gauge_livesum_*.db")
    mine = tmp_path / f"gauge_livesum_{os.getpid()}.db"
    mine.write_bytes(left.read_bytes())
    monkeypatch.setenv(MULTIPROCESS_VARIABLE, str(tmp_path))
    assert b"open 1.0" in exposition("")[1]
    assert not left.exists()
    leave_no_gauges()
    assert not mine.exists()


def test_workers_are_told_how_many_they_are_and_where_figures_go(monkeypatch):
    monkeypatch.delenv("TOOL_WORKERS", raising=False)
    monkeypatch.delenv(MULTIPROCESS_VARIABLE, raising=False)
    with shared_among(1):
        assert MULTIPROCESS_VARIABLE not in os.environ
    with shared_among(4):
        assert os.environ["TOOL_WORKERS"] == "4"
        assert (folder := Path(os.environ[MULTIPROCESS_VARIABLE])).is_dir()
    assert "TOOL_WORKERS" not in os.environ
    assert MULTIPROCESS_VARIABLE not in os.environ
    assert not folder.exists()


def test_what_the_environment_says_already_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("TOOL_WORKERS", "8")
    monkeypatch.setenv(MULTIPROCESS_VARIABLE, str(tmp_path))
    with shared_among(2), figures_of_workers():
        assert (os.environ["TOOL_WORKERS"], os.environ[MULTIPROCESS_VARIABLE]) == ("8", str(tmp_path))
    assert tmp_path.exists()
