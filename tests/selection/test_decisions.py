"""Decisions wait for feedback within bounds, and leave nothing behind."""

import math
import multiprocessing
import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import DEFAULT_WEIGHTS
from salesboost_tools.selection.decisions import Decision, DecisionLog, new_decision_id
from salesboost_tools.selection.policy import Situation
from salesboost_tools.selection.statistics import NOTHING


def decision(decision_id: str, *, chosen: str = "a", at_s: float = 0.0) -> Decision:
    situation = Situation("search", ("a", "b"), (NOTHING, NOTHING), (0, 0), {"lang": "en"}, DEFAULT_WEIGHTS, at_s)
    return Decision(decision_id, situation, ("c",), chosen, 0.5, chosen, "policy@1")


def test_a_decision_is_taken_once():
    log = DecisionLog()
    first = decision("1")
    log.add(first)
    assert log.find("1") is first
    assert log.take("1", 1.0) is first
    assert log.take("1", 1.0) is None
    assert log.find("1") is None


def test_an_unknown_decision_is_none():
    assert DecisionLog().take("never made", 0.0) is None


def test_a_decision_says_what_was_decided():
    made = decision("1", at_s=3.0)
    assert (made.group, made.arms, made.masked, made.context, made.at_s) == (
        "search",
        ("a", "b"),
        ("c",),
        {"lang": "en"},
        3.0,
    )


def test_the_oldest_make_room_for_the_newest():
    log = DecisionLog(max_pending=2)
    for number in "123":
        log.add(decision(number))
    assert [log.find(number) is not None for number in "123"] == [False, True, True]


def test_at_the_age_bound_feedback_counts_and_after_it_it_is_too_late():
    log = DecisionLog(max_age_s=60)
    log.add(decision("1"))
    log.add(decision("2"))
    assert log.take("1", 60.0) is not None
    assert log.take("2", 60.1) is None


def test_old_decisions_leave_although_nobody_asks_for_them():
    log = DecisionLog(max_age_s=60)
    log.add(decision("1", at_s=0))
    log.add(decision("2", at_s=30))
    log.add(decision("3", at_s=61))
    assert len(log) == 2
    log.add(decision("4", at_s=1000))
    assert len(log) == 1
    assert log.pending("search", ["a"]) == (1,)


def test_a_clock_that_jumps_back_does_no_harm():
    log = DecisionLog(max_age_s=60)
    log.add(decision("1", at_s=1000))
    log.add(decision("2", at_s=0))
    assert log.take("1", 1.0) is not None
    assert log.take("2", 1.0) is not None


@pytest.mark.parametrize("bounds", [{"max_pending": 0}, {"max_age_s": 0}, {"max_age_s": math.nan}], ids=repr)
def test_a_bound_out_of_range_is_refused(bounds):
    with pytest.raises(ConfigurationError, match=next(iter(bounds))):
        DecisionLog(**bounds)


class Bookkeeping(RuleBasedStateMachine):
    """Whatever comes, the bounds hold and the counts of awaited choices agree with the decisions kept."""

    def __init__(self):
        super().__init__()
        self.log = DecisionLog(max_pending=4, max_age_s=10)
        self.now_s = 0.0
        self.made: list[Decision] = []

    @rule(chosen=st.sampled_from("ab"))
    def decide(self, chosen):
        self.made.append(decision(str(len(self.made)), chosen=chosen, at_s=self.now_s))
        self.log.add(self.made[-1])

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds):
        self.now_s += seconds

    @rule(data=st.data())
    def answer(self, data):
        if self.made:
            self.log.take(data.draw(st.sampled_from(self.made)).decision_id, self.now_s)

    @invariant()
    def the_bounds_hold(self):
        assert len(self.log) <= 4

    @invariant()
    def what_is_kept_is_what_is_counted(self):
        kept = [each.chosen for each in self.made if self.log.find(each.decision_id)]
        assert self.log.pending("search", ["a", "b"]) == (kept.count("a"), kept.count("b"))

    @invariant()
    def the_newest_is_never_lost_unanswered(self):
        assert len(self.log) == sum(self.log.find(each.decision_id) is not None for each in self.made)


TestBookkeeping = Bookkeeping.TestCase
TestBookkeeping.settings = settings(max_examples=30, deadline=None)


def test_nothing_is_kept_of_an_answered_decision():
    log = DecisionLog()

    def decide_and_answer(count: int) -> None:
        for number in range(count):
            log.add(decision(str(number), at_s=float(number)))
            log.take(str(number), float(number))

    decide_and_answer(2000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    decide_and_answer(2000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 2000  # bytes in all: less than one for each
    assert len(log) == 0


def test_what_is_never_answered_stops_growing_at_the_bound():
    log = DecisionLog(max_pending=100)
    for number in range(1000):
        log.add(decision(str(number)))
    assert len(log) == 100
    assert log.pending("search", ["a"]) == (100,)


@given(st.integers(2, 2000))
def test_ids_never_collide(count):
    assert len({new_decision_id() for _ in range(count)}) == count


def _ids_of_a_child(queue) -> None:
    queue.put([new_decision_id() for _ in range(3)])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking beside threads; the child only counts
def test_forked_workers_do_not_share_ids():
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    children = [context.Process(target=_ids_of_a_child, args=(queue,)) for _ in range(2)]
    for child in children:
        child.start()
    ids = [*queue.get(), *queue.get(), *[new_decision_id() for _ in range(3)]]
    for child in children:
        child.join()
    assert len(set(ids)) == 9
