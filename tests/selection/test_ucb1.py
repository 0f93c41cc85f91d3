"""UCB1: the best that each arm could plausibly be."""

import math
from random import Random

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.statistics import NOTHING
from salesboost_tools.selection.ucb1 import UCB1
from tests.selection.policy_contract import PolicyContract, known, situation


class TestUCB1(PolicyContract):
    policy = UCB1(0.25)


def test_the_bound_is_the_papers_stretched_to_the_rewards_range():
    question = situation(known(10, 6, 0.0), known(20, 15, 0.0))
    bounds = [0.6 + 1.5 * math.sqrt(2 * math.log(30) / 10), 0.75 + 1.5 * math.sqrt(2 * math.log(30) / 20)]
    assert UCB1()._bounds(question) == pytest.approx(bounds)
    assert UCB1().choose(question, Random(1)).position == bounds.index(max(bounds))


def test_of_equally_good_arms_the_less_known_is_chosen():
    assert UCB1().propensities(situation(known(100, 90), known(10, 9))) == (0, 1)


def test_untried_arms_come_first_and_share():
    assert UCB1().propensities(situation(known(100, 100), NOTHING, NOTHING)) == (0, 0.5, 0.5)


def test_awaited_choices_count_as_tried():
    assert UCB1().propensities(situation(known(10, 5), known(10, 5), pending=(30, 0))) == (0, 1)


@pytest.mark.parametrize("exploration", [0, -1, math.inf, math.nan])
def test_exploration_is_above_nothing(exploration):
    with pytest.raises(ConfigurationError, match="above 0"):
        UCB1(exploration)


def test_the_version_names_the_factor():
    assert UCB1(1.0).version != UCB1(0.5).version
