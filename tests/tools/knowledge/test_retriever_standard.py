"""LangChain's own contract for tools holds for the retriever."""

import pytest
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from salesboost_tools.tools.knowledge import KnowledgeRetriever, LexicalSearch


class Contract:
    @pytest.fixture(autouse=True)
    def _open(self, shipped):
        type(self).made = KnowledgeRetriever(LexicalSearch(shipped))

    @property
    def tool_constructor(self):
        return self.made

    @property
    def tool_invoke_params_example(self):
        return {"query": "price per seat"}

    @pytest.fixture
    def tool(self):
        return self.made


class TestUnit(Contract, ToolsUnitTests):
    pass


class TestIntegration(Contract, ToolsIntegrationTests):
    pass
