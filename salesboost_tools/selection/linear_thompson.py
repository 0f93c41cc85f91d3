"""Choose each arm as often as it is believed to be the best in this context."""

from dataclasses import dataclass
from random import Random

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.cold_start import chances_in_turn, choose_in_turn, newcomers
from salesboost_tools.selection.linear_memory import LinearMemory, refuse_wrong_model
from salesboost_tools.selection.policy import Choice, Situation


@dataclass(frozen=True, slots=True)
class LinearThompson:
    """Draws `N(xᵀθ, width² · xᵀ A⁻¹ x)` for each arm and chooses the highest, θ by ridge regression on the arm's calls.

    Only the scalar `xᵀθ` is drawn, which has the same distribution as drawing θ and costs d² instead of d³. Each arm is
    tried once. Irrelevant contexts cost it dearly; `Adaptive` asks first whether they help. Propensities are
    integrated to about 1e-3.

    Source: Agrawal & Goyal, "Thompson Sampling for Contextual Bandits with Linear Payoffs", ICML (2013), with a model
    for each arm; Chapelle & Li, "An Empirical Evaluation of Thompson Sampling", NIPS 24 (2011).

    Args:
        width: The factor v, above 0. The paper's proof asks for much more; smaller is greedier and usually better.
        stiffness: Prior precision of the weights, above 0; the paper's is 1.
        max_dimensions: Length of an encoded context at most, 16 or more.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    width: float = 0.2
    stiffness: float = 1.0
    max_dimensions: int = 64

    def __post_init__(self) -> None:
        refuse_wrong_model(self.width, self.stiffness, self.max_dimensions)

    @property
    def name(self) -> str:
        """`linear-thompson`."""
        return "linear-thompson"

    @property
    def version(self) -> str:
        """The rule's version and its arguments."""
        return f"1;width={self.width!r};stiffness={self.stiffness!r};dimensions={self.max_dimensions}"

    def new_memory(self, weights: RewardWeights) -> LinearMemory:
        """Return an empty memory for one group."""
        return LinearMemory(weights, self.stiffness, self.max_dimensions)

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return the arm with the highest draw."""
        memory: LinearMemory = situation.memory or self.new_memory(situation.weights)
        if not memory.heard:
            return choose_in_turn(situation.pending, rng)
        new = newcomers(situation)
        if new:
            return Choice(new[int(rng.random() * len(new))], 1 / len(new))
        means, widths = memory.outlook(situation)
        draws = [
            rng.gauss(mean, self.width * width) for mean, width in zip(means.tolist(), widths.tolist(), strict=True)
        ]
        return Choice(draws.index(max(draws)), None)

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm, to about 1e-3."""
        memory: LinearMemory = situation.memory or self.new_memory(situation.weights)
        if not memory.heard:
            return chances_in_turn(situation.pending)
        new = newcomers(situation)
        if new:
            return tuple([1 / len(new) if position in new else 0.0 for position in range(len(situation.arms))])
        from salesboost_tools.selection.rivals import chances  # noqa: PLC0415  (numpy)

        means, widths = memory.outlook(situation)
        return tuple(chances(means, self.width * widths))
