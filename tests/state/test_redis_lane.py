"""Many coroutines share few connections, and none waits for a slow reply that is not its own."""

import asyncio

import pytest

from salesboost_tools.state.loop_timeout import LoopTimeout
from salesboost_tools.state.redis_lane import Lane


class Server:
    """Answers each command with itself once it is let; writes down the batches."""

    def __init__(self):
        self.batches = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.failure = None

    async def __call__(self, commands, waited_s):
        self.batches.append(list(commands))
        await asyncio.sleep(0)
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return [ValueError(word) if (word := command[0]) == "refuse" else word for command in commands]


async def test_one_caller_goes_alone_and_at_once():
    server = Server()
    assert await Lane(server, connections=2).run(("a",)) == "a"
    assert server.batches == [[("a",)]]


async def test_who_finds_no_connection_free_goes_with_the_next_batch():
    server = Server()
    lane = Lane(server, connections=2)
    replies = await asyncio.gather(*(lane.run((number,)) for number in range(100)))
    assert replies == list(range(100))
    assert [len(batch) for batch in server.batches] == [1, 1, 98]


async def test_a_batch_has_a_largest_size():
    server = Server()
    lane = Lane(server, connections=1)
    await asyncio.gather(*(lane.run((number,)) for number in range(1000)))
    assert [len(batch) for batch in server.batches] == [1, 256, 256, 256, 231]


async def test_if_no_connection_comes_free_the_others_leave_anyway():
    server = Server()
    server.may_answer.clear()
    lane = Lane(server, connections=1)
    tasks = [asyncio.create_task(lane.run((number,))) for number in range(5)]
    while len(server.batches) < 2:  # noqa: ASYNC110  (the double is told nothing of who waits)
        await asyncio.sleep(0.001)
    assert [len(batch) for batch in server.batches] == [1, 4]
    server.may_answer.set()
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3, 4]


async def test_a_refusal_is_raised_by_the_one_it_is_meant_for():
    lane = Lane(Server(), connections=1)
    words = ["a", "refuse", "b", "refuse"]
    replies = await asyncio.gather(*(lane.run((word,)) for word in words), return_exceptions=True)
    assert [type(reply) for reply in replies] == [str, ValueError, str, ValueError]


async def test_a_failure_is_everybodys_who_was_under_way_and_nobody_elses():
    server = Server()
    lane = Lane(server, connections=1)
    server.failure = OSError("gone")
    replies = await asyncio.gather(*(lane.run((number,)) for number in range(3)), return_exceptions=True)
    assert [type(reply) for reply in replies] == [OSError] * 3
    server.failure = None
    assert await asyncio.gather(*(lane.run((number,)) for number in range(3))) == [0, 1, 2]


async def test_a_caller_that_is_cancelled_holds_up_nobody():
    server = Server()
    server.may_answer.clear()
    lane = Lane(server, connections=1)
    tasks = [asyncio.create_task(lane.run((number,))) for number in range(4)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    server.may_answer.set()
    replies = await asyncio.gather(*tasks, return_exceptions=True)
    assert replies[1::2] == [1, 3]
    assert all(isinstance(reply, asyncio.CancelledError) for reply in replies[::2])
    assert server.batches[1:] == [[(1,), (3,)]]


async def test_a_limit_on_a_loop_that_is_on_time_is_a_limit():
    """The machine may be busy, but not every time: the quickest of several counts."""
    loop, took_s = asyncio.get_running_loop(), []
    for _ in range(5):
        begin_s = loop.time()
        with pytest.raises(TimeoutError):
            async with LoopTimeout(0.02):
                await asyncio.Event().wait()
        took_s.append(loop.time() - begin_s)
    assert min(took_s) < 0.05


async def test_a_loop_that_was_blocked_reads_what_has_arrived_before_it_gives_up():
    import time

    loop, answer = asyncio.get_running_loop(), asyncio.Event()
    loop.call_later(0.03, answer.set)  # arrives in time, while the loop is busy
    loop.call_soon(time.sleep, 0.1)
    async with LoopTimeout(0.05):
        await answer.wait()
        await asyncio.sleep(0)


async def test_cancelling_from_outside_stays_a_cancellation():
    async def wait():
        async with LoopTimeout(10):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
