"""Choose each arm as often as it is believed to be the best."""

import math
from dataclasses import dataclass
from random import Random

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.belief import Belief, belief_of
from salesboost_tools.selection.cold_start import chances_in_turn, choose_in_turn
from salesboost_tools.selection.policy import Choice, Situation


@dataclass(frozen=True, slots=True)
class Thompson:
    """Draws a plausible mean reward for each arm and chooses the arm whose draw is highest.

    Success and the rest of the reward are believed in apart: Beta for the success rate, a Gaussian for latency, quality
    and cost. That halves the regret of Thompson sampling on the scalar reward, because success alone has two values
    and its uncertainty is known exactly. An arm with more than 30 observations has a Gaussian success rate, too.

    Before any outcome is known the arms are asked in turn. Propensities are integrated numerically when asked for,
    to about 1e-3; `choose` leaves them open.

    Source: Thompson, "On the Likelihood that One Unknown Probability Exceeds Another", Biometrika 25 (1933); Chapelle &
    Li, "An Empirical Evaluation of Thompson Sampling", NIPS 24 (2011), with their posterior reshaping as `sharpness`.

    Args:
        sharpness: How many times each observation counts, above 0; 1 is Bayes' rule, more explores less.

    Raises:
        ConfigurationError: `sharpness` is out of range.
    """

    sharpness: float = 1.5

    def __post_init__(self) -> None:
        if not 0 < self.sharpness < math.inf:
            raise ConfigurationError(f"sharpness is a finite number above 0; got {self.sharpness!r}")

    @property
    def name(self) -> str:
        """`thompson`."""
        return "thompson"

    @property
    def version(self) -> str:
        """The rule's version and its sharpness."""
        return f"1;sharpness={self.sharpness!r}"

    def choose(self, situation: Situation, rng: Random) -> Choice:
        """Return the arm with the highest draw."""
        if len(situation.arms) == 1:
            return Choice(0, 1.0)
        if not any(known.pulls for known in situation.statistics):
            return choose_in_turn(situation.pending, rng)
        draws = [belief.draw(rng) for belief in self._beliefs(situation)]
        return Choice(draws.index(max(draws)), None)

    def propensities(self, situation: Situation) -> tuple[float, ...]:
        """Return the probability of every arm, to about 1e-3."""
        if not any(known.pulls for known in situation.statistics):
            return chances_in_turn(situation.pending)
        from salesboost_tools.selection.chances import chances_of_being_best  # noqa: PLC0415  (numpy: to explain, not to choose)

        return chances_of_being_best(self._beliefs(situation))

    def _beliefs(self, situation: Situation) -> list[Belief]:
        weights: RewardWeights = situation.weights
        return [belief_of(known, weights, self.sharpness) for known in situation.statistics]
