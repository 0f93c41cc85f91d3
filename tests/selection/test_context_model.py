"""What is foretold of an arm in a context is as uncertain as the context is new to it."""

from random import Random

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.context_model import ContextModel
from salesboost_tools.selection.policy import Lesson
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics


def test_an_arm_that_always_failed_elsewhere_may_still_be_right_in_a_new_context():
    model, luck = ContextModel(10, RewardWeights(latency=0)), Random(5)

    def anywhere(middle: float) -> dict[str, float]:
        return {f"feature {number}": luck.gauss(middle, 1) for number in range(10)}

    for _ in range(400):
        model.learn(Lesson("known", NOTHING, anywhere(0), float(luck.random() < 0.5), None, 0.0), 1.0)
    for _ in range(21):
        model.learn(Lesson("unlucky", NOTHING, anywhere(0), 0.0, None, 0.0), 1.0)
    (mean, width), (known_mean, known_width) = model.outlook(("unlucky", "known"), anywhere(2))
    assert width > 2 * known_width
    assert mean + (model.lift(4000) + 3) * width > known_mean


def test_a_context_that_has_not_helped_for_long_is_learnt_from_ever_more_rarely_and_still_found_to_help():
    model, luck = ContextModel(1, RewardWeights(latency=0)), Random(5)
    known = ArmStatistics(100, 50)

    def outcomes_until_learnt(*, helps: bool) -> int:
        count, waits = 0, True
        while waits:
            topic = luck.choice("ab")
            rate = {"a": 0.95, "b": 0.05}[topic] if helps else 0.5
            model.learn(Lesson("tool", known, {"topic": topic}, float(luck.random() < rate), None, 0.0), 1.0)
            waits, count = bool(model._waiting), count + 1
        return count

    assert outcomes_until_learnt(helps=False) == 1
    waited = [outcomes_until_learnt(helps=False) for _ in range(200)]
    assert 16 in waited
    assert waited[-1] == 64
    waited = [outcomes_until_learnt(helps=True) for _ in range(200)]
    assert waited[-1] == 1
    assert model.trust > 0.9
