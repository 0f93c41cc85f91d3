"""Rules and dashboard ask for what there is, and promtool agrees with them."""

import re
import shutil
import subprocess

import pytest
import yaml
from prometheus_client import CollectorRegistry

from salesboost_tools.observe.metrics import metrics_in
from tests.deploy.conftest import DEPLOY, dashboard, expressions, rules, series_of
from tests.services import missing

_NAME = re.compile(r"\bsalesboost[_:][a-z0-9_:]*")
_ASKED = re.compile(r"\b(salesboost[_:][a-z0-9_:]*)(?:\{([^}]*)\})?")
_GROUPED = re.compile(r"\bby \(([^)]*)\)")


@pytest.fixture
def series(recorded):
    registry = CollectorRegistry()
    metrics_in(registry)
    return series_of(registry) | recorded


@pytest.fixture
def promtool(tmp_path):
    program = shutil.which("promtool")
    if program is None:
        missing("promtool is not on the PATH: install Debian's package prometheus")

    def run(*words):
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=50, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("where", expressions())
def test_an_expression_asks_for_series_and_labels_that_there_are(series, where):
    expression = expressions()[where]
    asked = _ASKED.findall(expression)
    assert asked or "up{" in expression
    there = set()
    for name, matchers in asked:
        assert name in series, name
        labels = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", matchers))
        assert labels <= series[name], (name, labels)
        there |= series[name]
    for group in _GROUPED.findall(expression):
        assert set(group.replace(" ", "").split(",")) <= there, group


def test_every_metric_is_on_the_dashboard_or_behind_a_rule_on_it(series, recorded):
    behind = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
    shown = " ".join(target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
    shown += " ".join(expr for name, expr in behind.items() if name in shown)
    asked = set(_NAME.findall(shown))
    metrics = {re.sub(r"_(bucket|count|sum)$", "", name) for name in series if name not in recorded}
    unseen = {name for name in metrics if not any(each.startswith(name) for each in asked)}
    assert not unseen


def test_what_a_legend_names_is_left_by_its_expression(series):
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            grouped = {label for found in _GROUPED.findall(target["expr"]) for label in found.split(", ")}
            names = _NAME.findall(target["expr"])
            left = grouped or set().union(*(series[name] for name in names if name in series))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= left, panel["title"]


def test_promtool_can_read_every_expression(promtool, tmp_path):
    asked = [{"record": f"a:{number}", "expr": expr} for number, expr in enumerate(expressions().values())]
    file = tmp_path / "all.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": asked}]}))
    promtool("check", "rules", str(file))


def test_promtools_unit_tests_of_the_rules_pass(promtool):
    promtool("check", "rules", str(DEPLOY / "prometheus" / "rules.yml"))
    promtool("check", "config", "--syntax-only", str(DEPLOY / "prometheus" / "prometheus.yml"))
    assert "SUCCESS" in promtool("test", "rules", str(DEPLOY / "prometheus" / "rules_test.yml"))


def test_every_alert_is_tried_and_says_what_to_do():
    alerts = [rule for rule in rules() if "alert" in rule]
    tried = (DEPLOY / "prometheus" / "rules_test.yml").read_text()
    readme = (DEPLOY / "README.md").read_text()
    for alert in alerts:
        assert set(alert["annotations"]) == {"summary", "action"}
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert f"alertname: {alert['alert']}\n" in tried
        assert f"| `{alert['alert']}` |" in readme


def test_panels_have_places_and_ids_of_their_own():
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_the_dashboard_names_no_source_of_data_of_one_machine():
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert variables["source"]["query"] == "prometheus"
    assert all(panel["datasource"]["uid"] == "${source}" for panel in dashboard()["panels"])
