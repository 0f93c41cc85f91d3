"""The selector is what the settings say, and learns together with every worker of the same state."""

import pytest
from prometheus_client import CollectorRegistry

from salesboost_tools.choosing import policy_of, selector_of
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.observe.metrics import metrics_in
from salesboost_tools.observe.status import StatusFeed
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.bounded import Bounded
from salesboost_tools.selection.decision_log import read_log
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.first_available import FirstAvailable
from salesboost_tools.selection.split import Split
from salesboost_tools.selection.thompson import Thompson
from salesboost_tools.settings import Settings
from salesboost_tools.state import MemoryState

TOOLS = ["a", "b"]


def use(selector, times=1, *, success=True, **outcome):
    chosen = []
    for _ in range(times):
        tool, decision_id = selector.select_tool(TOOLS)
        selector.record_feedback(decision_id, success, 100, **outcome)
        chosen.append(tool)
    return chosen


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ({}, Adaptive()),
        ({"bandit_policy": "thompson"}, Thompson()),
        ({"bandit_policy": "epsilon_greedy", "bandit_epsilon": 0.3}, EpsilonGreedy(0.3)),
        (
            {"bandit_policy": "first", "bandit_ab_policy": "adaptive", "bandit_ab_share": 0.2},
            Split(FirstAvailable(), Adaptive(), 0.2),
        ),
        (
            {"bandit_max_exploration": 0.1, "bandit_least": {"a": 0.05}, "bandit_most": {"b": 0.5}},
            Bounded(Adaptive(), least={"a": 0.05}, most={"b": 0.5}, most_exploration=0.1),
        ),
    ],
)
def test_the_policy_is_made_of_the_settings(given, policy):
    assert policy_of(Settings(**given)) == policy


def test_bounds_that_contradict_each_other_are_refused_with_their_settings():
    with pytest.raises(ConfigurationError, match=r"TOOL_BANDIT_LEAST.*above the ceiling of \['a'\]"):
        policy_of(Settings(bandit_least={"a": 0.5}, bandit_most={"a": 0.1}))


def test_switched_off_the_first_tool_serves_and_it_is_logged_what_the_policy_would_have_chosen(tmp_path):
    path = tmp_path / "log.jsonl"
    selector = selector_of(Settings(bandit_policy="epsilon_greedy", bandit_epsilon=1.0, bandit_log=path))
    assert set(use(selector, 40)) == {"a"}
    selector.close()
    logged = list(read_log(path))
    assert {each.chosen for each in logged} == {"a"}
    assert {each.suggested for each in logged} == {"a", "b"}


def test_switched_on_the_policy_chooses():
    settings = Settings(bandit_enabled=True, bandit_policy="epsilon_greedy", bandit_epsilon=1.0)
    assert set(use(selector_of(settings), 40)) == {"a", "b"}


def test_quality_counts_as_much_as_the_setting_says():
    settings = Settings(bandit_enabled=True, bandit_quality=2.0)
    selector = selector_of(settings)
    (tool,) = use(selector, quality=0.5)
    assert selector.get_statistics()["(unnamed)"][tool].mean_reward == pytest.approx(1 + 2.0 * 0.5 - 0.5 * 0.1 / 5)


def test_selectors_over_one_state_know_the_same_sums():
    state, settings = MemoryState(), Settings(bandit_enabled=True)
    first, second = selector_of(settings, state=state), selector_of(settings, state=state)
    use(first, 7)
    use(second, 5)
    for selector in (first, second, first):
        selector._store.merge()
    known = [selector._store.read("(unnamed)", TOOLS) for selector in (first, second)]
    assert known[0] == known[1]
    assert sum(each.pulls for each in known[0]) == 12


def test_the_guardrail_is_told_to_metrics_and_to_the_feed():
    registry, feed = CollectorRegistry(), StatusFeed()
    settings = Settings(
        bandit_enabled=True, bandit_guardrail=0.5, bandit_guardrail_window=5, bandit_guardrail_hold=3600
    )
    selector = selector_of(settings, metrics=metrics_in(registry), feed=feed)
    use(selector, 5, success=False)
    assert use(selector, 3) == ["a"] * 3
    (event,) = feed.recent()
    assert (event.kind, event.tool, event.details) == ("guardrail_engaged", "(unnamed)", {"success_rate": 0.0})
    name = "salesboost_tool_guardrail"
    assert registry.get_sample_value(f"{name}_changes_total", {"group": "(unnamed)", "state": "engaged"}) == 1
    assert registry.get_sample_value(f"{name}s_engaged", {"group": "(unnamed)"}) == 1


def test_that_the_guardrail_lets_go_is_told_too():
    registry, feed = CollectorRegistry(), StatusFeed()
    settings = Settings(
        bandit_enabled=True, bandit_guardrail=0.5, bandit_guardrail_window=5, bandit_guardrail_hold=1e-9
    )
    selector = selector_of(settings, metrics=metrics_in(registry), feed=feed)
    use(selector, 5, success=False)
    use(selector)
    assert [event.kind for event in feed.recent()] == ["guardrail_engaged", "guardrail_released"]
    name = "salesboost_tool_guardrail"
    assert registry.get_sample_value(f"{name}_changes_total", {"group": "(unnamed)", "state": "released"}) == 1
    assert registry.get_sample_value(f"{name}s_engaged", {"group": "(unnamed)"}) == 0


def test_choices_and_rewards_are_counted():
    registry = CollectorRegistry()
    selector = selector_of(Settings(bandit_enabled=True), metrics=metrics_in(registry))
    chosen = use(selector, 6)
    for tool in TOOLS:
        labels = {"group": "(unnamed)", "tool": tool}
        counted = registry.get_sample_value("salesboost_tool_selections_total", {**labels, "by": "policy"})
        assert (counted or 0) == chosen.count(tool)
        assert (registry.get_sample_value("salesboost_tool_selection_rewards_count", labels) or 0) == chosen.count(tool)


def test_a_log_that_cannot_be_written_is_refused_with_its_setting(tmp_path):
    with pytest.raises(ConfigurationError, match=r"TOOL_BANDIT_LOG: the decision log .* cannot be written"):
        selector_of(Settings(bandit_log=tmp_path / "none" / "log.jsonl"))
