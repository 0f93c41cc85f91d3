"""How often an arm has the highest bound is counted, so it can be counted another way too."""

import math
from itertools import pairwise
from random import Random

import pytest

from salesboost_tools.selection.bounds import HEIGHTS, chances_of_bounds, upper_envelopes


def test_heights_are_those_of_half_a_bell():
    assert all(0 < lower < higher for lower, higher in pairwise(HEIGHTS))
    assert sum(HEIGHTS) / len(HEIGHTS) == pytest.approx(math.sqrt(2 / math.pi), abs=1e-3)
    assert sum([height**2 for height in HEIGHTS]) / len(HEIGHTS) == pytest.approx(1, abs=1e-3)
    assert HEIGHTS[-1] > 3.5


def chances(lines, lift=0.0, ill=()):
    """Return the chances of lines; of the arms that may be ill: doubt, position, line."""
    ranked = sorted(ill)
    envelopes = upper_envelopes(lines, lift, [(place, line) for _, place, line in ranked])
    return chances_of_bounds(len(lines), envelopes, [doubt for doubt, _, _ in ranked])


@pytest.mark.parametrize("lift", [0.0, 1.7])
@pytest.mark.parametrize("arms", [1, 2, 5, 20])
def test_chances_are_what_trying_every_height_gives(arms, lift):
    luck = Random(arms)
    for _ in range(30):
        lines = [(luck.gauss(0.7, 0.1), luck.uniform(0, 0.1)) for _ in range(arms)]
        doubtful = [arm for arm in range(arms) if luck.random() < 0.6]
        doubts = [(luck.choice((0.3, 0.9)), arm, (luck.random(), 0.05)) for arm in doubtful]
        counted = [0.0] * arms
        for ill_above, share in ((0.0, 0.3), (0.3, 0.6), (0.9, 0.1)):  # where the second number, uniform, lies
            ill = {arm: line for doubt, arm, line in doubts if doubt > ill_above}
            for height in HEIGHTS:
                bounds = [mean + (height + lift) * width for mean, width in lines]
                for arm, (mean, width) in ill.items():
                    bounds[arm] = mean + height * width
                counted[bounds.index(max(bounds))] += share / len(HEIGHTS)
        assert chances(lines, lift, doubts) == pytest.approx(counted, abs=1e-9)


@pytest.mark.parametrize("doubt", [0.0, 1.0])
def test_a_doubt_may_be_a_certainty(doubt):
    assert chances([(0.9, 0.0), (0.5, 0.0)], 0.0, [(doubt, 0, (0.1, 0.0))]) == (1 - doubt, doubt)


def test_of_equal_arms_the_widest_is_chosen_always():
    assert chances([(0.5, 0.1), (0.5, 0.2), (0.5, 0.2)]) == (0, 1, 0)
