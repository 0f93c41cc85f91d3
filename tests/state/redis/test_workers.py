"""Processes that share what they learn through one Redis, and processes that are killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.selection_workers import World, alone, together
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.selection.statistics import statistics_of
from salesboost_tools.state.redis import RedisState
from tests.services import process_context
from tests.state.redis.conftest import PATIENT, new_prefix

GOOD = statistics_of(True, 0.1, 5.0)


def regrets(url: str, rounds: int, *, seconds: float) -> tuple[float, float, float]:
    """The regret of one process that makes all choices, of four that share theirs, and of four that do not."""
    world = World()
    one = shared = apart = 0.0
    for seed in range(rounds):
        one += alone(world, seed, 100, seconds)
        apart += sum(alone(world, 100 * seed + number, 25, seconds) for number in range(4))
        found = together(url, world, seed, workers=4, calls_per_s=25, seconds=seconds)
        assert [decisions for _, decisions, _ in found] == [round(25 * seconds)] * 4
        assert [counted for *_, counted in found] == [round(100 * seconds)] * 4
        shared += sum(regret for regret, *_ in found)
    return one / rounds, shared / rounds, apart / rounds


def test_four_processes_know_every_outcome_once_and_choose_better_than_four_apart(shared_server):
    _, shared, apart = regrets(shared_server.url, 1, seconds=40)
    assert shared < apart


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_four_processes_choose_nearly_as_well_as_one_that_sees_everything(shared_server):
    one, shared, _ = regrets(shared_server.url, 10, seconds=400)
    assert shared < 1.2 * one


def _work(url: str, prefix: str, added, told) -> None:
    """Add outcomes for ever and merge every ten; say before each step what is about to be true."""
    state = RedisState(url, prefix=prefix, **PATIENT)
    arms = SharedArms(state.ledger, in_background=False)
    while True:
        for _ in range(10):
            added.value += 1
            arms.add("search", "a", GOOD, used_at_s=1.0)
        arms.merge()
        told.value = added.value


def killed_at_random(url: str, *, for_s: float) -> None:
    prefix = new_prefix()
    context = process_context()
    counts = [(context.Value("q", 0), context.Value("q", 0)) for _ in range(4)]
    workers = [context.Process(target=_work, args=(url, prefix, *pair), daemon=True) for pair in counts]
    for worker in workers:
        worker.start()
    give_up_at_s = time.monotonic() + 45
    while any(told.value < 100 for _, told in counts) and time.monotonic() < give_up_at_s:
        time.sleep(0.01)
    time.sleep(for_s)
    for worker in workers[:2]:
        os.kill(worker.pid, signal.SIGKILL)
    for worker in workers[:2]:
        worker.join()
    time.sleep(for_s)
    for worker in workers[2:]:
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    state = RedisState(url, prefix=prefix, **PATIENT)
    arms = SharedArms(state.ledger, in_background=False)
    arms.merge()
    (known,) = arms.read("search", ["a"])
    state.close()
    assert sum(told.value for _, told in counts) <= known.pulls <= sum(added.value for added, _ in counts)
    assert sum(added.value - told.value for added, told in counts) <= 4 * 10  # the last batch of each at most


def test_a_killed_process_loses_at_most_what_it_had_not_merged_and_nothing_counts_twice(shared_server):
    killed_at_random(shared_server.url, for_s=0.1)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_hundred_killings_lose_and_double_nothing_that_was_merged(shared_server):
    for _ in range(25):
        killed_at_random(shared_server.url, for_s=1.0)


_A_WORKER_THAT_ENDS = """
import sys
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.selection.statistics import statistics_of
from salesboost_tools.state.redis import RedisState

state = RedisState(sys.argv[1], prefix=sys.argv[2], connect_timeout_s=1, operation_timeout_s=2)
arms = SharedArms(state.ledger, merge_every_s=3600)
arms.merge()
for _ in range(30):
    arms.add("search", "a", statistics_of(True, 0.1, 5.0), used_at_s=1.0)
"""


def test_a_process_that_ends_as_it_should_loses_nothing(shared_server):
    prefix = new_prefix()
    subprocess.run([sys.executable, "-c", _A_WORKER_THAT_ENDS, shared_server.url, prefix], check=True)
    state = RedisState(shared_server.url, prefix=prefix, **PATIENT)
    arms = SharedArms(state.ledger, in_background=False)
    arms.merge()
    assert arms.read("search", ["a"])[0].pulls == 30
    state.close()
