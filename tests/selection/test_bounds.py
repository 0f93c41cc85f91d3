"""How often an arm has the highest bound is counted, so it can be counted another way too."""

import math
from itertools import pairwise
from random import Random

import pytest

from salesboost_tools.selection.bounds import HEIGHTS, Prospect, chances_of_bounds


def test_heights_are_those_of_half_a_bell():
    assert all(0 < lower < higher for lower, higher in pairwise(HEIGHTS))
    assert sum(HEIGHTS) / len(HEIGHTS) == pytest.approx(math.sqrt(2 / math.pi), abs=1e-3)
    assert sum([height**2 for height in HEIGHTS]) / len(HEIGHTS) == pytest.approx(1, abs=1e-3)
    assert HEIGHTS[-1] > 3.5


@pytest.mark.parametrize("arms", [1, 2, 5, 20])
def test_chances_are_what_trying_every_height_gives(arms):
    luck = Random(arms)
    for _ in range(30):
        prospects = [
            Prospect(luck.gauss(0.7, 0.1), luck.uniform(0, 0.1), luck.choice((0.0, 0.3, 0.9)), luck.random(), 0.05)
            for _ in range(arms)
        ]
        counted = [0.0] * arms
        for ill_above, share in ((0.0, 0.3), (0.3, 0.6), (0.9, 0.1)):  # where the second number, uniform, lies
            for height in HEIGHTS:
                bounds = [
                    ill_mean + height * ill_width if doubt > ill_above else mean + height * width
                    for mean, width, doubt, ill_mean, ill_width in prospects
                ]
                counted[bounds.index(max(bounds))] += share / len(HEIGHTS)
        assert chances_of_bounds(prospects) == pytest.approx(counted, abs=1e-9)


def test_of_equal_arms_the_widest_is_chosen_always():
    assert chances_of_bounds([Prospect(0.5, 0.1), Prospect(0.5, 0.2), Prospect(0.5, 0.2)]) == [0, 1, 0]
