"""The ways in which handlers come to a governed tool, each behind the same two methods."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import Field

from salesboost_tools.governed import GovernedTool, govern
from salesboost_tools.handlers.base import ToolHandler
from tests.governed.side_by_side import as_tool_call


class Attachment:
    """A tool, its handlers and those who listen. `invoke` and `ainvoke` make one model's call.

    Args:
        tool: The bare tool.
        handlers: What stands around it.
        listeners: Foreign callback handlers.
        configurable: Who calls.
    """

    def __init__(
        self,
        tool: BaseTool,
        handlers: Sequence[ToolHandler],
        listeners: Sequence[BaseCallbackHandler],
        configurable: dict[str, Any] | None = None,
    ):
        self._configurable = configurable or {}
        self._callbacks = list(listeners)
        self._target = self.attach(tool, handlers)

    def attach(self, tool: BaseTool, handlers: Sequence[ToolHandler]) -> Any:
        raise NotImplementedError

    def given(self, args: dict[str, Any]) -> Any:
        return as_tool_call("any", args)

    def config(self) -> dict[str, Any]:
        return {"callbacks": self._callbacks, "configurable": {"thread_id": str(uuid4()), **self._configurable}}

    def invoke(self, args: dict[str, Any]) -> Any:
        return self._target.invoke(self.given(args), self.config())

    async def ainvoke(self, args: dict[str, Any]) -> Any:
        return await self._target.ainvoke(self.given(args), self.config())


class ByGovern(Attachment):
    def attach(self, tool: BaseTool, handlers: Sequence[ToolHandler]) -> GovernedTool:
        return govern(tool, *handlers)


class ByToolCallbacks(Attachment):
    def attach(self, tool: BaseTool, handlers: Sequence[ToolHandler]) -> GovernedTool:
        governed = govern(tool)
        governed.callbacks = list(handlers)
        return governed


class ByConfig(Attachment):
    def attach(self, tool: BaseTool, handlers: Sequence[ToolHandler]) -> GovernedTool:
        self._callbacks = [*handlers, *self._callbacks]
        return govern(tool)


class InToolNode(ByConfig):
    def attach(self, tool: BaseTool, handlers: Sequence[ToolHandler]) -> Any:
        graph = StateGraph(MessagesState)
        graph.add_node("tools", ToolNode([super().attach(tool, handlers)], handle_tool_errors=False))
        graph.add_edge(START, "tools")
        self._name = tool.name
        return graph.compile()

    def given(self, args: dict[str, Any]) -> Any:
        return {"messages": [AIMessage("", tool_calls=[as_tool_call(self._name, args)])]}


class InAgent(ByConfig):
    def attach(self, tool: BaseTool, handlers: Sequence[ToolHandler]) -> Any:
        self._model = CallsOneTool(tool=tool.name)
        return create_agent(self._model, [super().attach(tool, handlers)])

    def given(self, args: dict[str, Any]) -> Any:
        self._model.args = args
        return {"messages": [HumanMessage("go")]}


class CallsOneTool(BaseChatModel):
    """A model that calls its tool, and is done once it has the answer."""

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        answered = isinstance(messages[-1], ToolMessage)
        answer = AIMessage(
            "done" if answered else "", tool_calls=[] if answered else [as_tool_call(self.tool, self.args)]
        )
        return ChatResult(generations=[ChatGeneration(message=answer)])


ATTACHMENTS: dict[str, type[Attachment]] = {
    "govern": ByGovern,
    "tool.callbacks": ByToolCallbacks,
    "config": ByConfig,
    "ToolNode": InToolNode,
    "create_agent": InAgent,
}
