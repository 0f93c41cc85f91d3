"""While the store of the buckets is down: reads are counted here, writes wait for better times, unless told otherwise."""

import pytest
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.aftermath import is_providers_failure, may_have_happened
from salesboost_tools.core.errors import (
    ConfigurationError,
    RateLimitError,
    StateUnavailableError,
    ToolCallError,
    UncountedCallError,
)
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.state import WhenDown
from tests.doubles import ScriptedTool
from tests.handlers.doubles import READ, WRITE, EventLedger
from tests.handlers.failing_state import FailingState


@pytest.fixture
def state(clock):
    state = FailingState(clock)
    state.is_down = True
    return state


async def how_many_pass(ask, governed, query="q"):
    for passed in range(20):
        try:
            await ask(governed, query)
        except RateLimitError:
            return passed
    return 20


async def test_reads_are_counted_here_at_this_workers_share(ask, clock, state):
    handler = RateLimitHandler(state, default="6/minute", workers=3, clock=clock)
    assert await how_many_pass(ask, govern(ScriptedTool(), handler)) == 2


async def test_several_windows_are_counted_here_too(ask, clock, state):
    handler = RateLimitHandler(state, default=["9/second", "6/minute"], workers=3, clock=clock)
    assert await how_many_pass(ask, govern(ScriptedTool(), handler)) == 2


async def test_a_write_is_not_made_and_it_is_certain_that_it_was_not(ask, clock, state):
    tool = ScriptedTool(spec=WRITE)
    with pytest.raises(UncountedCallError, match="was not run, for its rate could not be checked") as refused:
        await ask(govern(tool, RateLimitHandler(state, clock=clock)))
    error = refused.value
    assert tool.started == 0
    assert isinstance(error, StateUnavailableError)
    assert isinstance(error, ToolCallError)
    assert error.retryable
    assert not may_have_happened(error)
    assert not is_providers_failure(error)
    assert error.for_model == "`scripted` is not possible at the moment and was not done. Try again later."


async def test_what_a_call_does_decides_for_a_tool_that_does_both(ask, clock, state):
    spec = ToolSpec(effect=lambda args: Effect.READ if args["query"] == "list" else Effect.WRITE)
    governed = govern(ScriptedTool(), RateLimitHandler(state, clock=clock), spec=spec)
    assert await ask(governed, "list") == "answer"
    with pytest.raises(UncountedCallError):
        await ask(governed, "create")


@pytest.mark.parametrize("spec", [READ, WRITE])
async def test_it_may_be_the_same_for_all_tools(ask, clock, state, spec):
    def governed(when_down):
        return govern(
            ScriptedTool(), RateLimitHandler(state, default="1/day", when_down=when_down, clock=clock), spec=spec
        )

    assert await how_many_pass(ask, governed("open")) == 20
    assert await how_many_pass(ask, governed(WhenDown.LOCAL)) == 1
    with pytest.raises(UncountedCallError):
        await ask(governed("closed"))


async def test_it_may_be_said_by_name(ask, clock, state):
    handler = RateLimitHandler(state, default="1/day", when_down={"named": "open"}, clock=clock)
    assert await how_many_pass(ask, govern(ScriptedTool(name="named", spec=WRITE), handler)) == 20
    assert await how_many_pass(ask, govern(ScriptedTool(name="other"), handler)) == 1


async def test_it_is_counted_and_reported(ask, clock, state):
    ledger, handler = EventLedger(), RateLimitHandler(state, clock=clock)
    await ask(govern(ScriptedTool(), handler, ledger))
    assert ledger.events == [("store_failed", {"store": "limits", "when_down": "local"})]
    assert handler.calls_without_store == 1


async def test_the_store_counts_again_as_soon_as_it_answers(ask, clock, state):
    handler = RateLimitHandler(state, default="1/day", clock=clock)
    governed = govern(ScriptedTool(), handler)
    assert await how_many_pass(ask, governed) == 1
    state.is_down = False
    assert await how_many_pass(ask, governed) == 1
    assert handler.calls_without_store == 2


@pytest.mark.parametrize("error", [StateUnavailableError("the tool's own"), GraphInterrupt(())])
async def test_what_the_tool_itself_raises_passes(ask, clock, state, error):
    state.is_down = False
    handler = RateLimitHandler(state, clock=clock)
    with pytest.raises(type(error)):
        await ask(govern(ScriptedTool(error), handler))
    assert handler.calls_without_store == 0


@pytest.mark.parametrize("wrong", ["ajar", {"crm": "ajar"}])
def test_an_unknown_choice_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=r"one of \['local', 'closed', 'open'\]; got 'ajar'"):
        RateLimitHandler(when_down=wrong)
