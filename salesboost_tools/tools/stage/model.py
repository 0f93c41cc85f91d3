"""The trained model: weights from a JSON file, and the arithmetic on them.

Multinomial logistic regression over one turn, and first-order transitions between the stages of turns. How it was
trained and how well it does: `data/stage_model.md`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.stage.signals import Lexicon, Signals, features, make_lexicon
from salesboost_tools.tools.stage.stages import STAGES

FORMAT = 1
WEIGHT_UNIT = 0.01
"""Weights are stored as whole multiples of this."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StageModel:
    """The model. Thread-safe: nothing in it changes.

    Attributes:
        lexicon: Phrases and the cues they are signs of.
        rows: Feature -> row of `weights`.
        weights: Shape (features, stages), in log-odds.
        steps: `{speaker before}{speaker}` ("s", "p", "?" each) -> log of how much likelier a stage (column) is after a
            stage (row) than at any time; shape (stages, stages).
        history_weight: How much the steps count beside the words, in [0, 1]. Below 1, since the features already know
            something of the turn before.
    """

    lexicon: Lexicon
    rows: Mapping[str, int]
    weights: Floats
    steps: Mapping[str, Floats]
    history_weight: float

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str) -> Self:
        """Return the model from what a file holds.

        Raises:
            ConfigurationError: It is not a model of this format.
        """
        if values.get("format") != FORMAT or tuple(values.get("stages", ())) != STAGES:
            raise ConfigurationError(f"{where} is not a stage model of format {FORMAT} for {', '.join(STAGES)}")
        weights: Mapping[str, Sequence[int]] = values["weights"]
        return cls(
            make_lexicon(values["cues"]),
            {feature: row for row, feature in enumerate(weights)},
            np.array(list(weights.values()), np.float64).reshape(len(weights), len(STAGES)) * WEIGHT_UNIT,
            {pair: np.array(rows, np.float64) * WEIGHT_UNIT for pair, rows in values["steps"].items()},
            float(values["history_weight"]),
        )

    def scores(self, now: Signals, position: int | None, before: Signals | None) -> Floats:
        """Return the log-probabilities of the stages of one turn, shape (stages,); arguments as in `features`."""
        known = self.rows
        made = [(known[name], value) for name, value in features(now, position, before).items() if name in known]
        rows = np.array([row for row, _ in made], np.int64)
        return log_share(np.array([value for _, value in made], np.float64) @ self.weights[rows])

    def after(self, belief: Floats, before: Signals, now: Signals) -> Floats:
        """Return what the stages before say about the stage now: log-odds to add, shape (stages,).

        Args:
            belief: Probabilities of the stages of the turn before, shape (stages,).
            before: The turn before.
            now: This turn.
        """
        return self.history_weight * np.log(belief @ np.exp(self.steps[before.speaker + now.speaker]))

    def reasons(self, now: Signals, position: int | None, before: Signals | None, toward: Floats) -> dict[str, float]:
        """Return by how much each feature speaks for some stages against the others, in log-odds.

        Args:
            now: The turn.
            position: How many turns came before; None if that is not known.
            before: The turn before it.
            toward: Shares of the stages in question, shape (stages,), adding up to 1.
        """
        against = toward - (1 - toward) / (len(STAGES) - 1)
        made = features(now, position, before)
        names = [name for name in made if name in self.rows]
        pulls = self.weights[np.array([self.rows[name] for name in names], np.int64)] @ against
        return {name: made[name] * pull for name, pull in zip(names, pulls.tolist(), strict=True)}


def log_share(scores: Floats) -> Floats:
    """Return logarithms of shares that add up to 1, given unscaled ones."""
    shifted = scores - scores.max()
    return shifted - np.log(np.exp(shifted).sum())


def read_model(file: Traversable) -> StageModel:
    """Return the model in a file.

    Raises:
        ConfigurationError: There is none, or it is of another format.
    """
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the stage model cannot be read from {file}: {error}") from error
    return StageModel.from_json(values, str(file))


@cache
def shipped_model() -> StageModel:
    """Return the model that comes with the package; read once."""
    return read_model(files("salesboost_tools") / "data" / "stage_model.json")
