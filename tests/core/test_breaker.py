"""A breaker opens when enough calls fail of late, and lets one probe at a time find out whether that is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.breaker import (
    UNTROUBLED,
    CircuitState,
    admit,
    after_failure,
    after_nothing,
    after_success,
    breaker_rule,
    last_change_ns,
    state_at,
)
from salesboost_tools.core.errors import ConfigurationError

S = 1_000_000_000
RULE = breaker_rule(3, window_s=10, open_s=30, failure_share=0.5)


def failed(breaker, *times_s, rule=RULE):
    for time_s in times_s:
        breaker = after_failure(breaker, rule, breaker.epoch, round(time_s * S))
    return breaker


def test_a_breaker_that_never_saw_a_failure_is_closed_and_lets_everything_pass():
    assert state_at(UNTROUBLED, 0) is CircuitState.CLOSED
    assert admit(UNTROUBLED, RULE, 0).wait_ns == 0
    assert last_change_ns(UNTROUBLED) == 0


def test_enough_failures_within_the_window_open_it_and_the_wait_is_exact():
    breaker = failed(UNTROUBLED, 1, 2, 3)
    assert state_at(breaker, 3 * S) is CircuitState.OPEN
    assert admit(breaker, RULE, 3 * S).wait_ns == 30 * S
    assert admit(breaker, RULE, 33 * S - 1).wait_ns == 1
    assert admit(breaker, RULE, 33 * S).wait_ns == 0
    assert state_at(breaker, 33 * S) is CircuitState.HALF_OPEN
    assert last_change_ns(breaker) == 33 * S


def test_failures_that_lie_further_apart_than_the_window_do_not_open_it():
    assert state_at(failed(UNTROUBLED, 1, 6, 11, 16), 16 * S) is CircuitState.CLOSED


def test_a_few_failures_among_many_successes_do_not_open_it():
    breaker = failed(UNTROUBLED, 1)
    for _ in range(100):
        breaker = after_success(breaker, RULE, breaker.epoch, 2 * S)
    assert state_at(failed(breaker, 3, 4), 4 * S) is CircuitState.CLOSED
    assert state_at(failed(breaker, 3, 4, 5), 5 * S) is CircuitState.OPEN  # the last three have none between them


def test_a_success_long_after_the_last_failure_ends_the_count():
    breaker = after_success(failed(UNTROUBLED, 1, 2), RULE, 0, 12 * S)
    assert breaker.failures == ()
    assert breaker.successes == 0


def test_exactly_one_probe_goes_through_when_its_time_has_come():
    breaker = failed(UNTROUBLED, 1, 2, 3)
    admissions = []
    for _ in range(20):
        admission = admit(breaker, RULE, 40 * S)
        breaker = admission.breaker
        admissions.append(admission.wait_ns)
    assert admissions == [0, *[30 * S] * 19]


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_opens_it_again():
    probing = admit(failed(UNTROUBLED, 1, 2, 3), RULE, 40 * S).breaker
    closed = after_success(probing, RULE, probing.epoch, 41 * S)
    assert state_at(closed, 41 * S) is CircuitState.CLOSED
    assert closed.failures == ()
    opened = after_failure(probing, RULE, probing.epoch, 41 * S)
    assert admit(opened, RULE, 41 * S).wait_ns == 30 * S


def test_a_probe_that_tells_nothing_gives_its_place_to_the_next_call():
    probing = admit(failed(UNTROUBLED, 1, 2, 3), RULE, 40 * S).breaker
    free = after_nothing(probing, probing.epoch)
    assert admit(free, RULE, 40 * S).wait_ns == 0


def test_a_call_that_tells_nothing_changes_nothing_while_it_is_closed():
    breaker = failed(UNTROUBLED, 1)
    assert after_nothing(breaker, breaker.epoch) is breaker


def test_a_lost_probe_does_not_shut_everybody_out():
    probing = admit(failed(UNTROUBLED, 1, 2, 3), RULE, 40 * S).breaker
    again = admit(probing, RULE, 70 * S)
    assert again.wait_ns == 0
    late = after_success(again.breaker, RULE, probing.epoch, 71 * S)
    assert late is again.breaker  # the first probe has lost its say


def test_what_began_before_the_last_change_is_not_heard():
    opened = failed(UNTROUBLED, 1, 2, 3)
    assert after_success(opened, RULE, 0, 4 * S) is opened
    assert after_failure(opened, RULE, 0, 4 * S) is opened
    assert after_nothing(opened, 0) is opened


@pytest.mark.parametrize(
    "numbers",
    [(0, 1, 1, 0.5), (1, 0, 1, 0.5), (1, 1, 0, 0.5), (1, 1, 1, 0), (1, 1, 1, 1.1), (1, float("nan"), 1, 1)],
    ids=repr,
)
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(ConfigurationError):
        breaker_rule(*numbers)


STEPS = st.lists(st.tuples(st.sampled_from(["ok", "fail", "nothing", "hang"]), st.integers(0, 20 * S)), max_size=60)


@given(STEPS)
def test_whatever_happens_waiting_as_told_while_nobody_probes_is_enough(steps):
    breaker, now_ns = UNTROUBLED, 0
    for outcome, passed_ns in steps:
        now_ns += passed_ns
        admission = admit(breaker, RULE, now_ns)
        breaker = admission.breaker
        if admission.wait_ns:
            assert admit(breaker, RULE, now_ns + admission.wait_ns).wait_ns == 0
            assert admit(breaker, RULE, now_ns + admission.wait_ns - 1).wait_ns > 0
        elif outcome == "ok":
            breaker = after_success(breaker, RULE, breaker.epoch, now_ns)
        elif outcome == "fail":
            breaker = after_failure(breaker, RULE, breaker.epoch, now_ns)
        elif outcome == "nothing":
            breaker = after_nothing(breaker, breaker.epoch)
        assert len(breaker.failures) <= RULE.failure_threshold


@given(STEPS)
def test_never_two_probes_at_once(steps):
    breaker, now_ns, probe_ends_ns = failed(UNTROUBLED, 0, 0, 0), 0, 0
    for outcome, passed_ns in steps:
        now_ns += passed_ns
        open_before = breaker.open_until_ns is not None
        admission = admit(breaker, RULE, now_ns)
        breaker = admission.breaker
        if open_before and not admission.wait_ns:
            assert now_ns >= probe_ends_ns
            probe_ends_ns = now_ns + RULE.open_ns
            if outcome == "nothing":
                breaker, probe_ends_ns = after_nothing(breaker, breaker.epoch), 0
            elif outcome == "fail":
                breaker = after_failure(breaker, RULE, breaker.epoch, now_ns)
