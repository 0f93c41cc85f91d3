"""Governance for LangChain and LangGraph tool calls.

Names are loaded when they are first used, so importing the package costs little more than importing LangChain's tools.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salesboost_tools.core.call import Caller as Caller
    from salesboost_tools.core.call import ToolCall as ToolCall
    from salesboost_tools.core.errors import ApprovalRejectedError as ApprovalRejectedError
    from salesboost_tools.core.errors import CircuitOpenError as CircuitOpenError
    from salesboost_tools.core.errors import ConfigurationError as ConfigurationError
    from salesboost_tools.core.errors import IdempotencyError as IdempotencyError
    from salesboost_tools.core.errors import MissingExtraError as MissingExtraError
    from salesboost_tools.core.errors import RateLimitError as RateLimitError
    from salesboost_tools.core.errors import SalesToolsError as SalesToolsError
    from salesboost_tools.core.errors import StateUnavailableError as StateUnavailableError
    from salesboost_tools.core.errors import ToolCallError as ToolCallError
    from salesboost_tools.core.errors import ToolInputError as ToolInputError
    from salesboost_tools.core.errors import ToolPermissionError as ToolPermissionError
    from salesboost_tools.core.errors import ToolTimeoutError as ToolTimeoutError
    from salesboost_tools.core.errors import UncountedCallError as UncountedCallError
    from salesboost_tools.core.errors import UpstreamError as UpstreamError
    from salesboost_tools.core.rate import RateLimit as RateLimit
    from salesboost_tools.core.spec import Effect as Effect
    from salesboost_tools.core.spec import ToolSpec as ToolSpec
    from salesboost_tools.executor import ToolExecutor as ToolExecutor
    from salesboost_tools.governed import GovernedTool as GovernedTool
    from salesboost_tools.governed import govern as govern
    from salesboost_tools.governed.middleware import ToolMiddleware as ToolMiddleware
    from salesboost_tools.handlers.approval import ApprovalHandler as ApprovalHandler
    from salesboost_tools.handlers.base import ToolHandler as ToolHandler
    from salesboost_tools.handlers.cache import CacheHandler as CacheHandler
    from salesboost_tools.handlers.chat_rate_limiter import ChatRateLimiter as ChatRateLimiter
    from salesboost_tools.handlers.circuit_breaker import CircuitBreakerHandler as CircuitBreakerHandler
    from salesboost_tools.handlers.idempotency import IdempotencyHandler as IdempotencyHandler
    from salesboost_tools.handlers.masking import MaskingHandler as MaskingHandler
    from salesboost_tools.handlers.metrics import MetricsHandler as MetricsHandler
    from salesboost_tools.handlers.permission import PermissionHandler as PermissionHandler
    from salesboost_tools.handlers.rate_limit import RateLimitHandler as RateLimitHandler
    from salesboost_tools.handlers.retry import RetryHandler as RetryHandler
    from salesboost_tools.handlers.status import StatusHandler as StatusHandler
    from salesboost_tools.handlers.timeout import TimeoutHandler as TimeoutHandler
    from salesboost_tools.handlers.tracing import TracingHandler as TracingHandler
    from salesboost_tools.health import HealthStatus as HealthStatus
    from salesboost_tools.health import ToolHealthChecker as ToolHealthChecker
    from salesboost_tools.nodes.fan_out import ToolFanOut as ToolFanOut
    from salesboost_tools.selection.group import ToolGroup as ToolGroup
    from salesboost_tools.selection.selector import ToolSelector as ToolSelector
    from salesboost_tools.settings import Settings as Settings
    from salesboost_tools.state import MemoryState as MemoryState
    from salesboost_tools.state.redis import RedisState as RedisState
    from salesboost_tools.toolkit import SalesToolkit as SalesToolkit

_HOMES = {
    "core.call": ("Caller", "ToolCall"),
    "core.errors": (
        "ApprovalRejectedError",
        "CircuitOpenError",
        "ConfigurationError",
        "IdempotencyError",
        "MissingExtraError",
        "RateLimitError",
        "SalesToolsError",
        "StateUnavailableError",
        "ToolCallError",
        "ToolInputError",
        "ToolPermissionError",
        "ToolTimeoutError",
        "UncountedCallError",
        "UpstreamError",
    ),
    "core.rate": ("RateLimit",),
    "core.spec": ("Effect", "ToolSpec"),
    "executor": ("ToolExecutor",),
    "governed": ("GovernedTool", "govern"),
    "governed.middleware": ("ToolMiddleware",),
    "handlers.approval": ("ApprovalHandler",),
    "handlers.base": ("ToolHandler",),
    "handlers.cache": ("CacheHandler",),
    "handlers.chat_rate_limiter": ("ChatRateLimiter",),
    "handlers.circuit_breaker": ("CircuitBreakerHandler",),
    "handlers.idempotency": ("IdempotencyHandler",),
    "handlers.masking": ("MaskingHandler",),
    "handlers.metrics": ("MetricsHandler",),
    "handlers.permission": ("PermissionHandler",),
    "handlers.rate_limit": ("RateLimitHandler",),
    "handlers.retry": ("RetryHandler",),
    "handlers.status": ("StatusHandler",),
    "handlers.timeout": ("TimeoutHandler",),
    "handlers.tracing": ("TracingHandler",),
    "health": ("HealthStatus", "ToolHealthChecker"),
    "nodes.fan_out": ("ToolFanOut",),
    "selection.group": ("ToolGroup",),
    "selection.selector": ("ToolSelector",),
    "settings": ("Settings",),
    "state": ("MemoryState",),
    "state.redis": ("RedisState",),
    "toolkit": ("SalesToolkit",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME_OF]
