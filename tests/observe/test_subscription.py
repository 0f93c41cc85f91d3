"""A reader gets every event in order, or is told how many it missed; whoever publishes never waits."""

import asyncio
import gc
import threading
from datetime import UTC, datetime

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.observe.status import StatusEvent, StatusFeed
from salesboost_tools.observe.subscription import Subscription
from tests.handlers.doubles import turns

PATIENCE_S = 10


def event(kind):
    return StatusEvent(kind=str(kind), tool="crm", at=datetime(2026, 6, 30, tzinfo=UTC))


@pytest.fixture
def feed():
    return StatusFeed()


async def read(subscription, count):
    return [(await anext(subscription)).kind for _ in range(count)]


async def test_a_reader_gets_what_is_published_from_the_moment_it_subscribed(feed):
    feed.publish(event("before"))
    subscription = feed.subscribe()
    for kind in "abc":
        feed.publish(event(kind))
    subscription.close()
    feed.publish(event("after"))
    assert [each.kind async for each in subscription] == ["a", "b", "c"]


async def test_a_reader_that_waits_is_woken(feed):
    subscription = feed.subscribe()
    reading = asyncio.create_task(read(subscription, 2))
    await turns()
    feed.publish(event("a"))
    feed.publish(event("b"))
    assert await reading == ["a", "b"]


async def test_a_slow_reader_loses_the_oldest_events_and_learns_how_many(feed):
    slow, quick = feed.subscribe(max_pending=3), feed.subscribe(max_pending=10)
    for kind in range(10):
        feed.publish(event(kind))
    assert await read(slow, 3) == ["7", "8", "9"]
    assert slow.dropped == 7
    assert await read(quick, 10) == [str(kind) for kind in range(10)]
    assert quick.dropped == 0


@pytest.mark.parametrize("max_pending", [0, -1])
def test_a_reader_needs_room_for_at_least_one_event(feed, max_pending):
    with pytest.raises(ConfigurationError, match="max_pending is a number of events, 1 or more"):
        feed.subscribe(max_pending=max_pending)
    assert not feed._watchers


async def test_closing_ends_a_reader_that_waits(feed):
    subscription = feed.subscribe()
    reading = asyncio.create_task(anext(subscription, "the end"))
    await turns()
    subscription.close()
    subscription.close()
    assert await reading == "the end"
    assert not feed._watchers


async def test_leaving_the_with_block_leaves_the_feed(feed):
    async with feed.subscribe() as subscription:
        assert len(feed._watchers) == 1
        feed.publish(event("a"))
        assert await read(subscription, 1) == ["a"]
    assert not feed._watchers


async def test_breaking_off_the_loop_leaves_the_feed(feed):
    asyncio.get_running_loop().call_soon(feed.publish, event("a"))
    async for each in feed.subscribe():
        assert each.kind == "a"
        break
    gc.collect()
    assert not feed._watchers


async def test_a_reader_that_nobody_holds_takes_no_event_any_more(feed):
    subscription = feed.subscribe()
    (hand_over,) = feed._watchers.values()
    del subscription
    gc.collect()
    hand_over(event("late"))  # a publisher that was about to
    assert not feed._watchers


async def test_an_event_is_not_lost_when_its_reader_is_cancelled(feed):
    subscription = feed.subscribe()
    reading = asyncio.create_task(read(subscription, 1))
    await turns()
    feed.publish(event("a"))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await read(subscription, 1) == ["a"]


async def test_a_reader_may_wait_again_after_it_was_cancelled(feed):
    subscription = feed.subscribe()
    for _ in range(2):
        reading = asyncio.create_task(read(subscription, 1))
        await turns()
        reading.cancel()
        await asyncio.wait([reading])
    reading = asyncio.create_task(read(subscription, 1))
    await turns()
    feed.publish(event("a"))
    assert await reading == ["a"]


async def test_two_may_not_wait_for_one_subscription(feed):
    subscription = feed.subscribe()
    reading = asyncio.create_task(read(subscription, 1))
    await turns()
    with pytest.raises(RuntimeError, match="subscribe again"):
        await anext(subscription)
    feed.publish(event("a"))
    assert await reading == ["a"]


async def test_events_come_from_any_thread_in_the_order_of_each(feed):
    subscription = feed.subscribe()

    def publish(name):
        for number in range(200):
            feed.publish(event(f"{name}{number}"))

    reading = asyncio.create_task(read(subscription, 800))
    await turns()
    threads = [threading.Thread(target=publish, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(PATIENCE_S):
        heard = await reading
    for thread in threads:
        thread.join(PATIENCE_S)
    for name in "abcd":
        assert [kind for kind in heard if kind[0] == name] == [f"{name}{number}" for number in range(200)]
    assert subscription.dropped == 0


def test_a_reader_may_go_on_in_another_event_loop(feed):
    subscription = feed.subscribe()
    for kind in "ab":
        feed.publish(event(kind))
        assert asyncio.run(read(subscription, 1)) == [kind]


def test_readers_in_different_event_loops_hear_the_same(feed):
    heard, ready = {}, threading.Barrier(3)

    def listen(name):
        async def main():
            async with feed.subscribe() as subscription:
                ready.wait(PATIENCE_S)
                heard[name] = await read(subscription, 3)

        asyncio.run(main())

    threads = [threading.Thread(target=listen, args=(name,)) for name in ("one", "other")]
    for thread in threads:
        thread.start()
    ready.wait(PATIENCE_S)
    for kind in "abc":
        feed.publish(event(kind))
    for thread in threads:
        thread.join(PATIENCE_S)
    assert heard == {"one": ["a", "b", "c"], "other": ["a", "b", "c"]}


def test_a_reader_whose_event_loop_is_gone_harms_nobody(feed):
    subscription = feed.subscribe()
    loop = asyncio.new_event_loop()
    reading = loop.create_task(read(subscription, 1))
    loop.run_until_complete(turns())
    loop.close()
    feed.publish(event("a"))
    assert asyncio.run(read(subscription, 1)) == ["a"]
    reading._log_destroy_pending = False  # it was left on purpose


async def test_closed_before_it_was_told_whom_to_tell_it_is_closed_all_the_same():
    subscription = Subscription[str](1)
    subscription.close()
    subscription.put("late")
    assert [each async for each in subscription] == []
