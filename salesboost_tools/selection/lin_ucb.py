"""The best that each arm could plausibly be in this context."""

from dataclasses import dataclass
from random import Random

from salesboost_tools.selection.encoder import Vector
from salesboost_tools.selection.linear_policy import LinearPolicy, one_of, shared_by
from salesboost_tools.selection.policy import Choice


@dataclass(frozen=True, slots=True)
class LinUCB(LinearPolicy):
    """Chooses the arm with the highest bound `xᵀθ + width · sqrt(xᵀ A⁻¹ x)`, θ by ridge regression per arm.

    For tools whose worth depends on the call. Each arm is tried once, whatever its bound. It chooses without chance, so
    its logs cannot be used to evaluate other policies; irrelevant contexts cost it dearly. Contexts are
    dictionaries of words, flags and numbers (`Encoder`).

    Source: Li, Chu, Langford & Schapire, "A Contextual-Bandit Approach to Personalized News Article Recommendation",
    WWW (2010), algorithm 1 (disjoint models).

    Args:
        width: The paper's factor alpha, above 0. Its bound holds for about 1 and more; smaller is greedier.
        stiffness: Prior precision of the weights, above 0; the paper's is 1.
        max_dimensions: Length of an encoded context at most, 16 or more.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    width: float = 0.3

    @property
    def name(self) -> str:
        """`lin-ucb`."""
        return "lin-ucb"

    def choose_known(self, means: Vector, widths: Vector, rng: Random) -> Choice:
        """Return an arm with the highest bound."""
        return one_of(self._best(means, widths), rng)

    def chances_of_known(self, means: Vector, widths: Vector) -> tuple[float, ...]:
        """Return the probability of every arm: those with the highest bound share."""
        return shared_by(self._best(means, widths), len(means))

    def _best(self, means: Vector, widths: Vector) -> list[int]:
        bounds: list[float] = (means + self.width * widths).tolist()
        highest = max(bounds)
        return [position for position, bound in enumerate(bounds) if bound == highest]
