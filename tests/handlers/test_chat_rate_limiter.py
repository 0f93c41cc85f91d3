"""A chat model is kept within its rate by the same buckets as tools."""

import pytest
from langchain_core.language_models import FakeListChatModel

from salesboost_tools.core.errors import ConfigurationError, RateLimitError, StateUnavailableError
from salesboost_tools.governed import govern
from salesboost_tools.handlers.chat_rate_limiter import ChatRateLimiter
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.state import MemoryState
from tests.doubles import ScriptedTool
from tests.handlers.clock_naps import ClockNaps
from tests.handlers.failing_state import FailingState


@pytest.fixture(params=["sync", "async"])
def acquire(request):
    async def acquire(limiter, **how):
        return limiter.acquire(**how) if request.param == "sync" else await limiter.aacquire(**how)

    return acquire


@pytest.fixture
def naps(clock):
    return ClockNaps(clock)


def limiter_of(clock, naps, limit="2/minute", **how):
    return ChatRateLimiter(limit, MemoryState(clock), sleep=naps.sleep, asleep=naps.asleep, **how)


async def test_without_blocking_it_says_at_once_whether_there_is_a_token(acquire, clock, naps):
    limiter = limiter_of(clock, naps)
    assert [await acquire(limiter, blocking=False) for _ in range(3)] == [True, True, False]
    assert naps.taken_s == []


async def test_blocking_it_waits_just_as_long_as_it_must(acquire, clock, naps):
    limiter = limiter_of(clock, naps)
    assert [await acquire(limiter) for _ in range(3)] == [True] * 3
    assert naps.taken_s == [pytest.approx(30, abs=1e-5)]


async def test_several_windows_hold_at_once(acquire, clock, naps):
    limiter = limiter_of(clock, naps, ["2/second", "3/hour"])
    assert [await acquire(limiter, blocking=False) for _ in range(3)] == [True, True, False]
    clock.advance(1)
    assert [await acquire(limiter, blocking=False) for _ in range(2)] == [True, False]


async def test_limiters_of_one_key_over_one_state_share_a_bucket(acquire, clock):
    state = MemoryState(clock)
    one, same, other = (ChatRateLimiter("1/minute", state, key) for key in ("model", "model", "other"))
    assert await acquire(one, blocking=False)
    assert not await acquire(same, blocking=False)
    assert await acquire(other, blocking=False)


async def test_a_key_that_is_a_tools_name_shares_the_tools_bucket(acquire, clock):
    state = MemoryState(clock)
    tool = govern(ScriptedTool(), RateLimitHandler(state, default="1/minute"))
    assert await acquire(ChatRateLimiter("1/minute", state, "scripted"), blocking=False)
    with pytest.raises(RateLimitError):
        tool.invoke({"query": "q"})


async def test_while_the_state_is_down_it_counts_this_workers_share_here(acquire, clock, naps):
    state = FailingState(clock)
    limiter = ChatRateLimiter("4/minute", state, workers=2, clock=clock, sleep=naps.sleep, asleep=naps.asleep)
    state.is_down = True
    assert [await acquire(limiter, blocking=False) for _ in range(3)] == [True, True, False]
    assert limiter.store.calls_without_store == 3
    state.is_down = False
    assert await acquire(limiter, blocking=False)
    assert limiter.store.healthy


async def test_it_may_be_told_to_let_nothing_through_while_the_state_is_down(acquire, clock):
    state = FailingState(clock)
    state.is_down = True
    with pytest.raises(StateUnavailableError):
        await acquire(ChatRateLimiter("4/minute", state, when_down="closed"))


async def test_a_chat_model_waits_for_its_turn(clock, naps):
    model = FakeListChatModel(responses=["hello"], rate_limiter=limiter_of(clock, naps, "1/minute"))
    assert model.invoke("hi").content == "hello"
    assert (await model.ainvoke("hi")).content == "hello"
    assert naps.taken_s == [pytest.approx(60, abs=1e-5)]


def test_a_limit_that_cannot_be_read_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="rate limit"):
        ChatRateLimiter("often")
