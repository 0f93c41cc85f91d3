"""What is foretold of an arm in a context is as uncertain as the context is new to it."""

import itertools
from random import Random

import pytest

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.context_model import ContextModel
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics


def learn(model, arm, known, context, *, reward):
    model.learn(arm, known, context, reward=reward, standard=None, share=1.0)


def test_an_arm_that_always_failed_elsewhere_may_still_be_right_in_a_new_context():
    model, luck = ContextModel(10, RewardWeights(latency=0)), Random(5)

    def anywhere(middle: float) -> dict[str, float]:
        return {f"feature {number}": luck.gauss(middle, 1) for number in range(10)}

    for _ in range(400):
        learn(model, "known", NOTHING, anywhere(0), reward=float(luck.random() < 0.5))
    for _ in range(21):
        learn(model, "unlucky", NOTHING, anywhere(0), reward=0.0)
    (mean, width), (known_mean, known_width) = model.outlook(("unlucky", "known"), anywhere(2))
    assert width > 2 * known_width
    assert mean + (model.lift(4000) + 3) * width > known_mean


def test_a_context_that_has_not_helped_for_long_is_learnt_from_ever_more_rarely_and_still_found_to_help():
    model, luck, numbers = ContextModel(1, RewardWeights(latency=0)), Random(5), itertools.count(100)

    def outcomes_until_learnt(*, helps: bool) -> int:
        learnt, count = model._ridges.outcomes, 0
        while model._ridges.outcomes == learnt:
            topic, pulls = luck.choice("ab"), next(numbers)
            rate = {"a": 0.95, "b": 0.05}[topic] if helps else 0.5
            known = ArmStatistics(pulls, pulls / 2)
            learn(model, "tool", known, {"topic": topic}, reward=float(luck.random() < rate))
            count += 1
        return count

    assert outcomes_until_learnt(helps=False) == 1
    waited = [outcomes_until_learnt(helps=False) for _ in range(200)]
    assert 16 in waited
    assert 126 <= waited[-1] <= 130  # a quarter of them, 32 at once
    waited = [outcomes_until_learnt(helps=True) for _ in range(200)]
    assert waited[-1] == 1
    assert model.trust > 0.9


@pytest.mark.parametrize("every", [2, 3, 4, 8])
def test_what_comes_at_regular_intervals_is_still_found_to_help_after_long(every):
    model, luck = ContextModel(1, RewardWeights(latency=0)), Random(every)

    def live(pulls: range, *, helps: bool) -> None:
        for number in pulls:
            rare = number % every == every - 1
            reward = float(luck.random() < (0.1 if rare and helps else 0.9))
            learn(model, "tool", ArmStatistics(number, 0.9 * number), {"rare": rare}, reward=reward)

    live(range(2000), helps=False)
    assert model.trust == 0
    live(range(2000, 4000), helps=True)
    assert model.trust > 0.9
