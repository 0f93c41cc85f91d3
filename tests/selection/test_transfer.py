"""What was learnt can be taken along as JSON, and begun with elsewhere."""

import json
from random import Random

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.lin_ucb import LinUCB
from salesboost_tools.selection.selector import ToolSelector
from salesboost_tools.selection.shared_arms import SharedArms
from salesboost_tools.selection.split import Split
from salesboost_tools.selection.thompson import Thompson
from salesboost_tools.state.memory_ledger import MemoryLedger

TOOLS = ["a", "b", "c"]


def use(selector, clock, calls: int, *, seed: int = 1) -> list[str]:
    """Use tools of which the context decides, and return which."""
    luck, chosen = Random(f"luck {seed}"), []
    for _ in range(calls):
        clock.advance(1)
        kind = luck.choice("xyz")
        tool, decision_id = selector.select_tool(TOOLS, {"kind": kind})
        won = luck.random() < (0.9 if (tool, kind) in {("a", "x"), ("b", "y"), ("c", "z")} else 0.4)
        selector.record_feedback(decision_id, won, 100, quality=luck.random(), error=None if won else "no hits")
        chosen.append(tool)
    return chosen


def taken_along(selector):
    """What was learnt, as it comes back from a file."""
    return json.loads(json.dumps(selector.export_learnt(), allow_nan=False))


@pytest.mark.parametrize(
    "policy", [Adaptive(), Thompson(), LinUCB(), Split(Adaptive(), Thompson(), 0.3)], ids=lambda policy: policy.name
)
def test_who_begins_with_it_chooses_and_knows_as_if_it_had_been_there(clock, policy):
    one = ToolSelector(policy, seed=1, clock=clock)
    use(one, clock, 400)
    two = ToolSelector(policy, seed=2, clock=clock)
    two.import_learnt(taken_along(one))
    assert two.get_statistics() == one.get_statistics()
    one._rng.seed("the same chance")
    two._rng.seed("the same chance")
    now_s = clock()
    chosen = use(one, clock, 100, seed=2)
    clock.advance(now_s - clock())
    assert use(two, clock, 100, seed=2) == chosen


def test_another_policy_begins_with_the_sums_alone(clock):
    one = ToolSelector(seed=1, clock=clock)
    use(one, clock, 100)
    two = ToolSelector(Thompson(), clock=clock)
    two.import_learnt(taken_along(one))
    assert taken_along(two)["groups"] == taken_along(one)["groups"]
    assert taken_along(two)["learnt"] == {}


def test_other_weights_begin_with_the_sums_alone(clock):
    one = ToolSelector(seed=1, clock=clock)
    use(one, clock, 100)
    two = ToolSelector(seed=1, clock=clock, weights=RewardWeights(latency=0))
    two.import_learnt(taken_along(one))
    assert taken_along(two)["groups"] == taken_along(one)["groups"]


def test_nothing_is_imported_twice(clock):
    one, two = ToolSelector(seed=1, clock=clock), ToolSelector(seed=1, clock=clock)
    use(one, clock, 20)
    exported = taken_along(one)
    two.import_learnt(exported)
    with pytest.raises(ConfigurationError, match=r"would count twice: \['\(unnamed\)/a'.*empty store"):
        two.import_learnt(exported)
    assert two.get_statistics() == one.get_statistics()


def test_what_is_imported_by_one_worker_is_known_to_all_once(clock):
    origin = ToolSelector(seed=1, clock=clock)
    use(origin, clock, 50)
    ledger = MemoryLedger(clock)
    stores = [SharedArms(ledger, in_background=False, clock=clock) for _ in range(2)]
    one, two = (ToolSelector(state=store, clock=clock) for store in stores)
    one.import_learnt(taken_along(origin))
    for store in stores * 2:
        store.merge()
    assert taken_along(one)["groups"] == taken_along(two)["groups"] == taken_along(origin)["groups"]
    with pytest.raises(ConfigurationError, match="would count twice"):
        two.import_learnt(taken_along(origin))


def _spoilt(exported, change):
    change(exported)
    return exported


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda exported: exported.update(version=99), "version 99 cannot be read; this is version 1"),
        (lambda exported: exported.clear(), "version None cannot be read"),
        (lambda exported: exported.update(groups=[]), "`groups` is no JSON object"),
        (lambda exported: exported["groups"].update(search=3), "the group `search` is no JSON object: 3"),
        (lambda exported: exported["groups"].update(search={"a": 3}), "`a` of `search` is no JSON object: 3"),
        (lambda exported: exported["groups"]["(unnamed)"]["a"].update(pulls=-1), r"finite numbers.*\['pulls'\]"),
        (lambda exported: exported["groups"]["(unnamed)"]["a"].update(cost="3"), r"finite numbers.*\['cost'\]"),
        (lambda exported: exported["groups"]["(unnamed)"]["a"].update(cost=float("inf")), r"\['cost'\]"),
        (lambda exported: exported["groups"]["(unnamed)"]["a"].pop("rated"), r"finite numbers.*\['rated'\]"),
        (lambda exported: exported.pop("learnt"), "a JSON object by group; got None"),
        (lambda exported: exported["learnt"]["(unnamed)"].update(kind="another/1"), "reads dumps of"),
        (lambda exported: exported["learnt"]["(unnamed)"].pop("tracks"), "no readable dump"),
    ],
    ids=[
        "version",
        "nothing",
        "groups",
        "group",
        "tool",
        "negative",
        "a word",
        "infinite",
        "missing",
        "no memory",
        "another memory",
        "half a memory",
    ],
)
def test_what_is_no_export_is_refused_and_nothing_of_it_imported(clock, change, complaint):
    one, two = ToolSelector(seed=1, clock=clock), ToolSelector(seed=1, clock=clock)
    use(one, clock, 60)
    with pytest.raises(ConfigurationError, match=complaint):
        two.import_learnt(_spoilt(taken_along(one), change))
    assert taken_along(two) == taken_along(ToolSelector(clock=clock))
    two.import_learnt(taken_along(one))
    assert two.get_statistics() == one.get_statistics()


def test_what_is_no_object_is_refused(clock):
    with pytest.raises(ConfigurationError, match=r"no JSON object: \[\]"):
        ToolSelector(clock=clock).import_learnt([])
