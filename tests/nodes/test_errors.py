"""`handle_tool_errors` in every form that ToolNode takes, and bad arguments and names that a model can act on."""

from typing import Annotated

import pytest
from langchain_core.tools import ToolException, tool
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel, Field

from salesboost_tools.core.errors import ToolInputError, ToolPermissionError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.permission import PermissionHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.doubles import ScriptedTool
from tests.nodes.messages import answers, both_ways, call, calls


def for_value_errors(error: ValueError) -> str:
    return f"value: {error}"


def for_two(error: ValueError | OSError) -> str:
    return f"two: {error}"


class Shouting:
    def say(self, error: OSError) -> str:
        return f"LOST: {error}"


LOST = "Error: OSError('lost')\n Please fix your mistakes."
ANSWERED = {
    "True": (True, LOST),
    "a text": ("Something is broken.", "Something is broken."),
    "a function of anything": (lambda error: f"any: {error}", "any: lost"),
    "a function of one of two kinds": (for_two, "two: lost"),
    "a method": (Shouting().say, "LOST: lost"),
    "a class": (OSError, LOST),
    "classes": ((ValueError, OSError), LOST),
}
RAISED = {
    "False": False,
    "None": None,
    "an empty text": "",
    "no classes": (),
    "another class": ValueError,
    "other classes": (ValueError, KeyError),
    "a function of another kind": for_value_errors,
}


@both_ways
@pytest.mark.parametrize(("handle", "content"), ANSWERED.values(), ids=ANSWERED)
async def test_an_error_that_is_handled_is_answered(way, handle, content):
    node = ToolFanOut([ScriptedTool(OSError("lost"))], handle_tool_errors=handle)
    [message] = await answers(node, way, *calls("scripted"))
    assert (message.content, message.status, message.name, message.tool_call_id) == (content, "error", "scripted", "c0")


@both_ways
@pytest.mark.parametrize("handle", RAISED.values(), ids=RAISED)
async def test_an_error_that_is_not_handled_is_raised(way, handle):
    node = ToolFanOut([ScriptedTool(OSError("lost"))], handle_tool_errors=handle)
    with pytest.raises(OSError, match="lost"):
        await answers(node, way, *calls("scripted"))


@both_ways
async def test_a_handler_function_may_raise_the_error_again(way):
    def picky(error: Exception) -> str:
        raise RuntimeError("not answered") from error

    with pytest.raises(RuntimeError, match="not answered"):
        await answers(ToolFanOut([ScriptedTool(OSError("lost"))], handle_tool_errors=picky), way, *calls("scripted"))


def test_a_handler_for_something_else_than_errors_is_refused_at_once():
    def confused(error: str) -> str:
        return error

    with pytest.raises(ValueError, match="Exception type"):
        ToolFanOut([], handle_tool_errors=confused)


@both_ways
async def test_a_tool_that_answers_for_its_own_errors_is_not_interfered_with(way):
    own = ScriptedTool(ToolException("no such order"), handle_tool_error="Ask for another order.")
    [message] = await answers(ToolFanOut([own], handle_tool_errors=False), way, *calls("scripted"))
    assert (message.content, message.status) == ("Ask for another order.", "error")


# ---------------------------------------------------------------- what a model can act on


class Order(BaseModel):
    sku: str = Field(min_length=3)
    quantity: int = Field(ge=1, le=10)


@tool(args_schema=Order)
def order(sku: str, quantity: int) -> str:
    """Orders something."""
    return f"{quantity} {sku}"


@tool
def counted(number: int, state: Annotated[dict, InjectedState]) -> str:
    """Counts messages."""
    return f"{number} of {len(state['messages'])}"


@both_ways
async def test_bad_arguments_come_back_with_what_is_wrong_and_what_is_allowed(way):
    [message] = await answers(ToolFanOut([order]), way, call("order", sku="x", quantity=11))
    assert message.status == "error"
    assert "sku: String should have at least 3 characters" in message.content
    assert "quantity: Input should be less than or equal to 10" in message.content
    assert message.content.endswith("Please fix the error and try again.")


@both_ways
async def test_what_the_system_injects_is_not_in_the_message_about_bad_arguments(way):
    [message] = await answers(ToolFanOut([counted]), way, call("counted", number="seven"))
    assert "number: " in message.content
    assert "state" not in message.content
    assert "AIMessage" not in message.content


@both_ways
async def test_bad_arguments_harm_no_sibling(way):
    messages = await answers(ToolFanOut([order]), way, call("order", "c0"), call("order", "c1", sku="CRM", quantity=1))
    assert [message.status for message in messages] == ["error", "success"]


@both_ways
async def test_bad_arguments_are_raised_if_errors_are(way):
    with pytest.raises(ToolException, match="Field required"):
        await answers(ToolFanOut([order], handle_tool_errors=False), way, call("order"))


@both_ways
async def test_an_unknown_tool_is_answered_with_those_there_are(way):
    node = ToolFanOut([order, ScriptedTool()])
    messages = await answers(node, way, call("ordr", "c0"), call("scripted", "c1"))
    assert messages[0].content == "Error: ordr is not a valid tool, try one of [order, scripted]."
    assert [message.status for message in messages] == ["error", "success"]


@both_ways
async def test_an_unknown_tool_is_answered_even_if_errors_are_raised(way):
    [message] = await answers(ToolFanOut([order], handle_tool_errors=False), way, call("ordr"))
    assert message.status == "error"


@both_ways
async def test_a_refusal_speaks_to_the_model_and_never_shows_the_operators_text(way):
    spec = ToolSpec(effect=Effect.READ, allowed_roles={"admin_of_tenant_42"})
    refused = govern(ScriptedTool(name="refused"), PermissionHandler(), spec=spec)
    wrong = ScriptedTool(ToolInputError("table users has no row 7", for_model="No such user."), name="wrong")
    messages = await answers(ToolFanOut([refused, wrong]), way, *calls("refused", "wrong"))
    assert messages[0].content == "You may not use `refused` here. Answer without it."
    assert messages[1].content == "No such user."


@both_ways
async def test_a_refusal_is_raised_with_the_operators_text_if_errors_are(way):
    spec = ToolSpec(effect=Effect.READ, allowed_roles={"admin"})
    refused = govern(ScriptedTool(name="refused"), PermissionHandler(), spec=spec)
    with pytest.raises(ToolPermissionError, match="needs one of the roles"):
        await answers(ToolFanOut([refused], handle_tool_errors=False), way, *calls("refused"))
