"""Handlers are asked either way: what holds for a sync call holds for an async one."""

import pytest


@pytest.fixture(params=["sync", "async"])
def ask(request):
    """Calls a tool: `await ask(tool, "query", user_id="dana")`; further names say who is asking."""

    async def ask(tool, query="q", **caller):
        config = {"configurable": caller}
        if request.param == "sync":
            return tool.invoke({"query": query}, config)
        return await tool.ainvoke({"query": query}, config)

    return ask
