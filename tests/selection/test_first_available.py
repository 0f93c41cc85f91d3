"""The baseline: whoever comes first."""

from random import Random

from salesboost_tools.selection.first_available import FirstAvailable
from tests.selection.policy_contract import known, situation


def test_the_first_arm_is_chosen_for_certain_whatever_is_known():
    asked = situation(known(100, 1), known(100, 99))
    assert FirstAvailable().choose(asked, Random(1)).position == 0
    assert FirstAvailable().propensities(asked) == (1.0, 0.0)
