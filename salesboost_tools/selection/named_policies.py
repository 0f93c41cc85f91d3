"""The policies by the names that settings and the command line know them by."""

from typing import Literal, get_args

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.selection.adaptive import Adaptive
from salesboost_tools.selection.epsilon_greedy import EpsilonGreedy
from salesboost_tools.selection.first_available import FirstAvailable
from salesboost_tools.selection.policy import Policy
from salesboost_tools.selection.thompson import Thompson
from salesboost_tools.selection.ucb1 import UCB1

PolicyName = Literal["adaptive", "epsilon_greedy", "ucb1", "thompson", "lin_ucb", "linear_thompson", "first"]


def policy_named(name: str, *, epsilon: float = 0.1) -> Policy:
    """Return the policy of that name, with its usual arguments.

    Args:
        name: One of `PolicyName`; hyphens will do for underscores.
        epsilon: Share of choices that `epsilon_greedy` makes at random; the others explore as they see fit.

    Raises:
        ConfigurationError: There is no policy of that name.
    """
    match name.replace("-", "_"):
        case "adaptive":
            return Adaptive()
        case "epsilon_greedy":
            return EpsilonGreedy(epsilon)
        case "ucb1":
            return UCB1()
        case "thompson":
            return Thompson()
        case "lin_ucb":
            from salesboost_tools.selection.lin_ucb import LinUCB  # noqa: PLC0415  (numpy)

            return LinUCB()
        case "linear_thompson":
            from salesboost_tools.selection.linear_thompson import LinearThompson  # noqa: PLC0415  (numpy)

            return LinearThompson()
        case "first":
            return FirstAvailable()
        case _:
            raise ConfigurationError(
                f"there is no policy {name!r}; one of {list(get_args(PolicyName))} (setting TOOL_BANDIT_POLICY)"
            )
