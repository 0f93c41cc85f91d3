"""The belief that an arm is out of order: what outcomes make of it, how it fades, and how far that is acted upon."""

import pytest

from salesboost_tools.selection.health import HAZARD, faded, hope, judged


def test_failures_of_an_arm_that_works_are_soon_believed_and_successes_take_that_back():
    doubt, beliefs = HAZARD, []
    for _ in range(4):
        doubt = judged(doubt, 0.95, 0.2, 0, 1)
        beliefs.append(doubt)
    assert beliefs[0] < 0.02  # one failure says little
    assert beliefs[-1] > 0.95
    assert judged(doubt, 0.95, 0.2, 4, 0) < 0.5 < judged(doubt, 0.95, 0.2, 1, 0)


def test_several_outcomes_say_what_they_say_one_after_another():
    at_once = judged(0.3, 0.9, 0.2, 3, 2)
    doubt = 0.3
    for successes in (1, 0, 1, 1, 0):
        doubt = judged(doubt, 0.9, 0.2, successes, 1 - successes)
    assert at_once == pytest.approx(doubt)


@pytest.mark.parametrize(("healthy", "ill"), [(1.0, 0.0), (0.0, 0.0)])
def test_what_neither_belief_can_explain_changes_nothing(healthy, ill):
    assert judged(0.3, healthy, ill, 1, 1) == 0.3


def test_a_doubt_fades_the_more_slowly_the_older_the_illness_is():
    assert faded(0.9, 50, 0) == 0.9
    assert 0.9 > faded(0.9, 1000, 60) > faded(0.9, 10, 60) > faded(0.9, 10, 3600) > 0
    assert faded(0.9, 10, 100) == pytest.approx(faded(faded(0.9, 10, 40), 50, 60))  # whoever looks in between


def test_what_has_faded_is_acted_upon_as_far_as_a_probe_pays():
    assert hope(0.2, 0.8) == hope(0.5, 0.8) == 1
    assert hope(0.05, 0.8) == pytest.approx(0.25)
    assert hope(0.05, 0.4) == pytest.approx(0.5)
    assert hope(-0.3, 0.8) == hope(0.0, 0.8) > 0  # never quite nothing
    assert hope(0.05, 0.0) == hope(-0.1, -0.2) == 1  # a probe costs nothing: the others are no better than an ill arm
