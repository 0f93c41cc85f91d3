"""One rule says what healthy means; every status is reached, and every reason is told."""

import pytest

from salesboost_tools.core.breaker import CircuitState
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.health.judgement import HealthRule, judge
from salesboost_tools.health.probe import Probed
from salesboost_tools.health.report import HealthStatus
from salesboost_tools.health.traffic import NO_TRAFFIC, Traffic

RULE = HealthRule()
WELL = Probed(0.01)
ILL = Probed(0.01, "OSError")


def verdict(**findings):
    return judge(RULE, **{"probed": WELL, "traffic": NO_TRAFFIC, **findings})


def test_a_tool_whose_probe_succeeds_is_healthy():
    assert verdict() == (HealthStatus.HEALTHY, ())


def test_a_tool_without_a_probe_is_healthy_once_enough_calls_went_well():
    assert verdict(probed=None, traffic=Traffic(5, 0, p95_s=0.1))[0] is HealthStatus.HEALTHY
    assert verdict(probed=None, traffic=Traffic(4, 0, p95_s=0.1))[0] is HealthStatus.UNKNOWN


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ({"probed": ILL}, "OSError"),
        ({"circuit": CircuitState.OPEN}, "its circuit breaker is open"),
        ({"traffic": Traffic(10, 5, p95_s=0.1)}, "5 of the last 10 calls failed"),
        ({"probed": None, "traffic": Traffic(10, 10, p95_s=0.1)}, "10 of the last 10 calls failed"),
    ],
)
def test_what_does_not_work_is_unhealthy(findings, reason):
    assert verdict(**findings) == (HealthStatus.UNHEALTHY, (reason,))


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ({"circuit": CircuitState.HALF_OPEN}, "its circuit breaker waits for a probe to succeed"),
        ({"traffic": Traffic(10, 1, p95_s=0.1)}, "1 of the last 10 calls failed"),
        (
            {"traffic": Traffic(10, 0, p95_s=1.7), "limit_s": 2.0},
            "1 of 20 calls takes 1.7 s or longer; its time limit is 2.0 s",
        ),
        ({"missing": "no shared state"}, "no shared state"),
    ],
)
def test_what_works_badly_is_degraded(findings, reason):
    assert verdict(**findings) == (HealthStatus.DEGRADED, (reason,))


def test_all_reasons_of_the_worst_kind_are_told():
    status, reasons = verdict(probed=ILL, circuit=CircuitState.OPEN, missing="no shared state")
    assert status is HealthStatus.UNHEALTHY
    assert reasons == ("OSError", "its circuit breaker is open")


def test_a_few_failures_among_few_calls_say_nothing():
    assert verdict(traffic=Traffic(4, 4, p95_s=0.1)) == (HealthStatus.HEALTHY, ())


def test_failures_below_a_tenth_do_not_count():
    assert verdict(traffic=Traffic(21, 2, p95_s=0.1)) == (HealthStatus.HEALTHY, ())


@pytest.mark.parametrize(
    "numbers",
    [
        {"calls_to_go_by": 0},
        {"degraded_share": 0},
        {"degraded_share": 0.6},
        {"unhealthy_share": 1.1},
        {"slow_share": 0},
    ],
    ids=repr,
)
def test_a_rule_that_makes_no_sense_is_refused(numbers):
    with pytest.raises(ConfigurationError, match=next(iter(numbers))):
        HealthRule(**numbers)
