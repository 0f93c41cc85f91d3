"""Time comes in as an argument: a clock is any function that returns seconds."""

from collections.abc import Callable

Clock = Callable[[], float]
"""Returns monotonic seconds; `time.monotonic` in production, a fake in tests."""


def nanoseconds(seconds: float) -> int:
    """Return `seconds` as whole nanoseconds, rounded to the nearest."""
    return round(seconds * 1_000_000_000)
