"""Bounds hold, whatever the policy within them wants."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.bounded import Bounded, within
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.policy import Choice
from salesboost_tools.selection.statistics import mean_rewards
from salesboost_tools.selection.thompson import Thompson
from tests.selection.policy_contract import PolicyContract, World, known, law, situation, situations


class TestBoundedGreedy(PolicyContract):
    policy = Bounded(EpsilonGreedy(), least={"tool_v1": 0.05}, most={"tool_v2": 0.6}, most_exploration=0.5)


class TestBoundedAdaptive(PolicyContract):
    policy = Bounded(Adaptive(), least={"tool_v1": 0.05}, most={"tool_v3": 0.7})


@given(question=situations(), floor=st.floats(0, 0.3), ceiling=st.floats(0.31, 1))
@law
def test_floors_and_ceilings_hold_in_every_situation(question, floor, ceiling):
    policy = Bounded(EpsilonGreedy(0.2), least={"tool_v1": floor, "tool_v2": floor}, most={"tool_v2": ceiling})
    shares = policy.propensities(question)
    if len(shares) > 2:  # with two, a ceiling may have to give way
        assert all(share >= floor - 1e-9 for share in shares[:2])
        assert shares[1] <= ceiling + 1e-9


@given(
    wanted=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8).filter(lambda shares: sum(shares) > 0.01),
    data=st.data(),
)
def test_shares_within_bounds_sum_to_one(wanted, data):
    total = sum(wanted)
    shares = [share / total for share in wanted]
    count = len(shares)
    floors = data.draw(st.lists(st.floats(0, 1 / count), min_size=count, max_size=count))
    ceilings = [data.draw(st.floats(max(floor, 1e-3), 1)) for floor in floors]
    result = within(shares, floors, ceilings)
    assert math.isclose(sum(result), 1, abs_tol=1e-9)
    assert all(share >= floor - 1e-9 for share, floor in zip(result, floors, strict=True))
    if sum(ceilings) >= 1:
        assert all(share <= ceiling + 1e-9 for share, ceiling in zip(result, ceilings, strict=True))


def test_shares_that_are_within_the_bounds_stay_as_they_are():
    assert within([0.2, 0.5, 0.3], [0.1, 0.1, 0.1], [1, 0.6, 1]) == pytest.approx([0.2, 0.5, 0.3])


def test_what_a_ceiling_cuts_off_goes_to_the_others_in_proportion():
    assert within([0.6, 0.3, 0.1], [0, 0, 0], [0.2, 1, 1]) == pytest.approx([0.2, 0.6, 0.2])


def test_a_critical_tool_is_never_starved():
    world = World(Bounded(Adaptive(), least={"critical": 0.1}), critical=0.1, good=0.95)
    chosen = world.play(2000)
    assert chosen[500:].count("critical") >= 0.1 * 1500 - 4 * math.sqrt(0.1 * 1500)


def test_an_unwanted_tool_never_exceeds_its_share():
    world = World(Bounded(Adaptive(), most={"unwanted": 0.05}), unwanted=0.99, other=0.5)
    assert world.play(2000)[300:].count("unwanted") <= 0.05 * 1700 + 4 * math.sqrt(0.05 * 1700)


def test_exploration_is_bounded_once_there_is_a_best_tool():
    question = situation(known(10, 9), known(10, 8), known(10, 7))
    free, bounded = (
        policy.propensities(question) for policy in (Thompson(), Bounded(Thompson(), most_exploration=0.05))
    )
    assert sum(free[1:]) > 0.05
    assert sum(bounded[1:]) == pytest.approx(0.05)
    assert bounded[1] / bounded[2] == pytest.approx(free[1] / free[2])


@given(question=situations(), most=st.floats(0, 1))
@law
def test_all_but_the_best_tool_so_far_together_are_chosen_no_more_often_than_the_bound(question, most):
    for policy in (EpsilonGreedy(1.0), Thompson(), Adaptive()):
        shares = Bounded(policy, most_exploration=most).propensities(question)
        if any(known.pulls for known in question.statistics):
            means = mean_rewards(question.statistics, question.weights)
            assert 1 - shares[means.index(max(means))] <= most + 1e-9


def test_before_any_outcome_the_bound_on_exploration_says_nothing():
    question = situation(known(0, 0), known(0, 0))
    assert Bounded(EpsilonGreedy(), most_exploration=0.0).propensities(question) == (0.5, 0.5)


def test_bounds_are_for_the_tools_that_are_available():
    policy = Bounded(EpsilonGreedy(0.0), least={"tool_v1": 0.2, "gone": 0.8})
    assert policy.propensities(situation(known(10, 1), known(10, 9))) == pytest.approx((0.2, 0.8))


class Noting:
    """Wants the first arm always, and to be told so."""

    name, version = "noting", "1"

    def choose(self, question, rng):
        return Choice(0, 1.0, "a note")

    def propensities(self, question):
        return (1.0,) + (0.0,) * (len(question.arms) - 1)

    def choose_for_log(self, question, rng):
        return self.choose(question, rng), self.propensities(question)


def test_the_inner_policys_note_stays_with_its_own_choices():
    policy = Bounded(Noting(), most={"tool_v1": 0.7})
    question, rng = situation(known(5, 5), known(5, 5)), Random(3)
    choices = [policy.choose(question, rng) for _ in range(2000)]
    assert all((choice.note == "a note") == (choice.position == 0) for choice in choices)
    assert sum(choice.position == 0 for choice in choices) / 2000 == pytest.approx(0.7, abs=0.04)
    assert {round(choice.propensity, 9) for choice in choices} == {0.7, 0.3}


@pytest.mark.parametrize(
    ("bounds", "complaint"),
    [
        ({"least": {"a": 1.2}}, r"share of `a`.*1\.2"),
        ({"most": {"a": -0.1}}, r"share of `a`.*-0\.1"),
        ({"most_exploration": 2}, "most_exploration"),
        ({"least": {"a": 0.6, "b": 0.6}}, "sum to at most 1"),
        ({"least": {"a": 0.6}, "most": {"a": 0.5}}, r"floor lies above the ceiling of \['a'\]"),
    ],
    ids=repr,
)
def test_bounds_that_cannot_hold_are_refused(bounds, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        Bounded(Thompson(), **bounds)
