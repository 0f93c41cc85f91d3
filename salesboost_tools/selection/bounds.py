"""Straight lines over one random height: which is the highest, and how often each is."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

STEPS: Final = 2048

HEIGHTS: Final = tuple([NormalDist().inv_cdf(0.5 + (step + 0.5) / (2 * STEPS)) for step in range(STEPS)])
"""All values of `z`, equally likely: quantiles of the absolute value of a standard normal, in ascending order.

Drawn from a table a height costs half, and how often each arm has the highest bound is a matter of counting.
"""


class Prospect(NamedTuple):
    """What an arm may be worth: `mean + z · width`, or the same of the ill arm if it is ill."""

    mean: float
    width: float
    doubt: float = 0.0
    """Probability that it is ill, in [0, 1]."""
    ill_mean: float = 0.0
    ill_width: float = 0.0


def chances_of_bounds(prospects: Sequence[Prospect]) -> list[float]:
    """Return the probability that each arm has the highest bound; exact up to rounding, their sum 1 within 1e-12.

    One `z` of `HEIGHTS` is drawn for all arms, and one `u`, uniform in [0, 1): an arm is ill if its doubt is above `u`.
    For each range of `u` the highest bounds form a chain of straight pieces over `z`.

    Args:
        prospects: At least one; no width is negative.
    """
    chances = [0.0] * len(prospects)
    below = 0.0
    for above in sorted({prospect.doubt for prospect in prospects if 0 < prospect.doubt < 1} | {1.0}):
        lines = [
            (ill_mean, ill_width) if doubt > below else (mean, width)
            for mean, width, doubt, ill_mean, ill_width in prospects
        ]
        _share_out(above - below, lines, chances)
        below = above
    return chances


def _share_out(chance: float, lines: Sequence[tuple[float, float]], chances: list[float]) -> None:
    """Add to the chances of each line how often it is the highest: piece by piece, as z grows from 0.

    Args:
        chance: What is shared out.
        lines: Mean and width of each.
        chances: Of each so far.
    """
    now, (mean, width) = 0, lines[0]
    for position, (its_mean, its_width) in enumerate(lines):
        if its_mean > mean or (its_mean == mean and its_width > width):
            now, mean, width = position, its_mean, its_width
    left = chance
    while True:
        until, following, steepest = math.inf, -1, 0.0
        for position, (its_mean, its_width) in enumerate(lines):
            if its_width > width:
                crossing = (mean - its_mean) / (its_width - width)
                if crossing < until or (crossing == until and its_width > steepest):
                    until, following, steepest = crossing, position, its_width
        if following < 0:
            chances[now] += left
            return
        beyond = chance * (1 - bisect_left(HEIGHTS, until) / STEPS)
        chances[now] += left - beyond
        if beyond <= 0.0:
            return
        now, left = following, beyond
        mean, width = lines[now]
