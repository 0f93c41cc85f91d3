"""However many calls a process makes, it holds on to no more than it needs: no memory, no task, no thread is left over."""

import asyncio
import gc
import logging
import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from langgraph.errors import GraphInterrupt
from prometheus_client import CollectorRegistry

from salesboost_tools import (
    CacheHandler,
    CircuitBreakerHandler,
    Effect,
    IdempotencyHandler,
    MaskingHandler,
    MemoryState,
    MetricsHandler,
    PermissionHandler,
    RateLimitHandler,
    RetryHandler,
    StatusHandler,
    TimeoutHandler,
    ToolSpec,
    govern,
)
from tests.doubles import ScriptedTool

_logger = logging.getLogger(__name__)

BATCH = 100
EVERY_FAILURE, EVERY_INTERRUPT, EVERY_CANCELLATION, EVERY_SYNC = 97, 89, 83, 10
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Reading:
    """What a process holds after so many calls."""

    calls: int
    objects: int
    resident_mb: float
    threads: int
    tasks: int


def reading(calls: int) -> Reading:
    gc.collect()
    resident_mb = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6
    return Reading(calls, len(gc.get_objects()), resident_mb, threading.active_count(), len(asyncio.all_tasks()))


def answer(query):
    number = int(query)
    if number % EVERY_FAILURE == 0:
        raise ConnectionError("the provider is away")
    if number % EVERY_INTERRUPT == 0:
        raise GraphInterrupt(())
    return {"number": number, "telephone": "+49 30 901820"}


def governed_tools():
    state = MemoryState()
    handlers = (
        StatusHandler(preview_chars=40),
        MetricsHandler(CollectorRegistry()),
        MaskingHandler(),
        PermissionHandler(),
        IdempotencyHandler(state),
        CacheHandler(state, stale_s=1, empty_ttl_s=1),
        RetryHandler(base_delay_s=0, jitter_s=0),
        CircuitBreakerHandler(failure_threshold=3, key=lambda call: f"{call.name}:{call.args['query']}"),
        RateLimitHandler(state, default=["10/second", "600/minute"], per="user"),
        TimeoutHandler(),
    )
    read = ToolSpec(effect=Effect.READ, allowed_roles={"coach"})
    write = ToolSpec(effect=Effect.WRITE, allowed_roles={"coach"})
    return (
        govern(ScriptedTool(answer, name="look_up"), *handlers, spec=read),
        govern(ScriptedTool(answer, name="write_down"), *handlers, spec=write),
    )


async def soak(calls, keys, readings):
    """Make calls of two tools, in hundreds at once; return how they ended and what was held at equal distances."""
    ends, held = Counter(), []
    look_up, write_down = governed_tools()
    for start in range(0, calls, BATCH):
        if start % (calls // readings) == 0:
            for tool in (look_up, write_down):  # what the scripted tools write down is theirs, not the handlers'
                tool.inner.seen.clear()
            held.append(reading(start))
        tasks = []
        for number in range(start, start + BATCH):
            key = number * 7919 % keys  # all of them in turn, far apart
            tool = write_down if key % 20 == 0 else look_up
            call = {"name": tool.name, "args": {"query": str(key)}, "id": f"call-{key}", "type": "tool_call"}
            config = {"configurable": {"caller_role": "coach", "user_id": f"user-{key}", "thread_id": f"thread-{key}"}}
            if number % EVERY_SYNC == 0:
                try:
                    tool.invoke(call, config)
                    ends["answered"] += 1
                except Exception as error:
                    ends[type(error).__name__] += 1
                continue
            tasks.append(asyncio.create_task(tool.ainvoke(call, config)))
            if number % EVERY_CANCELLATION == 0:
                asyncio.get_running_loop().call_soon(tasks[-1].cancel)
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            ends[type(end).__name__ if isinstance(end, BaseException) else "answered"] += 1
    held.append(reading(calls))
    return ends, held


@pytest.mark.parametrize(
    ("calls", "keys"),
    [(5_000, 250), pytest.param(1_000_000, 50_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
    ids=["short", "soak"],
)
async def test_memory_is_flat_after_all_keys_were_met(calls, keys):
    ends, held = await soak(calls, keys, readings=10)
    for each in held:
        _logger.info("%s", each)
    assert sum(ends.values()) == calls
    assert ends["answered"] > 0.8 * calls
    assert {"ConnectionError", "GraphInterrupt", "CancelledError"} <= set(ends)
    warm, last = held[len(held) // 2], held[-1]
    assert last.objects <= 1.02 * warm.objects
    assert last.threads == warm.threads
    assert last.tasks == held[0].tasks == 1
    if calls == 1_000_000:
        assert last.resident_mb <= 1.05 * warm.resident_mb
