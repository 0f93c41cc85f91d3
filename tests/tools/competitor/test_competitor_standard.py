"""LangChain's own contract for tools holds for the battlecards."""

from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from salesboost_tools.tools.competitor import CompetitorAnalysis, load_battlecards


class Contract:
    @property
    def tool_constructor(self):
        return CompetitorAnalysis(load_battlecards())

    @property
    def tool_invoke_params_example(self):
        return {"competitor": "Dealharbor", "aspect": "pricing"}


class TestUnit(Contract, ToolsUnitTests):
    pass


class TestIntegration(Contract, ToolsIntegrationTests):
    pass
