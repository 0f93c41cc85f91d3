"""The metrics are those of the table, their labels are bounded, and Prometheus can read them."""

import gc
import re
import shutil
import subprocess
import weakref

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from salesboost_tools.core.roles import ROLES
from salesboost_tools.observe import metrics as module
from salesboost_tools.observe.metrics import ToolMetrics, metrics_in
from tests.services import missing


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(registry):
    return ToolMetrics(registry)


@pytest.fixture
def one_of_each(registry, metrics):
    """A registry in which everything has happened once."""
    metrics.call_ended("crm", "success", "coach", 0.2)
    metrics.attempt_ended("crm", 0.1)
    metrics.call_failed("crm", ValueError("x"))
    metrics.cache_asked("crm", "hit")
    metrics.retried("crm")
    metrics.rate_limited("crm")
    metrics.approval("crm", "requested")
    metrics.write_settled("crm", "replayed")
    metrics.circuit_changed("crm", "opened", 1)
    metrics.waited("crm", 2.5)
    metrics.state_failed("crm", "cache")
    metrics.selected("search", "lexical", "policy")
    metrics.rewarded("search", "lexical", 0.9)
    metrics.guardrail_changed("search", engaged=True)
    metrics.fan_out_began("tools", 4)
    metrics.fan_out_call_began("tools", 0.2)
    return registry


def value(registry, name, **labels):
    return registry.get_sample_value(f"salesboost_tool_{name}", labels)


# ---------------------------------------------------------------- the table


def test_the_table_names_every_metric_with_its_type_and_labels(one_of_each):
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]+) \|", module.__doc__ or "", re.MULTILINE)
    told = {name: (kind, frozenset(labels.split(", "))) for name, kind, labels in rows}
    found = {}
    for family in one_of_each.collect():
        sample = next(s for s in family.samples if not s.name.endswith("_created"))
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = (family.type, frozenset(sample.labels) - {"le"})
    assert told == found
    assert len(told) == 20


def test_every_record_goes_where_the_table_says(one_of_each):
    assert value(one_of_each, "calls_total", tool="crm", status="success", role="coach") == 1
    assert value(one_of_each, "call_duration_seconds_sum", tool="crm") == pytest.approx(0.2)
    assert value(one_of_each, "attempt_duration_seconds_sum", tool="crm") == pytest.approx(0.1)
    assert value(one_of_each, "errors_total", tool="crm", error_type="ValueError") == 1
    assert value(one_of_each, "cache_operations_total", tool="crm", operation="hit") == 1
    assert value(one_of_each, "retries_total", tool="crm") == 1
    assert value(one_of_each, "rate_limited_total", tool="crm") == 1
    assert value(one_of_each, "approvals_total", tool="crm", outcome="requested") == 1
    assert value(one_of_each, "idempotency_total", tool="crm", outcome="replayed") == 1
    assert value(one_of_each, "circuit_changes_total", tool="crm", state="opened") == 1
    assert value(one_of_each, "open_circuits", tool="crm") == 1
    assert value(one_of_each, "rate_limit_wait_seconds_total", tool="crm") == 2.5
    assert value(one_of_each, "state_failures_total", tool="crm", store="cache") == 1
    assert value(one_of_each, "selections_total", group="search", tool="lexical", by="policy") == 1
    assert value(one_of_each, "selection_rewards_sum", group="search", tool="lexical") == pytest.approx(0.9)
    assert value(one_of_each, "guardrail_changes_total", group="search", state="engaged") == 1
    assert value(one_of_each, "guardrails_engaged", group="search") == 1
    assert value(one_of_each, "fan_out_calls_sum", node="tools") == 4
    assert value(one_of_each, "fan_out_running", node="tools") == 1
    assert value(one_of_each, "fan_out_queue_seconds_sum", node="tools") == pytest.approx(0.2)


def test_durations_fall_into_buckets_from_a_millisecond_to_a_minute(registry, metrics):
    for seconds in (0.0005, 0.003, 59, 3600):
        metrics.call_ended("crm", "success", None, seconds)
    counts = {
        bound: value(registry, "call_duration_seconds_bucket", tool="crm", le=bound)
        for bound in ("0.001", "0.005", "60.0", "+Inf")
    }
    assert counts == {"0.001": 1, "0.005": 2, "60.0": 3, "+Inf": 4}


# ---------------------------------------------------------------- bounded labels


def roles_seen(registry):
    return {
        sample.labels["role"]
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "salesboost_tool_calls_total"
    }


def test_a_role_nobody_knows_counts_as_other_and_no_role_as_none(registry, metrics):
    for role in [*ROLES, None, "intruder", *map(str, range(1000))]:
        metrics.call_ended("crm", "success", role, 0.1)
    assert roles_seen(registry) == {*ROLES, "other", "none"}
    assert value(registry, "calls_total", tool="crm", status="success", role="other") == 1001


def test_roles_may_be_ones_own(registry):
    metrics = ToolMetrics(registry, roles=["captain"])
    for role in ("captain", "coach"):
        metrics.call_ended("crm", "success", role, 0.1)
    assert roles_seen(registry) == {"captain", "other"}


def test_beyond_sixty_four_classes_of_error_the_others_count_as_one(registry, metrics):
    for number in range(100):
        metrics.call_failed("crm", type(f"Error{number}", (Exception,), {})())
    for _ in range(5):
        metrics.call_failed("crm", type("Error7", (Exception,), {})())
    kinds = {s.labels["error_type"] for f in registry.collect() for s in f.samples if s.name.endswith("errors_total")}
    assert kinds == {*(f"Error{number}" for number in range(64)), "other"}
    assert value(registry, "errors_total", tool="crm", error_type="other") == 36
    assert value(registry, "errors_total", tool="crm", error_type="Error7") == 6


# ---------------------------------------------------------------- registries


def test_a_registry_takes_each_metric_but_once(registry):
    assert metrics_in(registry) is metrics_in(registry)
    assert metrics_in(CollectorRegistry()) is not metrics_in(registry)


def test_without_a_registry_it_is_prometheus_own():
    assert metrics_in() is metrics_in(REGISTRY)
    assert metrics_in(None) is metrics_in()


def test_a_registry_that_is_thrown_away_is_not_kept_alive():
    registry = CollectorRegistry()
    metrics_in(registry).retried("crm")
    last_seen = weakref.ref(registry)
    del registry
    gc.collect()
    assert last_seen() is None


# ---------------------------------------------------------------- readable by Prometheus


def test_the_exposition_can_be_parsed(one_of_each):
    families = {family.name: family.type for family in parse_text(generate_latest(one_of_each).decode())}
    assert families["salesboost_tool_calls"] == "counter"
    assert families["salesboost_tool_call_duration_seconds"] == "histogram"
    text = openmetrics.generate_latest(one_of_each).decode()
    assert {family.name for family in parse_openmetrics(text)} == {family.name for family in one_of_each.collect()}


def test_promtool_finds_nothing_to_complain_about(one_of_each):
    program = shutil.which("promtool")
    if program is None:
        missing("promtool is not on the PATH: install Debian's package prometheus")
    checked = subprocess.run(
        [program, "check", "metrics"],
        input=generate_latest(one_of_each),
        capture_output=True,
        check=False,
        timeout=50,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
