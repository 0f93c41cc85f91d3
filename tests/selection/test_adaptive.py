"""The default policy: random bounds that notice outages and look at the context where that helps."""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights, reward
from salesboost_tools.selection.adaptive import CURIOSITY, Adaptive
from salesboost_tools.selection.arms import MemoryArms
from salesboost_tools.selection.policy import Situation
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.statistics import statistics_of
from tests.selection.policy_contract import SEEDS, LearningPolicyContract, World, known, situation, too_far_off


class TestAdaptive(LearningPolicyContract):
    policy = Adaptive()


def chance_of_the_unlucky(policy: Adaptive, calls: int) -> float:
    """Return how often an arm that failed once is chosen, beside a leader of so many calls and arms that seem better."""
    question = situation(known(calls, round(0.8 * calls)), known(1, 0), known(7, 6), known(9, 7))
    return policy.propensities(question)[1]


def test_an_arm_that_was_unlucky_once_is_tried_again_however_good_the_others_seem():
    assert max(chance_of_the_unlucky(Adaptive(), calls) for calls in (10, 100, 1000, 5000)) > 0.2
    assert chance_of_the_unlucky(Adaptive(persistence=0), 5000) < 1e-6


@pytest.mark.parametrize("out_of_range", [{"sharpness": 0}, {"persistence": -1}, {"persistence": math.inf}], ids=repr)
def test_arguments_out_of_range_are_refused(out_of_range):
    with pytest.raises(ConfigurationError, match=next(iter(out_of_range))):
        Adaptive(**out_of_range)


def test_a_context_that_says_nothing_costs_little():
    used = 0
    for seed in SEEDS:
        world, talk = World(Adaptive(), seed=seed, good=0.9, fair=0.75, poor=0.6), Random(f"talk {seed}")
        for call in range(800):
            context = {"lang": talk.choice("abcd"), "length": talk.random(), "tier": talk.choice("xyz")}
            tool, decision_id = world.selector.select_tool(list(world.success), context=context)
            world.clock.advance(1)
            world.selector.record_feedback(decision_id, world.luck.random() < world.success[tool], 100)
            used += call >= 400 and tool == "good"
    assert used > 0.85 * 400 * len(SEEDS)


def test_a_context_that_decides_is_followed():
    used = 0
    for seed in SEEDS:
        world, talk = World(Adaptive(), seed=seed, a=0.0, b=0.0, c=0.0), Random(f"talk {seed}")
        for call in range(600):
            right = talk.choice("abc")
            tool, decision_id = world.selector.select_tool(
                list("abc"), context={"topic": right, "noise": talk.random()}
            )
            world.clock.advance(1)
            world.selector.record_feedback(decision_id, world.luck.random() < (0.9 if tool == right else 0.3), 100)
            used += call >= 300 and tool == right
    assert used > 0.85 * 300 * len(SEEDS)


def test_an_outage_is_left_within_a_handful_of_calls_probed_ever_more_rarely_and_its_end_found_soon():
    met, early, late, found = [], [], [], []
    for seed in SEEDS:
        world = World(Adaptive(), seed=seed, good=0.95, fair=0.7, poor=0.5)
        assert world.play(500)[300:].count("good") > 180
        world.success["good"] = 0.02
        broken = world.play(1000)
        world.success["good"] = 0.95
        mended = world.play(600)
        met.append(broken[:30].count("good"))
        early.append(broken[30:130].count("good") / 100)
        late.append(broken[700:].count("good") / 300)
        found.append(mended[200:].count("good") / 400)
    assert max(met) <= 8
    assert min(late) > 0
    assert sum(early) > 2 * sum(late)
    assert min(found) > 0.9


def test_the_less_a_broken_tool_could_gain_the_more_rarely_it_is_probed_and_never_for_the_last_time():
    probes = []
    for others in (0.5, 0.85, 0.93):
        probes.append(0)
        for seed in SEEDS:
            world = World(Adaptive(), seed=seed, good=0.95, fair=others, poor=others - 0.1)
            world.play(800)
            world.success["good"] = 0.02
            world.play(100)
            probes[-1] += world.play(900).count("good")
    assert probes[0] > probes[1] > probes[2] > 0
    assert probes[0] > 1.7 * probes[2]


def test_a_broken_tool_that_could_gain_little_is_chosen_as_often_as_announced():
    policy, totals = Adaptive(context=False), {"a": known(400, 368), "b": known(400, 356)}
    memory = policy.new_memory(RewardWeights())
    for arm, sums in totals.items():
        memory.learn(arm, sums, [(None, True, 0.9, None)], 0.0)
    learnt = memory.dump()
    learnt["tracks"]["a"] |= {"doubt": 0.95, "_since_s": 900.0, "at_s": 1000.0}
    memory.load(learnt)
    for waited_s in (0, 100, 5000):
        question = Situation(
            "search", ("a", "b"), tuple(totals.values()), (0, 0), None, RewardWeights(), 1000.0 + waited_s, memory
        )
        announced, rng, draws = policy.propensities(question), Random(waited_s), 20_000
        assert announced == policy.choose_for_log(question, rng)[1]
        counts = [0, 0]
        for _ in range(draws):
            counts[policy.choose(question, rng).position] += 1
        assert not too_far_off(counts, [draws * share for share in announced])
        well = 1 - memory.tracks["a"].doubt_at(question.now_s)
        assert 0.02 < announced[0] < (0.9 if waited_s else 1.1) * well


def test_a_tool_that_was_long_the_best_and_slowly_gets_worse_is_left():
    used = 0
    for seed in SEEDS:
        world = World(Adaptive(), seed=seed, declining=0.9, steady=0.75)
        world.play(3000)
        for _ in range(30):
            world.success["declining"] -= 0.01
            world.play(60)
        used += world.play(300).count("declining")
    assert used < 0.25 * 300 * len(SEEDS)


def looking_on(policy: Adaptive, *, at_calls: set[int]) -> Iterator[Situation]:
    """Yield questions from a world where the context comes to be trusted and where a tool then fails."""
    world, talk = World(policy, seed=9, a=0.0, b=0.0, c=0.0), Random("talk")
    for call in range(max(at_calls) + 1):
        right = talk.choice("ab")
        tool, decision_id = world.selector.select_tool(list("abc"), {"topic": right, "length": talk.random()})
        if call in at_calls:
            yield world.selector.find_decision(decision_id).situation
        world.clock.advance(1)
        works = world.luck.random() < (0.9 if tool == right else 0.7 if tool == "c" else 0.3)
        world.selector.record_feedback(decision_id, works and not (call > 250 and tool == "a"), 100)


@pytest.mark.parametrize("way", ["choose", "choose for a log"])
def test_arms_are_chosen_as_often_as_announced_whatever_context_and_health_have_to_do_with_it(way):
    policy, draws, trusts, doubts = Adaptive(), 2000, [], []
    for question in looking_on(policy, at_calls={*range(50, 90, 5), *range(250, 262, 2)}):
        memory, rng, counts = question.memory, Random(20), [0] * len(question.arms)
        announced = policy.propensities(question)
        for _ in range(draws):
            choice = policy.choose(question, rng) if way == "choose" else policy.choose_for_log(question, rng)[0]
            counts[choice.position] += 1
        assert not too_far_off(counts, [draws * share for share in announced]), (counts, announced)
        trusts.append(memory.trust)
        doubts.append(memory.tracks["a"].doubt)
    assert any(0.1 < trust < 0.99 for trust in trusts)
    assert any(0.05 < doubt < 0.99 for doubt in doubts)


def unlucky_at_first(seed: int) -> World:
    """Return a world where each tool is the best for one topic, and `c` failed at first and was not asked since."""
    world = World(Adaptive(), seed=seed, a=0.0, b=0.0, c=0.0)
    for topic in "abcabcb":
        ask(world, topic, available="c", works=False)
    for topic in "abc" * 500:
        ask(world, topic, available="b" if topic == "b" else "a")
    return world


def ask(world: World, topic: str, *, available: str = "abc", works: bool | None = None) -> str:
    """Choose a tool for a topic and report the outcome; return the tool."""
    tool, decision_id = world.selector.select_tool(list("abc"), {"topic": topic}, available=available)
    world.clock.advance(1)
    lucky = world.luck.random() < (0.95 if tool == topic else 0.75)
    world.selector.record_feedback(decision_id, lucky if works is None else works, 100)
    return tool


def test_a_tool_that_was_unlucky_at_first_is_found_for_the_context_it_is_right_for():
    for seed in range(11, 17):  # in 3 of the first 300 worlds it is not found so soon
        world, talk = unlucky_at_first(seed), Random(f"talk {seed}")
        served = [(topic, ask(world, topic)) for topic in talk.choices("abc", k=4000)]
        asked = [tool for topic, tool in served[3000:] if topic == "c"]
        assert asked.count("c") > 0.8 * len(asked)


@pytest.mark.parametrize("way", ["choose", "choose for a log"])
def test_a_neglected_tool_gets_its_share_of_the_choices_for_a_context_until_enough_is_known(way):
    policy, draws, world = Adaptive(), 6000, unlucky_at_first(1)
    for failures in (0, 100):
        for topic in "abc" * (failures // 3 + 1):
            ask(world, topic, available="c", works=False)
        _, decision_id = world.selector.select_tool(list("abc"), {"topic": "a"})
        question = world.selector.find_decision(decision_id).situation
        announced, rng, counts = policy.propensities(question), Random(20), [0, 0, 0]
        for _ in range(draws):
            choice = policy.choose(question, rng) if way == "choose" else policy.choose_for_log(question, rng)[0]
            counts[choice.position] += 1
            assert choice.position != 2 or choice.note is None  # not for the context, which would have to answer for it
        assert not too_far_off(counts, [draws * share for share in announced])
        if failures:
            assert announced[2] < CURIOSITY / 4
        else:
            assert announced[2] == pytest.approx(CURIOSITY * question.memory.trust, rel=0.1)


def test_an_arm_is_neglected_as_soon_as_others_have_had_many_more_outcomes():
    memory, first = Adaptive().new_memory(RewardWeights()), situation(known(1, 1), known(1, 1), known(1, 1))

    def neglected(*calls: int) -> Sequence[int]:
        question = replace(first, statistics=tuple(known(number, number // 2) for number in calls))
        memory.lines(question)
        return memory.neglected(question)

    assert list(neglected(400, 190, 5)) == []
    assert list(neglected(3000, 190, 5)) == [2]
    assert list(neglected(20_000, 190, 99)) == [2]
    assert list(neglected(20_000, 190, 100)) == []


def test_a_choice_for_the_context_has_to_beat_the_best_of_the_arms_that_are_well():
    policy, weights, luck = Adaptive(), RewardWeights(), Random(4)
    memory = policy.new_memory(weights)
    totals, earned = {"a": known(0, 0), "b": known(0, 0)}, {"a": [], "b": []}

    def learn(arm: str, *, works: bool) -> None:
        totals[arm] = totals[arm].plus(statistics_of(works, 0.1, 5.0))
        earned[arm].append(reward(works, 0.1, weights))
        memory.learn(arm, totals[arm], [({"urgent": luck.random() < 0.5}, works, earned[arm][-1], None)], 0.0)

    def standard() -> float:
        question = Situation("search", ("a", "b"), tuple(totals.values()), (0, 0), None, weights, 0.0, memory)
        memory.lines(question)
        return memory.standard(question)

    for _ in range(300):
        learn("a", works=luck.random() < 0.95)
        learn("b", works=luck.random() < 0.6)
    assert standard() == pytest.approx(statistics.mean(earned["a"]), abs=0.01)
    for _ in range(10):
        learn("a", works=False)
    assert standard() == pytest.approx(statistics.mean(earned["b"]), abs=0.01)


def test_what_is_kept_at_hand_of_the_arms_is_never_out_of_date(clock):
    policy, arms, luck = Adaptive(), MemoryArms(), Random(3)
    ours, others = (ToolSelector(policy, state=arms, seed=seed, clock=clock) for seed in (1, 2))
    waiting: list[str] = []
    for number in range(400):
        clock.advance(luck.choice([0, 1, 30]))
        selector = others if luck.random() < 0.2 else ours  # what others do is heard of through the totals
        names = "abcd"[: 3 + (number > 200)]  # one comes later
        allowed = names if luck.random() < 0.5 else luck.sample(names, 2)
        _, decision_id = selector.select_tool(list(names), available=allowed)
        if selector is ours:
            seen = ours.find_decision(decision_id).situation
            anew = policy.new_memory(seen.weights)
            anew.load(seen.memory.dump())
            for later_s in (0, 0, 20, 5000):  # doubts fade, and not all at the same rate
                question = replace(seen, now_s=seen.now_s + later_s)
                assert policy.propensities(question) == policy.propensities(question.with_memory(anew))
        works = luck.random() < (0.05 if 100 < number < 160 else 0.9)  # an outage, so that there are doubts
        if luck.random() < 0.8:
            selector.record_feedback(decision_id, works, luck.choice([50, 900]))
        elif selector is ours:
            waiting.append(decision_id)
        if len(waiting) > 3:
            ours.record_feedback(waiting.pop(0), works, 100)


def without_a_leader(policy: Adaptive, seen: Situation) -> Iterator[Situation]:
    """Yield equal questions to a memory that has not looked for a leader: only if the very same is asked twice it does."""
    memory = policy.new_memory(seen.weights)
    memory.load(seen.memory.dump())
    while True:
        assert memory.sure_below == -1
        yield replace(seen, statistics=(*seen.statistics,), memory=memory)


def test_outcomes_of_an_arm_that_is_not_available_raise_the_bounds_of_a_known_leader_as_well():
    policy, totals = Adaptive(context=False), {"a": known(400, 360), "b": known(30, 24)}
    memory = policy.new_memory(RewardWeights())
    for arm, sums in {**totals, "c": known(3, 2)}.items():
        memory.learn(arm, sums, [(None, True, 0.9, None)], 0.0)
    question = Situation("search", ("a", "b"), tuple(totals.values()), (0, 0), None, RewardWeights(), 0.0, memory)
    for seed in range(3):
        policy.choose(question, Random(seed))
    assert memory.sure_below > 0
    before = policy.propensities(question)
    memory.learn("c", known(100_000, 90_000), [(None, True, 0.9, None)], 0.0)
    with_it = [policy.choose(question, Random(seed)) for seed in range(400)]
    others = without_a_leader(policy, question)
    assert with_it == [policy.choose(next(others), Random(seed)) for seed in range(400)]
    anew = policy.new_memory(RewardWeights())
    anew.load(memory.dump())
    assert policy.propensities(question) == policy.propensities(question.with_memory(anew)) != before


def test_of_two_doubts_the_greater_may_fade_below_the_other():
    policy, totals = Adaptive(context=False), {"a": known(400, 360), "b": known(400, 368), "c": known(400, 280)}
    memory, kept, anew = (policy.new_memory(RewardWeights()) for _ in range(3))
    for arm, sums in totals.items():
        memory.learn(arm, sums, [(None, True, 0.9, None)], 0.0)
    learnt = memory.dump()
    learnt["tracks"]["a"] |= {"doubt": 0.6, "_since_s": 990.0, "at_s": 1000.0}  # ill for ten seconds
    learnt["tracks"]["b"] |= {"doubt": 0.5, "_since_s": 0.0, "at_s": 1000.0}  # ill for long
    for each in (kept, anew):
        each.load(learnt)
    question = Situation("search", tuple(totals), tuple(totals.values()), (0, 0, 0), None, RewardWeights(), 1e3, kept)
    assert policy.propensities(question)[2] == pytest.approx(0.5, rel=0.02)  # about as likely as that both are ill
    later = replace(question, now_s=1e5)
    a, b = (kept.tracks[arm].doubt_at(1e5) for arm in "ab")
    assert a < b
    assert policy.propensities(later) == policy.propensities(later.with_memory(anew))
    assert policy.propensities(later)[2] == pytest.approx(a, rel=0.02)


def test_whether_a_leader_is_known_or_looked_for_the_same_arm_is_chosen(clock):
    policy, luck, known_leader = Adaptive(context=False), Random(4), 0
    selector = ToolSelector(policy, seed=1, clock=clock)
    rates = {"a": 0.95, "b": 0.9, "c": 0.5}
    waiting: list[tuple[str, bool]] = []
    for number in range(600):
        clock.advance(1)
        tool, decision_id = selector.select_tool(list(rates))
        seen = selector.find_decision(decision_id).situation
        with_it = [policy.choose(seen, Random(seed)) for seed in range(20)]
        known_leader += seen.memory.sure_below > 0
        others = without_a_leader(policy, seen)
        assert with_it == [policy.choose(next(others), Random(seed)) for seed in range(20)]
        waiting.append((decision_id, luck.random() < rates[tool]))
        if number % 7:  # every seventh answer comes after the next choice
            while waiting:
                selector.record_feedback(*waiting.pop(), 100)
    assert known_leader > 100


def test_outcomes_learnt_for_a_dump_count_from_then_on(clock):
    gained = 0
    for seed in range(20):
        selector, luck = ToolSelector(seed=seed, clock=clock), Random(seed)
        for number in range(330):
            clock.advance(1)
            right = luck.choice("ab")
            tool, decision_id = selector.select_tool(["a", "b"], {"topic": right})
            memory = selector.find_decision(decision_id).situation.memory
            tells = number > 300  # the context, which told nothing for long
            selector.record_feedback(decision_id, luck.random() < (0.95 if tells and tool == right else 0.1), 100)
        before, anew = memory.trust, Adaptive().new_memory(RewardWeights())
        anew.load(memory.dump())  # what still waits to be learnt is learnt for it
        assert memory.trust == anew.trust
        gained += memory.trust > before
    assert gained


def hear(memory, total, now_s):
    memory.learn("a", total, [(None, True, 1.0, None)], now_s)


def test_outcomes_that_a_store_has_lost_still_count_as_heard():
    memory, total = Adaptive().new_memory(RewardWeights()), known(400, 380)
    hear(memory, total, 1.0)
    lift = memory.lift
    hear(memory, known(1, 1), 2.0)
    assert memory.lift == lift
    hear(memory, known(33, 33), 3.0)
    assert memory.lift > lift
