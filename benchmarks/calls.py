"""One governed call beside one plain `@tool` call with the same tool call."""

import asyncio
from collections.abc import Iterator
from itertools import count

from langchain_core.tools import tool
from prometheus_client import CollectorRegistry

from benchmarks.measure import Figure, compare
from salesboost_tools import (
    CacheHandler,
    Effect,
    MemoryState,
    MetricsHandler,
    PermissionHandler,
    RateLimitHandler,
    RetryHandler,
    TimeoutHandler,
    ToolSpec,
    govern,
)

SPEC = ToolSpec(effect=Effect.READ, allowed_roles={"coach"}, rate_limit="1000000000/second")
CONFIG = {"configurable": {"caller_role": "coach"}}


@tool
async def look_up_async(number: int) -> str:
    """Look a number up."""
    return "found"


@tool
def look_up(number: int) -> str:
    """Look a number up."""
    return "found"


def usual_handlers():
    state = MemoryState()
    return (
        MetricsHandler(CollectorRegistry()),
        PermissionHandler(),
        CacheHandler(state),
        RetryHandler(),
        RateLimitHandler(state),
        TimeoutHandler(),
    )


def call_of(name: str, number: int) -> dict:
    return {"name": name, "args": {"number": number}, "id": "call_1", "type": "tool_call"}


def figures() -> Iterator[Figure]:
    loop = asyncio.new_event_loop()
    numbers = count(1)

    def awaited(subject, *, fresh):
        async def block(times):
            for _ in range(times):
                await subject.ainvoke(call_of("look_up_async", next(numbers) if fresh else 0), CONFIG)

        return lambda times: loop.run_until_complete(block(times))

    def called(subject, *, fresh):
        def block(times):
            for _ in range(times):
                subject.invoke(call_of("look_up", next(numbers) if fresh else 0), CONFIG)

        return block

    bare_async, bare = govern(look_up_async), govern(look_up)
    full_async = govern(look_up_async, *usual_handlers(), spec=SPEC)
    full = govern(look_up, *usual_handlers(), spec=SPEC)
    plain_async, plain = awaited(look_up_async, fresh=True), called(look_up, fresh=True)
    for name, peer, ours, target in (
        ("async call, no handlers", plain_async, awaited(bare_async, fresh=True), None),
        ("async call, six handlers, cache miss", plain_async, awaited(full_async, fresh=True), 0.60),
        ("async call, cache hit", plain_async, awaited(full_async, fresh=False), 0.50),
        ("sync call, no handlers", plain, called(bare, fresh=True), None),
        ("sync call, six handlers, cache miss", plain, called(full, fresh=True), 0.85),
        ("sync call, cache hit", plain, called(full, fresh=False), 0.60),
    ):
        yield compare(name, "plain @tool", peer, ours, times=400, target=target)
    loop.close()
