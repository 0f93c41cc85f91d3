"""How often something may happen: the token bucket."""

import math
import re
from dataclasses import InitVar, dataclass, field
from functools import cached_property

from salesboost_tools.core.errors import ConfigurationError

_NAMES_BY_UNIT_S = {
    1: ("s", "sec", "secs", "second", "seconds"),
    60: ("m", "min", "mins", "minute", "minutes"),
    3600: ("h", "hr", "hrs", "hour", "hours"),
    86400: ("d", "day", "days"),
}
_UNIT_S_BY_NAME = {name: unit_s for unit_s, names in _NAMES_BY_UNIT_S.items() for name in names}
_NAME_BY_PERIOD_S = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
_TEXT = re.compile(
    r"\s*(\d{1,18})\s*(?:/|per\b)\s*(\d{1,18}(?:\.\d{1,24})?(?:e-?\d{1,2})?)?\s*([a-z]+)\s*", re.ASCII | re.IGNORECASE
)
_SHORTEST_S, _LONGEST_S = 1e-9, 1e9


@dataclass(frozen=True)
class RateLimit:
    """A token bucket: `calls` tokens at most, refilled evenly over `per_s` seconds.

    Args:
        text: Short form, "10/minute", "20 per hour", "5/30s". Units: second, minute, hour, day.
        calls: Capacity, at least 1: how many calls may come at once after a rest.
        per_s: Seconds in which an empty bucket fills up, from 1e-9 to 1e9 (31 years).

    Raises:
        ConfigurationError: The text cannot be read or a number is out of range.
    """

    text: InitVar[str | None] = None
    calls: int = 0
    per_s: float = 0.0

    def __post_init__(self, text: str | None) -> None:
        calls, per_s = self.calls, self.per_s
        if text is not None:
            if calls or per_s:
                raise ConfigurationError("a rate limit is given as text or as calls and per_s, not as both")
            calls, per_s = _parse(text)
        if isinstance(calls, bool) or not isinstance(calls, int) or calls < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"a rate limit needs calls >= 1, a whole number; got {calls!r}")
        if not isinstance(per_s, int | float) or not _SHORTEST_S <= per_s <= _LONGEST_S:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"a rate limit needs per_s from 1e-9 to 1e9 seconds; got {per_s!r}")
        object.__setattr__(self, "calls", calls)
        object.__setattr__(self, "per_s", float(per_s))

    def __str__(self) -> str:
        name = _NAME_BY_PERIOD_S.get(self.per_s)  # pyright: ignore[reportArgumentType]  (1.0 finds 1)
        return f"{self.calls}/{name or repr(self.per_s).removesuffix('.0') + 's'}"

    @cached_property
    def bucket(self) -> "Bucket":
        """The same limit in whole nanoseconds; the interval is rounded up, so it never admits too many."""
        return Bucket(self.calls, -(-math.ceil(self.per_s * 1_000_000_000) // self.calls))


def as_rate_limit(limit: "RateLimit | str") -> RateLimit:
    """Return a limit that may have been given as text.

    Raises:
        ConfigurationError: It is neither a `RateLimit` nor a text that can be read.
    """
    return limit if isinstance(limit, RateLimit) else RateLimit(limit)


def _parse(text: str) -> tuple[int, float]:
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    unit_s = _UNIT_S_BY_NAME.get(match[3].lower()) if match else None
    if match is None or unit_s is None:
        raise ConfigurationError(
            f"cannot read the rate limit {text!r}; write it like '10/minute', '20 per hour' or '5/30s', "
            "with second, minute, hour or day"
        )
    return int(match[1]), float(match[2] or 1) * unit_s


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket in whole numbers.

    Attributes:
        capacity: Tokens at most.
        interval_ns: Nanoseconds until one token is back.
        tolerance_ns: Nanoseconds until an empty bucket is full.
    """

    capacity: int
    interval_ns: int
    tolerance_ns: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tolerance_ns", self.capacity * self.interval_ns)


def due_after(bucket: Bucket, due_at_ns: int | None, now_ns: int, tokens: int = 1) -> int:
    """Return when a bucket will be full again if `tokens` are taken now.

    Token bucket in its GCRA form (ITU-T I.371): one integer per key, no background refill, no fraction of a token lost.

    The call is admitted if that is no later than `now_ns + bucket.tolerance_ns`; then the result is what to store.
    Otherwise the difference is exactly how many ns to wait, and there is nothing to store, so refusals cost nothing.
    Callers compare for themselves: this runs on every call, and a pair as a result would be a tenth of it.

    Args:
        bucket: Capacity and refill interval.
        due_at_ns: The result stored by the last admitted call; None for a key never seen.
        now_ns: Monotonic time in ns, same clock; may be negative.
        tokens: How many, 1 <= tokens <= capacity; `fit` checks it.
    """
    return (now_ns if due_at_ns is None or due_at_ns < now_ns else due_at_ns) + bucket.interval_ns * tokens


def tokens_left(bucket: Bucket, due_at_ns: int | None, now_ns: int) -> int:
    """Return how many tokens could be taken now, in [0, capacity]; arguments as for `due_after`."""
    owed_ns = 0 if due_at_ns is None else max(0, due_at_ns - now_ns)
    return max(0, bucket.tolerance_ns - owed_ns) // bucket.interval_ns


def fit(bucket: Bucket, tokens: int) -> int:
    """Return `tokens` if a full bucket could ever serve them.

    Raises:
        ConfigurationError: Fewer than 1 would mint tokens; above the capacity no wait would ever be long enough.
    """
    if not 1 <= tokens <= bucket.capacity:
        raise ConfigurationError(f"one call may take 1 to {bucket.capacity} tokens of this bucket, not {tokens}")
    return tokens


def seconds_to_wait(wait_ns: int) -> float:
    """Return a wait in seconds that is enough although floats round: a microsecond more."""
    return wait_ns * 1e-9 + 1e-6
