"""Is each tool fit to be called? What a probe finds, together with what traffic shows."""

from salesboost_tools.health.checker import ToolHealthChecker
from salesboost_tools.health.report import HealthReport, HealthStatus, ToolHealth

__all__ = ["HealthReport", "HealthStatus", "ToolHealth", "ToolHealthChecker"]
