"""What every policy must do. A new one is done when its two-line subclass is green:

```python
class TestMine(PolicyContract):
    policy = Mine()
```

One with a memory subclasses `LearningPolicyContract` instead.
"""

import copy
import json
import math
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights, reward
from salesboost_tools.selection.policy import LearningPolicy, Memory, Policy, Situation
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.statistics import NOTHING, ArmStatistics, statistics_of
from tests.doubles import FakeClock

law = settings(  # every subclass runs the same law, on purpose
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
)

WEIGHTS = [RewardWeights(), RewardWeights(latency=0, quality=0.7), RewardWeights(latency=2, cost=0.3, quality=0.2)]


def known(pulls: int, successes: int, slow: float = 0.1) -> ArmStatistics:
    """Return what is known of an arm whose calls all took `slow` of the cap."""
    return ArmStatistics(pulls, successes, pulls * slow * 5, pulls * slow, pulls * slow**2)


def situation(*arms: ArmStatistics, pending: tuple[int, ...] | None = None, weights: RewardWeights = WEIGHTS[0]):
    """Return the question which of these arms to use."""
    names = tuple(f"tool_v{number}" for number in range(1, len(arms) + 1))
    return Situation("search", names, arms, pending or (0,) * len(arms), {"lang": "en"}, weights, 1000.0)


@st.composite
def outcomes(draw) -> ArmStatistics:
    """Statistics that some outcomes really could have left behind."""
    pulls = draw(st.integers(0, 400))
    if not pulls:
        return NOTHING
    successes = draw(st.integers(0, pulls))
    rated, priced = draw(st.integers(0, successes)), draw(st.integers(0, pulls))
    share = st.floats(0, 1, allow_subnormal=False)
    slow, good, price = draw(share), draw(share), draw(st.floats(0, 10, allow_subnormal=False))
    spread = 1 + draw(st.floats(0, 0.5))
    return ArmStatistics(
        pulls,
        successes,
        pulls * slow * 5,
        pulls * slow,
        pulls * min(slow, slow**2 * spread),
        rated,
        rated * good,
        rated * min(good, good**2 * spread),
        priced,
        priced * price,
        priced * price**2 * spread,
    )


@st.composite
def situations(draw) -> Situation:
    arms = draw(st.lists(outcomes(), min_size=1, max_size=6))
    pending = draw(st.lists(st.integers(0, 5), min_size=len(arms), max_size=len(arms)))
    return situation(*arms, pending=tuple(pending), weights=draw(st.sampled_from(WEIGHTS)))


def too_far_off(counts: list[int], expected: list[float]) -> bool:
    """Pearson's chi-square test at 1 in 10,000, its critical value by Wilson and Hilferty (1931)."""
    pairs = [(count, mean) for count, mean in zip(counts, expected, strict=True) if mean >= 5]
    rest = (sum(counts) - sum(count for count, _ in pairs), sum(expected) - sum(mean for _, mean in pairs))
    if rest[1] >= 5:
        pairs.append(rest)
    freedom = len(pairs) - 1
    if freedom == 0:
        return False
    statistic = sum((count - mean) ** 2 / mean for count, mean in pairs)
    return statistic > freedom * (1 - 2 / (9 * freedom) + 3.72 * math.sqrt(2 / (9 * freedom))) ** 3


SEEDS = range(1, 7)
"""One run is luck; what is claimed of a policy is claimed of the mean of several."""


class World:
    """Tools that succeed with fixed probabilities in 100 ms each, chosen among by a selector with the policy."""

    def __init__(self, policy: Policy, *, seed: int = 7, **success: float):
        self.success = success
        self.luck = Random(f"luck {seed}")  # not the stream that the selector draws from
        self.clock = FakeClock()
        self.selector = ToolSelector(policy, seed=seed, clock=self.clock)

    def play(self, calls: int, *, tools: list[str] | None = None, available=None) -> list[str]:
        """Return the tools chosen in so many calls, each answered at once."""
        chosen: list[str] = []
        for _ in range(calls):
            tool, decision_id = self.selector.select_tool(tools or list(self.success), available=available)
            self.clock.advance(1)
            self.selector.record_feedback(decision_id, self.luck.random() < self.success[tool], 100)
            chosen.append(tool)
        return chosen


class PolicyContract:
    policy: Policy

    def test_it_has_a_name_and_a_version(self):
        assert self.policy.name
        assert self.policy.version

    @given(question=situations(), seed=st.integers(0, 2**32))
    @law
    def test_an_equal_question_and_equal_chance_give_the_same_choice(self, question, seed):
        assert self.policy.choose(question, Random(seed)) == self.policy.choose(copy.copy(question), Random(seed))

    @given(question=situations())
    @law
    def test_propensities_are_probabilities_that_sum_to_one(self, question):
        propensities = self.policy.propensities(question)
        assert len(propensities) == len(question.arms)
        assert all(0 <= propensity <= 1 for propensity in propensities)
        assert math.isclose(sum(propensities), 1, abs_tol=1e-9)

    @given(question=situations(), seed=st.integers(0, 2**32))
    @law
    def test_a_choice_is_one_of_the_arms_and_states_its_own_propensity_or_none(self, question, seed):
        choice = self.policy.choose(question, Random(seed))
        assert 0 <= choice.position < len(question.arms)
        propensity = self.policy.propensities(question)[choice.position]
        if choice.propensity is not None:
            assert choice.propensity > 0
            assert math.isclose(choice.propensity, propensity, abs_tol=1e-9)

    @given(question=situations())
    @law
    def test_nothing_it_is_given_is_changed(self, question):
        before = copy.deepcopy(question)
        self.policy.choose(question, Random(1))
        self.policy.propensities(question)
        assert question == before

    @pytest.mark.parametrize(
        "question",
        [
            situation(known(40, 36), known(38, 30), known(5, 4)),
            situation(known(3, 3), known(4, 2), known(2, 0)),
            situation(known(9, 9), known(9, 9), known(9, 4)),
            situation(known(300, 270), known(300, 280), known(20, 19), known(300, 150)),
            situation(known(20, 18, 0.9), known(20, 12, 0.05)),
            situation(known(20, 18), NOTHING, NOTHING, pending=(1, 0, 0)),
            situation(NOTHING, NOTHING, NOTHING, pending=(2, 1, 1)),
        ],
        ids=["a clear leader", "hardly known", "equals", "well known", "slow or failing", "untried", "all awaited"],
    )
    def test_arms_are_chosen_as_often_as_their_propensities_say(self, question):
        rng = Random(20)
        draws = 4000
        counts = [0] * len(question.arms)
        for _ in range(draws):
            counts[self.policy.choose(question, rng).position] += 1
        expected = [draws * propensity for propensity in self.policy.propensities(question)]
        assert not too_far_off(counts, expected), f"{counts} chosen where {expected} were announced"

    @pytest.mark.parametrize("only", [NOTHING, known(10, 0), known(10, 10)], ids=["untried", "bad", "good"])
    def test_a_single_arm_is_certain(self, only):
        question = situation(only)
        assert self.policy.propensities(question) == pytest.approx((1.0,))
        assert self.policy.choose(question, Random(3)).position == 0

    def test_the_better_arm_wins(self):
        used = 0
        for seed in SEEDS:
            used += World(self.policy, seed=seed, bad=0.3, good=0.95, fair=0.6).play(1200)[600:].count("good")
        assert used > 0.7 * 600 * len(SEEDS)

    def test_a_tool_that_comes_later_is_tried_and_wins_if_it_is_better(self):
        used = 0
        for seed in SEEDS:
            world = World(self.policy, seed=seed, old=0.5, older=0.4, new=0.95)
            world.play(300, tools=["old", "older"])
            used += world.play(600)[-300:].count("new")
        assert used > 0.6 * 300 * len(SEEDS)

    def test_a_tool_that_went_and_comes_back_is_remembered(self):
        used = 0
        for seed in SEEDS:
            world = World(self.policy, seed=seed, good=0.95, poor=0.3, bad=0.2)
            world.play(400)
            assert set(world.play(50, tools=["poor", "bad"])) <= {"poor", "bad"}
            used += world.play(100).count("good")
        assert used > 0.6 * 100 * len(SEEDS)

    def test_a_masked_tool_is_never_chosen_and_learns_nothing(self):
        world = World(self.policy, good=0.95, poor=0.3, bad=0.2)
        world.play(100)
        before = world.selector.export_learnt()["groups"]["(unnamed)"]["good"]
        assert set(world.play(100, available=["poor", "bad"])) <= {"poor", "bad"}
        assert world.selector.export_learnt()["groups"]["(unnamed)"]["good"] == before

    def test_every_tool_is_asked_before_the_first_feedback_comes(self):
        selector = ToolSelector(self.policy, seed=5, clock=FakeClock())
        tools = ["a", "b", "c", "d"]
        assert {selector.select_tool(tools)[0] for _ in range(40)} == set(tools)

    def test_a_tool_that_never_answers_does_not_take_all_calls(self):
        world = World(self.policy, fair=0.6, good=0.9)
        silent = 0
        for _ in range(400):
            tool, decision_id = world.selector.select_tool(["silent", *world.success])
            if tool == "silent":
                silent += 1
            else:
                world.selector.record_feedback(decision_id, world.luck.random() < world.success[tool], 100)
        assert silent < 200


class Past:
    """What a learning policy has been through in one group: its memory, and the totals as a store would keep them.

    Tool "b" is the best; "a" fails for a while; contexts say something about "c". One outcome a second.
    """

    ARMS = ("a", "b", "c")

    def __init__(self, policy: LearningPolicy, memory: Memory | None = None):
        self.policy = policy
        self.memory = policy.new_memory(WEIGHTS[0]) if memory is None else memory
        self.totals = dict.fromkeys(self.ARMS, NOTHING)
        self.now_s = 0.0

    def question(self, context) -> Situation:
        known = tuple(self.totals.values())
        return Situation("search", self.ARMS, known, (0, 0, 0), context, WEIGHTS[0], self.now_s, self.memory)

    def live(self, calls: int, seed: int, *, chosen_elsewhere: bool = False) -> list[tuple[int, float | None]]:
        """Return the choices and their propensities, of so many calls with equal luck for an equal seed."""
        luck, rng = Random(seed), Random(seed + 1)
        choices: list[tuple[int, float | None]] = []
        for _ in range(calls):
            context = {"lang": luck.choice(["en", "de"]), "length": luck.random(), "urgent": luck.random() < 0.3}
            choice = self.policy.choose(self.question(context), rng)
            choices.append((choice.position, choice.propensity))
            position = luck.randrange(3) if chosen_elsewhere else choice.position
            rate = (0.1 if 100 < self.now_s < 160 else 0.7, 0.9, 0.9 if context["urgent"] else 0.2)[position]
            success, latency_s = luck.random() < rate, luck.random()
            arm = self.ARMS[position]
            self.totals[arm] = self.totals[arm].plus(statistics_of(success, latency_s, 5.0))
            self.now_s += 1.0
            note = None if chosen_elsewhere else choice.note
            worth = reward(success, latency_s, WEIGHTS[0])
            self.memory.learn(arm, self.totals[arm], [(context, success, worth, note)], self.now_s)
        return choices


class LearningPolicyContract(PolicyContract):
    policy: LearningPolicy

    @pytest.mark.parametrize("calls", [0, 1, 130, 400], ids=["empty", "one outcome", "in an outage", "experienced"])
    def test_a_memory_that_was_dumped_and_loaded_decides_and_learns_as_before(self, calls):
        past = Past(self.policy)
        past.live(calls, seed=3)
        loaded = self.policy.new_memory(WEIGHTS[0])
        loaded.load(json.loads(json.dumps(past.memory.dump())))
        other = Past(self.policy, loaded)
        other.totals, other.now_s = dict(past.totals), past.now_s
        context = {"lang": "en", "length": 0.5, "urgent": True}
        assert self.policy.propensities(other.question(context)) == self.policy.propensities(past.question(context))
        assert other.live(300, seed=5) == past.live(300, seed=5)
        assert loaded.dump() == past.memory.dump()

    def test_a_dump_grows_with_the_arms_and_not_with_the_outcomes(self):
        past = Past(self.policy)
        past.live(300, seed=3)
        early = len(json.dumps(past.memory.dump()))
        past.live(1500, seed=4)
        assert len(json.dumps(past.memory.dump())) < 1.1 * early + 500

    def test_contexts_without_end_do_not_fill_a_memory(self):
        memory = self.policy.new_memory(WEIGHTS[0])

        def learn(numbers: range) -> int:
            for number in numbers:
                context = {"user": f"id-{number}", f"score {number}": 1.0, "text": "long " * 100}
                outcome = statistics_of(True, 0.1, 5.0)
                memory.learn("a", outcome, [(context, True, 1.0, None)], float(number))
            return len(json.dumps(memory.dump()))

        early = learn(range(700))
        assert learn(range(700, 900)) < 1.1 * early + 500

    @pytest.mark.parametrize(
        "spoil", [lambda _: {}, lambda d: d | {"kind": "other/1"}, lambda d: d | {"heard": None, "weights": "2"}]
    )
    def test_a_dump_that_does_not_fit_is_refused_and_changes_nothing(self, spoil):
        past = Past(self.policy)
        past.live(50, seed=3)
        memory = self.policy.new_memory(WEIGHTS[0])
        before = memory.dump()
        with pytest.raises(ConfigurationError, match="start with an empty"):
            memory.load(spoil(past.memory.dump()))
        with pytest.raises(ConfigurationError, match="reward"):
            self.policy.new_memory(WEIGHTS[1]).load(past.memory.dump())
        assert memory.dump() == before

    def test_successes_told_together_teach_as_those_told_one_by_one(self):
        one, other = Past(self.policy), Past(self.policy)
        for past in (one, other):
            past.live(300, seed=3)
        outcome, total = statistics_of(True, 0.5, 5.0), one.totals["b"]
        told = ({"lang": "en", "length": 0.5, "urgent": False}, True, reward(True, 0.5, WEIGHTS[0]), None)
        for _ in range(16):
            total = total.plus(outcome)
            one.memory.learn("b", total, [told], 301.0)
        other.memory.learn("b", total, [told] * 16, 301.0)
        for past in (one, other):
            past.totals["b"], past.now_s = total, 301.0
        assert self.policy.propensities(one.question(told[0])) == pytest.approx(
            self.policy.propensities(other.question(told[0])), abs=0.05
        )

    def test_outcomes_of_other_workers_teach_as_well_as_its_own(self):
        past = Past(self.policy)
        past.live(300, seed=3, chosen_elsewhere=True)
        context = {"lang": "en", "length": 0.5, "urgent": False}
        propensities = self.policy.propensities(past.question(context))
        assert max(propensities) == propensities[1] > 0.5

    def test_outcomes_of_different_arms_teach_the_same_in_any_order(self):
        lessons: dict[str, list[tuple[str, ArmStatistics, bool, float, float]]] = {}
        for arm, rate in (("a", 0.5), ("b", 0.9), ("c", 0.6)):
            luck, total = Random(arm), NOTHING
            for number in range(80):
                success = luck.random() < rate
                total = total.plus(statistics_of(success, 0.5, 5.0))
                worth = reward(success, 0.5, WEIGHTS[0])
                lessons.setdefault(arm, []).append((arm, total, success, worth, float(number)))
        one, other = Past(self.policy), Past(self.policy)
        arm_by_arm = [each for arm in "abc" for each in lessons[arm]]
        in_turn = [each for turn in zip(*(lessons[arm] for arm in "cab"), strict=True) for each in turn]
        for past, order in ((one, arm_by_arm), (other, in_turn)):
            for arm, known, success, worth, now_s in order:
                past.memory.learn(arm, known, [(None, success, worth, None)], now_s)
        for past in (one, other):
            past.totals, past.now_s = {arm: lessons[arm][-1][1] for arm in "abc"}, 80.0
        assert self.policy.propensities(one.question(None)) == pytest.approx(
            self.policy.propensities(other.question(None))
        )
