"""Who calls comes from trusted configuration, never from a tool's arguments."""

import enum
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import BaseModel
from typing_extensions import TypedDict

from salesboost_tools.core.call import ANONYMOUS, Caller
from salesboost_tools.core.errors import ConfigurationError, ToolPermissionError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.governed.caller import asked_key_of, caller_of, config_of, thread_of
from salesboost_tools.handlers.permission import PermissionHandler
from tests.doubles import ScriptedTool
from tests.governed.side_by_side import WAYS, as_tool_call
from tests.governed.test_composition import Outer, invoke


class Role(enum.Enum):
    COACH = "coach"


class TextRole(enum.StrEnum):
    COACH = "coach"


FULL = {"caller_role": "coach", "user_id": "u", "tenant_id": "t", "session_id": "s", "other": object()}

CALLERS = {
    "all of it": (FULL, Caller("coach", "u", "t", "s")),
    "some of it": ({"tenant_id": "t"}, Caller(tenant_id="t")),
    "numbers and ids": ({"user_id": 7, "tenant_id": UUID(int=1)}, Caller(user_id="7", tenant_id=str(UUID(int=1)))),
    "zero": ({"user_id": 0}, Caller(user_id="0")),
    "an enum member": ({"caller_role": Role.COACH}, Caller("coach")),
    "an enum member that is text": ({"caller_role": TextRole.COACH}, Caller("coach")),
    "none of it": ({"thread_id": "t", "user_id": None}, ANONYMOUS),
    "nothing": ({}, ANONYMOUS),
}


@pytest.mark.parametrize(("configurable", "caller"), CALLERS.values(), ids=CALLERS)
def test_the_caller_is_the_one_the_configuration_names(configurable, caller):
    assert caller_of({"configurable": configurable}) == caller


@pytest.mark.parametrize("config", [None, {}, {"configurable": None}], ids=repr)
def test_without_configuration_the_caller_is_anonymous(config):
    assert caller_of(config) is ANONYMOUS
    assert thread_of(config) is None


def test_the_thread_is_the_conversation_of_the_graph():
    assert thread_of({"configurable": {"thread_id": 7}}) == "7"


@pytest.mark.parametrize(
    "value", [True, 1.5, b"u", ["u"], {"id": "u"}, object()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("key", ["caller_role", "user_id", "tenant_id", "session_id", "thread_id"])
def test_a_caller_of_a_wrong_kind_is_refused(key, value):
    governed = govern(ScriptedTool(), Outer())
    with pytest.raises(ConfigurationError, match=rf"configurable\['{key}'\] must be text, a whole number or an enum"):
        governed.invoke({}, {"configurable": {key: value}})


def test_where_no_handler_looks_a_caller_of_a_wrong_kind_is_nobodys_business():
    assert govern(ScriptedTool()).invoke({}, {"configurable": {"user_id": 1.5}}) == "answer"


@pytest.mark.parametrize("way", WAYS)
async def test_a_program_may_name_a_key_for_its_call_while_a_models_call_has_its_id(way):
    seen = Outer()
    governed = govern(ScriptedTool(), seen)
    for given in ({}, as_tool_call("scripted", {})):
        await invoke(governed, way, given, {"configurable": {"idempotency_key": 7}})
    assert [(call.asked_key, call.tool_call_id) for call in seen.calls] == [("7", None), (None, "call-1")]


# ---------------------------------------------------------------- LangGraph's runtime context


class DictContext(TypedDict, total=False):
    caller_role: str
    user_id: str


@dataclass
class DataContext:
    caller_role: str | None = None
    user_id: str | None = None
    more: list[str] = field(default_factory=list)


class ModelContext(BaseModel):
    caller_role: str | None = None
    user_id: str | None = None


async def caller_in_graph(way: str, schema: Any, context: Any, configurable: dict[str, Any]) -> Caller:
    """Return the caller a handler sees in a graph with this context."""
    seen = Outer()
    graph = StateGraph(MessagesState, context_schema=schema)
    graph.add_node("tools", ToolNode([govern(ScriptedTool(), seen)]))
    graph.add_edge(START, "tools")
    given = {"messages": [AIMessage("", tool_calls=[as_tool_call("scripted", {})])]}
    config = {"configurable": configurable}
    compiled = graph.compile()
    if way == "sync":
        compiled.invoke(given, config, context=context)
    else:
        await compiled.ainvoke(given, config, context=context)
    return seen.calls[0].caller


@pytest.mark.parametrize("schema", [DictContext, DataContext, ModelContext])
@pytest.mark.parametrize("way", WAYS)
async def test_the_runtime_context_names_the_caller(way, schema):
    context = schema(caller_role="coach", user_id="u")
    assert await caller_in_graph(way, schema, context, {}) == Caller("coach", "u")


@pytest.mark.parametrize("way", WAYS)
async def test_the_configuration_goes_before_the_runtime_context(way):
    context = DataContext(caller_role="npc", user_id="u")
    assert await caller_in_graph(way, DataContext, context, {"caller_role": "coach"}) == Caller("coach", "u")


@pytest.mark.parametrize("way", WAYS)
async def test_a_graph_without_context_has_the_caller_of_its_configuration(way):
    assert await caller_in_graph(way, None, None, {"user_id": "u"}) == Caller(user_id="u")
    assert await caller_in_graph(way, None, None, {}) is ANONYMOUS


# ---------------------------------------------------------------- a model cannot be somebody else


@tool
def asks_for_a_role(caller_role: str = "none", configurable: dict | None = None, config_given: str = "") -> str:
    """Take arguments that look like a caller's."""
    return caller_role


FORGED = {"caller_role": "coach", "configurable": {"caller_role": "coach"}, "config": {"configurable": FULL}}


@pytest.mark.parametrize("way", WAYS)
async def test_a_model_cannot_forge_the_caller(way):
    seen = Outer()
    governed = govern(
        asks_for_a_role, PermissionHandler(), seen, spec=ToolSpec(effect=Effect.READ, allowed_roles=["coach"])
    )
    with pytest.raises(ToolPermissionError, match="the caller has none"):
        await invoke(governed, way, as_tool_call("asks_for_a_role", FORGED))
    assert seen.calls[0].caller is ANONYMOUS
    message = await invoke(
        governed, way, as_tool_call("asks_for_a_role", FORGED), {"configurable": {"caller_role": "coach"}}
    )
    assert message.content == "coach"


@pytest.mark.parametrize("caller", [ANONYMOUS, Caller("coach"), Caller("coach", "u1", "acme", "s1")], ids=repr)
def test_a_configuration_names_the_caller_it_was_made_for(caller):
    assert caller_of(config_of(caller)) == caller
    assert caller_of(config_of(caller, "k")) == caller
    assert asked_key_of(config_of(caller, "k")) == "k"
    assert asked_key_of(config_of(caller)) is None
