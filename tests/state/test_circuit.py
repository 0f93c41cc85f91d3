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


def test_one_failure_that_took_its_whole_time_limit_opens_it(circuit):
    circuit.failed("timed out", took_all_its_time=True)
    assert not circuit.may_try()


def test_a_call_never_tries_while_it_is_open(clock, circuit):
    opened(circuit)
    clock.advance(1000)
    assert not circuit.may_try()
    circuit.succeeded()
    assert [circuit.may_try() for _ in range(5)] == [True] * 5


def test_the_first_probe_comes_soon_and_the_others_one_per_interval(clock, circuit):
    opened(circuit)
    assert not circuit.take_probe()
    for wait_s in (0.2, 2, 2):
        clock.advance(wait_s - 0.01)
        assert not circuit.take_probe()
        clock.advance(0.01)
        assert [circuit.take_probe() for _ in range(5)] == [True, False, False, False, False]


def test_nobody_probes_while_it_is_closed(clock, circuit):
    clock.advance(100)
    assert not circuit.take_probe()


def test_a_probe_that_fails_leaves_it_open_for_another_interval(clock, circuit):
    opened(circuit)
    clock.advance(2)
    assert circuit.take_probe()
    clock.advance(1)
    circuit.failed("still none", took_all_its_time=True)
    clock.advance(0.9)
    assert not circuit.take_probe()
    clock.advance(0.1)
    assert circuit.take_probe()


def test_a_probe_that_is_never_heard_of_again_is_followed_by_another(clock, circuit):
    opened(circuit)
    for _ in range(3):
        clock.advance(2)
        assert circuit.take_probe()


def test_it_says_for_how_long_it_has_been_open(clock, circuit):
    assert circuit.open_for_s is None
    opened(circuit)
    clock.advance(7)
    circuit.failed("still none")
    assert circuit.open_for_s == 7
    circuit.succeeded()
    assert circuit.open_for_s is None


def test_of_many_threads_one_probes(clock, circuit):
    opened(circuit)
    clock.advance(2)
    begin, taken = threading.Barrier(8), []

    def work():
        begin.wait(10)
        taken.append(circuit.take_probe())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(taken) == 1


@pytest.mark.parametrize(
    "numbers", [{"probe_every_s": 0}, {"probe_every_s": -1}, {"probe_every_s": 1, "failures_before_open": 0}]
)
def test_numbers_that_make_no_sense_are_refused(numbers):
    with pytest.raises(ConfigurationError):
        Circuit(**numbers)
