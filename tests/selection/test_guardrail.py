"""A policy that does badly is stopped, its group goes back to the default tool, and everybody is told."""

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.guardrail import Guardrail
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import ScriptedTool

TOOLS = ["default", "other"]


def selector_with(clock, **rule):
    told = []
    guardrail = Guardrail(**{"least_success": 0.5, "window": 10, "hold_s": 60, "on_change": told.append, **rule})
    return ToolSelector(EpsilonGreedy(1.0), seed=1, clock=clock, guardrail=guardrail), told


def use(selector, *, success, times=1):
    chosen = []
    for _ in range(times):
        tool, decision_id = selector.select_tool(TOOLS)
        selector.record_feedback(decision_id, success, 100)
        chosen.append(tool)
    return chosen


def test_below_the_bound_the_default_tool_serves(clock):
    selector, told = selector_with(clock)
    assert set(use(selector, success=False, times=10)) == set(TOOLS)
    assert set(use(selector, success=False, times=30)) == {"default"}
    (event,) = told
    assert (event.group, event.engaged, event.success_rate, event.at_s) == ("(unnamed)", True, 0.0, clock())


def test_while_it_holds_no_policy_is_asked_and_nothing_is_evidence(clock):
    selector, _ = selector_with(clock)
    use(selector, success=False, times=10)
    _, decision_id = selector.select_tool(TOOLS)
    decision = selector.find_decision(decision_id)
    assert (decision.suggested, decision.propensity, decision.propensities) == (None, 1.0, None)


def test_after_its_time_the_policy_tries_again_with_a_clean_record(clock):
    selector, told = selector_with(clock)
    use(selector, success=False, times=10)
    clock.advance(60)
    assert set(use(selector, success=True, times=30)) == set(TOOLS)
    assert [event.engaged for event in told] == [True, False]
    use(selector, success=False, times=3)
    assert len(told) == 2


def test_who_is_told_may_ask_the_selector(clock):
    asked = []
    selector, _ = selector_with(clock, on_change=lambda event: asked.append(selector.get_statistics()))
    use(selector, success=False, times=10)
    assert len(asked) == 1


def test_a_few_outcomes_are_no_reason(clock):
    selector, told = selector_with(clock)
    use(selector, success=False, times=9)
    assert told == []


def test_above_the_bound_nothing_happens(clock):
    selector, told = selector_with(clock)
    for number in range(200):
        use(selector, success=number % 3 > 0)
    assert told == []


def test_old_successes_do_not_hide_a_fall(clock):
    selector, told = selector_with(clock)
    use(selector, success=True, times=1000)
    use(selector, success=False, times=10)
    assert [event.engaged for event in told] == [True]


def test_groups_are_held_back_apart(clock):
    selector, told = selector_with(clock)
    broken, sound = (ToolGroup(name, [ScriptedTool(name=tool) for tool in TOOLS], explore=True) for name in "xy")
    for _ in range(10):
        for group in (broken, sound):
            _, decision_id = selector.select_tool(group)
            selector.record_feedback(decision_id, group is sound, 100)
    chosen = {group.name: {selector.select_tool(group)[0].name for _ in range(30)} for group in (broken, sound)}
    assert chosen == {"x": {"default"}, "y": set(TOOLS)}
    assert {event.group for event in told} == {"x"}


@pytest.mark.parametrize(
    "wrong", [{"least_success": 0}, {"least_success": 1.1}, {"window": 1}, {"hold_s": 0}], ids=repr
)
def test_a_guardrail_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Guardrail(**{"least_success": 0.5, **wrong})
