"""Which tokens a call takes of which buckets."""

from collections.abc import Callable
from typing import Literal

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.core.rate_windows import RateLimits
from salesboost_tools.state import LimitClaim

Per = Literal["tool", "tenant", "user"] | Callable[[ToolCall], str]
"""Who shares a bucket: all callers of a tool, those of one tenant, one user; or whoever has the same text."""


def claims_on(key: str, limits: RateLimits) -> tuple[LimitClaim, ...]:
    """Return what one call takes: one token of each window.

    Args:
        key: Names the buckets; its text up to the first colon puts all windows in one slot of a Redis cluster.
        limits: One limit, whose bucket has the key itself, or several, whose keys name their seconds as well.
    """
    if isinstance(limits, RateLimit):
        return (LimitClaim(key, limits.bucket),)
    name, colon, rest = key.partition(":")
    return tuple(LimitClaim(f"{name}:{limit.per_s!r}s{colon}{rest}", limit.bucket) for limit in limits)


def key_function(per: Per) -> Callable[[ToolCall], str]:
    """Return what names a call's buckets; every key begins with the tool's name.

    Raises:
        ConfigurationError: `per` is neither one of the known words nor a function.
    """
    if callable(per):
        return lambda call: f"{call.name}:by:{per(call)}"
    try:
        return _KEY_FUNCTIONS[per]
    except (KeyError, TypeError):
        raise ConfigurationError(
            f"a rate limit is per {', '.join(map(repr, _KEY_FUNCTIONS))} or a function of the call; got {per!r}"
        ) from None


def _tools_key(call: ToolCall) -> str:
    return call.name


def _tenants_key(call: ToolCall) -> str:
    return f"{call.name}:tenant:{call.caller.tenant_id!r}"  # !r: nobody's id reads like that of no tenant


def _users_key(call: ToolCall) -> str:
    return f"{call.name}:user:{call.caller.tenant_id!r}:{call.caller.user_id!r}"  # !r: a colon in an id moves nothing


_KEY_FUNCTIONS: dict[str, Callable[[ToolCall], str]] = {
    "tool": _tools_key,
    "tenant": _tenants_key,
    "user": _users_key,
}
