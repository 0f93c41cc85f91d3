"""Event loops come and go; a state outlives them."""

import asyncio
import gc
import threading
import weakref

from salesboost_tools.core.rate import RateLimit

BUCKET = RateLimit("1000/hour").bucket


def clients_of(server):
    """Count connections but for the one that asks."""
    return server.command("CLIENT", "LIST").count(b" addr=") - 1


async def use(state):
    assert await state.limits.atake("k", BUCKET) == 0
    assert await asyncio.gather(*(state.cache.aput(f"k{number}", number, 60) for number in range(50))) == [True] * 50


def test_every_loop_in_a_row_works_and_leaves_no_connection_behind(server):
    from salesboost_tools.state.redis import RedisState

    state = RedisState(server.url, operation_timeout_s=2)
    for _ in range(5):
        asyncio.run(use(state))
    assert clients_of(server) == 0
    state.close()


def test_a_loop_that_is_over_is_forgotten(new_state):
    state, loops = new_state(), []

    async def run():
        await use(state)
        loops.append(weakref.ref(asyncio.get_running_loop()))

    for _ in range(3):
        asyncio.run(run())
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3


def test_loops_in_several_threads_have_connections_of_their_own(new_state):
    state, failures = new_state(), []

    def run():
        try:
            for _ in range(3):
                asyncio.run(use(state))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


async def test_sync_and_async_calls_share_one_state(new_state):
    state, bucket = new_state(), RateLimit("4/hour").bucket
    waits = []
    for _ in range(3):
        waits += [state.limits.take("k", bucket), await state.limits.atake("k", bucket)]
    assert [wait == 0 for wait in waits] == [True] * 4 + [False] * 2


async def test_a_closed_state_opens_again_when_needed(new_state):
    state = new_state()
    await use(state)
    await state.aclose()
    await use(state)
    state.close()
    assert state.limits.take("k", BUCKET) == 0
    await state.aclose()


async def test_a_thousand_callers_at_once_need_few_connections(server):
    from salesboost_tools.state.redis import RedisState

    state = RedisState(server.url, operation_timeout_s=5)
    await asyncio.gather(*(state.limits.atake(f"k{number}", BUCKET) for number in range(1000)))
    assert clients_of(server) <= 20
    await state.aclose()
