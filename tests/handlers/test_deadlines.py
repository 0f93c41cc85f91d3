"""Many limits, one timer: each call is ended at its own time, and only by its own limit."""

import asyncio
import copy
import gc
import pickle
import weakref

import pytest

from salesboost_tools.handlers.deadlines import Deadlines


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing is left to do: it jumps to the next timer."""

    def __init__(self):
        super().__init__()
        self.now_s = 0.0
        self.timers_set = 0

    def time(self):
        return self.now_s

    def call_at(self, when, callback, *args, context=None):
        self.timers_set += 1
        return super().call_at(when, callback, *args, context=context)

    def _run_once(self):
        if not self._ready and self._scheduled:
            self.now_s = max(self.now_s, self._scheduled[0]._when)
        super()._run_once()


@pytest.fixture
def loop():
    loop = FakeTimeLoop()
    yield loop
    loop.close()


async def limited(deadlines, limit_s, takes_s):
    """Sleep under a limit; return when it ended and whether the limit ended it."""
    deadline = deadlines.begin(limit_s)
    try:
        await asyncio.sleep(takes_s)
    except asyncio.CancelledError as error:
        if not deadline.ended(error):
            raise
        return asyncio.get_running_loop().time(), True
    deadline.end()
    return asyncio.get_running_loop().time(), False


def test_each_call_is_ended_at_its_own_time(loop):
    deadlines = Deadlines()

    async def main():
        async def later(start_s, *terms):
            await asyncio.sleep(start_s)
            return await limited(deadlines, *terms)

        starts = ((0.0, 10, 99), (1.0, 10, 2), (2.0, 10, 99), (2.5, 3, 99), (2.5, 10, 10.5))
        return await asyncio.gather(*[later(*terms) for terms in starts])

    assert loop.run_until_complete(main()) == [(10, True), (3, False), (12, True), (5.5, True), (12.5, True)]


def test_calls_that_end_in_time_set_one_timer_among_them(loop):
    deadlines = Deadlines()

    async def main():
        loop.timers_set = 0
        for _ in range(100):
            await limited(deadlines, 30, 0)
        return loop.timers_set

    assert loop.run_until_complete(main()) == 1


def test_a_timer_that_went_off_for_nothing_is_set_for_the_next_call(loop):
    deadlines = Deadlines()

    async def main():
        await limited(deadlines, 5, 1)
        await asyncio.sleep(20)
        return await limited(deadlines, 5, 99)

    assert loop.run_until_complete(main()) == (26, True)


def test_a_cancellation_from_outside_is_not_the_limits_own(loop):
    deadlines = Deadlines()

    async def main():
        task = asyncio.create_task(limited(deadlines, 10, 99))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert loop.run_until_complete(main())


def test_a_cancellation_from_outside_that_comes_with_the_limit_counts(loop):
    deadlines = Deadlines()

    async def main():
        task = asyncio.create_task(limited(deadlines, 10, 99))
        loop.call_at(10, task.cancel)
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert loop.run_until_complete(main())


def test_an_answer_that_comes_although_its_time_is_up_leaves_no_cancellation_behind(loop):
    deadlines = Deadlines()

    async def stubborn():
        deadline = deadlines.begin(1)
        try:
            await asyncio.sleep(99)
        except asyncio.CancelledError:
            await asyncio.sleep(5)
        deadline.end()
        return deadline.has_passed, asyncio.current_task().cancelling()

    assert loop.run_until_complete(stubborn()) == (True, 0)


def test_of_two_limits_that_pass_together_the_outer_one_counts(loop):
    deadlines = Deadlines()

    async def main():
        outer = deadlines.begin(10)
        try:
            await limited(deadlines, 10, 99)
        except asyncio.CancelledError as error:
            return outer.ended(error), asyncio.current_task().cancelling()

    assert loop.run_until_complete(main()) == (True, 0)


def test_a_loop_that_has_gone_is_not_kept_alive():
    deadlines = Deadlines()
    loop = FakeTimeLoop()
    loop.run_until_complete(limited(deadlines, 30, 1))
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None


def test_a_copy_has_no_calls_under_way(loop):
    deadlines = Deadlines()

    async def main():
        deadline = deadlines.begin(1)
        copied = pickle.loads(pickle.dumps(copy.deepcopy(deadlines)))
        deadline.end()
        return await limited(copied, 2, 99)

    assert loop.run_until_complete(main()) == (2, True)
