"""A real Prometheus asks the service as `deploy/` says; when a tool breaks, the alert fires."""

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import time
import urllib.request

import httpx
import pytest
import yaml

from salesboost_tools import SalesToolkit, Settings
from salesboost_tools.service import Access, create_app
from tests.deploy.conftest import DEPLOY, RULES
from tests.service.serving import listening
from tests.services import free_port, missing

TOKEN = "an-operators-secret"
ASK = {"payload": {"operation": "list", "record_type": "account", "limit": 1}}


def sooner(rules):
    """The same rules, looking at seconds where they look at minutes, so that a test need not wait for them."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = rule["expr"].replace("[5m]", "[4s]").replace("[15m]", "[4s]")
            if "for" in rule:
                rule["for"] = "400ms"
    return rules


@contextlib.contextmanager
def prometheus(folder, target):
    program = shutil.which("prometheus")
    if program is None:
        missing("prometheus is not on the PATH: install Debian's package prometheus")
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "300ms", "scrape_timeout": "300ms", "evaluation_interval": "300ms"}
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    job["authorization"]["credentials_file"] = str(folder / "token")
    (folder / "token").write_text(TOKEN)
    (folder / "rules.yml").write_text(yaml.safe_dump(sooner(yaml.safe_load(RULES.read_text()))))
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def firing(address):
    """The names of the alerts that fire, with the tools they fire for."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api/v1/alerts", timeout=5) as answer:
        alerts = json.load(answer)["data"]["alerts"]
        return {
            (alert["labels"]["alertname"], alert["labels"].get("tool"))
            for alert in alerts
            if alert["state"] == "firing"
        }
    return set()


def up(address):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api/v1/query?query=up", timeout=5) as answer:
        return [result["value"][1] for result in json.load(answer)["data"]["result"]] == ["1"]
    return False


def open_circuits(service):
    """The tools whose breakers are open now."""
    said = httpx.get(f"http://{service}/metrics", headers={"authorization": f"Bearer {TOKEN}"}, timeout=30).text
    return set(re.findall(r'^salesboost_tool_open_circuits\{tool="(\w+)"\} [1-9]', said, re.MULTILINE))


@pytest.mark.timeout(120)
def test_when_a_tool_breaks_the_alert_fires(tmp_path, data_dir):
    own = tmp_path / "data"
    shutil.copytree(data_dir, own)
    settings = Settings(
        data_dir=own, cache_enabled=False, rate_limit_enabled=False, retry_enabled=False, health_timeout=30
    )  # a busy machine is not a broken tool
    toolkit = SalesToolkit(settings)
    toolkit.get_tools()
    app = create_app(toolkit, access=Access(TOKEN))
    with listening(app) as service, prometheus(tmp_path, service) as address:

        def call():
            headers = {"authorization": f"Bearer {TOKEN}"}
            url = f"http://{service}/tools/crm_integration/invoke"
            return httpx.post(url, json=ASK, headers=headers, timeout=30).status_code

        def call_until(what):
            give_up_at_s = time.monotonic() + 90
            while not what():
                assert time.monotonic() < give_up_at_s, (tmp_path / "log").read_text()
                statuses.append(call())
                time.sleep(0.2)

        statuses = []
        call_until(lambda: up(address))
        assert set(statuses) <= {200}
        already = open_circuits(service)  # metrics are the process's, and other tests broke tools in it
        for file in own.glob("crm*.sqlite3"):
            with contextlib.closing(sqlite3.connect(file)) as database:
                database.execute("DROP TABLE accounts")
        call_until(
            lambda: (
                {("SalesboostToolFailing", "crm_integration"), ("SalesboostCircuitOpen", "crm_integration")}
                <= firing(address)
            )
        )
        assert set(statuses) - {200}
        assert {tool for _, tool in firing(address)} <= already | {"crm_integration"}
    toolkit.close()
