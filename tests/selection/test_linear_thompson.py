"""Linear Thompson sampling: each arm as often as it is believed to be the best in this context."""

from salesboost_tools.selection.linear_thompson import LinearThompson
from tests.selection.policy_contract import LearningPolicyContract


class TestLinearThompson(LearningPolicyContract):
    policy = LinearThompson()
