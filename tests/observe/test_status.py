"""The feed hands events to whoever watches, and remembers the last ones."""

import dataclasses
import json
import logging
import threading
from datetime import UTC, datetime

import pytest

from salesboost_tools.observe.status import StatusEvent, StatusFeed


def event(kind="started"):
    return StatusEvent(kind=kind, tool="crm", at=datetime(2026, 6, 30, tzinfo=UTC))


def test_every_watcher_hears_every_event_in_sequence():
    feed, one, other = StatusFeed(), [], []
    feed.watch(one.append)
    feed.watch(other.append)
    events = [event("started"), event("completed")]
    for each in events:
        feed.publish(each)
    assert one == other == events


def test_a_watcher_hears_nothing_from_before_it_came_or_after_it_left():
    feed, heard = StatusFeed(), []
    feed.publish(event("before"))
    stop = feed.watch(heard.append)
    feed.publish(event("meanwhile"))
    stop()
    feed.publish(event("after"))
    assert [each.kind for each in heard] == ["meanwhile"]


def test_leaving_twice_is_leaving_once():
    feed, heard = StatusFeed(), []
    stop = feed.watch(heard.append)
    stop()
    stop()
    feed.publish(event())
    assert heard == []


def test_a_watcher_that_came_twice_hears_twice_and_leaves_one_at_a_time():
    feed, heard = StatusFeed(), []
    hear = heard.append
    stop_first, stop_second = feed.watch(hear), feed.watch(hear)
    feed.publish(event())
    assert len(heard) == 2
    stop_first()
    stop_first()
    feed.publish(event())
    assert len(heard) == 3
    stop_second()
    feed.publish(event())
    assert len(heard) == 3


def test_a_watcher_that_fails_is_logged_and_does_not_stop_the_others(caplog):
    feed, heard = StatusFeed(), []

    def fail(event):
        raise RuntimeError("the screen is gone")

    feed.watch(fail)
    feed.watch(heard.append)
    with caplog.at_level(logging.WARNING):
        feed.publish(event())
    assert len(heard) == 1
    assert "a status watcher failed" in caplog.text
    assert "the screen is gone" in caplog.text


def test_a_watcher_may_leave_while_it_listens():
    feed, heard = StatusFeed(), []

    def once(event):
        heard.append(event)
        stop()

    stop = feed.watch(once)
    feed.publish(event())
    feed.publish(event())
    assert len(heard) == 1


def test_the_last_events_are_remembered_oldest_first():
    feed = StatusFeed(remembered=3)
    for number in range(5):
        feed.publish(event(str(number)))
    assert [each.kind for each in feed.recent()] == ["2", "3", "4"]


def test_what_is_given_back_is_a_copy():
    feed = StatusFeed()
    feed.publish(event())
    feed.recent().clear()
    assert len(feed.recent()) == 1


def test_watchers_may_come_and_go_in_threads():
    feed = StatusFeed()

    def come_and_go():
        for _ in range(100):
            feed.watch(lambda event: None)()

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    heard = []
    feed.watch(heard.append)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    feed.publish(event())
    assert len(heard) == 1
    assert len(feed._watchers) == 1


def test_an_event_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        event().kind = "other"


def test_an_event_is_plain_data_that_json_can_hold():
    class Key:
        def __str__(self):
            return "a key"

    details = {"wait_s": 1.5, "retry_after": float("inf"), "by": None, "cached": True, "attempt": 2, "key": Key()}
    told = StatusEvent(
        kind="retrying",
        tool="crm",
        at=datetime(2026, 6, 30, tzinfo=UTC),
        tool_call_id="call-1",
        run_id="run-1",
        role="coach",
        latency_s=0.5,
        details=details,
        attempt=1,
        preview="all is well",
    ).as_dict()
    assert told == {
        "type": "tool_status",
        "kind": "retrying",
        "tool": "crm",
        "at": "2026-06-30T00:00:00+00:00",
        "tool_call_id": "call-1",
        "run_id": "run-1",
        "role": "coach",
        "latency_s": 0.5,
        "attempt": 1,
        "preview": "all is well",
        "details": {"wait_s": 1.5, "retry_after": None, "by": None, "cached": True, "attempt": 2, "key": "a key"},
    }
    assert json.loads(json.dumps(told, allow_nan=False)) == told
