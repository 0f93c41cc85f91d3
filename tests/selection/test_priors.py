"""Beliefs before the first outcome, kept apart from what happened."""

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.arms import MemoryArms
from salesboost_tools.selection.priors import ArmsWithPriors, Prior
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.statistics import NOTHING, statistics_of
from tests.selection.arm_store_contract import ArmStoreContract

GOOD = statistics_of(True, 1.0, 5.0)
NINE_OF_TEN = Prior(successes=9, failures=1, latency_s=1.0)


class TestArmsWithPriorsForOthers(ArmStoreContract):
    def store(self):
        return ArmsWithPriors(MemoryArms(), {"another": NINE_OF_TEN}, 5.0)


def test_a_prior_counts_as_if_it_had_been_seen():
    store = ArmsWithPriors(MemoryArms(), {"a": NINE_OF_TEN}, 5.0)
    (before,) = store.read("search", ["a"])
    assert (before.pulls, before.successes, before.latency_s, before.slowness) == (10, 9, 10.0, pytest.approx(2.0))
    assert store.add("search", "a", GOOD, used_at_s=1.0) == before.plus(GOOD)
    assert store.read("search", ["a", "b"]) == (before.plus(GOOD), NOTHING)


def test_what_is_returned_by_add_is_what_is_read():
    store = ArmsWithPriors(MemoryArms(), {"a": NINE_OF_TEN}, 5.0)
    known = store.add("search", "a", GOOD, used_at_s=1.0)
    assert store.read("search", ["a"])[0] is known


def test_the_records_hold_what_really_happened():
    store = ArmsWithPriors(MemoryArms(), {"a": NINE_OF_TEN}, 5.0)
    store.add("search", "a", GOOD, used_at_s=1.0)
    assert store.records()["search"]["a"].statistics == GOOD


def test_the_default_policy_begins_with_the_tool_the_prior_speaks_for(clock):
    priors = {"proven": Prior(successes=200, failures=4), "dubious": Prior(successes=40, failures=160)}
    selector = ToolSelector(seed=1, clock=clock, priors=priors)
    chosen = [selector.select_tool(["dubious", "proven"])[0] for _ in range(50)]
    assert chosen.count("proven") > 45


def test_statistics_and_the_best_tool_are_told_without_priors(clock):
    selector = ToolSelector(seed=1, clock=clock, priors={"a": Prior(successes=200, failures=4)})
    assert selector.get_best_tool(["a", "b"]) is None
    _, decision_id = selector.select_tool(["a"])
    selector.record_feedback(decision_id, False, 100)
    assert selector.get_statistics()["(unnamed)"]["a"].success_rate == 0


@pytest.mark.parametrize("wrong", [{"successes": -1}, {"failures": -2}, {"latency_s": -0.1}], ids=repr)
def test_a_prior_is_of_numbers_of_0_or_more(wrong):
    with pytest.raises(ConfigurationError, match="0 or more"):
        Prior(**{"successes": 1, "failures": 1, **wrong})
