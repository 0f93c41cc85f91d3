"""The files of `deploy/`, and what the toolkit really exports."""

import json
import re
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "salesboost.json"

_SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads(DASHBOARD.read_text())


def expressions():
    """Every PromQL expression with where it stands, Grafana's variables filled in."""
    found = {rule.get("record") or rule["alert"]: rule["expr"] for rule in rules()}
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            filled = target["expr"].replace("$__rate_interval", "1m").replace("$tool", ".*")
            found[f"{panel['title']}: {target['refId']}"] = filled
    return found


def series_of(registry):
    """Every name of a series that a registry exports, with its labels."""
    series = {}
    for collector in registry._collector_to_names:
        for suffix in _SUFFIXES[collector._type]:
            bounds = {"le"} if suffix == "_bucket" else set()
            series[collector._name + suffix] = {*collector._labelnames} | bounds
    return series


@pytest.fixture
def recorded():
    """What rules record: names, and the labels that remain."""
    names = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    return {
        name: set(re.search(r"by \(([^)]*)\)", expr)[1].replace(" ", "").split(",")) for name, expr in names.items()
    }
