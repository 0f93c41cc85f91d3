"""Several windows hold at once, whoever they are for, and a call may wait for its turn."""

import pytest

from salesboost_tools.core.call import Caller, ToolCall
from salesboost_tools.core.errors import ConfigurationError, RateLimitError
from salesboost_tools.core.rate import RateLimit
from salesboost_tools.core.rate_windows import as_rate_limits
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.rate_claims import claims_on, key_function
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.state import MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.clock_naps import ClockNaps
from tests.handlers.doubles import READ, EventLedger


async def refusal(ask, governed, **caller):
    with pytest.raises(RateLimitError) as refused:
        await ask(governed, **caller)
    return refused.value


# ---------------------------------------------------------------- several at once


async def test_every_window_has_to_let_a_call_through(ask, clock):
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), default=["2/second", "3/hour"]))
    for _ in range(2):
        await ask(governed)
    assert (await refusal(ask, governed)).retry_after == pytest.approx(0.5, abs=1e-5)
    clock.advance(1)
    await ask(governed)
    error = await refusal(ask, governed)
    assert error.retry_after == pytest.approx(1199, abs=1e-4)
    clock.advance(error.retry_after)
    await ask(governed)


async def test_a_call_that_one_window_refuses_takes_no_token_of_another(ask, clock):
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), default=["1/second", "2/hour"]))
    await ask(governed)
    for _ in range(5):
        await refusal(ask, governed)
    clock.advance(1)
    await ask(governed)


async def test_a_refusal_names_all_windows(ask, clock):
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), default=["1/second", "1000/day"]))
    await ask(governed)
    assert "`scripted` is over its limits of 1/second and 1000/day; free again in 1.0 s" in str(
        await refusal(ask, governed)
    )


async def test_a_tool_may_state_several(ask, clock):
    spec = ToolSpec(effect=Effect.READ, rate_limit=["5/second", RateLimit("1/minute")])
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock)), spec=spec)
    await ask(governed)
    assert (await refusal(ask, governed)).retry_after == pytest.approx(60, abs=1e-5)


async def test_a_handler_may_state_several_for_a_tool(ask, clock):
    handler = RateLimitHandler(MemoryState(clock), limits={"scripted": ("5/second", "1/minute")})
    governed = govern(ScriptedTool(), handler)
    await ask(governed)
    await refusal(ask, governed)


def test_one_limit_stays_a_limit_and_several_become_a_tuple():
    one = RateLimit("10/minute")
    assert ToolSpec(effect=Effect.READ).rate_limit is None
    assert ToolSpec(effect=Effect.READ, rate_limit="10/minute").rate_limit == one
    assert ToolSpec(effect=Effect.READ, rate_limit=[one]).rate_limit is one
    several = ToolSpec(effect=Effect.READ, rate_limit=["10/minute", "1/second"])
    assert several.rate_limit == (one, RateLimit("1/second"))
    assert hash(several) == hash(ToolSpec(effect=Effect.READ, rate_limit=("10/minute", "1/second")))


@pytest.mark.parametrize(
    ("given", "why"),
    [([], "at least one"), (["1/second", "60/60s", "2/minute"], "different times"), (["often"], "cannot read")],
)
def test_windows_that_make_no_sense_are_refused(given, why):
    with pytest.raises(ConfigurationError, match=why):
        as_rate_limits(given)


def test_the_windows_of_one_bucket_lie_in_one_slot_of_a_cluster():
    limits = as_rate_limits(["1/second", "10/minute"])
    assert [claim.key for claim in claims_on("crm", limits)] == ["crm:1.0s", "crm:60.0s"]
    assert [claim.key for claim in claims_on("crm:tenant:'a'", limits)] == [
        "crm:1.0s:tenant:'a'",
        "crm:60.0s:tenant:'a'",
    ]


# ---------------------------------------------------------------- for whom


async def test_every_tenant_may_have_a_bucket(ask, clock):
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), default="1/minute", per="tenant"))
    await ask(governed, tenant_id="acme", user_id="dana")
    error = await refusal(ask, governed, tenant_id="acme", user_id="marcus")
    assert "over its limit of 1/minute per tenant;" in str(error)
    await ask(governed, tenant_id="globex")
    await ask(governed)


async def test_every_user_may_have_a_bucket(ask, clock):
    governed = govern(ScriptedTool(), RateLimitHandler(MemoryState(clock), default="1/minute", per="user"))
    await ask(governed, tenant_id="acme", user_id="dana")
    assert "per user;" in str(await refusal(ask, governed, tenant_id="acme", user_id="dana"))
    await ask(governed, tenant_id="acme", user_id="marcus")
    await ask(governed, tenant_id="globex", user_id="dana")


async def test_a_function_may_say_who_shares_a_bucket(ask, clock):
    handler = RateLimitHandler(MemoryState(clock), default="1/minute", per=lambda call: str(call.caller.role))
    governed = govern(ScriptedTool(), handler)
    await ask(governed, caller_role="coach")
    assert "per key;" in str(await refusal(ask, governed, caller_role="coach"))
    await ask(governed, caller_role="seller")


@pytest.mark.parametrize("per", ["tenant", "user"])
def test_no_two_callers_have_one_key_by_chance(per):
    names = [None, "None", "a", "a:b", "b", "'a'", "a'"]
    callers = [Caller(tenant_id=tenant, user_id=user) for tenant in names for user in names]
    key_of = key_function(per)
    keys = {key_of(ToolCall("crm", {}, READ, caller=caller)) for caller in callers}
    assert len(keys) == (len(names) if per == "tenant" else len(callers))
    assert all(key.startswith("crm:") for key in keys)


@pytest.mark.parametrize("per", ["session", 3, ["tool"]])
def test_a_bucket_for_nobody_known_is_refused(per):
    with pytest.raises(ConfigurationError, match="'tool', 'tenant', 'user' or a function"):
        RateLimitHandler(per=per)


# ---------------------------------------------------------------- waiting


def patient(clock, naps, max_wait_s, *more, state=None):
    handler = RateLimitHandler(
        state or MemoryState(clock), default="1/minute", max_wait_s=max_wait_s, sleep=naps.sleep, asleep=naps.asleep
    )
    return govern(ScriptedTool(), handler, *more)


async def test_a_call_may_wait_for_its_turn(ask, clock):
    naps, ledger = ClockNaps(clock), EventLedger()
    governed = patient(clock, naps, 61, ledger)
    await ask(governed)
    await ask(governed)
    assert naps.taken_s == [pytest.approx(60, abs=1e-5)]
    assert ledger.events == [("waited", {"wait_s": naps.taken_s[0]})]
    assert ledger.calls[0].record.waited_s == naps.taken_s[0]


async def test_a_call_that_would_wait_too_long_is_refused_at_once(ask, clock):
    naps = ClockNaps(clock)
    governed = patient(clock, naps, 59)
    await ask(governed)
    await refusal(ask, governed)
    assert naps.taken_s == []


async def test_whoever_is_overtaken_waits_again_within_his_bound(ask, clock):
    state = MemoryState(clock)
    overtake = govern(ScriptedTool(), RateLimitHandler(state, default="1/minute")).invoke
    naps = ClockNaps(clock, lambda: overtake({"query": "q"}), lambda: overtake({"query": "q"}))
    governed = patient(clock, naps, 150, state=state)
    await ask(governed)
    error = await refusal(ask, governed)
    assert len(naps.taken_s) == 2
    assert error.retry_after == pytest.approx(60, abs=1e-4)


@pytest.mark.parametrize("wrong", [{"max_wait_s": -1}, {"max_wait_s": float("nan")}, {"workers": 0}])
def test_a_number_out_of_range_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RateLimitHandler(**wrong)
