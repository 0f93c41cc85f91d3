"""Results are masked on their way out, wherever they come from; what is stored and what a tool holds stay whole."""

import pytest
from langchain_core.documents import Document
from langchain_core.messages import ToolMessage
from langgraph.types import Command

from salesboost_tools.core.masking import MaskRules
from salesboost_tools.core.sensitive_fields import Kind
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.handlers.masking import MaskingHandler, masked_result
from salesboost_tools.state import MemoryState
from tests.doubles import RunLedger, ScriptedTool
from tests.handlers.doubles import WRITE

RAW = {
    "id": "ACC-0042",
    "name": "Dana",
    "email": "dana@acme.com",
    "phones": ["5551234567"],
    "note": "ring 415-555-2671",
}
MASKED = {
    "id": "ACC-0042",
    "name": "Dana",
    "email": "d***@****.com",
    "phones": ["********67"],
    "note": "ring ***-***-**71",
}


class PairTool(ScriptedTool):
    """Answers with content and artifact."""

    response_format: str = "content_and_artifact"


async def test_results_are_masked_and_the_tools_own_object_stays_whole(ask):
    raw = {**RAW}
    assert await ask(govern(ScriptedTool(raw), MaskingHandler())) == MASKED
    assert raw == RAW


async def test_text_is_masked(ask):
    assert await ask(govern(ScriptedTool("mail dana@acme.com"), MaskingHandler())) == "mail d***@****.com"


async def test_a_result_with_nothing_to_mask_is_handed_on_as_it_is(ask):
    result = {"id": "ACC-0042", "amount": "1250.00"}
    assert await ask(govern(ScriptedTool(result), MaskingHandler())) is result


async def test_what_the_cache_holds_is_masked_on_its_way_out(ask):
    state = MemoryState()
    tool = govern(ScriptedTool(RAW, "again"), MaskingHandler(), CacheHandler(state))
    assert [await ask(tool), await ask(tool)] == [MASKED, MASKED]
    whole = govern(tool.inner, CacheHandler(state))
    assert await ask(whole) == RAW
    assert tool.inner.started == 1


async def test_replayed_results_of_writes_are_masked():
    tool = govern(ScriptedTool("to dana@acme.com", "again", spec=WRITE), MaskingHandler(), IdempotencyHandler())
    call = {"name": "scripted", "args": {}, "id": "c1", "type": "tool_call"}
    assert [(await tool.ainvoke(call)).content for _ in range(2)] == ["to d***@****.com"] * 2


async def test_content_and_artifact_are_both_masked():
    tool = govern(
        PairTool(("dana@acme.com", [Document("at dana@acme.com", metadata={"token": "t"})])), MaskingHandler()
    )
    message = await tool.ainvoke({"name": "scripted", "args": {}, "id": "c1", "type": "tool_call"})
    assert message.content == "d***@****.com"
    assert message.artifact[0].page_content == "at d***@****.com"
    assert message.artifact[0].metadata == {"token": "********"}


async def test_traces_see_what_the_caller_sees(ask):
    ledger = RunLedger()
    await ask(govern(ScriptedTool("dana@acme.com", callbacks=[ledger]), MaskingHandler()))
    assert ledger.outputs == ["d***@****.com"]


async def test_rules_may_differ_by_tool(ask):
    handler = MaskingHandler(by_tool={"open": None, "own": MaskRules(also={"name": Kind.IDENTITY})})
    assert await ask(govern(ScriptedTool(RAW, name="open"), handler)) == RAW
    assert await ask(govern(ScriptedTool(RAW, name="own"), handler)) == {**MASKED, "name": "****"}
    assert await ask(govern(ScriptedTool(RAW), handler)) == MASKED


async def test_a_result_that_cannot_be_looked_through_is_not_handed_out(ask):
    endless = []
    endless.append(endless)
    with pytest.raises(RecursionError):
        await ask(govern(ScriptedTool(endless), MaskingHandler()))


def message(content="dana@acme.com", **more):
    return ToolMessage(content, tool_call_id="call_415-555-2671", name="crm", **more)


def test_of_a_message_content_and_artifact_are_masked_and_ids_stay():
    blocks = [{"type": "text", "text": "dana@acme.com", "id": "b1"}]
    masked = masked_result(message(blocks, artifact={"phone": "5551234567"}, id="m1"), MaskRules())
    assert masked.content == [{"type": "text", "text": "d***@****.com", "id": "b1"}]
    assert masked.artifact == {"phone": "********67"}
    assert (masked.tool_call_id, masked.name, masked.id) == ("call_415-555-2671", "crm", "m1")
    plain = message("nothing here")
    assert masked_result(plain, MaskRules()) is plain


def test_of_a_command_the_messages_are_masked_and_what_the_graph_is_told_stays():
    update = {"messages": [message()], "email": "dana@acme.com", "pair": (1, message())}
    masked = masked_result(Command(update=update, goto="next"), MaskRules())
    assert masked.goto == "next"
    assert masked.update["messages"][0].content == masked.update["pair"][1].content == "d***@****.com"
    assert masked.update["email"] == "dana@acme.com"
    assert update["messages"][0].content == "dana@acme.com"
    pairs = masked_result(Command(update=[("messages", [message()])]), MaskRules())
    assert pairs.update[0][1][0].content == "d***@****.com"


def test_a_command_without_an_update_and_what_has_no_rules_pass():
    command = Command(goto="next")
    assert masked_result(command, MaskRules()) is command
    assert masked_result("dana@acme.com", None) == "dana@acme.com"


def test_a_list_of_commands_and_messages_is_masked_one_by_one():
    first, second, third = masked_result([message(), Command(update={"messages": [message()]}), "a@b.io"], MaskRules())
    assert first.content == second.update["messages"][0].content == "d***@****.com"
    assert third == "*@*.io"
