"""LangChain's own standard tests pass on governed tools."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, Tool, tool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests
from pydantic import BaseModel

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.metrics import MetricsHandler
from salesboost_tools.handlers.permission import PermissionHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.handlers.timeout import TimeoutHandler
from tests.doubles import ScriptedTool


def every_handler() -> list[ToolHandler]:
    return [
        StatusHandler(),
        MetricsHandler(),
        PermissionHandler(),
        CacheHandler(),
        RetryHandler(),
        RateLimitHandler(),
        TimeoutHandler(),
    ]


@tool(response_format="content_and_artifact")
def with_artifact(x: int) -> tuple[str, int]:
    """Give a content and an artifact."""
    return str(x), x


class Number(BaseModel):
    x: int


def _both(x: int) -> str:
    return str(x)


async def _both_later(x: int) -> str:
    return str(x)


class GovernedSpecimen:
    """A subclass says which tool, with which handlers around it, and what it takes."""

    make: Callable[[], BaseTool]
    handlers: Callable[[], list[ToolHandler]] = staticmethod(every_handler)
    example: Mapping[str, Any] = MappingProxyType({"x": 1})

    @property
    def tool_constructor(self) -> GovernedTool:
        return govern(type(self).make(), *type(self).handlers(), spec=ToolSpec(effect=Effect.READ))

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return dict(self.example)


class WithoutHandlers(GovernedSpecimen):
    make = ScriptedTool
    handlers = staticmethod(list)
    example = MappingProxyType({"query": "q"})


class WithEveryHandler(GovernedSpecimen):
    make = ScriptedTool
    example = MappingProxyType({"query": "q"})


class OfFunctions(GovernedSpecimen):
    make = staticmethod(lambda: StructuredTool.from_function(_both, _both_later, name="both", description="Both."))


class WithArtifacts(GovernedSpecimen):
    make = staticmethod(lambda: with_artifact)


class Simple(GovernedSpecimen):
    make = staticmethod(lambda: Tool(name="abs", func=abs, description="Size.", args_schema=Number))


class TestWithoutHandlersUnit(WithoutHandlers, ToolsUnitTests):
    """Governed by nobody."""


class TestWithoutHandlersIntegration(WithoutHandlers, ToolsIntegrationTests):
    """Governed by nobody."""


class TestWithEveryHandlerUnit(WithEveryHandler, ToolsUnitTests):
    """Governed by all."""


class TestWithEveryHandlerIntegration(WithEveryHandler, ToolsIntegrationTests):
    """Governed by all."""


class TestOfFunctionsUnit(OfFunctions, ToolsUnitTests):
    """Made of a sync and an async function."""


class TestOfFunctionsIntegration(OfFunctions, ToolsIntegrationTests):
    """Made of a sync and an async function."""


class TestWithArtifactsUnit(WithArtifacts, ToolsUnitTests):
    """Gives content and artifact."""


class TestWithArtifactsIntegration(WithArtifacts, ToolsIntegrationTests):
    """Gives content and artifact."""


class TestSimpleUnit(Simple, ToolsUnitTests):
    """A `Tool` with one argument."""


class TestSimpleIntegration(Simple, ToolsIntegrationTests):
    """A `Tool` with one argument."""
