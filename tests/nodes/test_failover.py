"""If a variant fails, the next one is tried, where that may help and can do no harm."""

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool

from salesboost_tools.core.errors import (
    CircuitOpenError,
    RateLimitError,
    ToolInputError,
    ToolPermissionError,
    ToolTimeoutError,
    UpstreamError,
)
from salesboost_tools.governed import govern
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.timeout import TimeoutHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import Query, RunLedger
from tests.nodes.groups import LastFirst, group_of, learnt, variant
from tests.nodes.messages import answers, both_ways, call, calls
from tests.nodes.tools import READ, WRITE, HangingTool


@both_ways
@pytest.mark.parametrize(
    "error",
    [
        OSError("down"),
        RateLimitError("over", retry_after=1),
        CircuitOpenError("open", retry_after=1),
        ToolTimeoutError("late", timeout_s=1, outcome_unknown=False),
        UpstreamError("gone", status=404),
    ],
    ids=repr,
)
async def test_if_a_read_fails_the_next_variant_answers(way, error):
    first, second = variant("a", error), variant("b")
    [message] = await answers(ToolFanOut([], groups=[group_of(first, second)]), way, *calls("search"))
    assert (message.content, message.status) == ("by b", "success")
    assert (first.started, second.started) == (1, 1)


@both_ways
async def test_if_a_variant_answers_that_it_failed_the_next_one_answers(way):
    first = variant("a", lambda _: ToolMessage("sorry", tool_call_id="c0", status="error"))
    [message] = await answers(ToolFanOut([], groups=[group_of(first, variant("b"))]), way, *calls("search"))
    assert message.content == "by b"


@both_ways
async def test_a_write_that_may_have_happened_is_not_tried_elsewhere(way):
    first, second = variant("a", OSError("lost"), spec=WRITE), variant("b", spec=WRITE)
    [message] = await answers(ToolFanOut([], groups=[group_of(first, second)]), way, *calls("search"))
    assert message.status == "error"
    assert "lost" in message.content
    assert message.name == "search"
    assert second.started == 0


@both_ways
async def test_a_tool_that_nobody_described_may_have_changed_something_too(way):
    started = []

    def undescribed(name):
        @tool(name)
        def fails(query: str) -> str:
            """Fails."""
            started.append(name)
            raise OSError("lost")

        return fails

    node = ToolFanOut([], groups=[group_of(undescribed("a"), undescribed("b"))])
    [message] = await answers(node, way, call("search", query="q"))
    assert message.status == "error"
    assert started == ["a"]


@both_ways
async def test_a_write_that_was_refused_before_it_began_is_tried_elsewhere(way):
    limited = govern(variant("a", spec=WRITE), RateLimitHandler(limits={"a": "1/hour"}))
    node = ToolFanOut([], groups=[group_of(limited, variant("b", spec=WRITE))])
    messages = await answers(node, way, *calls("search", "search"))
    assert [message.response_metadata["variant"] for message in messages] == ["a", "b"]
    assert limited.inner.started == 1


@both_ways
@pytest.mark.parametrize("error", [ToolPermissionError("no"), ToolInputError("no such account")], ids=repr)
async def test_what_the_caller_may_not_do_or_did_wrong_is_not_tried_elsewhere(way, error):
    second = variant("b")
    [message] = await answers(ToolFanOut([], groups=[group_of(variant("a", error), second)]), way, *calls("search"))
    assert (message.content, message.status) == (error.for_model, "error")
    assert second.started == 0


@both_ways
async def test_bad_arguments_are_not_tried_elsewhere_and_teach_nothing(way):
    selector = ToolSelector(LastFirst())
    first, second = variant("a"), variant("b")
    node = ToolFanOut([], groups=[group_of(first, second)], selector=selector)
    ledger = RunLedger()
    [message] = await answers(node, way, call("search", query=["not", "text"]), config={"callbacks": [ledger]})
    assert len(ledger.started) == 1
    assert message.status == "error"
    assert "query: Input should be a valid string" in message.content
    assert (first.started, second.started) == (0, 0)
    assert learnt(selector) == {}


@both_ways
async def test_when_all_variants_have_failed_the_last_error_is_answered(way):
    node = ToolFanOut([], groups=[group_of(variant("a", OSError("of a")), variant("b", OSError("of b")))])
    [message] = await answers(node, way, *calls("search"))
    assert "of b" in message.content
    assert message.status == "error"
    assert message.name == "search"


@both_ways
async def test_each_variant_is_tried_once(way):
    tried = [variant(name, OSError("down")) for name in "abc"]
    selector = ToolSelector(LastFirst())
    await answers(ToolFanOut([], groups=[group_of(*tried)], selector=selector), way, *calls("search"))
    assert [tool.started for tool in tried] == [1, 1, 1]
    assert learnt(selector) == dict.fromkeys("abc", (1, 0, 0))


async def test_a_variant_that_is_late_by_its_own_limit_is_stood_in_for():
    hanging = HangingTool(name="a", spec=READ, args_schema=Query)
    limited = govern(hanging, TimeoutHandler(0.05))
    [message] = await answers(ToolFanOut([], groups=[group_of(limited, variant("b"))]), "async", *calls("search"))
    assert (message.content, hanging.cancelled) == ("by b", 1)


async def test_a_variant_that_hangs_is_late_with_the_whole_message():
    hanging, second = HangingTool(name="a", spec=READ), HangingTool(name="b", spec=READ)
    node = ToolFanOut([], groups=[group_of(hanging, second)], deadline_s=0.1)
    [message] = await answers(node, "async", *calls("search"))
    assert message.content == "`search` did not answer within 0.1 s. Continue without it."
    assert (hanging.cancelled, second.started) == (1, 0)
