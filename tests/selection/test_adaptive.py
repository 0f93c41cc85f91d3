"""The default policy: Thompson sampling that notices outages and looks at the context where that helps."""

from salesboost_tools.selection.adaptive import Adaptive
from tests.selection.policy_contract import LearningPolicyContract


class TestAdaptive(LearningPolicyContract):
    policy = Adaptive()
