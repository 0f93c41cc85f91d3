"""How well stages were told: accuracy, macro-F1, calibration, abstention."""  # noqa: INP001  (a script, not a package)

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from salesboost_tools.tools.stage.classifier import SURE_AT_LEAST

BINS = 10


@dataclass(frozen=True)
class Scores:
    """What was reached over all turns.

    Attributes:
        accuracy, macro_f1: Of the answered stage, whether sure or not, in [0, 1].
        calibration_error: Expected calibration error (Guo et al. 2017): mean distance between the probability of the
            answer and how often it was right, over ten bins of equal width.
        unsure: Share of turns for which no stage was named.
        sure_accuracy: Accuracy of the others.
    """

    turns: int
    accuracy: float
    macro_f1: float
    calibration_error: float
    unsure: float
    sure_accuracy: float

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.3f}   macro-F1 {self.macro_f1:.3f}   ECE {self.calibration_error:.3f}   "
            f"unsure {self.unsure:.2f}, the others right {self.sure_accuracy:.3f}   ({self.turns} turns)"
        )


def score(answers: Sequence[tuple[str, Mapping[str, float], str]]) -> Scores:
    """Return the scores of `(label, probabilities, answer)`."""
    labels = [label for label, _, _ in answers]
    told = [answer for _, _, answer in answers]
    right = np.array([label == answer for label, answer in zip(labels, told, strict=True)])
    certain = np.array([probabilities[answer] for _, probabilities, answer in answers])
    bins = np.minimum((certain * BINS).astype(int), BINS - 1)
    error = sum(abs(float((certain - right)[bins == at].sum())) for at in range(BINS)) / len(answers)
    sure = certain >= SURE_AT_LEAST
    return Scores(
        len(answers),
        float(accuracy_score(labels, told)),
        float(f1_score(labels, told, average="macro")),
        error,
        float(1 - sure.mean()),
        float(right[sure].mean()),
    )
