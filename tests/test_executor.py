"""Tools by name, without an agent: a failure is an answer, in its place, and disturbs nobody."""

import asyncio

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import ToolException, tool
from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt
from pydantic import BaseModel, Field

from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.executor import ToolExecutor
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.permission import PermissionHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.state import MemoryState
from tests.doubles import RunLedger, ScriptedTool
from tests.nodes.messages import Crowd
from tests.nodes.tools import (
    READ,
    WRITE,
    BlockingMeetingTool,
    HangingTool,
    MeetingTool,
    SelfCancellingTool,
    StubbornTool,
    diary_tool,
)


def asked(*names: str, **payload) -> list[dict]:
    return [{"name": name, "payload": payload} for name in names]


# ---------------------------------------------------------------- one call


async def test_a_result_comes_back_as_the_tool_gave_it():
    answer = await ToolExecutor([ScriptedTool({"total": 7})]).execute("scripted", {"query": "q"}, "coach")
    assert answer["ok"]
    assert answer["result"] == {"total": 7}
    assert (answer["tool"], answer["caller_role"], answer["error"]) == ("scripted", "coach", None)
    assert (answer["cached"], answer["attempts"]) == (False, 1)
    assert answer["latency_ms"] >= 0


async def test_a_call_keeps_the_id_it_came_with_and_gets_one_if_it_had_none():
    executor = ToolExecutor([ScriptedTool()])
    assert (await executor.execute("scripted", {}, tool_call_id="mine"))["tool_call_id"] == "mine"
    made_up = {(await executor.execute("scripted", {}))["tool_call_id"] for _ in range(3)}
    assert len(made_up) == 3


async def test_an_unknown_tool_is_answered_with_those_there_are():
    answer = await ToolExecutor([ScriptedTool(name="b"), ScriptedTool(name="a")]).execute("c", {})
    assert not answer["ok"]
    assert answer["result"] is None
    assert answer["error"] == {
        "type": "ToolInputError",
        "message": "There is no such tool. Use one of: a, b.",
        "retry_after": None,
    }
    assert answer["attempts"] == 0


class Order(BaseModel):
    sku: str = Field(min_length=3)
    quantity: int = Field(ge=1)


@tool(args_schema=Order)
def order(sku: str, quantity: int) -> str:
    """Orders something."""
    return f"{quantity} {sku}"


async def test_a_payload_that_is_not_valid_is_answered_with_what_is_wrong():
    answer = await ToolExecutor([order]).execute("order", {"sku": "secret", "quantity": 0})
    assert answer["error"]["type"] == "ValidationError"
    assert answer["error"]["message"] == (
        "The arguments of `order` are wrong. quantity: Input should be greater than or equal to 1"
    )
    assert answer["attempts"] == 0


@pytest.mark.parametrize("payload", ["text", ["list"], 7])
async def test_a_payload_that_is_no_mapping_is_an_answer_too(payload):
    [answer] = await ToolExecutor([order]).execute_parallel([{"name": "order", "payload": payload}])
    assert answer["error"]["type"] == "ToolInputError"
    assert answer["error"]["message"] == "The payload of `order` has to be an object that holds its arguments by name."


async def test_an_unexpected_error_says_nothing_of_itself():
    answer = await ToolExecutor([ScriptedTool(OSError("password=hunter2"))]).execute("scripted", {})
    assert answer["error"] == {"type": "OSError", "message": "`scripted` failed unexpectedly.", "retry_after": None}
    assert answer["attempts"] == 1


async def test_our_own_errors_say_what_is_meant_for_others():
    answer = await ToolExecutor([ScriptedTool(ToolCallError("row 7", for_model="Not now."))]).execute("scripted", {})
    assert answer["error"]["message"] == "Not now."


@pytest.mark.parametrize(
    ("saying", "message"),
    [
        (False, "`scripted` failed unexpectedly."),
        (None, "`scripted` failed unexpectedly."),
        (True, "no such order"),
        ("Ask for another order.", "Ask for another order."),
        (lambda error: f"it said: {error}", "it said: no such order"),
    ],
)
async def test_a_failure_that_a_tool_would_turn_into_a_result_is_still_a_failure(saying, message):
    own = ScriptedTool(ToolException("no such order"), handle_tool_error=saying)
    answer = await ToolExecutor([own]).execute("scripted", {})
    assert not answer["ok"]
    assert answer["error"]["message"] == message


async def test_bad_arguments_that_a_tool_would_turn_into_a_result_are_still_a_failure():
    lenient = order.model_copy(update={"handle_validation_error": "hm"})
    assert not (await ToolExecutor([lenient]).execute("order", {}))["ok"]


async def test_the_callers_role_is_the_one_said_here_before_that_of_the_config():
    for_coaches = govern(
        ScriptedTool(), PermissionHandler(), spec=ToolSpec(effect=Effect.READ, allowed_roles={"coach"})
    )
    executor = ToolExecutor([for_coaches])
    as_guest = {"configurable": {"caller_role": "guest"}}
    assert (await executor.execute("scripted", {}, "coach", config=as_guest))["ok"]
    assert (await executor.execute("scripted", {}, config={"configurable": {"caller_role": "coach"}}))["ok"]
    refused = await executor.execute("scripted", {}, config=as_guest)
    assert refused["error"]["type"] == "ToolPermissionError"
    assert refused["attempts"] == 0
    assert as_guest == {"configurable": {"caller_role": "guest"}}


async def test_a_call_over_its_rate_says_when_to_come_back(clock):
    limited = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), limits={"scripted": "1/minute"}))
    executor = ToolExecutor([limited])
    assert (await executor.execute("scripted", {}))["ok"]
    refused = await executor.execute("scripted", {})
    assert refused["error"]["type"] == "RateLimitError"
    assert refused["error"]["retry_after"] == pytest.approx(60, abs=1e-3)
    assert refused["attempts"] == 0
    clock.advance(refused["error"]["retry_after"])
    assert (await executor.execute("scripted", {}))["ok"]


async def test_an_answer_from_memory_says_so():
    executor = ToolExecutor([govern(ScriptedTool(), CacheHandler())])
    await executor.execute("scripted", {"query": "a"})
    again = await executor.execute("scripted", {"query": "a"})
    assert (again["ok"], again["cached"], again["attempts"]) == (True, True, 0)


async def test_attempts_are_counted():
    async def at_once(seconds):
        pass

    flaky = govern(ScriptedTool(ConnectionError("once"), "up"), RetryHandler(asleep=at_once))
    answer = await ToolExecutor([flaky]).execute("scripted", {})
    assert (answer["result"], answer["attempts"]) == ("up", 2)


async def test_a_message_is_never_made_of_a_result():
    answer = await ToolExecutor([ScriptedTool(AIMessage("raw"))]).execute("scripted", {}, tool_call_id="c")
    assert answer["result"] == AIMessage("raw")


# ---------------------------------------------------------------- several calls


async def test_answers_stand_in_the_order_of_the_calls_and_failures_harm_nobody():
    executor = ToolExecutor([ScriptedTool(str.upper, name="good"), ScriptedTool(OSError("x"), name="bad"), order])
    calls = [
        {"name": "good", "payload": {"query": "a"}},
        {"name": "bad", "payload": {}},
        {"name": "nowhere", "payload": {}},
        {"name": "order", "payload": {"sku": "x"}, "tool_call_id": "mine"},
        {"name": "good", "payload": {"query": "b"}},
    ]
    answers = await executor.execute_parallel(calls, "coach")
    assert [answer["ok"] for answer in answers] == [True, False, False, False, True]
    assert [answer["tool"] for answer in answers] == ["good", "bad", "nowhere", "order", "good"]
    assert [answers[0]["result"], answers[4]["result"]] == ["A", "B"]
    assert answers[3]["tool_call_id"] == "mine"
    assert {answer["caller_role"] for answer in answers} == {"coach"}


async def test_no_calls_give_no_answers():
    assert await ToolExecutor([]).execute_parallel([]) == []


@pytest.mark.parametrize(("of_executor", "of_call", "holds"), [(3, None, 3), (5, 2, 2), (1, 4, 4)])
@pytest.mark.parametrize("kind", [MeetingTool, BlockingMeetingTool])
async def test_no_more_calls_run_at_once_than_was_said(of_executor, of_call, holds, kind):
    crowd = Crowd(holds)
    executor = ToolExecutor([kind(crowd)], max_concurrent=of_executor)
    answers = await executor.execute_parallel(asked(*["meeting"] * 3 * holds), max_concurrent=of_call)
    assert all(answer["ok"] for answer in answers)
    assert crowd.most_at_once == holds


async def test_blocking_tools_get_as_many_threads_as_calls_may_run_at_once():
    crowd = Crowd(40)
    answers = await ToolExecutor([BlockingMeetingTool(crowd)]).execute_parallel(asked(*["meeting"] * 40), None, 40)
    assert all(answer["ok"] for answer in answers)


async def test_writes_follow_one_another_in_the_order_given():
    diary: list[str] = []
    executor = ToolExecutor([diary_tool(diary, "write", WRITE), diary_tool([], "read", READ)])
    calls = [{"name": "read" if n % 2 else "write", "payload": {"what": str(n)}} for n in range(6)]
    await executor.execute_parallel(calls)
    assert diary == [f"{n} {when}" for n in (0, 2, 4) for when in ("begins", "ends")]


async def test_a_call_that_cancels_itself_is_a_failure_like_any_other():
    answers = await ToolExecutor([SelfCancellingTool(), ScriptedTool()]).execute_parallel(
        asked("self_cancelling", "scripted", "self_cancelling")
    )
    assert [answer["ok"] for answer in answers] == [False, True, False]
    assert answers[0]["error"]["type"] == "CancelledError"
    assert answers[0]["error"]["message"] == "`self_cancelling` failed unexpectedly."


@pytest.mark.parametrize("kind", [HangingTool, StubbornTool])
async def test_cancelling_the_executor_cancels_all_and_starts_nothing_new(kind):
    hanging, queued, ledger = kind(), ScriptedTool(name="queued"), RunLedger()
    executor = ToolExecutor([hanging, queued], max_concurrent=2)
    calls = asked("hanging", "hanging", "queued")
    task = asyncio.create_task(executor.execute_parallel(calls, config={"callbacks": [ledger]}))
    await hanging.wait_until_it_began()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert hanging.cancelled == 2
    assert queued.started == 0
    assert ledger.every_run_closed_once()


async def test_interrupts_are_collected_when_the_others_are_done():
    asking = [ScriptedTool(GraphInterrupt([Interrupt(name, id=name)]), name=name) for name in ("a", "b")]
    other = ScriptedTool()
    with pytest.raises(GraphInterrupt) as raised:
        await ToolExecutor([*asking, other], max_concurrent=1).execute_parallel(asked("a", "b", "scripted"))
    assert [interrupt.value for interrupt in raised.value.args[0]] == ["a", "b"]
    assert other.started == 1


async def test_callbacks_hear_every_run_once():
    ledger = RunLedger()
    executor = ToolExecutor([ScriptedTool(callbacks=[ledger]), ScriptedTool(OSError("x"), name="bad")])
    await executor.execute_parallel(asked("scripted", "bad", "scripted"), config={"callbacks": [ledger]})
    assert ledger.every_run_closed_once()
    assert len(ledger.started) == 3


# ---------------------------------------------------------------- mistakes of the program


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"payload": {}}, r"got the keys \['payload'\]"),
        ({"name": 7}, r"got the keys \['name'\]"),
        ({"name": "scripted", "args": {"query": "x"}}, r"got the keys \['args', 'name'\]"),
        ("scripted", "got a str"),
        (None, "got a NoneType"),
    ],
    ids=repr,
)
async def test_a_call_of_another_shape_is_refused_before_anything_runs(wrong, said):
    scripted = ScriptedTool()
    with pytest.raises(ConfigurationError, match=said):
        await ToolExecutor([scripted]).execute_parallel([*asked("scripted"), wrong])
    assert scripted.started == 0


@pytest.mark.parametrize("payload", [{}, {"payload": None}])
async def test_no_payload_means_no_arguments(payload):
    [answer] = await ToolExecutor([ScriptedTool(str.upper)]).execute_parallel([{"name": "scripted", **payload}])
    assert answer["result"] == "Q"


@pytest.mark.parametrize("bound", [0, -2])
async def test_a_bound_below_one_is_refused(bound):
    with pytest.raises(ConfigurationError, match="max_concurrent is 1 or more"):
        ToolExecutor([], max_concurrent=bound)
    with pytest.raises(ConfigurationError, match="max_concurrent is 1 or more"):
        await ToolExecutor([]).execute_parallel([], max_concurrent=bound)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="two tools are called `scripted`"):
        ToolExecutor([ScriptedTool(), ScriptedTool()])
