"""What policies with a linear model of the context have in common: all but the choice among arms they know."""

from dataclasses import dataclass
from random import Random

from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.cold_start import chances_in_turn, choose_in_turn, newcomers
from salesboost_tools.selection.encoder import Vector
from salesboost_tools.selection.linear_memory import LinearMemory, refuse_wrong_model
from salesboost_tools.selection.policy import Choice, Situation


@dataclass(frozen=True, slots=True)
class LinearPolicy:
    """Learns a linear model per arm by ridge regression, and tries each arm once before it goes by the models.

    Args:
        width: How many widths above its mean an arm may be believed to be, above 0.
        stiffness: Prior precision of the weights, above 0.
        max_dimensions: Length of an encoded context at most, 16 or more.

    Raises:
        ConfigurationError: An argument is out of range.
    """

    width: float
    stiffness: float = 1.0
    max_dimensions: int = 64

    def __post_init__(self) -> None:
        refuse_wrong_model(self.width, self.stiffness, self.max_dimensions)

    @property
    def version(self) -> str:
        """The rule's version and its arguments."""
        return f"1;width={self.width!r};stiffness={self.stiffness!r};dimensions={self.max_dimensions}"

    def new_memory(self, weights: RewardWeights) -> LinearMemory:
        """Return an empty memory for one group."""
        return LinearMemory(weights, self.stiffness, self.max_dimensions)

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return an arm, and its probability if that costs nothing."""
        memory: LinearMemory = situation.memory or self.new_memory(situation.weights)
        if not memory.heard:
            return choose_in_turn(situation.pending, rng)
        new = newcomers(situation)
        return one_of(new, rng) if new else self.choose_known(*memory.outlook(situation), rng)

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm."""
        memory: LinearMemory = situation.memory or self.new_memory(situation.weights)
        if not memory.heard:
            return chances_in_turn(situation.pending)
        new = newcomers(situation)
        return shared_by(new, len(situation.arms)) if new else self.chances_of_known(*memory.outlook(situation))

    def choose_known(self, means: Vector, widths: Vector, rng: Random) -> Choice:
        """Return one of arms that have all been tried.

        Args:
            means: Expected rewards in this context, `(arms,)`.
            widths: How uncertain they are, `(arms,)`.
            rng: The chance to use.
        """
        raise NotImplementedError

    def chances_of_known(self, means: Vector, widths: Vector) -> tuple[float, ...]:
        """Return the probability of each of arms that have all been tried."""
        raise NotImplementedError


def one_of(positions: list[int], rng: Random) -> Choice:
    """Return one of some arms, each with equal probability."""
    return Choice(positions[int(rng.random() * len(positions))], 1 / len(positions))


def shared_by(positions: list[int], arms: int) -> tuple[float, ...]:
    """Return the probability of every arm under `one_of`."""
    return tuple([1 / len(positions) if position in positions else 0.0 for position in range(arms)])
