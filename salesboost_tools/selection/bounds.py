"""Straight lines over one random height: which is the highest, and how often each is."""

import math
from collections.abc import Sequence
from typing import NamedTuple

_ROOT_2 = math.sqrt(2.0)


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

    One `z`, the absolute value of a standard normal, is drawn for all arms, and one `u`, uniform in [0, 1): an arm is
    ill if its doubt is above `u`. For each range of `u` the highest bounds form a chain of straight pieces over `z`.

    Args:
        prospects: At least one; no width is negative.
    """
    chances = [0.0] * len(prospects)
    below = 0.0
    for above in sorted({prospect.doubt for prospect in prospects if 0 < prospect.doubt < 1} | {1.0}):
        lines = [
            (prospect.ill_mean, prospect.ill_width) if prospect.doubt > below else (prospect.mean, prospect.width)
            for prospect in prospects
        ]
        for position, share in _pieces(lines):
            chances[position] += share * (above - below)
        below = above
    return chances


def _pieces(lines: Sequence[tuple[float, float]]) -> list[tuple[int, float]]:
    """Return which line is the highest, piece by piece as z grows from 0, with the probability of each piece."""
    pieces: list[tuple[int, float]] = []
    now = max(range(len(lines)), key=lambda position: (*lines[position], -position))
    left = 1.0
    while True:
        mean, width = lines[now]
        until, following = math.inf, -1
        for position, (its_mean, its_width) in enumerate(lines):
            if its_width > width:
                crossing = (mean - its_mean) / (its_width - width)
                if crossing < until or (crossing == until and its_width > lines[following][1]):
                    until, following = crossing, position
        beyond = math.erfc(until / _ROOT_2)
        pieces.append((now, left - beyond))
        if beyond <= 0.0:
            return pieces
        now, left = following, beyond
