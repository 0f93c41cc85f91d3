"""Which of a message's calls may run side by side, and running them so: bounded, in time, with nothing left behind."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from salesboost_tools.handlers.daemon_threads import DaemonThreads

Lane = Sequence[int]
"""Positions of calls that run one after another; lanes run side by side."""


def lanes_of(writes: Sequence[bool], *, parallel: bool = True) -> list[Lane]:
    """Put every read in a lane of its own and all writes, in the order asked for, in one.

    Args:
        writes: For each call, whether it changes something.
        parallel: False puts everything in one lane.
    """
    if not parallel:
        return [range(len(writes))] if writes else []
    lanes: list[Lane] = []
    changing: list[int] = []
    for position, write in enumerate(writes):
        if not write:
            lanes.append((position,))
            continue
        if not changing:
            lanes.append(changing)
        changing.append(position)
    return lanes


async def arun_lanes(
    lanes: Sequence[Lane], answer: Callable[[int], Awaitable[Any]], width: int, deadline_s: float | None
) -> dict[int, Any]:
    """Answer every call, at most `width` at once; each worker is one task and takes the next lane when it is free.

    Args:
        lanes: What may run side by side.
        answer: Answers one call; it keeps what the call raises to itself.
        width: How many workers.
        deadline_s: Seconds after which everything still under way is cancelled and waited for; None for no limit.

    Returns:
        The answers by position; those that came too late are missing.
    """
    answers: dict[int, Any] = {}
    waiting = iter(lanes)

    async def work() -> None:
        for lane in waiting:
            for position in lane:
                answers[position] = await answer(position)

    async def work_together() -> None:
        workers = min(width, len(lanes))
        if workers <= 1:
            await work()
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())

    if deadline_s is None:
        await work_together()
        return answers
    limit = asyncio.timeout(deadline_s)
    try:
        async with limit:
            await work_together()
    except TimeoutError:
        if not limit.expired():
            raise
    return answers


def run_lanes(
    lanes: Sequence[Lane], answer: Callable[[int], Any], width: int, threads: DaemonThreads, deadline_s: float | None
) -> dict[int, Any]:
    """Answer every call in threads, at most `width` at once.

    Args:
        lanes: What may run side by side.
        answer: Answers one call; it keeps what the call raises to itself.
        width: How many threads.
        threads: Where they come from.
        deadline_s: Seconds after which nothing new is started and nothing is waited for; None for no limit. A thread
            cannot be stopped: what runs then runs on, unheard.

    Returns:
        The answers by position; those that came too late are missing.
    """
    answers: dict[int, Any] = {}
    waiting = iter(lanes)
    closed = threading.Event()

    def work() -> None:
        for lane in waiting:
            for position in lane:
                if closed.is_set():
                    return
                answers[position] = answer(position)

    workers = min(width, len(lanes))
    if workers <= 1 and deadline_s is None:
        work()
        return answers
    until = None if deadline_s is None else time.monotonic() + deadline_s
    try:
        for outcome in [threads.start(work) for _ in range(workers)]:
            if not outcome.wait(threading.TIMEOUT_MAX if until is None else max(0.0, until - time.monotonic())):
                break
            outcome.get()
    finally:
        closed.set()
    return dict(answers)
