"""What the terminal shows was measured, and fits."""

import io
from dataclasses import replace

from rich.console import Console

from salesboost_tools.brief.screen.call_log import CallLog, LoggedCall
from salesboost_tools.brief.screen.progress import Progress
from salesboost_tools.brief.screen.tables import cache_since, handlers_table, selector_table, timeline
from salesboost_tools.brief.screen.words import TrimmedLines, milliseconds, short_name
from salesboost_tools.handlers.cache import CacheStatistics
from salesboost_tools.observe.status import StatusEvent, StatusFeed
from salesboost_tools.selection.report import ArmReport
from tests.brief.builders import NOW

CALL = LoggedCall("crm_integration", "c-1", 0.01, duration_s=0.02, outcome="ok", attempts=1)


def event(kind, *, run="r-1", call="c-1", tool="crm_integration", latency_s=None, **details):
    return StatusEvent(kind, tool, NOW, tool_call_id=call, run_id=run, latency_s=latency_s, details=details)


def logged(*events):
    feed = StatusFeed()
    with CallLog(feed) as log:
        for each in events:
            feed.publish(each)
    return log.calls()


def shown(renderable, width=80, **options):
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(renderable)
    return console.file.getvalue()


def test_a_call_is_logged_from_its_beginning_to_its_end():
    [call] = logged(event("started"), event("completed", latency_s=0.5, attempts=1, cached=False))
    assert (call.tool, call.outcome, call.duration_s, call.attempts) == ("crm_integration", "ok", 0.5, 1)


def test_answers_from_memory_refusals_and_failures_are_told_apart():
    calls = logged(
        event("started", run="1"),
        event("cached", run="1", how="hits"),
        event("completed", run="1", latency_s=0.1, attempts=0, cached=True),
        event("started", run="2"),
        event("cached", run="2", how="shared"),
        event("completed", run="2", latency_s=0.1, attempts=0, cached=True),
        event("started", run="3"),
        event("rate_limited", run="3", retry_after=12.0),
        event("failed", run="3", latency_s=0.1, attempts=0, error="RateLimitError"),
        event("started", run="4"),
        event("retrying", run="4", attempt=2),
        event("failed", run="4", latency_s=0.1, attempts=2, error="UpstreamError"),
        event("started", run="5"),
    )
    assert [call.outcome for call in calls] == ["cached", "shared", "rate limited", "failed", "running"]
    assert [call.from_memory for call in calls] == [True, True, False, False, False]
    assert calls[2].retry_after_s == 12.0
    assert (calls[3].retries, calls[3].attempts) == (1, 2)


def test_nothing_is_logged_after_the_end_or_without_a_feed():
    feed = StatusFeed()
    with CallLog(feed) as log:
        pass
    feed.publish(event("started"))
    assert log.calls() == []
    with CallLog(None) as nothing:
        assert nothing.calls() == []


def test_every_row_fits_into_80_and_120_columns():
    calls = [replace(CALL, call_id=f"c-{at}", start_s=at / 100) for at in range(5)]
    subjects = {f"c-{at}": "a rather long subject that does not fit into any column of a table" for at in range(5)}
    for width in (80, 120):
        lines = shown(timeline(calls, subjects, {"c-0": "find"}, width), width).splitlines()
        assert len(lines) == 1 + 1 + 5 + 1  # heading, the round, the calls, calls of no known round
        assert max(map(len, lines)) <= width
        assert all("ok" in line for line in lines[2:] if "crm" in line)


def test_the_handlers_table_adds_up():
    calls = [
        CALL,
        replace(CALL, outcome="cached", attempts=0),
        replace(CALL, outcome="rate limited", attempts=0),
        replace(CALL, tool="price_calculator", attempts=3, retries=2),
    ]
    text = shown(handlers_table(calls, {"crm_integration": CacheStatistics(hits=1, misses=2)}))
    rows = {
        tuple(line.split()[:-2]): [int(each) for each in line.split()[-2:]]
        for line in text.splitlines()[1:]
        if "ms" not in line
    }
    assert rows["status", "calls"] == [3, 1]
    assert rows["cache", "hits"] == [1, 0]
    assert rows["misses",] == [2, 0]
    assert rows["retry", "retries"] == [0, 2]
    assert rows["rate", "limit", "refused"] == [1, 0]
    assert rows["the", "tool", "started"] == [1, 3]


def test_what_the_cache_did_for_one_brief_is_the_difference():
    before = {"a": CacheStatistics(hits=1, misses=5)}
    now = {"a": CacheStatistics(hits=4, misses=5), "b": CacheStatistics(misses=2)}
    assert cache_since(now, before) == {"a": CacheStatistics(hits=3), "b": CacheStatistics(misses=2)}


def test_the_selectors_table_shows_shares_and_nothing_it_does_not_know():
    def arm(pulls, **more):
        known = dict.fromkeys(
            ("success_rate", "mean_latency_ms", "mean_reward", "mean_quality", "mean_cost", "last_used_s", "last_error")
        )
        return ArmReport(pulls=pulls, pending=0, **{**known, **more})

    text = shown(selector_table({"a": arm(3, success_rate=1.0, mean_latency_ms=2.0, mean_reward=0.9), "b": arm(1)}))
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["a", "3", "75", "%", "100", "%", "2.0", "ms", "0.900"],
        ["b", "1", "25", "%", "-", "-", "-"],
    ]


def test_away_from_a_terminal_every_finished_call_is_one_line():
    feed, out = StatusFeed(), io.StringIO()
    with Progress(Console(file=out, width=80), feed, "Preparing") as progress:
        progress.subjects["c-1"] = "account A-1"
        feed.publish(event("started"))
        feed.publish(event("completed", latency_s=0.25, attempts=1))
    lines = out.getvalue().splitlines()
    assert lines[0] == "Preparing …"
    assert "ok in 250 ms: account A-1" in lines[1]
    assert len(lines) == 2


def test_in_a_terminal_progress_moves_and_disappears():
    feed, out = StatusFeed(), io.StringIO()
    console = Console(file=out, width=80, force_terminal=True)
    with Progress(console, feed, "Preparing") as progress:
        feed.publish(event("started"))
        feed.publish(event("completed", latency_s=0.25, attempts=1))
    assert "crm_integration" in out.getvalue()
    assert progress.log.calls()[0].outcome == "ok"


def test_a_quiet_progress_only_writes_down():
    feed, out = StatusFeed(), io.StringIO()
    with Progress(Console(file=out), feed, "Preparing", quiet=True) as progress:
        feed.publish(event("started"))
    assert out.getvalue() == ""
    assert len(progress.log.calls()) == 1


def test_names_and_durations_are_short():
    assert short_name("knowledge_retriever_lexical") == "knowledge/lexical"
    assert short_name("crm_integration") == "crm"
    assert [milliseconds(each) for each in (None, 0.0004, 0.25, 1.5)] == ["-", "0.4 ms", "250 ms", "1.50 s"]


def test_lines_for_a_pipe_end_where_their_text_ends():
    out = io.StringIO()
    trimmed = TrimmedLines(out)
    trimmed.write("a  \nb")
    trimmed.write("  \n  c")
    trimmed.flush()
    assert out.getvalue() == "a\nb\n"
