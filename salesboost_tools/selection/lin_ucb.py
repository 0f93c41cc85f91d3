"""The best that each arm could plausibly be in this context."""

from dataclasses import dataclass
from random import Random

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.cold_start import chances_in_turn, choose_in_turn, newcomers
from salesboost_tools.selection.linear_memory import LinearMemory, refuse_wrong_model
from salesboost_tools.selection.policy import Choice, Situation


@dataclass(frozen=True, slots=True)
class LinUCB:
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
    stiffness: float = 1.0
    max_dimensions: int = 64

    def __post_init__(self) -> None:
        refuse_wrong_model(self.width, self.stiffness, self.max_dimensions)

    @property
    def name(self) -> str:
        """`lin-ucb`."""
        return "lin-ucb"

    @property
    def version(self) -> str:
        """The rule's version and its arguments."""
        return f"1;width={self.width!r};stiffness={self.stiffness!r};dimensions={self.max_dimensions}"

    def new_memory(self, weights: RewardWeights) -> LinearMemory:
        """Return an empty memory for one group."""
        return LinearMemory(weights, self.stiffness, self.max_dimensions)

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return an arm with the highest bound."""
        memory: LinearMemory = situation.memory or self.new_memory(situation.weights)
        if not memory.heard:
            return choose_in_turn(situation.pending, rng)
        best = self._best(memory, situation)
        return Choice(best[int(rng.random() * len(best))], 1 / len(best))

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm: those with the highest bound share."""
        memory: LinearMemory = situation.memory or self.new_memory(situation.weights)
        if not memory.heard:
            return chances_in_turn(situation.pending)
        best = self._best(memory, situation)
        return tuple([1 / len(best) if position in best else 0.0 for position in range(len(situation.arms))])

    def _best(self, memory: LinearMemory, situation: Situation) -> list[int]:
        new = newcomers(situation)
        if new:
            return new
        means, widths = memory.outlook(situation)
        bounds: list[float] = (means + self.width * widths).tolist()
        highest = max(bounds)
        return [position for position, bound in enumerate(bounds) if bound == highest]
