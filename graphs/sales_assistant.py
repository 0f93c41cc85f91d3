"""A sales assistant: a model and its tools, and a person who approves before a text message leaves.

`graph` is served by langgraph.json. The model is the one that `SALES_ASSISTANT_MODEL` names (`openai:gpt-5-mini`, its
key in the environment); without that, a scripted one, which shows the way of a call but understands nothing.

Who asks comes from the run's configuration (`caller_role`, `user_id`, `tenant_id`). A deployment sets it where it
authenticates its users, and does not take it from them.
"""

# pyright: reportUnknownMemberType=false

import asyncio
import os
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any, Final, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, SystemMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import tools_condition

from graphs.scripted_sales_model import ScriptedSalesModel
from salesboost_tools import ApprovalHandler, SalesToolkit, ToolCall, govern

SMS: Final = "sms_outreach"
_LEAVES: Final = frozenset({"send", "schedule"})
_TASK: Final = (
    "You help a salesperson. Look things up before you say them, and cite where they come from. Ask for a text message "
    "only if you were told to send one; a person approves it before it leaves."
)


def build_sales_assistant(toolkit: SalesToolkit, model: BaseChatModel, *, checkpointer: Any = None) -> Any:
    """Return the graph: the model asks, the tools answer, until the model has nothing more to ask.

    Args:
        toolkit: Its tools. A text message waits for approval whatever the toolkit's settings say.
        model: A chat model that can call tools.
        checkpointer: Where conversations are kept; None where the server brings its own. Without any, nobody can
            approve, and no message leaves.
    """
    tools = [asks_first(tool) for tool in toolkit.get_tools()]
    fan_out = toolkit.fan_out(tools)
    ask = RunnableLambda(_conversation) | model.bind_tools(tools) | RunnableLambda(_said)
    graph = StateGraph(MessagesState)
    graph.add_node("model", ask)
    graph.add_node("tools", fan_out)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return cast("CompiledStateGraph[Any, Any, Any, Any]", graph.compile(checkpointer=checkpointer))


def asks_first(tool: BaseTool) -> BaseTool:
    """Return the tool; if it texts customers, with a person's approval before a message leaves."""
    known = getattr(tool, "handlers", ())
    if tool.name != SMS or any(isinstance(handler, ApprovalHandler) for handler in known):
        return tool
    return govern(tool, ApprovalHandler(by_tool={SMS: leaves}))


def leaves(call: ToolCall) -> bool:
    """Return whether a call makes a message leave."""
    return call.args.get("operation") in _LEAVES and not call.args.get("dry_run")


def model_of(environment: Mapping[str, str]) -> BaseChatModel:
    """Return the model that the environment names, or the scripted one."""
    name = environment.get("SALES_ASSISTANT_MODEL")
    if not name:
        return ScriptedSalesModel()
    from salesboost_tools.brief.init_model import init_model  # noqa: PLC0415  (needs the extra `models`)

    return init_model(name)


def _conversation(state: MessagesState) -> list[AnyMessage]:
    return [SystemMessage(_TASK), *state["messages"]]


def _said(message: AIMessage) -> dict[str, list[AIMessage]]:
    return {"messages": [message]}


_opening = Lock()


@cache
def _opened() -> Any:
    return build_sales_assistant(SalesToolkit(), model_of(os.environ))


def _served() -> Any:
    with _opening:  # two who ask first at once get the same one
        return _opened()


async def graph() -> Any:
    """Return the graph for the server, always the same.

    Its stores are opened when it is first asked for, in a thread: a server's event loop must not wait for files.
    """
    return await asyncio.to_thread(_served)
