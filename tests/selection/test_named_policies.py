"""Policies by name."""

from typing import get_args

import pytest

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.named_policies import PolicyName, policy_named


@pytest.mark.parametrize("name", get_args(PolicyName))
def test_a_policy_goes_by_its_name_with_underscores_or_hyphens(name):
    policy = policy_named(name)
    assert policy.name == name.replace("_", "-")
    assert policy_named(policy.name) == policy


def test_epsilon_is_epsilon_greedys():
    assert policy_named("epsilon_greedy", epsilon=0.3) == EpsilonGreedy(0.3)


def test_another_name_is_refused_with_those_there_are():
    with pytest.raises(ConfigurationError, match=r"no policy 'greedy'.*'adaptive'.*TOOL_BANDIT_POLICY"):
        policy_named("greedy")
