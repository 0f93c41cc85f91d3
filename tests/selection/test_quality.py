"""Where answers are rated, the better ones are found, and a tool that nobody has rated yet is not taken for a poor one."""

from random import Random

import pytest

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.named_policies import policy_named
from salesboost_tools.selection.selector import ToolSelector

QUALITIES = {"first": 0.5, "second": 0.3, "third": 0.8}


def chosen_by(policy, clock, times=600, *, seed=1):
    luck = Random(f"luck {seed}")
    selector = ToolSelector(policy, seed=seed, clock=clock, weights=RewardWeights(quality=0.5))
    chosen = []
    for _ in range(times):
        clock.advance(1)
        tool, decision_id = selector.select_tool(list(QUALITIES))
        quality = min(max(luck.gauss(QUALITIES[tool], 0.15), 0.0), 1.0)
        selector.record_feedback(decision_id, True, 20, quality=quality)
        chosen.append(tool)
    return chosen


@pytest.mark.parametrize("name", ["adaptive", "epsilon_greedy"])
@pytest.mark.parametrize("seed", range(3))
def test_among_tools_that_always_succeed_the_best_rated_is_found(clock, name, seed):
    chosen = chosen_by(policy_named(name), clock, seed=seed)
    assert set(chosen) == set(QUALITIES)
    assert chosen[-200:].count("third") > 150
