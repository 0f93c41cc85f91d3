"""A backend that does not answer is asked rarely, and at once again when it answers."""

import threading

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.state.circuit import Circuit


@pytest.fixture
def circuit(clock):
    return Circuit(probe_every_s=2, failures_before_open=3, clock=clock)


def opened(circuit):
    for _ in range(3):
        circuit.failed("no answer")
    return circuit


def test_a_few_failures_in_a_row_open_it(circuit):
    for _ in range(2):
        circuit.failed("late")
        assert circuit.may_try()
    circuit.failed("no answer")
    assert circuit.is_open
    assert not circuit.may_try()
    assert (circuit.failures, circuit.spared, circuit.last_failure) == (3, 1, "no answer")


def test_a_success_in_between_starts_the_count_anew(circuit):
    for _ in range(5):
        circuit.failed("late")
        circuit.failed("late")
        circuit.succeeded()
    assert not circuit.is_open


def test_one_call_per_interval_probes(clock, circuit):
    opened(circuit)
    for _ in range(3):
        clock.advance(2)
        assert [circuit.may_try() for _ in range(5)] == [True, False, False, False, False]


def test_a_probe_that_fails_leaves_it_open_for_another_interval(clock, circuit):
    opened(circuit)
    clock.advance(2)
    assert circuit.may_try()
    clock.advance(1)
    circuit.failed("still none")
    clock.advance(1.9)
    assert not circuit.may_try()
    clock.advance(0.1)
    assert circuit.may_try()


def test_a_probe_that_is_never_heard_of_again_does_not_leave_it_open_for_ever(clock, circuit):
    opened(circuit)
    clock.advance(2)
    assert circuit.may_try()
    clock.advance(2)
    assert circuit.may_try()


def test_a_success_closes_it(clock, circuit):
    opened(circuit)
    clock.advance(2)
    assert circuit.may_try()
    circuit.succeeded()
    assert [circuit.may_try() for _ in range(5)] == [True] * 5


def test_of_many_threads_one_probes(clock, circuit):
    opened(circuit)
    clock.advance(2)
    begin, tried = threading.Barrier(8), []

    def work():
        begin.wait(10)
        tried.append(circuit.may_try())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(tried) == 1


@pytest.mark.parametrize(
    "numbers", [{"probe_every_s": 0}, {"probe_every_s": -1}, {"probe_every_s": 1, "failures_before_open": 0}]
)
def test_numbers_that_make_no_sense_are_refused(numbers):
    with pytest.raises(ConfigurationError):
        Circuit(**numbers)
