"""A policy of one's own takes a dozen lines."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesboost_tools.selection import policy
from salesboost_tools.selection.policy import draw
from salesboost_tools.selection.selector import ToolSelector
from tests.selection.policy_contract import too_far_off


def example():
    """Return the policy that the module's docstring shows, as it stands there."""
    code = policy.__doc__.split("```python\n")[1].split("```")[0]
    names = {"draw": draw}
    exec(code, names)
    return names["AtRandom"]()


def test_the_policy_in_the_docstring_can_be_used_as_it_stands():
    selector = ToolSelector(example(), seed=1)
    decisions = [selector.find_decision(selector.select_tool(["a", "b", "c"])[1]) for _ in range(600)]
    assert {(each.policy, each.propensity) for each in decisions} == {("at-random@1", 1 / 3)}
    assert not too_far_off([[each.chosen for each in decisions].count(arm) for arm in "abc"], [200] * 3)


@pytest.mark.parametrize("shares", [(0.2, 0.5, 0.3), (0, 1, 0), (0.5, 0, 0.5, 0), (3, 1)], ids=repr)
def test_arms_are_drawn_in_proportion(shares):
    rng = Random(4)
    counts = [0] * len(shares)
    for _ in range(5000):
        choice = draw(shares, rng)
        counts[choice.position] += 1
        assert choice.propensity == pytest.approx(shares[choice.position] / sum(shares))
    assert not any(count for count, share in zip(counts, shares, strict=True) if not share)
    assert not too_far_off(counts, [5000 * share / sum(shares) for share in shares])


class Highest(Random):
    """Always gives the highest number it can."""

    def random(self):
        return 1 - 2**-53


@pytest.mark.parametrize("highest", [Highest(), Random(1)], ids=["at the edge of rounding", "anywhere"])
@given(shares=st.lists(st.just(0.0) | st.floats(1e-9, 1), min_size=1, max_size=12).filter(any))
def test_an_impossible_arm_is_never_drawn(highest, shares):
    assert shares[draw(shares, highest).position] > 0
