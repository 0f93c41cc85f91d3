"""Successes that would hardly change a choice wait to be counted together; nobody who reads the sums can tell."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.core.reward import RewardWeights, reward
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.arms import MemoryArms
from salesboost_tools.selection.bounded import Forgetful
from salesboost_tools.selection.policy import Choice
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.ucb1 import UCB1
from tests.doubles import FakeClock


class Patient(Forgetful):
    """A memory that keeps what it is told: arm, pulls, outcomes, time. What follows may wait if it says so."""

    def __init__(self):
        self.told = []
        self.may_wait = True

    def learn(self, arm, known, outcomes, now_s):
        self.told.append((arm, known.pulls, list(outcomes), now_s))
        return self.may_wait

    @property
    def sizes(self) -> list[int]:
        return [len(outcomes) for _, _, outcomes, _ in self.told]


class Counting:
    """Chooses the first arm and notes the number of its choice."""

    name, version = "counting", "1"

    def __init__(self):
        self.memory = Patient()
        self.choices = 0

    def choose(self, situation, rng):
        self.choices += 1
        return Choice(0, 1.0, self.choices)

    def propensities(self, situation):
        return (1.0,) + (0.0,) * (len(situation.arms) - 1)

    def new_memory(self, weights):
        return self.memory


@pytest.fixture
def policy():
    return Counting()


@pytest.fixture
def selector(policy, clock):
    return ToolSelector(policy, clock=clock)


def call(selector, success=True, latency_ms=100.0, *, tools=("a", "b"), context=None, **what) -> str:
    _, decision_id = selector.select_tool(list(tools), context)
    assert selector.record_feedback(decision_id, success, latency_ms, **what)
    return decision_id


def test_successes_are_told_sixteen_at_once_in_their_order_with_what_was_known(selector, policy, clock):
    for number in range(33):
        clock.advance(1)
        call(selector, latency_ms=100.0 * number, context={"number": number})
    assert policy.memory.sizes == [1, 16, 16]
    assert [outcome for _, _, outcomes, _ in policy.memory.told for outcome in outcomes] == [
        ({"number": number}, True, reward(True, number / 10), number + 1) for number in range(33)
    ]
    started_s = clock() - 33
    assert [(arm, pulls, at_s) for arm, pulls, _, at_s in policy.memory.told] == [
        ("a", 1, started_s + 1),
        ("a", 17, started_s + 17),
        ("a", 33, started_s + 33),
    ]


@pytest.mark.parametrize(
    "what",
    [{"success": False}, {"success": True, "quality": 0.5}, {"success": True, "cost": 0.0}, {"error": "odd"}],
    ids=["a failure", "a rated success", "a priced success", "a success with an error"],
)
def test_anything_else_is_told_as_it_comes_after_what_waits(selector, policy, what):
    for _ in range(4):
        call(selector)
    call(selector, **what)
    assert policy.memory.sizes == [1, 3, 1]


def test_a_memory_that_cannot_wait_is_told_of_each(selector, policy):
    policy.memory.may_wait = False
    for _ in range(20):
        call(selector)
    assert policy.memory.sizes == [1] * 20


def test_a_memory_that_can_no_longer_wait_is_told_of_each_from_then_on(selector, policy):
    call(selector)
    policy.memory.may_wait = False
    for _ in range(19):
        call(selector)
    assert policy.memory.sizes == [1, 16, 1, 1, 1]


def test_the_successes_of_each_arm_and_group_wait_by_themselves(selector, policy):
    for _ in range(4):
        call(selector, tools=["a", "b"])
        call(selector, tools=["b", "a"])
    call(selector, success=False, tools=["b", "a"])
    assert [(arm, len(outcomes)) for arm, _, outcomes, _ in policy.memory.told] == [
        ("a", 1),
        ("b", 1),
        ("b", 3),
        ("b", 1),
    ]


READERS = {
    "the statistics": lambda selector: selector.get_statistics()["(unnamed)"]["a"].pulls,
    "an export": lambda selector: selector.export_learnt()["groups"]["(unnamed)"]["a"]["pulls"],
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_who_reads_the_sums_finds_all_in_them(selector, policy, read):
    for _ in range(6):
        call(selector)
    assert read(selector) == 6
    assert read(selector) == 6
    assert sum(policy.memory.sizes) == 6


def test_the_best_tool_is_found_with_what_waits(selector):
    call(selector, success=False, tools=["b"])
    call(selector, success=False, tools=["a"])
    for _ in range(8):
        call(selector, tools=["b"])
    for _ in range(2):
        call(selector, tools=["a"])
    assert selector.get_best_tool(["a", "b"]) == "b"


def test_a_memory_that_fails_makes_nothing_count_twice(selector, policy):
    for _ in range(4):
        call(selector)
    policy.memory.learn = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        selector.get_statistics()
    assert selector.get_statistics()["(unnamed)"]["a"].pulls == 4


def test_in_a_store_that_others_may_read_every_outcome_is_counted_at_once(policy, clock):
    store = MemoryArms()
    selector = ToolSelector(policy, state=store, clock=clock)
    for number in range(1, 20):
        call(selector)
        assert store.read("(unnamed)", ("a",))[0].pulls == number
    assert policy.memory.sizes == [1] * 19


def test_a_policy_without_a_memory_sees_every_outcome(clock):
    selector = ToolSelector(UCB1(), clock=clock)
    for number in range(40):
        _, decision_id = selector.select_tool(["a"])
        assert selector.find_decision(decision_id).situation.statistics[0].pulls == number
        selector.record_feedback(decision_id, True, 100)


OUTCOMES = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.booleans() | st.just(True),
        st.floats(0, 9000),
        st.none() | st.floats(0, 1),
        st.none() | st.floats(0, 9),
    ),
    max_size=80,
)


@given(OUTCOMES, st.sets(st.integers(0, 79), max_size=5))
@settings(deadline=None)
def test_whatever_comes_the_sums_are_those_of_outcomes_counted_as_they_came(outcomes, read_after):
    clock, weights = FakeClock(), RewardWeights(quality=0.3, cost=0.1)
    selectors = [ToolSelector(Counting(), state=state, clock=clock, weights=weights) for state in (None, MemoryArms())]
    for number, (tool, success, latency_ms, quality, cost) in enumerate(outcomes):
        clock.advance(1)
        for selector in selectors:
            call(selector, success, latency_ms, tools=[tool], quality=quality, cost=cost)
        if number in read_after:
            selectors[0].get_statistics()
    waited, at_once = (selector.export_learnt()["groups"] for selector in selectors)
    assert waited.keys() == at_once.keys()
    for group, arms in at_once.items():
        for arm, sums in arms.items():
            assert waited[group][arm] == pytest.approx(sums), (group, arm)


def test_the_default_lets_successes_of_a_well_known_healthy_tool_wait(clock):
    selector, luck = ToolSelector(Adaptive(), seed=1, clock=clock), Random(1)

    def pulls_seen(**what) -> float:
        return selector.find_decision(selector.select_tool(["a"], **what)[1]).situation.statistics[0].pulls

    for _ in range(20):
        call(selector, tools=["a"])
    assert pulls_seen() == 20
    for _ in range(10):
        call(selector, tools=["a"])
    assert pulls_seen() == 20
    call(selector, False, tools=["a"])
    assert pulls_seen() == 31
    call(selector, tools=["a"])
    assert pulls_seen() == 32  # it may be ill now
    for _ in range(200):  # here the context decides, so that every outcome counts at once
        topic = luck.choice("xy")
        call(selector, luck.random() < {"x": 0.95, "y": 0.05}[topic], tools=["b"], context={"topic": topic})
    before = selector.get_statistics()["(unnamed)"]["b"].pulls
    call(selector, tools=["b"], context={"topic": "x"})
    _, decision_id = selector.select_tool(["b"], {"topic": "x"})
    assert selector.find_decision(decision_id).situation.statistics[0].pulls == before + 1
