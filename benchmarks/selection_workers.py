"""What four workers that share what they learn pay for it: `python -m benchmarks.selection_workers`.

Four processes choose among five tools, as many calls a second each, and merge through one Redis. Beside them: one
process that makes all the choices itself, and four that share nothing. Regret is what the best tool would have earned
more, summed up; seconds are simulated, the processes and the Redis are real.
"""

import argparse
import multiprocessing
import statistics
import uuid
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from random import Random
from typing import NamedTuple

from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.state.redis import RedisState

_STEPS_PER_S = 10
"""How often the processes wait for each other, so that none runs ahead of simulated time."""


@dataclass(frozen=True)
class World:
    """Tools that succeed with these probabilities in 100 ms; the best one is out of order for a while.

    If there are kinds of calls, which the context tells, each has the same rates with other tools: moved on by one.
    """

    rates: tuple[float, ...] = (0.6, 0.68, 0.74, 0.8, 0.88)
    kinds: int = 1
    outage_s: tuple[float, float] = (0.0, 0.0)

    @property
    def tools(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(f"tool_{number}" for number in range(len(self.rates)))

    def rate(self, tool: str, now_s: float, kind: int) -> float:
        """Return how likely a tool succeeds now."""
        rate = self.rates[(self.tools.index(tool) + kind) % len(self.rates)]
        broken = self.outage_s[0] <= now_s < self.outage_s[1]
        return 0.02 if broken and rate == max(self.rates) else rate

    def best(self, now_s: float, kind: int) -> float:
        """Return the best rate now."""
        return max(self.rate(tool, now_s, kind) for tool in self.tools)


Tally = dict[str, tuple[float, float]]
"""Outcomes and successes by tool."""


class Found(NamedTuple):
    """What one of several workers has to say at the end, after everybody has merged."""

    regret: float
    decisions: int
    own: Tally
    """What happened to its own choices."""
    known: Tally
    """What it knows of everybody's."""
    best: str | None
    """The tool that it holds for the best."""


class Worker:
    """One process's selector, on simulated time.

    Args:
        world: Where it chooses.
        seed: Of its choices and luck.
        calls_per_s: How many it makes.
        arms: Shared statistics; None for its own.
    """

    def __init__(self, world: World, seed: int, calls_per_s: float, arms: SharedArms | None = None):
        self.now_s = 0.0
        self.world = world
        self.regret = 0.0
        self.decisions = 0
        self.own: Tally = {}
        self._luck = Random(f"luck {seed}")
        self._pause_s = 1 / calls_per_s
        self._arms = arms
        self.selector: ToolSelector | None = None
        self._seed = seed

    def work(self, until_s: float) -> None:
        """Make choices until a moment, and merge when it is time."""
        if self.selector is None:
            self.selector = ToolSelector(state=self._arms, seed=self._seed, clock=lambda: self.now_s)
        tools = self.world.tools
        while self.now_s < until_s - 1e-9:
            kind = self._luck.randrange(self.world.kinds)
            context = {"kind": f"kind {kind}"} if self.world.kinds > 1 else None
            tool, decision_id = self.selector.select_tool(tools, context)
            rate = self.world.rate(tool, self.now_s, kind)
            self.regret += self.world.best(self.now_s, kind) - rate
            self.now_s += self._pause_s
            success = self._luck.random() < rate
            self.selector.record_feedback(decision_id, success, 100)
            self.decisions += 1
            pulls, successes = self.own.get(tool, (0, 0))
            self.own[tool] = (pulls + 1, successes + success)
            if self._arms is not None and self._arms.is_due():
                self._arms.merge()


def shared_worker(url, prefix, world, seed, calls_per_s, seconds, barrier: Barrier, results) -> None:  # noqa: PLR0917
    """Run one of several workers in a process of its own, and report its regret and choices."""
    state = RedisState(url, prefix=prefix, connect_timeout_s=2, operation_timeout_s=5)
    now = [0.0]
    arms = SharedArms(state.ledger, in_background=False, clock=lambda: now[0])
    worker = Worker(world, seed, calls_per_s, arms)
    for step in range(1, round(seconds * _STEPS_PER_S) + 1):
        now[0] = step / _STEPS_PER_S
        worker.work(step / _STEPS_PER_S)
        barrier.wait()
    arms.merge()
    barrier.wait()
    arms.merge()
    statistics_by_tool = {tool: record.statistics for tool, record in arms.records()["(unnamed)"].items()}
    known = {tool: (each.pulls, each.successes) for tool, each in statistics_by_tool.items()}
    best = None if worker.selector is None else worker.selector.get_best_tool(world.tools)
    results.put(Found(worker.regret, worker.decisions, worker.own, known, best))
    state.close()


def together(url: str, world: World, seed: int, *, workers: int, calls_per_s: float, seconds: float) -> list[Found]:
    """Return what each of several workers that share one Redis has to say at the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["salesboost_tools.selection.selector", "salesboost_tools.state.redis"])
    barrier, results = context.Barrier(workers), context.Queue()
    prefix = f"workers-{uuid.uuid4().hex}"
    processes = [
        context.Process(
            target=shared_worker,
            args=(url, prefix, world, 1000 * seed + number, calls_per_s, seconds, barrier, results),
        )
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    state = RedisState(url)
    state.delete_matching(f"{prefix}:*".encode())
    state.close()
    return found


def refuse_unless_counted_once(found: list[Found]) -> None:
    """Raise AssertionError unless every worker knows every outcome of every worker, once."""
    everything: Tally = {}
    for each in found:
        for tool, (pulls, successes) in each.own.items():
            before = everything.get(tool, (0, 0))
            everything[tool] = (before[0] + pulls, before[1] + successes)
    for each in found:
        assert each.known == everything, f"{each.known} is known, {everything} happened"


def alone(world: World, seed: int, calls_per_s: float, seconds: float) -> float:
    """Return the regret of one process that shares nothing."""
    worker = Worker(world, seed, calls_per_s)
    worker.work(seconds)
    return worker.regret


WORLDS = {
    "stationary": World(),
    "outage of the best tool": World(outage_s=(200.0, 300.0)),
    "another tool for each of four kinds of calls": World(kinds=4),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--calls-per-s", type=float, default=25.0, help="per worker")
    parser.add_argument("--decisions", type=int, default=40_000)
    options = parser.parse_args()
    workers, per_s = 4, options.calls_per_s
    seconds = options.decisions / workers / per_s
    for name, world in WORLDS.items():
        one, shared, apart = [], [], []
        for seed in range(options.rounds):
            one.append(alone(world, seed, workers * per_s, seconds))
            found = together(options.redis, world, seed, workers=workers, calls_per_s=per_s, seconds=seconds)
            refuse_unless_counted_once(found)
            shared.append(sum(each.regret for each in found))
            apart.append(sum(alone(world, 1000 * seed + 100 + number, per_s, seconds) for number in range(workers)))
        means = [statistics.mean(each) for each in (one, shared, apart)]
        medians = [statistics.median(each) for each in (one, shared, apart)]
        print(
            f"{name}: {options.decisions} decisions, {per_s:g} a second each; mean (median) regret of {options.rounds} "
            f"rounds: one process {means[0]:.1f} ({medians[0]:.1f}), four that share {means[1]:.1f} ({medians[1]:.1f}: "
            f"{means[1] / means[0]:.2f}x), four apart {means[2]:.1f} ({medians[2]:.1f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
