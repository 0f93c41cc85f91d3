"""A fresh read is answered from memory; nothing else is, and nobody gets what belongs to another."""

import threading

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool as make_tool
from langgraph.errors import GraphInterrupt
from langgraph.types import Command

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler, CacheStatistics
from salesboost_tools.handlers.shareable import is_shareable, own_copy
from salesboost_tools.state import MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.doubles import READ, WRITE, Caller, EventLedger, GatedTool, until

SHARED = ToolSpec(effect=Effect.READ, results_shared=True)


@pytest.fixture
def cache(clock):
    return CacheHandler(MemoryState(clock))


# ---------------------------------------------------------------- what is answered from memory


async def test_an_equal_read_is_answered_from_memory(ask, cache):
    tool = ScriptedTool("first", "second")
    governed = govern(tool, cache)
    assert [await ask(governed) for _ in range(3)] == ["first"] * 3
    assert tool.started == 1


async def test_a_read_with_other_arguments_is_another_read(ask, cache):
    tool = ScriptedTool("first", "second")
    governed = govern(tool, cache)
    assert [await ask(governed, query) for query in ("a", "b", "a", "b")] == ["first", "second"] * 2
    assert tool.seen == ["a", "b"]


async def test_an_argument_left_out_is_the_same_as_its_default(cache):
    tool = ScriptedTool("first", "second")
    governed = govern(tool, cache)
    assert governed.invoke({}) == governed.invoke({"query": "q"}) == "first"


async def test_a_result_is_fetched_again_once_its_time_is_up(ask, cache, clock):
    governed = govern(ScriptedTool("old", "new"), cache)
    await ask(governed)
    clock.advance(59.9)
    assert await ask(governed) == "old"
    clock.advance(0.1)
    assert await ask(governed) == "new"


async def test_the_tool_says_how_long_its_results_last(ask, cache, clock):
    governed = govern(ScriptedTool("old", "new"), cache, spec=ToolSpec(effect=Effect.READ, cache_ttl_s=5))
    await ask(governed)
    clock.advance(5)
    assert await ask(governed) == "new"


async def test_a_handler_may_give_the_time_for_tools_that_do_not_say(ask, clock):
    governed = govern(ScriptedTool("old", "new"), CacheHandler(MemoryState(clock), default_ttl_s=1))
    await ask(governed)
    clock.advance(1)
    assert await ask(governed) == "new"


@pytest.mark.parametrize("empty", [None, "", [], {}, 0, False], ids=repr)
async def test_an_empty_answer_is_an_answer(ask, cache, empty):
    tool = ScriptedTool(empty, "something")
    governed = govern(tool, cache)
    await ask(governed)
    assert await ask(governed) == empty
    assert tool.started == 1


async def test_sync_and_async_callers_share_one_memory(cache):
    tool = ScriptedTool("first", "second")
    governed = govern(tool, cache)
    assert governed.invoke({"query": "a"}) == await governed.ainvoke({"query": "a"}) == "first"
    assert await governed.ainvoke({"query": "b"}) == governed.invoke({"query": "b"}) == "second"
    assert tool.started == 2


async def test_content_and_artifact_are_kept_together_and_every_call_gets_its_own_message(cache):
    started = []

    @make_tool(response_format="content_and_artifact")
    def search(query: str) -> tuple[str, dict]:
        """Search."""
        started.append(query)
        return "found", {"ids": [1, 2]}

    governed = govern(search, cache, spec=READ)
    calls = [{"name": "search", "args": {"query": "q"}, "id": call_id, "type": "tool_call"} for call_id in "ab"]
    first, second = governed.invoke(calls[0]), await governed.ainvoke(calls[1])
    assert started == ["q"]
    assert [(m.content, m.artifact, m.tool_call_id) for m in (first, second)] == [
        ("found", {"ids": [1, 2]}, "a"),
        ("found", {"ids": [1, 2]}, "b"),
    ]
    assert first.artifact is not second.artifact


# ---------------------------------------------------------------- whose answer it is


async def test_another_tenant_never_gets_a_stored_answer(ask, cache):
    governed = govern(ScriptedTool("for acme", "for globex", "for nobody"), cache)
    assert await ask(governed, tenant_id="acme") == "for acme"
    assert await ask(governed, tenant_id="globex") == "for globex"
    assert await ask(governed) == "for nobody"
    assert await ask(governed, tenant_id="acme") == "for acme"


async def test_another_user_never_gets_a_stored_answer(ask, cache):
    governed = govern(ScriptedTool("for dana", "for marcus", "for nobody"), cache)
    assert await ask(governed, tenant_id="acme", user_id="dana") == "for dana"
    assert await ask(governed, tenant_id="acme", user_id="marcus") == "for marcus"
    assert await ask(governed, tenant_id="acme") == "for nobody"
    assert await ask(governed, tenant_id="acme", user_id="dana") == "for dana"


async def test_users_of_one_tenant_share_what_the_tool_says_is_shared_and_tenants_do_not(ask, cache):
    governed = govern(ScriptedTool("for acme", "for globex"), cache, spec=SHARED)
    assert await ask(governed, tenant_id="acme", user_id="dana") == "for acme"
    assert await ask(governed, tenant_id="acme", user_id="marcus") == "for acme"
    assert await ask(governed, tenant_id="globex", user_id="dana") == "for globex"


async def test_another_session_of_the_same_user_gets_the_stored_answer(ask, cache):
    governed = govern(ScriptedTool("first", "second"), cache)
    assert await ask(governed, user_id="dana", session_id="1") == await ask(governed, user_id="dana", session_id="2")


async def test_tools_of_different_names_share_nothing(ask, cache):
    one, other = (govern(ScriptedTool(name, name=name), cache) for name in ("one", "other"))
    assert (await ask(one), await ask(other)) == ("one", "other")


# ---------------------------------------------------------------- what passes


@pytest.mark.parametrize(
    "spec", [WRITE, ToolSpec(effect=Effect.READ, cache_ttl_s=0), ToolSpec(effect=lambda args: Effect.WRITE)]
)
async def test_a_write_and_a_time_to_live_of_zero_pass(ask, cache, spec):
    governed = govern(ScriptedTool("first", "second"), cache, spec=spec)
    assert [await ask(governed) for _ in range(2)] == ["first", "second"]
    assert cache.statistics() == {"scripted": CacheStatistics(passed=2)}


async def test_a_handler_that_stores_nothing_by_default_stores_what_a_tool_asks_for(ask, clock):
    cache = CacheHandler(MemoryState(clock), default_ttl_s=0)
    governed = govern(ScriptedTool("first", "second"), cache)
    assert [await ask(governed) for _ in range(2)] == ["first", "second"]
    governed = govern(ScriptedTool("first", "second"), cache, spec=ToolSpec(effect=Effect.READ, cache_ttl_s=5))
    assert [await ask(governed) for _ in range(2)] == ["first", "first"]


async def test_an_effect_may_depend_on_the_arguments(ask, cache):
    spec = ToolSpec(effect=lambda args: Effect.READ if args["query"] == "list" else Effect.WRITE)
    tool = ScriptedTool(spec=spec)
    governed = govern(tool, cache)
    for query in ("list", "list", "create", "create"):
        await ask(governed, query)
    assert tool.seen == ["list", "create", "create"]


async def test_a_tool_of_which_nothing_is_known_passes(cache):
    started = []

    @make_tool
    def unknown(query: str) -> str:
        """Do something."""
        started.append(query)
        return query

    governed = govern(unknown, cache)
    governed.invoke({"query": "q"})
    await governed.ainvoke({"query": "q"})
    assert len(started) == 2


async def test_arguments_without_a_canonical_form_pass(cache):
    started = []

    @make_tool
    def root(number: float) -> float:
        """Take a root."""
        started.append(number)
        return number

    governed = govern(root, cache, spec=READ)
    governed.invoke({"number": float("nan")})
    await governed.ainvoke({"number": float("nan")})
    assert len(started) == 2
    assert cache.statistics()["root"].passed == 2


async def test_a_failure_is_not_kept(ask, cache):
    governed = govern(ScriptedTool(ValueError("no"), "answer"), cache)
    with pytest.raises(ValueError, match="no"):
        await ask(governed)
    assert await ask(governed) == "answer"


async def test_an_interrupt_passes_and_is_not_kept(ask, cache):
    governed = govern(ScriptedTool(GraphInterrupt(()), "answer"), cache)
    with pytest.raises(GraphInterrupt):
        await ask(governed)
    assert await ask(governed) == "answer"


@pytest.mark.parametrize(
    "result",
    [
        ToolMessage("done", tool_call_id="1"),
        Command(update={"x": 1}),
        ["text", ToolMessage("done", tool_call_id="1")],
        (Command(update={"x": 1}), Command(update={"x": 2})),
    ],
    ids=["message", "command", "list", "tuple"],
)
async def test_a_message_or_command_carries_the_id_of_one_call_and_is_not_kept(ask, cache, result):
    tool = ScriptedTool(result)
    governed = govern(tool, cache)
    assert not is_shareable(result)
    for _ in range(2):
        assert await ask(governed) is result
    assert tool.started == 2
    assert cache.statistics()["scripted"] == CacheStatistics(misses=2)


async def test_a_result_that_can_be_read_but_once_belongs_to_its_caller(ask, cache):
    tool = ScriptedTool(lambda query: (letter for letter in query))
    governed = govern(tool, cache)
    for _ in range(2):
        assert list(await ask(governed, "ab")) == ["a", "b"]
    assert tool.started == 2


async def test_a_result_that_cannot_be_copied_belongs_to_its_caller(ask, cache):
    lock = threading.Lock()
    governed = govern(ScriptedTool({"lock": lock}), cache)
    for _ in range(2):
        assert (await ask(governed))["lock"] is lock


# ---------------------------------------------------------------- copies


async def test_whoever_changes_his_answer_changes_nobody_elses(ask, cache):
    original = {"lines": [{"sku": "PIPE-TEAM"}]}
    governed = govern(ScriptedTool(original), cache)
    first = await ask(governed)
    first["lines"].append("changed by the one who asked first")
    second = await ask(governed)
    assert second == {"lines": [{"sku": "PIPE-TEAM"}]}
    second["lines"][0]["sku"] = "changed by the one who got it from memory"
    original["lines"].clear()
    assert await ask(governed) == {"lines": [{"sku": "PIPE-TEAM"}]}


@pytest.mark.parametrize("value", ["text", 1, 2.5, True, b"bytes", None], ids=repr)
def test_what_cannot_be_changed_is_not_copied(value):
    assert own_copy(value) is value


# ---------------------------------------------------------------- for operators


async def test_what_was_done_is_counted_by_tool(ask, cache):
    reading = govern(ScriptedTool(name="reading"), cache)
    writing = govern(ScriptedTool(name="writing", spec=WRITE), cache)
    assert cache.statistics() == {}
    for query in ("a", "b", "a", "a"):
        await ask(reading, query)
    await ask(writing)
    assert cache.statistics() == {
        "reading": CacheStatistics(hits=2, misses=2, stored=2),
        "writing": CacheStatistics(passed=1),
    }


def test_the_hit_rate_is_the_share_of_cacheable_calls_answered_without_the_tool():
    assert CacheStatistics().hit_rate == 0
    assert CacheStatistics(hits=2, shared=1, misses=1, passed=10).hit_rate == 0.75


async def test_the_results_read_most_are_named_without_their_arguments(ask, cache):
    governed = govern(ScriptedTool(), cache)
    for query in ("Dana", "Marcus", "Marcus", "Marcus", "Dana"):
        await ask(governed, query)
    (first, often), (second, seldom) = cache.top_accessed()
    assert (often, seldom) == (2, 1)
    assert first.startswith("scripted:")
    assert "Dana" not in first + second
    assert cache.top_accessed(1) == [(first, 2)]


async def test_one_tools_results_can_be_forgotten_or_all(ask, cache):
    tools = {name: ScriptedTool(name=name) for name in ("crm", "prices")}
    governed = {name: govern(tool, cache) for name, tool in tools.items()}

    async def ask_all():
        for name in tools:
            await ask(governed[name])
        return {name: tool.started for name, tool in tools.items()}

    await ask_all()
    assert cache.clear("crm") == 1
    assert await ask_all() == {"crm": 2, "prices": 1}
    assert cache.clear() == 2
    assert await ask_all() == {"crm": 3, "prices": 2}
    assert cache.clear("unknown") == 0


async def test_what_was_under_way_when_the_cache_was_cleared_is_not_kept(cache):
    tool = GatedTool(outcome="old")
    governed = govern(tool, cache)
    early = Caller(governed.invoke, {"query": "q"})
    await until(lambda: tool.started == 1)
    cache.clear("gated")
    late = Caller(governed.invoke, {"query": "q"})
    await until(lambda: tool.started == 2)  # whoever asks after the clearing does not join the old call
    tool.open()
    assert early.wait() == late.wait() == "old"
    assert cache.statistics()["gated"] == CacheStatistics(misses=2, stored=1)


async def test_observers_hear_whether_the_tool_was_asked(ask, cache):
    ledger = EventLedger()
    governed = govern(ScriptedTool(), cache, ledger)
    await ask(governed)
    await ask(governed)
    assert ledger.events == [("cache_miss", {}), ("cached", {"how": "hits"})]
    assert [call.record.cached for call in ledger.calls] == [False, True]
    assert [call.record.attempts for call in ledger.calls] == [1, 0]


async def test_a_call_that_failed_was_a_miss_all_the_same(ask, cache):
    governed = govern(ScriptedTool(ValueError("no")), cache)
    with pytest.raises(ValueError, match="no"):
        await ask(governed)
    assert cache.statistics() == {"scripted": CacheStatistics(misses=1)}


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_default_time_that_is_none_is_refused(seconds):
    with pytest.raises(ConfigurationError, match="seconds, 0 or more"):
        CacheHandler(default_ttl_s=seconds)


async def test_two_handlers_over_one_state_share_what_is_stored(ask, clock):
    state, tool = MemoryState(clock), ScriptedTool("first", "second")
    assert await ask(govern(tool, CacheHandler(state))) == await ask(govern(tool, CacheHandler(state))) == "first"
