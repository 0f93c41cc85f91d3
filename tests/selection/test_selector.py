"""The selector chooses, and counts what comes of it exactly once."""

import asyncio
import math
import threading
import tracemalloc
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError, RateLimitError, ToolCallError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.selection.arms import MemoryArms
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.guardrail import Guardrail
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import ScriptedTool

NAMES = ["a", "b", "c"]


def tool(name: str, effect: Effect = Effect.READ) -> ScriptedTool:
    return ScriptedTool(name=name, spec=ToolSpec(effect=effect))


@pytest.fixture
def group():
    return ToolGroup("search", [tool("lexical"), tool("semantic"), tool("hybrid")])


@pytest.fixture
def selector(clock):
    return ToolSelector(seed=1, clock=clock)


def pulls(selector, group="(unnamed)") -> dict[str, float]:
    return {arm: figures.pulls for arm, figures in selector.get_statistics().get(group, {}).items() if figures.pulls}


def use(selector, tools, *, success=True, latency_ms=100, **more):
    chosen, decision_id = selector.select_tool(tools)
    assert selector.record_feedback(decision_id, success, latency_ms, **more)
    return chosen


def test_a_simulation_seeded_alike_is_no_oracle(clock):
    class Listening(EpsilonGreedy):
        def choose(self, situation, rng):
            heard.append(rng.random())
            return super().choose(situation, rng)

    heard: list[float] = []
    selector = ToolSelector(Listening(), seed=7, clock=clock)
    for _ in range(10):
        use(selector, NAMES)
    luck = Random(7)
    assert not {luck.random() for _ in range(1000)} & set(heard)


# What may be chosen from


def test_of_a_group_a_variant_is_chosen(selector, group):
    chosen, _ = selector.select_tool(group)
    assert chosen in group.variants


def test_a_group_is_known_by_its_name_once_it_was_used(selector, group):
    use(selector, group)
    chosen, _ = selector.select_tool("search")
    assert chosen in group.variants
    assert selector.get_best_tool("search") in group.variants


def test_an_unknown_group_is_refused_with_the_known_ones(selector, group):
    selector.select_tool(group)
    with pytest.raises(ConfigurationError, match=r"no group 'serach'.*known: \['search'\]"):
        selector.select_tool("serach")


@pytest.mark.parametrize("form", [list, tuple])
def test_of_a_sequence_its_own_element_is_returned(selector, form):
    tools = form([tool("a"), tool("b")])
    chosen, _ = selector.select_tool(tools)
    assert any(chosen is each for each in tools)
    assert selector.select_tool(form(NAMES))[0] in NAMES


@pytest.mark.parametrize("sequence", [[], ["a", "b", "a"], [tool("a"), "a"]], ids=repr)
def test_a_sequence_holds_at_least_one_tool_and_each_once(selector, sequence):
    with pytest.raises(ConfigurationError, match="at least one tool and each once"):
        selector.select_tool(sequence)


def test_groups_learn_apart(selector, group):
    use(selector, group)
    use(selector, ToolGroup("other", [tool("lexical")]))
    assert pulls(selector, "other") == {"lexical": 1}
    assert sum(pulls(selector, "search").values()) == 1


def test_many_different_sequences_keep_no_memory_of_themselves(selector):
    for number in range(3000):
        selector.select_tool([f"tool_{number}", "b"])
    assert len(selector._candidates._sequences) <= 1024


# Masks


def test_a_masked_tool_is_never_chosen_and_the_decision_says_so(selector, group):
    for _ in range(50):
        chosen, decision_id = selector.select_tool(group, available=["semantic", group.variants[2]])
        assert chosen.name != "lexical"
        decision = selector.find_decision(decision_id)
        assert decision.arms == ("semantic", "hybrid")
        assert decision.masked == ("lexical",)


def test_propensities_are_over_what_is_available(clock):
    selector = ToolSelector(EpsilonGreedy(1.0), seed=3, clock=clock)
    _, decision_id = selector.select_tool(["a", "b", "c", "d"], available=["b", "d", "a stranger"])
    assert selector.find_decision(decision_id).propensity == 0.5


def test_without_any_available_tool_the_model_gets_a_next_step(selector, group):
    with pytest.raises(ToolCallError, match=r"`search`.*\['lexical', 'semantic', 'hybrid'\].*\['x'\]") as failure:
        selector.select_tool(group, available=["x"])
    assert "Continue without it" in failure.value.for_model
    assert failure.value.retryable


# Feedback


def test_feedback_counts_once(selector):
    _, decision_id = selector.select_tool(NAMES)
    assert selector.record_feedback(decision_id, True, 100) is True
    assert selector.record_feedback(decision_id, True, 100) is False
    assert sum(pulls(selector).values()) == 1


def test_feedback_for_an_unknown_decision_is_ignored(selector):
    assert selector.record_feedback("never made", True, 100) is False
    assert pulls(selector) == {}


def test_feedback_may_come_late_but_not_later_than_the_age_bound(clock):
    selector = ToolSelector(seed=1, clock=clock, max_age_s=3600)
    _, in_time = selector.select_tool(NAMES)
    _, too_late = selector.select_tool(NAMES)
    clock.advance(3600)
    assert selector.record_feedback(in_time, True, 100) is True
    clock.advance(1)
    assert selector.record_feedback(too_late, True, 100) is False


def test_feedback_goes_to_the_tool_that_was_chosen_then(selector):
    first, first_id = selector.select_tool(NAMES)
    for _ in range(20):
        use(selector, NAMES)
    before = pulls(selector)
    selector.record_feedback(first_id, False, 100)
    assert pulls(selector) == {**before, first: before.get(first, 0) + 1}


def test_nothing_is_kept_of_answered_decisions_however_many(clock):
    tracemalloc.start()  # before anything is made, or what is put in its place would seem to be more
    selector, luck = ToolSelector(seed=1, clock=clock), Random(1)

    def decide_and_answer(count: int) -> None:
        for _ in range(count):
            clock.advance(1)
            chosen, decision_id = selector.select_tool(NAMES, {"topic": luck.choice("xyz"), "length": luck.random()})
            selector.record_feedback(decision_id, luck.random() < (0.9 if chosen == "a" else 0.6), 100)
        selector.export_learnt()  # until then a few outcomes wait to be learnt together

    decide_and_answer(7000)  # until the interpreter's lists of spare objects are full
    before, _ = tracemalloc.get_traced_memory()
    decide_and_answer(20_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 10_000  # bytes in all: less than one for each


def test_what_is_not_the_tools_doing_ends_the_decision_and_teaches_nothing(selector):
    _, decision_id = selector.select_tool(NAMES)
    assert selector.record_feedback(decision_id, False, 1, error=RateLimitError("empty", retry_after=3)) is False
    assert selector.record_feedback(decision_id, True, 1) is False
    assert pulls(selector) == {}


@pytest.mark.parametrize(
    "numbers",
    [
        {"latency_ms": -1},
        {"latency_ms": math.nan},
        {"latency_ms": math.inf},
        {"quality": 1.1},
        {"quality": math.nan},
        {"cost": -0.01},
        {"cost": math.inf},
    ],
    ids=repr,
)
def test_a_number_out_of_range_is_refused_and_the_decision_still_waits(selector, numbers):
    _, decision_id = selector.select_tool(NAMES)
    with pytest.raises(ConfigurationError, match=next(iter(numbers))):
        selector.record_feedback(decision_id, True, **{"latency_ms": 5, **numbers})
    assert selector.record_feedback(decision_id, True, 5) is True


def test_a_context_changed_afterwards_does_not_change_the_decision(selector):
    context = {"lang": "en"}
    _, decision_id = selector.select_tool(NAMES, context)
    context["lang"] = "de"
    assert selector.find_decision(decision_id).context == {"lang": "en"}


def test_a_decision_can_be_explained_afterwards(clock):
    selector = ToolSelector(EpsilonGreedy(), seed=1, clock=clock)
    chosen, decision_id = selector.select_tool(NAMES, {"lang": "en"})
    decision = selector.find_decision(decision_id)
    assert decision.decision_id == decision_id
    assert decision.group == "(unnamed)"
    assert decision.chosen == decision.suggested == chosen
    assert decision.at_s == clock()
    assert decision.policy == "epsilon-greedy@1;epsilon=0.1"
    assert decision.situation.weights.version.startswith("1;")
    assert EpsilonGreedy().propensities(decision.situation)[NAMES.index(chosen)] == decision.propensity


# Statistics


def test_the_best_tool_is_the_one_with_the_best_mean_reward(selector):
    for _ in range(30):
        chosen, decision_id = selector.select_tool(NAMES)
        selector.record_feedback(decision_id, chosen == "b", 100)
    assert selector.get_best_tool(NAMES) == "b"


def test_without_any_outcome_there_is_no_best_tool(selector, group):
    assert selector.get_best_tool(NAMES) is None
    assert selector.get_best_tool(group) is None


def test_of_equally_good_tools_the_first_is_the_best(selector):
    for name in ("c", "b"):
        use(selector, [name])
    assert selector.get_best_tool(NAMES) == "b"


def test_statistics_are_in_the_units_they_name(selector, clock):
    use(selector, ["a"], latency_ms=1000, quality=0.5, cost=2)
    clock.advance(5)
    use(selector, ["a"], success=False, latency_ms=9000, cost=4, error=TimeoutError("the hub"))
    selector.select_tool(["a"])
    figures = selector.get_statistics()["(unnamed)"]["a"]
    assert figures.pulls == 2
    assert figures.pending == 1
    assert figures.success_rate == 0.5
    assert figures.mean_latency_ms == pytest.approx(5000)
    assert figures.mean_reward == pytest.approx((1 - 0.1 + 0 - 0.5) / 2)
    assert figures.mean_quality == 0.5
    assert figures.mean_cost == 3
    assert figures.last_used_s == clock()
    assert figures.last_error == "TimeoutError"


def test_an_untried_variant_is_listed_without_means(selector, group):
    used = use(selector, group)
    listed = selector.get_statistics()["search"]
    assert list(listed) == ["lexical", "semantic", "hybrid"]
    assert all((figures.success_rate is None) == (arm != used.name) for arm, figures in listed.items())


def test_state_can_be_shared_by_selectors_that_shape_differently(clock):
    state = MemoryArms()
    use(ToolSelector(state=state, clock=clock), ["a"], latency_ms=5000)
    plain = ToolSelector(state=state, clock=clock, weights=RewardWeights(latency=0))
    assert plain.get_statistics()["(unnamed)"]["a"].mean_reward == 1


# Who chooses


def test_in_shadow_mode_the_first_available_tool_serves_and_the_policys_choice_is_kept(clock, group, caplog):
    caplog.set_level("INFO", "salesboost_tools")
    selector = ToolSelector(EpsilonGreedy(1.0), seed=1, clock=clock, mode="shadow")
    suggested = Counter()
    for _ in range(60):
        chosen, decision_id = selector.select_tool(group, available=["semantic", "hybrid"])
        decision = selector.find_decision(decision_id)
        assert chosen.name == decision.chosen == "semantic"
        assert decision.propensity == 1.0
        suggested[decision.suggested] += 1
    assert set(suggested) == {"semantic", "hybrid"}
    assert "would choose `hybrid`" in caplog.text


class Unasked:
    """A policy that fails if anybody asks it."""

    name = "unasked"
    version = "1"

    def choose(self, situation, rng):
        raise AssertionError

    propensities = choose


def test_when_off_the_policy_is_not_asked_but_feedback_counts(clock, group):
    selector = ToolSelector(Unasked(), clock=clock, mode="off")
    assert use(selector, group) is group.variants[0]
    chosen, decision_id = selector.select_tool(group, available=["hybrid"])
    assert chosen.name == "hybrid"
    assert selector.find_decision(decision_id).suggested is None
    assert pulls(selector, "search") == {"lexical": 1}


def test_a_group_that_may_write_is_not_explored(selector):
    group = ToolGroup("send", [tool("one", Effect.WRITE), tool("other", Effect.WRITE)])
    for _ in range(60):
        chosen, decision_id = selector.select_tool(group)
        assert chosen.name == "one"
        assert selector.find_decision(decision_id).propensity == 1.0
        selector.record_feedback(decision_id, False, 100)


def test_a_bare_sequence_with_a_write_is_not_explored(selector):
    tools = [tool("one", Effect.WRITE), tool("other")]
    assert {selector.select_tool(tools)[0].name for _ in range(60)} == {"one"}


def test_a_group_that_may_write_is_explored_if_it_says_so(selector):
    group = ToolGroup("send", [tool("one", Effect.WRITE), tool("other", Effect.WRITE)], explore=True)
    assert {use(selector, group).name for _ in range(60)} == {"one", "other"}


def test_an_unknown_mode_is_refused():
    with pytest.raises(ConfigurationError, match=r"\['active', 'shadow', 'off'\]; got 'on'"):
        ToolSelector(mode="on")


# Laws


def story(selector, steps) -> list[str]:
    chosen = []
    waiting = []
    for answer, success in steps:
        name, decision_id = selector.select_tool(NAMES)
        chosen.append(name)
        waiting.append(decision_id)
        if answer:
            selector.record_feedback(waiting.pop(), success, 100)
    return chosen


@given(steps=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60), seed=st.integers(0, 99))
@settings(deadline=None)
def test_a_seed_makes_it_repeatable(steps, seed):
    first, second = (story(ToolSelector(seed=seed, clock=lambda: 0.0), steps) for _ in range(2))
    assert first == second


@given(reports=st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 9000)), max_size=60))
@settings(deadline=None)
def test_whatever_is_reported_how_often_the_first_report_of_each_decision_counts(reports):
    selector = ToolSelector(seed=1, clock=lambda: 0.0)
    decisions = [selector.select_tool(NAMES) for _ in range(10)]
    first: dict[int, tuple[bool, int]] = {}
    for number, success, latency_ms in reports:
        counted = selector.record_feedback(decisions[number][1], success, latency_ms)
        assert counted is (number not in first)
        first.setdefault(number, (success, latency_ms))
    for name, figures in selector.get_statistics().get("(unnamed)", {}).items():
        mine = [outcome for number, outcome in first.items() if decisions[number][0] == name]
        assert figures.pulls == len(mine)
        assert figures.success_rate == pytest.approx(sum(success for success, _ in mine) / len(mine))
        assert figures.mean_latency_ms == pytest.approx(sum(latency_ms for _, latency_ms in mine) / len(mine))


def test_threads_lose_nothing_and_count_nothing_twice():
    selector = ToolSelector(seed=1)
    counted = Counter()
    made: list[tuple[str, str]] = [selector.select_tool(NAMES) for _ in range(400)]

    def work(number: int) -> None:
        mine = Counter()
        for name, decision_id in made:  # all threads report the same decisions ...
            mine[name] += selector.record_feedback(decision_id, True, 100)
        for _ in range(400):  # ... and decide for themselves
            name, decision_id = selector.select_tool(NAMES, available=NAMES[number % 3 :] or None)
            mine[name] += selector.record_feedback(decision_id, True, 100)
        with gate:
            counted.update(mine)

    gate = threading.Lock()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counted.values()) == 400 + 4 * 400
    assert pulls(selector) == {name: count for name, count in counted.items() if count}
    assert all(figures.pending == 0 for figures in selector.get_statistics()["(unnamed)"].values())


# Async


async def test_the_async_twins_share_the_state(selector, group):
    chosen, decision_id = await selector.aselect_tool(group, {"lang": "en"}, available=["hybrid"])
    assert selector.find_decision(decision_id).context == {"lang": "en"}
    assert await selector.arecord_feedback(decision_id, True, 100, quality=0.7, cost=0.1) is True
    assert selector.record_feedback(decision_id, True, 100) is False
    assert await selector.aget_best_tool(group) is chosen is selector.get_best_tool(group)
    assert await selector.aget_statistics() == selector.get_statistics()
    assert selector.get_statistics()["search"]["hybrid"].mean_quality == 0.7


async def test_tasks_and_threads_work_on_one_state(selector):
    async def task() -> None:
        for _ in range(50):
            _, decision_id = await selector.aselect_tool(NAMES)
            await asyncio.sleep(0)
            await selector.arecord_feedback(decision_id, True, 100)

    await asyncio.gather(
        *[task() for _ in range(4)], asyncio.to_thread(lambda: [use(selector, NAMES) for _ in range(200)])
    )
    assert sum(pulls(selector).values()) == 400


# ---------------------------------------------------------------- what people are told


def standings(selector, group="(unnamed)"):
    return selector.get_statistics()[group]


def test_of_every_tool_it_is_told_how_well_it_is_known_how_often_it_served_and_why(clock):
    selector = ToolSelector(EpsilonGreedy(0.3), seed=1, clock=clock)
    for tool, successes, failures in (("a", 27, 3), ("b", 4, 6)):
        for success in [True] * successes + [False] * failures:
            use(selector, [tool], success=success)
    first, second = (standings(selector)[name] for name in ("a", "b"))
    assert (first.share, second.share) == (0.75, 0.25)
    assert first.reward_low < first.mean_reward < first.reward_high < 1
    assert second.reward_high - second.reward_low > first.reward_high - first.reward_low
    assert first.chance + second.chance == pytest.approx(1)
    assert first.why == "the best so far; chosen 85.0% of the time"
    assert second.why == "earns 0.50 less than a; chosen 15.0% of the time"


def test_of_tools_that_earn_alike_none_is_said_to_earn_less(clock):
    selector = ToolSelector(EpsilonGreedy(0.3), seed=1, clock=clock)
    for tool in ("a", "b"):
        for success in [True] * 9 + [False]:
            use(selector, [tool], success=success)
    assert sorted(standings(selector)[name].why.split(";")[0] for name in "ab") == [
        "earns as much as a",
        "the best so far",
    ]


def test_in_shadow_mode_it_is_told_what_the_policy_would_do(group, clock):
    selector = ToolSelector(EpsilonGreedy(0.3), seed=1, clock=clock, mode="shadow")
    use(selector, group)
    why = {name: found.why for name, found in standings(selector, "search").items()}
    assert why["lexical"] == "the best so far; the policy would choose it 10.0% of the time"
    assert why["hybrid"].startswith("never tried; the policy would choose it ")


def test_what_may_be_chance_a_failure_and_a_guardrail_are_told(clock):
    selector = ToolSelector(EpsilonGreedy(0.0), clock=clock, guardrail=Guardrail(0.9, window=2))
    use(selector, ["a"])
    use(selector, ["b"])
    use(selector, ["b"], success=False, error=OSError("down"))
    why = standings(selector)["b"].why
    assert why.startswith("earns 0.50 less than a, which may be chance; the policy would choose it hardly ever; ")
    assert why.endswith("the guardrail holds the policy back; latest failure: OSError")


def test_where_the_policy_is_switched_off_it_is_not_asked(clock):
    selector = ToolSelector(clock=clock, mode="off")
    use(selector, NAMES)
    assert (standings(selector)["a"].chance, standings(selector)["a"].why) == (None, "the best so far")


def test_a_tool_that_is_out_of_order_is_told_to_be(clock):
    selector = ToolSelector(seed=1, clock=clock)
    for success in [True] * 60 + [False] * 8:
        use(selector, ["a"], success=success)
        use(selector, ["b"])
        clock.advance(1)
    assert standings(selector)["a"].why.startswith("out of order with probability ")
