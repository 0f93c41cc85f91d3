"""The scripted model follows its steps, says what it is, and asks for nothing it was not told."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from graphs.sales_assistant import asks_first, leaves, model_of
from graphs.scripted_sales_model import HOW_TO_ASK, ScriptedSalesModel, next_step
from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.approval import ApprovalHandler
from tests.doubles import ScriptedTool

WISH = HumanMessage("Please text +1 (415) 555-0123: See you\non Tuesday.")


def answered(message: AIMessage, *contents: str) -> list[ToolMessage]:
    return [
        ToolMessage(content, tool_call_id=call["id"])
        for call, content in zip(message.tool_calls, contents, strict=True)
    ]


def test_it_looks_up_then_asks_for_one_message_then_reports():
    talk = [SystemMessage("be kind"), WISH]
    looks = next_step(talk)
    assert [(call["name"], call["args"].get("dry_run")) for call in looks.tool_calls] == [
        ("knowledge_retriever", None),
        ("sms_outreach", True),
    ]
    talk += [looks, *answered(looks, "articles", "it may go")]
    sends = next_step(talk)
    [call] = sends.tool_calls
    assert call["args"] == {
        "operation": "send",
        "to": "+1 (415) 555-0123",
        "body": "See you on Tuesday.",
        "campaign": "assistant",
    }
    talk += [sends, *answered(sends, "queued")]
    assert next_step(talk).text == "The message: queued"
    assert next_step(talk).tool_calls == []


def test_a_second_wish_begins_anew_with_ids_of_its_own():
    looks = next_step([WISH])
    sends = next_step([WISH, looks, *answered(looks, "a", "b")])
    again = next_step([WISH, looks, *answered(looks, "a", "b"), sends, *answered(sends, "c"), AIMessage("done"), WISH])
    assert [call["name"] for call in again.tool_calls] == ["knowledge_retriever", "sms_outreach"]
    assert {call["id"] for call in looks.tool_calls + sends.tool_calls}.isdisjoint(
        call["id"] for call in again.tool_calls
    )


@pytest.mark.parametrize("talk", [[], [SystemMessage("x")], [HumanMessage("How are you?")]], ids=len)
def test_what_it_does_not_understand_it_says(talk):
    assert next_step(talk).text == HOW_TO_ASK


def test_without_a_name_the_model_is_the_scripted_one():
    model = model_of({})
    assert isinstance(model, ScriptedSalesModel)
    assert model.bind_tools([]) is model
    assert model.invoke([WISH]).tool_calls


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"operation": "send"}, True),
        ({"operation": "schedule", "dry_run": False}, True),
        ({"operation": "send", "dry_run": True}, False),
        ({"operation": "opt_out"}, False),
        ({"operation": "status"}, False),
    ],
)
def test_only_what_makes_a_message_leave_needs_approval(args, expected):
    assert leaves(ToolCall("sms_outreach", args, ToolSpec(effect=Effect.WRITE))) is expected


def test_approval_is_put_around_the_texting_tool_alone_and_only_once():
    other, texting = ScriptedTool(name="other"), ScriptedTool(name="sms_outreach")
    assert asks_first(other) is other
    once = asks_first(texting)
    assert [type(handler) for handler in once.handlers] == [ApprovalHandler]
    assert asks_first(once) is once
    assert asks_first(govern(texting, ApprovalHandler())).inner is texting
