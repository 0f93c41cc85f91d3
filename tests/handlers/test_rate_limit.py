"""A tool is kept within its rate, and whoever is refused learns exactly when he will not be."""

import pytest
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.errors import ConfigurationError, RateLimitError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.rate_limit import Headroom, RateLimitHandler
from salesboost_tools.state import MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.doubles import READ, EventLedger


def limited(clock, text="2/minute", **kwargs):
    return govern(ScriptedTool(**kwargs), RateLimitHandler(MemoryState(clock), default=text))


async def refusal(ask, governed, query="q", **caller):
    with pytest.raises(RateLimitError) as refused:
        await ask(governed, query, **caller)
    return refused.value


async def test_calls_within_the_rate_pass_and_the_next_is_refused(ask, clock):
    governed = limited(clock)
    assert [await ask(governed) for _ in range(2)] == ["answer"] * 2
    await refusal(ask, governed)


async def test_a_refused_call_never_reaches_the_tool(ask, clock):
    tool = ScriptedTool()
    governed = govern(tool, RateLimitHandler(MemoryState(clock), default="1/minute"))
    await ask(governed)
    for _ in range(3):
        await refusal(ask, governed)
    assert tool.started == 1


@pytest.mark.parametrize("start_s", [0.0, 1000.0, 1e6, 1.7e9])
async def test_waiting_as_told_is_enough_and_a_millisecond_less_is_not(ask, clock, start_s):
    clock.now_s, governed = start_s, limited(clock, "7/minute")
    for _ in range(7):
        await ask(governed)
    clock.advance(1.234)
    retry_after = (await refusal(ask, governed)).retry_after
    assert retry_after == pytest.approx(60 / 7 - 1.234, abs=1e-5)
    asked_at_s = clock.now_s
    clock.advance(retry_after - 0.001)
    await refusal(ask, governed)
    clock.now_s = asked_at_s + retry_after
    assert await ask(governed) == "answer"


async def test_sync_and_async_callers_draw_from_one_bucket(clock):
    governed = limited(clock, "2/minute")
    governed.invoke({"query": "q"})
    await governed.ainvoke({"query": "q"})
    with pytest.raises(RateLimitError):
        governed.invoke({"query": "q"})
    with pytest.raises(RateLimitError):
        await governed.ainvoke({"query": "q"})


async def test_every_tool_has_a_bucket_of_its_own(ask, clock):
    handler = RateLimitHandler(MemoryState(clock), default="1/minute")
    one, other = (govern(ScriptedTool(name=name), handler) for name in ("one", "other"))
    assert (await ask(one), await ask(other)) == ("answer", "answer")
    await refusal(ask, one)


async def test_all_callers_of_a_tool_share_its_bucket(ask, clock):
    governed = limited(clock, "2/minute")
    await ask(governed, tenant_id="acme", user_id="dana")
    await ask(governed, tenant_id="globex", user_id="marcus")
    await refusal(ask, governed, tenant_id="initech")


async def test_two_handlers_over_one_state_draw_from_one_bucket(ask, clock):
    state = MemoryState(clock)
    one, other = (govern(ScriptedTool(), RateLimitHandler(state, default="1/minute")) for _ in range(2))
    await ask(one)
    await refusal(ask, other)


async def test_a_call_that_failed_or_interrupted_took_its_token(ask, clock):
    governed = govern(
        ScriptedTool(ValueError("no"), GraphInterrupt(())), RateLimitHandler(MemoryState(clock), default="2/minute")
    )
    with pytest.raises(ValueError, match="no"):
        await ask(governed)
    with pytest.raises(GraphInterrupt):
        await ask(governed)
    await refusal(ask, governed)


# ---------------------------------------------------------------- which limit holds


async def how_many_pass(ask, governed):
    for passed in range(20):
        try:
            await ask(governed)
        except RateLimitError:
            return passed
    return 20


async def test_the_handlers_limit_for_a_tool_comes_before_the_tools_own(ask, clock):
    handler = RateLimitHandler(MemoryState(clock), limits={"scripted": "3/minute"}, default="2/minute")
    spec = ToolSpec(effect=Effect.READ, rate_limit="5/minute")
    assert await how_many_pass(ask, govern(ScriptedTool(), handler, spec=spec)) == 3


async def test_the_tools_own_limit_comes_before_the_default(ask, clock):
    handler = RateLimitHandler(MemoryState(clock), limits={"another": "3/minute"}, default="2/minute")
    spec = ToolSpec(effect=Effect.READ, rate_limit="5/minute")
    assert await how_many_pass(ask, govern(ScriptedTool(), handler, spec=spec)) == 5


async def test_the_default_holds_for_a_tool_that_states_none(ask, clock):
    handler = RateLimitHandler(MemoryState(clock), limits={"another": "3/minute"}, default=RateLimit("2/minute"))
    assert await how_many_pass(ask, govern(ScriptedTool(), handler, spec=READ)) == 2


async def test_without_any_limit_stated_it_is_ten_a_minute(ask, clock):
    assert await how_many_pass(ask, govern(ScriptedTool(), RateLimitHandler(MemoryState(clock)))) == 10


@pytest.mark.parametrize("wrong", [{"limits": {"crm": "often"}}, {"limits": {"crm": None}}, {"default": 10}])
def test_a_limit_that_cannot_be_read_is_refused_at_once(wrong):
    with pytest.raises(ConfigurationError, match="rate limit"):
        RateLimitHandler(**wrong)


# ---------------------------------------------------------------- what is said


async def test_observers_hear_of_a_refusal_and_how_long_it_lasts(ask, clock):
    ledger = EventLedger()
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), default="1/minute"), ledger)
    await ask(governed)
    assert ledger.events == []
    error = await refusal(ask, governed)
    assert ledger.events == [("rate_limited", {"retry_after": error.retry_after})]


async def test_the_operator_reads_which_limit_and_the_model_only_what_to_do(ask, clock):
    governed = limited(clock, "1/minute")
    await ask(governed, "Dana's salary")
    clock.advance(0.5)
    error = await refusal(ask, governed, "Dana's salary")
    assert str(error) == "`scripted` is over its limit of 1/minute; free again in 59.5 s (setting TOOL_RATE_LIMITS)"
    assert error.for_model == "`scripted` is busy. Continue without it, or call it again in 60 seconds."


async def test_the_same_call_is_not_worth_an_immediate_retry(ask, clock):
    governed = limited(clock, "1/minute")
    await ask(governed)
    assert not (await refusal(ask, governed)).retryable


async def test_what_is_left_of_a_rate_is_told_without_taking_it(ask, clock):
    handler = RateLimitHandler(MemoryState(clock), limits={"scripted": ["2/second", "10/minute"]})
    governed = govern(ScriptedTool(), handler)
    await ask(governed)
    for _ in range(2):
        assert await handler.aheadroom("scripted", READ) == Headroom("2/second and 10/minute", 2, 1)


async def test_of_rates_that_belong_to_users_nothing_is_told(clock):
    handler = RateLimitHandler(MemoryState(clock), per="user")
    assert await handler.aheadroom("scripted", READ) == Headroom("10/minute", 10, None)
