"""A clock is any function that returns seconds."""

import pytest

from salesboost_tools.core.clock import nanoseconds


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, 0), (1, 10**9), (0.1, 10**8), (-2.5, -25 * 10**8), (1.4e-9, 1), (1.6e-9, 2), (10**9, 10**18)],
)
def test_seconds_become_whole_nanoseconds_rounded_to_the_nearest(seconds, expected):
    result = nanoseconds(seconds)
    assert result == expected
    assert isinstance(result, int)
