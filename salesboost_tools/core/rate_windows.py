"""Several rate limits that hold at once: so many a second, and so many a day."""

from collections.abc import Sequence

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import RateLimit, as_rate_limit

RateLimits = RateLimit | tuple[RateLimit, ...]
"""One limit, or several that all have to let a call through."""

GivenRateLimits = RateLimit | str | Sequence[RateLimit | str]
"""The same as people write it."""


def as_rate_limits(given: GivenRateLimits) -> RateLimits:
    """Return limits that may have been given as text; a single one stays a `RateLimit`.

    Raises:
        ConfigurationError: One of them cannot be read, there are none, or two count over the same time.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        return as_rate_limit(given)
    limits = tuple(as_rate_limit(limit) for limit in given)
    if not limits:
        raise ConfigurationError("a list of rate limits holds at least one, for example ['10/second', '1000/day']")
    if len({limit.per_s for limit in limits}) < len(limits):
        raise ConfigurationError(
            f"rate limits that hold together count over different times; got {shown(limits)}, of which the lower one "
            "would do"
        )
    return limits[0] if len(limits) == 1 else limits


def shown(limits: RateLimits) -> str:
    """Return limits as people read them."""
    return str(limits) if isinstance(limits, RateLimit) else " and ".join(map(str, limits))
