"""How often something may happen: the token bucket."""

import re
from dataclasses import dataclass
from functools import cached_property

from salesboost_tools.core.clock import nanoseconds
from salesboost_tools.core.errors import ConfigurationError

_UNIT_S = {
    "second": 1,
    "sec": 1,
    "s": 1,
    "minute": 60,
    "min": 60,
    "m": 60,
    "hour": 3600,
    "h": 3600,
    "day": 86400,
    "d": 86400,
}
_TEXT = re.compile(r"\s*(\d+)\s*(?:/|per)\s*(\d+(?:\.\d+)?)?\s*([a-z]+?)s?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class RateLimit:
    """A token bucket: `calls` tokens at most, refilled evenly over `per_s` seconds.

    Args:
        text: Short form, "10/minute", "20 per hour", "5/30s". Units: second, minute, hour, day.
        calls: Capacity, at least 1: how many calls may come at once after a rest.
        per_s: Seconds in which an empty bucket fills up, above 0.

    Raises:
        ConfigurationError: The text cannot be read or a number is out of range.
    """

    text: str | None = None
    calls: int = 0
    per_s: float = 0.0

    def __post_init__(self) -> None:
        if self.text is not None:
            if self.calls or self.per_s:
                raise ConfigurationError("a rate limit is given as text or as calls and per_s, not as both")
            calls, per_s = _parse(self.text)
            object.__setattr__(self, "calls", calls)
            object.__setattr__(self, "per_s", per_s)
            object.__setattr__(self, "text", None)
        if isinstance(self.calls, bool) or not isinstance(self.calls, int) or self.calls < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"a rate limit needs calls >= 1, a whole number; got {self.calls!r}")
        if not 0 < self.per_s < float("inf"):
            raise ConfigurationError(f"a rate limit needs per_s > 0 seconds; got {self.per_s!r}")

    def __str__(self) -> str:
        names = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
        return f"{self.calls}/{names.get(int(self.per_s), '') if self.per_s in names else f'{self.per_s:g}s'}"

    @cached_property
    def bucket(self) -> "Bucket":
        """The same limit in whole nanoseconds; the interval is rounded up, so it never admits too many."""
        return Bucket(self.calls, max(1, -(-nanoseconds(self.per_s) // self.calls)))


def _parse(text: str) -> tuple[int, float]:
    match = _TEXT.fullmatch(text)
    unit_s = _UNIT_S.get(match[3].lower()) if match else None
    if match is None or unit_s is None:
        raise ConfigurationError(f"cannot read the rate limit {text!r}; write it like '10/minute' or '5/30s'")
    return int(match[1]), float(match[2] or 1) * unit_s


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket in whole numbers: capacity in tokens, ns until one token is back."""

    capacity: int
    interval_ns: int


def take(bucket: Bucket, due_at_ns: int | None, now_ns: int, tokens: int = 1) -> tuple[int, int]:
    """Decide whether `tokens` may be taken at `now_ns`.

    Token bucket in its GCRA form (ITU-T I.371): one integer per key, no background refill. A plain pair instead of a
    named value, because this runs on every call.

    Args:
        bucket: Capacity in tokens and refill interval in ns per token.
        due_at_ns: Theoretical arrival time stored by the last admitted call; None for a key never seen.
        now_ns: Monotonic time in ns, same clock.
        tokens: How many, 1 <= tokens <= capacity; `fit` checks it.

    Returns:
        `(wait_ns, due_at_ns)`. Wait 0: admitted, store the new due time. Otherwise refused, and waiting that many ns
        is exactly enough; there is nothing to store, so refusals cost nothing.
    """
    start = now_ns if due_at_ns is None or due_at_ns < now_ns else due_at_ns
    due = start + bucket.interval_ns * tokens
    wait = due - bucket.interval_ns * bucket.capacity - now_ns
    return (wait, due) if wait > 0 else (0, due)


def fit(bucket: Bucket, tokens: int) -> int:
    """Return `tokens` if a full bucket could ever serve them.

    Raises:
        ConfigurationError: Fewer than 1 would mint tokens; above the capacity no wait would ever be long enough.
    """
    if not 1 <= tokens <= bucket.capacity:
        raise ConfigurationError(f"one call may take 1 to {bucket.capacity} tokens of this bucket, not {tokens}")
    return tokens


def seconds_to_wait(wait_ns: int) -> float:
    """Return a wait in seconds that is enough although floats round: up to the next microsecond, and one more."""
    return (-(-wait_ns // 1000) + 1) / 1_000_000
