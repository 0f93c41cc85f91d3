"""How far off-policy estimates are from the truth on logs of a policy that learns: `python -m benchmarks.off_policy`.

Each log holds 5,000 decisions of the default policy, in a world where the right tool depends on the call. Asked for is
a policy that looks at the call in another way; what it earns is known exactly. Beside DR stands what it would say had
it the world itself for its model: what is off then is the luck of the log, and no model can help it.
"""

import math
from dataclasses import dataclass, replace
from random import Random

import numpy as np

from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.bounded import Bounded
from salesboost_tools.selection.decision_log import LoggedDecision
from salesboost_tools.selection.off_policy import Evidence, TooLittleOverlapError, dr, evaluate
from salesboost_tools.selection.policy import Policy
from salesboost_tools.selection.reward_model import foretell
from salesboost_tools.selection.selector import ToolSelector

INTENTS = ("price", "faq", "compare", "policy")
TOOLS = ("lexical", "semantic", "hybrid", "remote")
_LATENCY_MS = 200.0
_SLOW = 0.5 * _LATENCY_MS / 5000


@dataclass(frozen=True)
class World:
    """Success rates by intent and tool, and how they lean with the length of the query, a number in [0, 1]."""

    rates: tuple[tuple[float, ...], ...]
    leaning: tuple[float, ...]

    def success(self, intent: int, length: float, tool: int) -> float:
        """Return the success rate."""
        logit = math.log(self.rates[intent][tool] / (1 - self.rates[intent][tool])) + self.leaning[tool] * (
            length - 0.5
        )
        return 1 / (1 + math.exp(-logit))


class Kept:
    """Keeps decisions in a list."""

    def __init__(self):
        self.records: list[LoggedDecision] = []

    def write(self, record: LoggedDecision) -> None:
        """Keep it."""
        self.records.append(record)


def world(seed: int) -> World:
    chance = Random(seed)
    return World(
        tuple(tuple(chance.uniform(0.35, 0.95) for _ in TOOLS) for _ in INTENTS),
        tuple(chance.gauss(0, 1) for _ in TOOLS),
    )


def target(seed: int) -> np.ndarray:
    """Return the probabilities of the policy in question, by intent: mostly one tool, `(intents, tools)`."""
    chance = np.random.default_rng([seed, 3])
    rows = np.full((len(INTENTS), len(TOOLS)), 0.2 / len(TOOLS))
    rows[np.arange(len(INTENTS)), chance.integers(0, len(TOOLS), len(INTENTS))] += 0.8
    return rows


def logged(here: World, policy: Policy | None, seed: int, decisions: int = 5000) -> list[LoggedDecision]:
    """Return the log of a selector that learnt in the world."""
    kept, luck = Kept(), Random(seed + 1)
    now = [0.0]
    selector = ToolSelector(policy, seed=seed, clock=lambda: now[0], log=kept)
    for number in range(decisions):
        now[0] = float(number)
        intent, length = luck.randrange(len(INTENTS)), luck.random()
        tool, decision_id = selector.select_tool(TOOLS, {"intent": INTENTS[intent], "length": length})
        success = luck.random() < here.success(intent, length, TOOLS.index(tool))
        selector.record_feedback(decision_id, success, _LATENCY_MS)
    return kept.records


def ideal(here: World, records: list[LoggedDecision]) -> np.ndarray:
    """Return what each tool earns at each decision, `(decisions, tools)`."""
    return np.array(
        [
            [
                here.success(INTENTS.index(record.context["intent"]), record.context["length"], tool) - _SLOW
                for tool in range(len(TOOLS))
            ]
            for record in records
        ]
    )


def truth(here: World, wanted: np.ndarray) -> float:
    """Return what the policy in question earns per decision, integrated over the length of the query."""
    total = 0.0
    for intent in range(len(INTENTS)):
        for tool in range(len(TOOLS)):
            mean = sum(here.success(intent, (step + 0.5) / 100, tool) for step in range(100)) / 100
            total += wanted[intent, tool] * mean / len(INTENTS)
    return total - _SLOW


def evidence(records: list[LoggedDecision], wanted: np.ndarray) -> Evidence:
    intents = [INTENTS.index(record.context["intent"]) for record in records]
    chosen = np.array([TOOLS.index(record.chosen) for record in records])
    rewards = np.array([record.reward for record in records])
    propensities = np.array([record.propensity for record in records])
    chances = np.array([record.propensities for record in records])
    model = foretell([record.context for record in records], chosen, rewards, len(TOOLS))
    return Evidence(
        rewards=rewards, propensities=propensities, chosen=chosen, target=wanted[intents], model=model, logged=chances
    )


def main(runs: int = 100) -> None:
    for floor in (0.05, 0.02, 0.0):
        policy = Bounded(Adaptive(), least=dict.fromkeys(TOOLS, floor)) if floor else None
        measure(f"default policy, every tool at least {floor:.0%}", policy, runs)


def measure(name: str, policy: Policy | None, runs: int) -> None:
    errors: dict[str, list[float]] = {"ips": [], "snips": [], "dr": []}
    covered = dict.fromkeys(errors, 0)
    refused, effective, best = 0, [], []
    for seed in range(runs):
        here, wanted = world(seed), target(seed)
        records = logged(here, policy, seed)
        known = evidence(records, wanted)
        try:
            result = evaluate(known, resamples=300)
        except TooLittleOverlapError as refusal:
            effective.append(refusal.effective_sample_size)
            refused += 1
            continue
        effective.append(result.effective_sample_size)
        right = truth(here, wanted)
        best.append(abs(dr(replace(known, model=ideal(here, records))) - right))
        for kind, off in errors.items():
            estimate = getattr(result, kind)
            off.append(abs(estimate.value - right))
            covered[kind] += estimate.low <= right <= estimate.high
    median = float(np.median(effective))
    print(f"{name}: {runs} logs, effective sample size {median:.0f} (median), {refused} refused an answer")
    for kind, off in errors.items():
        if off:
            print(f"  {kind:6s} mean error {np.mean(off):.4f}   coverage {covered[kind] / len(off):.2f}", flush=True)
    if best:
        print(f"  dr, had its model been perfect: mean error {np.mean(best):.4f}", flush=True)


if __name__ == "__main__":
    main()
