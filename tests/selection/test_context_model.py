"""What is foretold of an arm in a context is as uncertain as the context is new to it."""

import itertools
from random import Random

import pytest

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.context_model import ContextModel
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics


def learn(model, arm, known, context, *, reward, success=None):
    success = reward > 0 if success is None else success
    model.learn(arm, known, context, success=success, reward=reward, standard=None, share=1.0)


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


def test_no_bound_promises_more_than_certain_success():
    model, luck = ContextModel(2, RewardWeights(latency=0)), Random(3)
    for _ in range(300):
        context = {"topic": luck.choice("abc"), "size": luck.gauss(0, 1)}
        learn(model, "tool", NOTHING, context, reward=float(luck.random() < 0.95))
    for topic in "abcd":  # the last is new
        for size in (-3.0, 0.0, 3.0):
            ((mean, width),) = model.outlook(("tool",), {"topic": topic, "size": size})
            assert 0.5 < mean < mean + 7 * width < 1.01


def test_what_is_gained_beside_success_is_foretold_as_well():
    model, luck = ContextModel(1, RewardWeights(latency=0.5, quality=1.0)), Random(3)
    for _ in range(200):
        topic, arm = luck.choice("xy"), luck.choice("ab")
        quality = 0.9 if (topic == "x") == (arm == "a") else 0.1
        learn(model, arm, NOTHING, {"topic": topic}, reward=1 + quality - 0.5 * luck.uniform(0.1, 0.3))
    for topic, better in (("x", 0), ("y", 1)):
        lines = model.outlook(("a", "b"), {"topic": topic})
        assert lines[better][0] == pytest.approx(1.8, abs=0.1)
        assert lines[1 - better][0] == pytest.approx(1.0, abs=0.1)


def test_a_context_that_never_changes_is_evidence_of_nothing():
    model, luck = ContextModel(2, RewardWeights()), Random(3)
    before = model.log_odds
    for number in range(300):
        arm, success = luck.choice("ab"), luck.random() < 0.8
        known, context = ArmStatistics(number, 0.8 * number), {"lang": "en", "urgent": True}
        learn(model, arm, known, context, success=success, reward=success - 0.5 * luck.uniform(0.2, 1.0))
    assert model.log_odds == pytest.approx(before, abs=1e-9)


def test_a_context_that_has_not_helped_for_long_is_learnt_from_ever_more_rarely_and_still_found_to_help():
    memory, luck, numbers = Adaptive().new_memory(RewardWeights(latency=0)), Random(5), itertools.count(100)

    def outcomes_until_learnt(*, helps: bool) -> int:
        learnt, count = outcomes_learnt(memory), 0
        while outcomes_learnt(memory) == learnt:
            topic = luck.choice("ab")
            rate = {"a": 0.95, "b": 0.05}[topic] if helps else 0.5
            hear(memory, next(numbers), {"topic": topic}, reward=float(luck.random() < rate))
            count += 1
        return count

    assert outcomes_until_learnt(helps=False) == 1
    waited = [outcomes_until_learnt(helps=False) for _ in range(200)]
    assert 16 in waited
    assert 60 < max(waited) < 70  # a quarter of them, 16 at once
    waited = [outcomes_until_learnt(helps=True) for _ in range(200)]
    assert waited[-1] == 1
    assert memory.trust > 0.9


@pytest.mark.parametrize("every", [2, 3, 4, 8])
def test_what_comes_at_regular_intervals_is_still_found_to_help_after_long(every):
    memory, luck = Adaptive().new_memory(RewardWeights(latency=0)), Random(every)

    def live(numbers: range, *, helps: bool) -> None:
        for number in numbers:
            rare = number % every == every - 1
            hear(memory, number, {"rare": rare}, reward=float(luck.random() < (0.1 if rare and helps else 0.9)))

    live(range(100, 2000), helps=False)
    assert memory.trust < 0.01
    live(range(2000, 4000), helps=True)
    assert memory.trust > 0.9


def test_a_context_that_begins_to_help_late_is_soon_learnt_from_in_full_again():
    def outcomes_until_trusted(seed: int) -> int:
        memory, luck = Adaptive().new_memory(RewardWeights(latency=0)), Random(seed)
        for number in itertools.count(100):
            topic, helps = luck.choice("ab"), number >= 2100
            rate = {"a": 0.95, "b": 0.55}[topic] if helps else 0.75
            hear(memory, number, {"topic": topic}, reward=float(luck.random() < rate), rate=0.75)
            if helps and memory.trust > 0.5:
                return number - 2100
        raise AssertionError("never")

    # 284 where all outcomes are learnt from all the time, 507 where a quarter is until the odds are no longer against it
    # (means of 60: of ten alone they move by a hundred)
    assert sum([outcomes_until_trusted(seed) for seed in range(60)]) / 60 < 450


def hear(memory, pulls, context, *, reward, rate=0.5):
    """Let a memory hear of the latest of so many outcomes of a healthy tool."""
    known = ArmStatistics(pulls, pulls * rate)
    memory.learn("tool", known, [(context, reward > 0, reward, None)], float(pulls))


def outcomes_learnt(memory) -> float:
    """Return how many outcomes its model of the context has learnt."""
    return 0 if memory._model is None else memory._model._rests.outcomes
