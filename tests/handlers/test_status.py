"""What a call is doing is published while it does it, without its arguments or its result."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from langchain_core.messages import ToolMessage
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.errors import RateLimitError
from salesboost_tools.governed import govern
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.observe.status import StatusFeed
from tests.doubles import ScriptedTool
from tests.handlers.doubles import READ, GatedTool, Naps, turns


@pytest.fixture
def status():
    return StatusHandler()


def kinds(status):
    return [event.kind for event in status.feed.recent()]


async def test_a_call_that_succeeds_started_and_completed(ask, status):
    await ask(govern(ScriptedTool(), status))
    assert kinds(status) == ["started", "completed"]


async def test_a_call_that_fails_started_and_failed(ask, status):
    with pytest.raises(ValueError, match="no"):
        await ask(govern(ScriptedTool(ValueError("no")), status))
    assert kinds(status) == ["started", "failed"]
    assert status.feed.recent()[-1].details["error"] == "ValueError"


async def test_an_answer_that_says_it_failed_has_failed(ask, status):
    await ask(govern(ScriptedTool(ToolMessage("no", tool_call_id="1", status="error")), status))
    assert kinds(status) == ["started", "failed"]


async def test_an_interrupt_is_no_failure(ask, status):
    with pytest.raises(GraphInterrupt):
        await ask(govern(ScriptedTool(GraphInterrupt(())), status))
    assert kinds(status) == ["started", "interrupted"]


async def test_a_cancellation_is_no_failure(status):
    call = asyncio.create_task(govern(GatedTool(), status).ainvoke({"query": "q"}))
    await turns()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert kinds(status) == ["started", "cancelled"]


async def test_an_event_says_which_call_of_which_caller_it_is_about(status):
    call = {"name": "scripted", "args": {"query": "q"}, "id": "call-1", "type": "tool_call"}
    run_id = UUID(int=7)
    await govern(ScriptedTool(), status).ainvoke(call, {"configurable": {"caller_role": "coach"}, "run_id": run_id})
    for event in status.feed.recent():
        assert (event.tool, event.tool_call_id, event.run_id, event.role) == (
            "scripted",
            "call-1",
            str(run_id),
            "coach",
        )
        assert timedelta(0) <= datetime.now(UTC) - event.at < timedelta(minutes=1)


async def test_only_the_end_of_a_call_says_how_long_it_took_and_what_it_needed(ask, status):
    await ask(govern(ScriptedTool(), status))
    started, completed = status.feed.recent()
    assert started.latency_s is None
    assert 0 <= completed.latency_s < 10
    assert completed.details == {"attempts": 1, "cached": False}


async def test_what_other_handlers_do_in_between_is_told(ask, status):
    naps = Naps()
    governed = govern(
        ScriptedTool(ConnectionError("lost"), "answer"),
        status,
        CacheHandler(),
        RetryHandler(jitter_s=0, sleep=naps.sleep, asleep=naps.asleep),
        RateLimitHandler(default="3/minute"),
    )
    await ask(governed)
    await ask(governed)
    await ask(governed, "another")
    with pytest.raises(RateLimitError):
        await ask(governed, "one too many")
    assert kinds(status) == [
        *("started", "retrying", "completed"),
        *("started", "cached", "completed"),
        *("started", "completed"),
        *("started", "rate_limited", "failed"),
    ]
    events = status.feed.recent()
    assert events[1].details == {"attempt": 2, "wait_s": 1.0, "error": "ConnectionError"}
    assert events[2].details["attempts"] == 2
    assert events[5].details == {"attempts": 0, "cached": True}


async def test_what_concerns_nobody_outside_is_not_told(ask, status):
    await ask(govern(ScriptedTool(), status, CacheHandler()))
    assert "cache_miss" not in kinds(status)


async def test_no_event_holds_an_argument_a_result_or_a_message(ask, status):
    naps = Naps()
    governed = govern(
        ScriptedTool(ConnectionError("secret in a message"), {"secret": "in a result"}),
        status,
        CacheHandler(),
        RetryHandler(sleep=naps.sleep, asleep=naps.asleep),
        RateLimitHandler(default="2/minute"),
    )
    for query in ("secret in an argument",) * 2:
        await ask(governed, query)
    with pytest.raises(RateLimitError):
        await ask(governed, "another secret")
    assert len(status.feed.recent()) == 9
    assert "secret" not in repr(status.feed.recent())


async def test_a_feed_may_be_shared(ask):
    feed = StatusFeed()
    for name in ("one", "other"):
        await ask(govern(ScriptedTool(name=name), StatusHandler(feed)))
    assert [(event.tool, event.kind) for event in feed.recent()] == [
        ("one", "started"),
        ("one", "completed"),
        ("other", "started"),
        ("other", "completed"),
    ]


async def test_a_watcher_that_fails_never_harms_the_call(ask, status, caplog):
    def fail(event):
        raise RuntimeError("the screen is gone")

    status.feed.watch(fail)
    assert await ask(govern(ScriptedTool(), status)) == "answer"
    assert "the screen is gone" in caplog.text


async def test_a_feed_that_fails_never_harms_the_call(ask, caplog):
    class BrokenFeed(StatusFeed):
        def publish(self, event):
            raise RuntimeError("the feed is gone")

    status = StatusHandler(BrokenFeed())
    assert await ask(govern(ScriptedTool(), status, spec=READ)) == "answer"
    with pytest.raises(ValueError, match="the tool's own"):
        await ask(govern(ScriptedTool(ValueError("the tool's own")), status))
    assert status.observer_failures == 4
    assert "publishing 'started' of `scripted` failed" in caplog.text
