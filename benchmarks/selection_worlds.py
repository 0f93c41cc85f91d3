"""Worlds of tools that are close, deceptive, flapping, half broken, masked or late: does the default still choose well?

Every policy meets the same outcomes for a seed. Regret is the expected reward of the best available tool minus that of
the chosen one, summed up.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.selection import Adapter
from salesboost_tools.selection.policy import Policy

Table = NDArray[np.float64]

_CAP_MS = 5000.0
_LATENCY_WEIGHT = 0.5
_SPREAD = 0.4  # of the logarithm of a latency


@dataclass(frozen=True)
class World:
    """What would happen to each call if it went to each tool.

    Attributes:
        success: Success rates, `(calls, tools)`.
        latency_ms: Median latencies, `(calls, tools)`.
        available: Whether a tool may serve, `(calls, tools)`.
        late: Calls after which the outcome is heard of, -1 for never, `(calls,)`.
    """

    success: Table
    latency_ms: Table
    available: NDArray[np.bool_]
    late: NDArray[np.int64]


def _world(success: Table, latency_ms: Table) -> World:
    calls = len(success)
    return World(success, latency_ms, np.ones(success.shape, bool), np.zeros(calls, np.int64))


def _tools(chance: np.random.Generator, calls: int, tools: int) -> tuple[Table, Table]:
    success = np.tile(chance.uniform(0.55, 0.95, tools), (calls, 1))
    latency_ms = np.tile(np.exp(chance.uniform(math.log(80), math.log(3000), tools)), (calls, 1))
    return success, latency_ms


def close(chance: np.random.Generator, calls: int = 6000) -> World:
    """Six tools, each two points of success better than the next."""
    return _world(np.tile(chance.permutation(0.9 - 0.02 * np.arange(6)), (calls, 1)), np.full((calls, 6), 300.0))


def decoys(chance: np.random.Generator, calls: int = 6000) -> World:
    """One slow tool that works among five fast ones that mostly do not."""
    order = chance.permutation(6)
    success = np.array([0.95, *[0.45] * 5])[order]
    latency_ms = np.array([1500.0, *[60.0] * 5])[order]
    return _world(np.tile(success, (calls, 1)), np.tile(latency_ms, (calls, 1)))


def flapping(chance: np.random.Generator, calls: int = 6000) -> World:
    """The best tool fails for 200 calls, works for 200, and so on for a while."""
    success, latency_ms = _tools(chance, calls, 5)
    success[:, 0], latency_ms[:, 0] = 0.97, 150.0
    now = np.arange(calls)
    success[(now >= 2000) & (now < 5000) & (now // 200 % 2 == 0), 0] = 0.03
    return _world(success, latency_ms)


def brown_out(chance: np.random.Generator, calls: int = 6000) -> World:
    """Every second call to the best tool fails, and all are slow, for a third of the time."""
    success, latency_ms = _tools(chance, calls, 5)
    success[:, 0], latency_ms[:, 0] = 0.97, 200.0
    success[2000:4000, 0], latency_ms[2000:4000, 0] = 0.5, 1000.0
    return _world(success, latency_ms)


def masked_runner_up(chance: np.random.Generator, calls: int = 6000) -> World:
    """The two best of four tools take turns in being unavailable."""
    world = _world(*_tools(chance, calls, 4))
    best = np.argsort(-_worth(world)[0])
    for start in range(0, calls, 150):
        if chance.random() < 0.5:
            world.available[start : start + 150, best[int(chance.random() < 0.4)]] = False
    return world


def late(chance: np.random.Generator, calls: int = 6000) -> World:
    """Outcomes are heard of after a geometric number of calls, forty on average; one in ten never."""
    world = _world(*_tools(chance, calls, 5))
    world.late[:] = np.where(chance.random(calls) < 0.1, -1, chance.geometric(1 / 40, calls))
    return world


WORLDS: tuple[Callable[[np.random.Generator], World], ...] = (
    close,
    decoys,
    flapping,
    brown_out,
    masked_runner_up,
    late,
)


def _worth(world: World) -> Table:
    """Return the expected reward of every tool for every call."""
    mean = np.minimum(world.latency_ms * math.exp(_SPREAD**2 / 2) / _CAP_MS, 1)
    return world.success - _LATENCY_WEIGHT * mean


def regret(world: World, policy: Policy | None, seed: int) -> float:
    """Return what a selector with the policy loses in the world."""
    adapter = Adapter(seed=seed, policy=policy)
    luck = Random(f"luck {seed}")
    worth = _worth(world)
    names = [f"tool_v{number}" for number in range(worth.shape[1])]
    waiting: dict[int, list[tuple[str, bool, float]]] = {}
    lost = 0.0
    for call in range(len(worth)):
        for outcome in waiting.pop(call, ()):
            adapter.update(*outcome)
        adapter.tick(float(call))
        free = [name for name, allowed in zip(names, world.available[call], strict=True) if allowed]
        chosen, decision_id = adapter.select(free, None)
        tool = names.index(chosen)
        lost += float(np.where(world.available[call], worth[call], -math.inf).max() - worth[call, tool])
        success, z = luck.random() < world.success[call, tool], luck.gauss(0, _SPREAD)
        outcome = (decision_id, success, float(world.latency_ms[call, tool]) * math.exp(z))
        if world.late[call] == 0:
            adapter.update(*outcome)
        elif world.late[call] > 0:
            waiting.setdefault(call + int(world.late[call]), []).append(outcome)
    return lost


def regrets(policy: Policy | None, *, seeds: int = 4) -> Iterator[tuple[str, float]]:
    """Yield the name of each world and the policy's mean regret in it."""
    for make in WORLDS:
        lost = [regret(make(np.random.default_rng([seed, 7])), policy, seed) for seed in range(seeds)]
        yield make.__name__, sum(lost) / seeds
