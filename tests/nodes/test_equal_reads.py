"""Equal reads of one message are made once; each has its own answer, its own run and its own events."""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from langgraph.types import Command, interrupt

from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.nodes.equal_reads import equals_among
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.policy import Choice
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.compared import athrough, through
from tests.nodes.groups import LastFirst, learnt, variant
from tests.nodes.messages import answers, asks, both_ways, call, equal_calls, graph_of, run
from tests.nodes.tools import WRITE


@both_ways
@pytest.mark.parametrize("width", [1, 3, 20])
async def test_twenty_equal_reads_are_made_once(way, width):
    read, ledger = ScriptedTool("found", name="read"), RunLedger()
    node = ToolFanOut([read], max_concurrency=width)
    messages = await answers(node, way, *equal_calls("read", 20, query="a"), config={"callbacks": [ledger]})
    assert read.started == 1
    assert [message.tool_call_id for message in messages] == [f"c{number}" for number in range(20)]
    assert {message.content for message in messages} == {"found"}
    assert len(ledger.started) == 20
    assert ledger.every_run_closed_once()


@both_ways
async def test_other_arguments_are_another_question(way):
    read = ScriptedTool(lambda query: f"about {query}", name="read")
    asked = [call("read", f"c{number}", query=query) for number, query in enumerate("abab")]
    messages = await answers(ToolFanOut([read]), way, *asked)
    assert [message.content for message in messages] == ["about a", "about b", "about a", "about b"]
    assert sorted(read.seen) == ["a", "b"]


@both_ways
@pytest.mark.parametrize("spec", [WRITE, UNSPECIFIED], ids=["a write", "nobody said"])
async def test_what_is_not_declared_to_read_is_made_as_often_as_it_is_asked_for(way, spec):
    tool = ScriptedTool(name="tool", spec=spec)
    await answers(ToolFanOut([tool]), way, *equal_calls("tool", 3))
    assert tool.started == 3


@both_ways
async def test_the_next_message_asks_anew(way):
    read = ScriptedTool("old", "new", name="read")
    node = ToolFanOut([read])
    for expected in ("old", "new"):
        assert {m.content for m in await answers(node, way, *equal_calls("read", 2))} == {expected}


@both_ways
async def test_a_message_inside_of_another_does_not_share_with_it(way):
    read = ScriptedTool(name="read")
    inner = ToolFanOut([read])

    class Asking(ScriptedTool):
        def _run(self, query="q"):
            return str(len(inner.invoke([*_ai(query)])))

        async def _arun(self, query="q"):
            return str(len(await inner.ainvoke([*_ai(query)])))

    def _ai(query):
        from langchain_core.messages import AIMessage

        return [AIMessage("", tool_calls=[call("read", "c1", query=query)])]

    outer = ToolFanOut([read, Asking(name="asking", spec=UNSPECIFIED)], max_concurrency=1)
    await answers(outer, way, *equal_calls("read", 2, query="q"), call("asking", "c9", query="q"))
    assert read.started == 2


@both_ways
async def test_a_failure_is_shared_and_each_call_reports_it(way):
    read, ledger = ScriptedTool(OSError("down"), "up", name="read"), RunLedger()
    messages = await answers(ToolFanOut([read]), way, *equal_calls("read", 3), config={"callbacks": [ledger]})
    assert read.started == 1
    assert {message.status for message in messages} == {"error"}
    assert len(ledger.errors) == 3
    assert ledger.every_run_closed_once()


@both_ways
async def test_a_question_is_asked_for_each_call(way):
    read = ScriptedTool(GraphInterrupt(["?"]), name="read")
    with pytest.raises(GraphInterrupt) as raised:
        await answers(ToolFanOut([read]), way, *equal_calls("read", 3))
    assert raised.value.args[0] == ["?"] * 3


@both_ways
async def test_each_of_several_equal_questions_gets_its_own_answer(way):
    read = ScriptedTool(lambda query: f"heard {interrupt(query)}", name="read")
    graph = graph_of(ToolFanOut([read]), checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "t"}}
    paused = await run(graph, asks(*equal_calls("read", 3)), way, thread)
    replies = {question.id: str(number) for number, question in enumerate(paused["__interrupt__"])}
    assert len(replies) == 3
    done = await run(graph, Command(resume=replies), way, thread)
    assert [message.content for message in done["messages"][1:]] == ["heard 0", "heard 1", "heard 2"]


@both_ways
async def test_a_result_that_carries_the_id_of_its_call_is_not_shared(way):
    made = []

    def message(query):
        made.append(query)
        return ToolMessage("mine", tool_call_id=f"c{len(made) - 1}")

    messages = await answers(ToolFanOut([ScriptedTool(message, name="read")]), way, *equal_calls("read", 2))
    assert [m.tool_call_id for m in messages] == ["c0", "c1"]


@both_ways
async def test_who_changes_a_result_does_not_change_it_for_others(way):
    read = ScriptedTool(lambda _: [{"type": "text", "text": "fresh"}], name="read")
    messages = await answers(ToolFanOut([read]), way, *equal_calls("read", 2))
    assert read.started == 1
    assert [m.text for m in messages] == ["fresh"] * 2
    messages[0].content[0]["text"] = "stale"
    assert messages[1].text == "fresh"


@both_ways
async def test_calls_that_share_an_id_are_not_told_apart_and_so_not_shared(way):
    read = ScriptedTool(lambda query: f"about {query}", name="read")
    asked = [call("read", "c0", query=query) for query in "aab"]
    messages = await answers(ToolFanOut([read]), way, *asked)
    assert [message.content for message in messages] == ["about a", "about a", "about b"]


@both_ways
async def test_only_the_call_that_is_made_costs_a_token_and_the_others_are_reported_as_cached(way):
    status, limiter = StatusHandler(), RateLimitHandler(limits={"read": "1/hour"})
    node = ToolFanOut([govern(ScriptedTool(name="read"), status, limiter)])
    messages = await answers(node, way, *equal_calls("read", 3))
    assert {message.status for message in messages} == {"success"}
    kinds = [event.kind for event in status.feed.recent()]
    assert [kinds.count(kind) for kind in ("started", "completed", "cached", "rate_limited")] == [3, 3, 2, 0]


@both_ways
async def test_a_cache_that_knows_the_answer_comes_first(way):
    status = StatusHandler()
    node = ToolFanOut([govern(ScriptedTool(name="read"), status, CacheHandler())])
    for _ in range(2):
        await answers(node, way, *equal_calls("read", 2))
    assert [event.details["how"] for event in status.feed.recent() if event.kind == "cached"] == ["hits"] * 3


@both_ways
async def test_equal_calls_of_a_group_are_one_try_of_one_variant(way):
    selector = ToolSelector(LastFirst())
    a, b = variant("a"), variant("b", OSError("down"))
    node = ToolFanOut([], groups=[ToolGroup("search", [a, b])], selector=selector)
    messages = await answers(node, way, *equal_calls("search", 5))
    assert {(m.content, m.name, m.response_metadata["variant"]) for m in messages} == {("by a", "search", "a")}
    assert (a.started, b.started) == (1, 1)
    assert learnt(selector) == {"a": (1, 1, 0), "b": (1, 0, 0)}


class EveryoneInTurn(LastFirst):
    """A policy that never wants the same arm twice running."""

    def __init__(self):
        self._turns = itertools.count()

    def choose(self, situation, rng):
        return Choice(next(self._turns) % len(situation.arms), 1.0)


@both_ways
@pytest.mark.parametrize("wrapped", [False, True])
async def test_the_selector_is_asked_once_for_equal_calls_of_a_group(way, wrapped):
    a, b = variant("a"), variant("b")
    wrappers = {"wrap_tool_call": through, "awrap_tool_call": athrough} if wrapped else {}
    node = ToolFanOut([], groups=[ToolGroup("search", [a, b])], selector=ToolSelector(EveryoneInTurn()), **wrappers)
    messages = await answers(node, way, *equal_calls("search", 4))
    assert {message.content for message in messages} == {"by a"}
    assert (a.started, b.started) == (1, 0)


@both_ways
async def test_a_wrapper_sees_every_call_and_equal_reads_are_made_once_all_the_same(way):
    seen, read = [], ScriptedTool(name="read")

    def wrap(request, execute):
        seen.append(request.tool_call["id"])
        return execute(request)

    async def awrap(request, execute):
        seen.append(request.tool_call["id"])
        return await execute(request)

    node = ToolFanOut([read], wrap_tool_call=wrap, awrap_tool_call=awrap)
    await run(node, [*_message("read", 3)], way, {"configurable": {}})
    assert sorted(seen) == ["c0", "c1", "c2"]
    assert read.started == 1


@both_ways
async def test_a_wrapper_that_tries_again_has_its_call_made_again_and_the_others_have_what_that_brought(way):
    def wrap(request, execute):
        first = execute(request)
        return execute(request) if first.status == "error" else first

    async def awrap(request, execute):
        first = await execute(request)
        return await execute(request) if first.status == "error" else first

    read = ScriptedTool(OSError("down"), "up", name="read")
    node = ToolFanOut([read], wrap_tool_call=wrap, awrap_tool_call=awrap)
    messages = await answers(node, way, *equal_calls("read", 3))
    assert [message.content for message in messages] == ["up"] * 3
    assert read.started == 2


@both_ways
async def test_what_a_wrapper_changes_is_another_question(way):
    def changed(request):
        mine = "b" if request.tool_call["id"] == "c1" else "a"
        return request.override(tool_call={**request.tool_call, "args": {"query": mine}})

    read = ScriptedTool(lambda query: f"about {query}", name="read")
    node = ToolFanOut(
        [read],
        wrap_tool_call=lambda request, execute: execute(changed(request)),
        awrap_tool_call=lambda request, execute: execute(changed(request)),
    )
    messages = await answers(node, way, *equal_calls("read", 3))
    assert [message.content for message in messages] == ["about a", "about b", "about a"]
    assert sorted(read.seen) == ["a", "b"]


def _message(name, times):
    from langchain_core.messages import AIMessage

    return [AIMessage("", tool_calls=equal_calls(name, times))]


scalars = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, -0.0, 1.0, "", "a", "1"])
arguments = st.dictionaries(st.sampled_from("xy"), scalars | st.lists(scalars, max_size=2), max_size=2)


@settings(max_examples=60)
@given(asked=st.lists(st.tuples(st.sampled_from("ab"), arguments, st.booleans()), max_size=5))
def test_calls_are_equal_exactly_if_their_keys_are(asked):
    given_calls = [call(name, f"c{number}", **args) for number, (name, args, _) in enumerate(asked)]
    reads = [read for _, _, read in asked]
    keys = [cache_key(name, None, None, args) if read else None for name, args, read in asked]
    often = Counter(keys)
    equal = [key if key is not None and often[key] > 1 else None for key in keys]
    assert equals_among(given_calls, reads) == (equal if any(equal) else [])
