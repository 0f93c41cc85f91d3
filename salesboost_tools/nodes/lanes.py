"""Which of a message's calls may run side by side, and running them so: bounded, in time, with nothing left behind."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from salesboost_tools.core.spec import UNSPECIFIED, Effect
from salesboost_tools.governed import GovernedTool
from salesboost_tools.handlers.daemon_threads import THREADS

Lane = Sequence[int]
"""Positions of calls that run one after another; lanes run side by side."""

UNFINISHED: Final = object()
"""Stands among the answers for a call that was started and did not answer in time."""

NOT_STARTED: Final = object()
"""What to take for the answer of a call that is missing among the answers."""


def is_declared_write(tool: GovernedTool | None, args: Mapping[str, Any]) -> bool:
    """Return whether somebody said that a call of `tool` changes something.

    A tool that nobody described, or that does not exist, runs side by side with others, as in ToolNode.

    Args:
        tool: What is called; None for a tool that does not exist.
        args: The arguments as they came; they need not be valid.
    """
    if tool is None or tool.spec is UNSPECIFIED:
        return False
    try:
        return tool.spec.effect_of(args) is Effect.WRITE
    except Exception:  # noqa: BLE001  (nobody has validated the arguments yet; the rule may stumble over bad ones)
        return True


def write_lanes(writes: Sequence[bool], conflicts: Sequence[str | None]) -> list[Hashable]:
    """Return for each call the lane it has to keep to, None for a read: writes that name the same share one.

    Args:
        writes: For each call, whether it changes something.
        conflicts: For each, what it changes. If only one of the writes cannot name it, all writes share a lane.
    """
    changed = {conflict for write, conflict in zip(writes, conflicts, strict=True) if write}
    if None in changed:
        return list(writes)
    return [(write, conflict) if write else None for write, conflict in zip(writes, conflicts, strict=True)]


def lanes_of(kept_to: Sequence[Hashable], *, parallel: bool = True) -> list[Lane]:
    """Put calls that keep to the same lane there, in the order asked for, and every other one in a lane of its own.

    Args:
        kept_to: For each call, what names its lane; None or False: it shares one with nobody.
        parallel: False puts everything in one lane.
    """
    if not parallel:
        return [range(len(kept_to))] if kept_to else []
    lanes: list[Lane] = []
    shared: dict[Hashable, list[int]] = {}
    for position, name in enumerate(kept_to):
        if not name:
            lanes.append((position,))
            continue
        lane = shared.get(name)
        if lane is None:
            lane = shared[name] = []
            lanes.append(lane)
        lane.append(position)
    return lanes


def conflict_of(tool: GovernedTool | None, args: Mapping[str, Any]) -> str | None:
    """Return what a declared write changes; None if nobody can tell."""
    if tool is None:
        return None
    try:
        return tool.spec.conflict_of(args)
    except Exception:  # noqa: BLE001  (as in `is_declared_write`)
        return None


async def arun_lanes(
    lanes: Sequence[Lane], answer: Callable[[int], Awaitable[Any]], width: int, deadline_s: float | None
) -> dict[int, Any]:
    """Answer every call, at most `width` at once; each worker is one task and takes the next lane when it is free.

    Args:
        lanes: What may run side by side.
        answer: Answers one call; it keeps what the call raises to itself, cancellation from outside excepted.
        width: How many workers.
        deadline_s: Seconds after which everything still under way is cancelled and waited for; None for no limit.

    Returns:
        The answers by position: `UNFINISHED` for what came too late, none at all for what was not started.

    Raises:
        CancelledError: Somebody cancelled; nothing is under way any more.
    """
    answers: dict[int, Any] = {}
    waiting = iter(lanes)

    async def work() -> None:
        task = running_task()
        asked = task.cancelling()
        for lane in waiting:
            for turn in range(len(lane)):  # the collector does not look at the iterator of a range
                position = lane[turn]
                answers[position] = UNFINISHED
                answers[position] = await answer(position)
                if task.cancelling() > asked:  # and the call took no notice: nothing new is started all the same
                    raise asyncio.CancelledError

    async def work_together() -> None:
        workers = min(width, len(lanes))
        if workers <= 1:
            await work()
        else:
            await _together(work, workers)

    if deadline_s is not None:
        await _in_time(work_together(), deadline_s)
        return answers
    await work_together()
    if len(answers) < sum(map(len, lanes)) or any(answer is UNFINISHED for answer in answers.values()):
        raise asyncio.CancelledError("a call cancelled the task it ran in")
    return answers


async def _together(work: Callable[[], Coroutine[Any, Any, None]], workers: int) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
    except BaseExceptionGroup as raised:  # by a call that is to end everything; nobody expects it in a group
        raise raised.exceptions[0] from None


async def _in_time(working: Awaitable[None], deadline_s: float) -> None:
    with suppress(TimeoutError):  # the limit's own: calls keep theirs to themselves
        async with asyncio.timeout(deadline_s):
            await working


def running_task() -> asyncio.Task[Any]:
    """Return the task this runs in.

    If nobody has asked since the start of a call that it be cancelled (`cancelling()`), a CancelledError that the call
    raises is that call's own doing.
    """
    task = asyncio.current_task()
    assert task is not None, "whoever awaits is in a task"
    return task


def run_lanes(
    lanes: Sequence[Lane], answer: Callable[[int], Any], width: int, deadline_s: float | None
) -> dict[int, Any]:
    """Answer every call in threads, at most `width` at once.

    Args:
        lanes: What may run side by side.
        answer: Answers one call; it keeps what the call raises to itself.
        width: How many threads.
        deadline_s: Seconds after which nothing new is started and nothing is waited for; None for no limit. A thread
            cannot be stopped: what runs then runs on, unheard.

    Returns:
        The answers by position: `UNFINISHED` for what came too late, none at all for what was not started.
    """
    answers: dict[int, Any] = {}
    waiting = iter(lanes)
    closed = threading.Event()

    def work() -> None:
        for lane in waiting:
            for position in lane:
                if closed.is_set():
                    return
                answers[position] = UNFINISHED
                answers[position] = answer(position)

    workers = min(width, len(lanes))
    if workers <= 1 and deadline_s is None:
        work()
        return answers
    until = None if deadline_s is None else time.monotonic() + deadline_s
    try:
        for outcome in [THREADS.start(work) for _ in range(workers)]:
            if not outcome.wait(threading.TIMEOUT_MAX if until is None else max(0.0, until - time.monotonic())):
                break
            outcome.get()
    finally:
        closed.set()
    return dict(answers)
