"""What a choice costs and how well it learns: `python -m benchmarks.selection`.

`Adapter` is the selector behind the smallest interface a simulator needs, so that other policies can be measured
beside it under the same conditions.
"""

import random
import statistics
import time
from typing import Any

from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.decision_log import LoggedDecision
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.lin_ucb import LinUCB
from salesboost_tools.selection.linear_thompson import LinearThompson
from salesboost_tools.selection.policy import Policy
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.thompson import Thompson
from salesboost_tools.selection.ucb1 import UCB1


class Adapter:
    """`select(arms, context) -> (arm, decision_id)`, `update(decision_id, success, latency_ms)`, `tick(now_s)`.

    The methods are the selector's own, so that nothing but the selector is measured.
    """

    def __init__(self, seed: int = 0, policy: Policy | None = None, **options: Any):
        self.now_s = 0.0
        selector = ToolSelector(policy, seed=seed, clock=lambda: self.now_s, **options)
        self.select = selector.select_tool
        self.update = selector.record_feedback

    def tick(self, now_s: float) -> None:
        """Set the clock."""
        self.now_s = now_s


def microseconds(policy: Policy | None, tools: int, *, decisions: int = 4000) -> float:
    """Return the median cost of one select + update among so many tools, in us."""
    adapter = Adapter(seed=1, policy=policy)
    arms = [f"tool_v{number}" for number in range(tools)]
    luck = random.Random(0)
    costs_ns: list[int] = []
    for number in range(decisions):
        context = {"intent": "price", "length": luck.random()}
        success = luck.random() < 0.8
        started_ns = time.perf_counter_ns()
        _, decision_id = adapter.select(arms, context)
        adapter.update(decision_id, success, 120.0)
        costs_ns.append(time.perf_counter_ns() - started_ns)
        adapter.tick(float(number))
    return statistics.median(costs_ns) / 1000


def share_of_the_best(policy: Policy | None, *, decisions: int = 3000, seeds: int = 5) -> float:
    """Return the share of choices that fell on the best of five tools: 0.95, 0.9, 0.8, 0.7 and 0.6 successful."""
    success = dict(zip("abcde", (0.8, 0.95, 0.6, 0.9, 0.7), strict=True))
    hits = 0
    for seed in range(seeds):
        adapter = Adapter(seed=seed, policy=policy)
        luck = random.Random(f"luck {seed}")
        for _ in range(decisions):
            arm, decision_id = adapter.select(list(success), None)
            adapter.update(decision_id, luck.random() < success[arm], 120.0)
            hits += arm == "b"
    return hits / (decisions * seeds)


class AdapterWithoutContext(Adapter):
    """The default policy with its eyes shut: what a choice costs where no context is given."""

    def __init__(self, seed: int = 0):
        super().__init__(seed, Adaptive(context=False))


class AdapterWithLog(Adapter):
    """The default policy drawing from its propensities, as it does when decisions are logged."""

    def __init__(self, seed: int = 0):
        super().__init__(seed, Adaptive(context=False), log=Forgetful())


class Forgetful:
    """Takes decisions and keeps none."""

    def write(self, record: LoggedDecision) -> None:
        """Forget the decision."""


def main() -> None:
    from benchmarks.selection_worlds import regrets

    policies: list[Policy] = [Adaptive(), EpsilonGreedy(), UCB1(0.25), Thompson(), LinUCB(), LinearThompson()]
    print(f"{'policy':20s} {'5 tools, us':>12s} {'20 tools, us':>12s} {'share of the best tool':>24s}")
    for policy in policies:
        costs_us = f"{microseconds(policy, 5):12.1f} {microseconds(policy, 20):12.1f}"
        print(f"{policy.name:20s} {costs_us} {share_of_the_best(policy):24.2f}")
    print("regret, mean of 4 seeds")
    for policy in policies[:4]:
        print(f"{policy.name:20s} " + "  ".join(f"{name} {lost:.0f}" for name, lost in regrets(policy)))


if __name__ == "__main__":
    main()
