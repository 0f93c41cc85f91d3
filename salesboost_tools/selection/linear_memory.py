"""What the linear policies remember of a group: contexts as vectors, and a linear model per arm. Needs numpy."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.reward import RewardWeights
from salesboost_tools.selection.dumped import reading
from salesboost_tools.selection.encoder import Encoder, Vector
from salesboost_tools.selection.policy import Outcome, Situation
from salesboost_tools.selection.ridge import Ridges
from salesboost_tools.selection.statistics import ArmStatistics

_DUMP = "linear/1"


class LinearMemory:
    """Guarded by its owner's lock.

    Args:
        weights: What rewards are made of: it learns them as they come.
        stiffness: Prior precision of the weights of its models.
        max_dimensions: Length of an encoded context at most.

    Attributes:
        heard: Whether any outcome is known.
    """

    __slots__ = ("_encoder", "_ridges", "_weights", "heard")

    def __init__(self, weights: RewardWeights, stiffness: float, max_dimensions: int) -> None:
        self._weights = weights
        self._encoder = Encoder(max_dimensions)
        self._ridges = Ridges(stiffness)
        self.heard = False

    def outlook(self, situation: Situation) -> tuple[Vector, Vector]:
        """Return mean reward and width, `sqrt(xᵀ A⁻¹ x)`, of each arm in the situation's context: `(arms,)` twice.

        Awaited choices narrow the width as outcomes would, so that an arm that never answers does not stay attractive.
        """
        import numpy as np  # noqa: PLC0415  (only when there is something to compute)

        means, factors = self._ridges.predict(situation.arms, self._encoder.encode(situation.context or {}))
        factors = np.maximum(factors, 0.0)
        return means, np.sqrt(factors / (1 + np.array(situation.pending) * factors))

    def dump(self) -> dict[str, Any]:
        """Return everything learnt, as `json.dumps` takes it."""
        return {
            "kind": _DUMP,
            "weights": self._weights.version,
            "heard": self.heard,
            "stiffness": self._ridges.stiffness,
            "ridges": self._ridges.dump(),
            "encoder": self._encoder.dump(),
        }

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Become what `dump` was taken of."""
        with reading(dumped, _DUMP, self._weights):
            encoder, ridges = Encoder(self._encoder.max_dimensions), Ridges(self._ridges.stiffness)
            encoder.load(dumped["encoder"])
            ridges.load(dumped["ridges"])
            if dumped["stiffness"] != ridges.stiffness or encoder.dimensions > encoder.max_dimensions:
                raise ValueError("it belongs to a policy with other arguments")
            self._encoder, self._ridges, self.heard = encoder, ridges, bool(dumped["heard"])

    def learn(
        self,
        arm: str,
        known: ArmStatistics,  # noqa: ARG002  (what other policies need)
        outcomes: Sequence[Outcome],
        now_s: float,  # noqa: ARG002
    ) -> bool:
        """Learn from outcomes; every context may decide the next choice, so none may wait."""
        self.heard = True
        contexts = self._encoder.encode_all([context or {} for context, *_ in outcomes])
        self._ridges.learn(arm, contexts, [reward for _, _, reward, _ in outcomes], [1.0] * len(outcomes))
        return False


def refuse_wrong_model(width: float, stiffness: float, max_dimensions: int) -> None:
    """Raise ConfigurationError unless the arguments of a linear policy make sense."""
    for name, value in (("width", width), ("stiffness", stiffness)):
        if not 0 < value < math.inf:
            raise ConfigurationError(f"{name} is a finite number above 0; got {value!r}")
    if max_dimensions < 16:
        raise ConfigurationError(f"max_dimensions is 16 or more; got {max_dimensions!r}")
