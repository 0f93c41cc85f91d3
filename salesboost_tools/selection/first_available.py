"""No choice at all: the first available tool. The baseline that every other policy has to beat."""

from dataclasses import dataclass
from random import Random

from salesboost_tools.selection.policy import Choice, Situation


@dataclass(frozen=True, slots=True)
class FirstAvailable:
    """Takes the first tool of the group that is available, as if no policy were asked.

    The A of an A/B test (`Split(FirstAvailable(), Adaptive(), share=0.1)`): is anything gained by choosing?
    """

    @property
    def name(self) -> str:
        """`first`."""
        return "first"

    @property
    def version(self) -> str:
        """`1`."""
        return "1"

    def choose(self, situation: Situation, rng: Random) -> Choice:  # noqa: ARG002  (the policy protocol's)
        """Return the first arm."""
        return Choice(0, 1.0)

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return certainty for the first arm."""
        return (1.0, *[0.0] * (len(situation.arms) - 1))
