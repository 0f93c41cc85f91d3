"""Straight lines over one random height: which is the highest, and how often each is."""

from bisect import bisect_left
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

STEPS: Final = 2048

HEIGHTS: Final = tuple([NormalDist().inv_cdf(0.5 + (step + 0.5) / (2 * STEPS)) for step in range(STEPS)])
"""All values of `z`, equally likely: quantiles of the absolute value of a standard normal, in ascending order.

Drawn from a table a height costs half, and how often each arm has the highest bound is a matter of counting.
"""

_HIGHEST: Final = HEIGHTS[-1]

Line = tuple[float, float]
"""What an arm may be worth: mean and width, the bound at a height `z` being `mean + z · width`."""

Envelope = Sequence[tuple[int, float]]
"""Which lines are the highest as `z` grows, by position, and in which share of `HEIGHTS` each is; their sum is 1."""


def upper_envelopes(lines: Sequence[Line], lift: float, ill: Sequence[tuple[int, Line]]) -> list[Envelope]:
    """Return the upper envelopes of the lines while arms are ill: all of these, all but the first, and so on to none.

    Args:
        lines: Of the healthy arms, at least one; no width is negative.
        lift: What is added to `z` for them, 0 or more; not for an ill arm.
        ill: Arms that may be ill: position, each at most once, and line if it is.
    """
    top = lift + _HIGHEST
    healthy = [(mean + lift * width, mean + top * width) for mean, width in lines]
    spans = healthy.copy()
    for place, (mean, width) in ill:
        spans[place] = (mean, mean + _HIGHEST * width)
    everyone = range(len(lines))
    envelope = _upper_envelope(spans, everyone)
    envelopes = [envelope]
    for place, _ in ill:
        spans[place] = healthy[place]
        highest = [each for each, _ in envelope]
        envelope = _upper_envelope(spans, everyone if place in highest else [*highest, place])
        envelopes.append(envelope)
    return envelopes


def chances_of_bounds(arms: int, envelopes: Sequence[Envelope], doubts: Sequence[float] = ()) -> tuple[float, ...]:
    """Return the probability that each arm has the highest bound; exact up to rounding, their sum 1 within 1e-12.

    One `z` of `HEIGHTS` is drawn for all arms, and one `u`, uniform in [0, 1): an arm is ill if its doubt is above `u`.

    Args:
        arms: How many there are.
        envelopes: What `upper_envelopes` returned.
        doubts: How likely each of the arms is that were said to be ill, in their order: ascending, in [0, 1].
    """
    chances = [0.0] * arms
    below = 0.0
    for doubt, envelope in zip((*doubts, 1.0), envelopes, strict=True):
        for place, share in envelope:
            chances[place] += (doubt - below) * share
        below = doubt
    return tuple(chances)


def _upper_envelope(spans: Sequence[tuple[float, float]], places: Sequence[int]) -> Envelope:
    """Return the upper envelope of some lines.

    Args:
        spans: Of each line, how high it is at z = 0 and at the last of `HEIGHTS`.
        places: Which of them, at least one.
    """
    now = max(places, key=spans.__getitem__)
    start, end = spans[now]
    envelope: list[tuple[int, float]] = []
    reached = 0.0
    while rivals := [place for place in places if spans[place][1] > end and spans[place][0] <= start]:
        crossings: list[tuple[float, float, int]] = []
        for place in rivals:
            its_start, its_end = spans[place]
            crossings.append(((start - its_start) / (start - its_start + its_end - end), -its_end, place))
        crossing, _, following = min(crossings)  # where two cross at once, the steeper follows
        until = bisect_left(HEIGHTS, crossing * _HIGHEST) / STEPS
        if until > reached:
            envelope.append((now, until - reached))
            reached = until
        now, places = following, rivals
        start, end = spans[now]
    if reached < 1.0:
        envelope.append((now, 1.0 - reached))
    return envelope
