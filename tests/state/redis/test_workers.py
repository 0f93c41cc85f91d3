"""Processes that share what they learn through one Redis, and processes that are killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks.selection_workers import World, alone, refuse_unless_counted_once, together
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.selection.statistics import statistics_of
from salesboost_tools.state.redis import RedisState
from tests.services import process_context
from tests.state.redis.conftest import PATIENT, new_prefix

GOOD = statistics_of(True, 0.1, 5.0)


def test_four_processes_know_every_outcome_once_and_agree_on_the_best_tool(shared_server):
    found = together(shared_server.url, World(), 0, workers=4, calls_per_s=25, seconds=20)
    assert [each.decisions for each in found] == [500] * 4
    refuse_unless_counted_once(found)
    means = {tool: successes / pulls for tool, (pulls, successes) in found[0].known.items()}  # all are equally fast
    assert [means[each.best] for each in found] == pytest.approx([max(means.values())] * 4)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_four_processes_choose_nearly_as_well_as_one_that_sees_everything_and_better_than_four_apart(shared_server):
    world, rounds, seconds = World(), 10, 400
    one = shared = apart = 0.0
    for seed in range(rounds):
        one += alone(world, seed, 100, seconds)
        apart += sum(alone(world, 100 * seed + number, 25, seconds) for number in range(4))
        found = together(shared_server.url, world, seed, workers=4, calls_per_s=25, seconds=seconds)
        refuse_unless_counted_once(found)
        shared += sum(each.regret for each in found)
    assert shared < 1.2 * one
    assert shared < apart


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
