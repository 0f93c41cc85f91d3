"""What a tool is allowed to do and what it costs: the facts handlers decide on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate_windows import GivenRateLimits, RateLimits, as_rate_limits


class Effect(Enum):
    """What a call may do to the outside world. There is no default."""

    READ = "read"
    """Changes nothing: may be cached, retried, hedged, explored."""
    WRITE = "write"
    """Changes something: never cached; retried only under an idempotency key."""


EffectRule = Callable[[Mapping[str, Any]], Effect]
"""For a tool that both reads and writes: the effect as a function of the arguments."""

ConflictRule = Callable[[Mapping[str, Any]], str | None]
"""Names what a call changes, as a function of its arguments; None if that cannot be told."""

QualityRule = Callable[[Any], float | None]
"""How good a result is, in [0, 1]; None if that cannot be told."""

EVERYONE = None
"""`allowed_roles=EVERYONE`: no role is asked for. An empty set means nobody."""


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """What handlers need to know about one tool.

    Args:
        effect: READ, WRITE, or a function of the arguments. There is no default.
        allowed_roles: Roles that may call it; None (EVERYONE) for all callers, an empty set for nobody.
        cache_ttl_s: Seconds a result stays fresh; 0 switches caching off, None takes the handler's default.
        rate_limit: A `RateLimit` or its text, or several that hold at once; None takes the handler's default. One stays
            a `RateLimit`, several become a tuple.
        timeout_s: Seconds one attempt may take; None takes the handler's default.
        results_shared: True if every user of a tenant gets the same answer, so that they may share a stored one.
        conflicts_with: Names what a write changes, as text or as a function of the arguments, for example
            `lambda args: f"account {args['account_id']}"`. Writes of one message that all name something run side by
            side unless they name the same. None: nobody knows, so it waits for every other write.
        quality: Tells how good a result is, in [0, 1], for whoever chooses among equal tools: a retrieval score, a
            share of fields that could be filled. It is given what the tool returned (content and artifact as a pair,
            if it returns both), of real attempts that succeeded. If it returns None or raises, nobody can tell.

    Raises:
        ConfigurationError: A value is of the wrong kind or out of range.
    """

    effect: Effect | EffectRule
    allowed_roles: frozenset[str] | None = EVERYONE
    cache_ttl_s: float | None = None
    rate_limit: RateLimits | None = None
    timeout_s: float | None = None
    results_shared: bool = False
    conflicts_with: str | ConflictRule | None = None
    quality: QualityRule | None = None

    def __init__(
        self,
        *,
        effect: Effect | EffectRule,
        allowed_roles: Iterable[str] | None = EVERYONE,
        cache_ttl_s: float | None = None,
        rate_limit: GivenRateLimits | None = None,
        timeout_s: float | None = None,
        results_shared: bool = False,
        conflicts_with: str | ConflictRule | None = None,
        quality: QualityRule | None = None,
    ) -> None:
        if not isinstance(effect, Effect) and not callable(effect):
            raise ConfigurationError(
                f"effect is Effect.READ, Effect.WRITE or a function of the arguments; got {effect!r}"
            )
        if not isinstance(results_shared, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"results_shared is True or False; got {results_shared!r}")
        named = isinstance(conflicts_with, str) and conflicts_with
        if not (conflicts_with is None or named or callable(conflicts_with)):
            raise ConfigurationError(
                f"conflicts_with is a text that names what a write changes, or a function of the arguments; "
                f"got {conflicts_with!r}"
            )
        if not (quality is None or callable(quality)):
            raise ConfigurationError(f"quality is a function of the result, or None; got {quality!r}")
        values = {
            "effect": effect,
            "allowed_roles": _roles(allowed_roles),
            "cache_ttl_s": _seconds("cache_ttl_s", cache_ttl_s, or_zero=True),
            "rate_limit": None if rate_limit is None else as_rate_limits(rate_limit),
            "timeout_s": _seconds("timeout_s", timeout_s, or_zero=False),
            "results_shared": results_shared,
            "conflicts_with": conflicts_with,
            "quality": quality,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> "ToolSpec":
        return self  # it cannot change, and UNSPECIFIED is known by its identity

    def effect_of(self, args: Mapping[str, Any]) -> Effect:
        """Return what a call with these arguments does."""
        return self.effect if isinstance(self.effect, Effect) else self.effect(args)

    def conflict_of(self, args: Mapping[str, Any]) -> str | None:
        """Return the name of what a write with these arguments changes; None if nobody knows."""
        return self.conflicts_with(args) if callable(self.conflicts_with) else self.conflicts_with


def _roles(roles: Iterable[str] | None) -> frozenset[str] | None:
    if roles is None:
        return EVERYONE
    several = isinstance(roles, Iterable) and not isinstance(roles, str)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not several or not all(isinstance(role, str) for role in roles):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"allowed_roles is a set of texts, for example {{'coach'}}; got {roles!r}")
    return frozenset(roles)


def _seconds(name: str, value: float | None, *, or_zero: bool) -> float | None:
    if value is None:
        return None
    known = isinstance(value, int | float) and not isinstance(value, bool)  # pyright: ignore[reportUnnecessaryIsInstance]
    if not known or not (value > 0 or (or_zero and value == 0)):
        raise ConfigurationError(f"{name} is seconds, {'0 or more' if or_zero else 'above 0'}; got {value!r}")
    return value


UNSPECIFIED = ToolSpec(effect=Effect.WRITE)
"""Stands in for a tool governed without a spec: nothing is known, so it is taken for a write."""
