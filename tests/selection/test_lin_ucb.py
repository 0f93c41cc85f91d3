"""LinUCB: the best that each arm could plausibly be in this context."""

from salesboost_tools.selection.lin_ucb import LinUCB
from tests.selection.policy_contract import LearningPolicyContract


class TestLinUCB(LearningPolicyContract):
    policy = LinUCB()
