"""The names the package promises, and nothing else."""

import ast
import inspect

import salesboost_tools

NAMES = """
ApprovalHandler ApprovalRejectedError CacheHandler Caller ChatRateLimiter CircuitBreakerHandler CircuitOpenError ConfigurationError
Effect GovernedTool HealthStatus IdempotencyError IdempotencyHandler MaskingHandler MemoryState MetricsHandler MissingExtraError PermissionHandler RateLimit RateLimitError RateLimitHandler RedisState RetryHandler
SalesToolkit SalesToolsError Settings StateUnavailableError StatusHandler TimeoutHandler ToolCall ToolCallError
ToolExecutor ToolFanOut ToolGroup ToolHandler ToolHealthChecker ToolInputError ToolMiddleware ToolPermissionError ToolSelector ToolSpec
ToolTimeoutError TracingHandler UncountedCallError UpstreamError govern
"""


def test_the_public_names_are_these():
    assert salesboost_tools.__all__ == sorted(NAMES.split())
    for name in salesboost_tools.__all__:
        assert getattr(salesboost_tools, name).__name__ == name


def test_type_checkers_see_the_same_names_as_programs():
    tree = ast.parse(inspect.getsource(salesboost_tools))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(salesboost_tools.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    assert not hasattr(salesboost_tools, "ToolFanIn")
    assert "ToolFanOut" in dir(salesboost_tools)
