"""Train the model of `stage_classifier`, measure it, and write its weights.

    python scripts/train_stage_classifier.py [UNITS.CSV] [--out FILE] [--dry-run]

UNITS.CSV has the columns dialogue, position, speaker, text, stage, one row per utterance. Needs scikit-learn (extra
`dev`). Everything is measured by the code that answers: features, transitions, the rule against going back.
`salesboost_tools/data/stage_model.md` says what the data are and what came out.
"""  # noqa: INP001  (a script, not a package)

import argparse
import csv
import json
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from stage_scores import Scores, score

from salesboost_tools.tools.stage.classifier import read_stage
from salesboost_tools.tools.stage.model import FORMAT, WEIGHT_UNIT, StageModel
from salesboost_tools.tools.stage.signals import Lexicon, Turn, features, make_lexicon, read_turn
from salesboost_tools.tools.stage.stages import STAGES, StageSet

HERE = Path(__file__).parent
WRITTEN = HERE / "stage_training"
DIALOGUES = "SALESBOOST_DIALOGUES"
"""Names UNITS.CSV, as in the benchmarks."""
MODEL = HERE.parent / "salesboost_tools" / "data" / "stage_model.json"
HELD_OUT = HERE.parent / "tests" / "tools" / "stage" / "b2b_dialogues.yaml"

FOLDS = 5
REGULARISATION = 0.35
"""Inverse strength (`C`). This and the four below were chosen by cross-validation on the training data alone."""
WRITTEN_WEIGHT = 8.0
"""What a sentence written for this project counts, against 1 for an utterance of the public dialogues: there are fewer
of them, and they are of the kind that users have."""
ALONE_WEIGHT = 0.3
"""What an utterance counts a second time, without speaker, position and the turn before: messages come like that."""
HISTORY_WEIGHT = 0.5
SEEN_AT_LEAST = 2
NEGLIGIBLE = 0.03
"""Features whose weights are all smaller, in log-odds, are left out of the file."""


@dataclass(frozen=True)
class Dialogue:
    """A labelled conversation; not `whole` if what came before its first turn is not known."""

    turns: Sequence[Turn]
    stages: Sequence[str]
    whole: bool = True


Example = tuple[Mapping[str, float], int, float]
"""Features, place of the stage, weight."""


def read_units(path: Path) -> list[Dialogue]:
    """Return the public dialogues."""
    rows: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["dialogue"], []).append(row)
    return [
        Dialogue([Turn(row["speaker"], row["text"]) for row in part], [row["stage"] for row in part])
        for part in rows.values()
    ]


def read_dialogues(path: Path) -> list[Dialogue]:
    """Return dialogues written for this project."""
    return [
        Dialogue(
            [Turn(turn["by"], turn["text"]) for turn in entry["turns"]], [turn["stage"] for turn in entry["turns"]]
        )
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def read_sentences(path: Path) -> list[Dialogue]:
    """Return single sentences, each as a dialogue of which nothing else is known."""
    spoken = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        Dialogue([Turn(speaker, text)], [stage], whole=False)
        for stage, speakers in spoken.items()
        for speaker, texts in speakers.items()
        for text in texts
    ]


def read_lexicon() -> dict[str, list[str]]:
    """Return the cues with their phrases."""
    return yaml.safe_load((WRITTEN / "cues.yaml").read_text(encoding="utf-8"))


def examples(dialogue: Dialogue, lexicon: Lexicon, weight: float, alone_weight: float) -> list[Example]:
    """Return the examples that a dialogue gives: each turn in its place, and again without anything around it."""
    made: list[Example] = []
    before = None
    for at, (turn, stage) in enumerate(zip(dialogue.turns, dialogue.stages, strict=True)):
        now = read_turn(turn, lexicon)
        place = STAGES.index(stage)
        made.append((features(now, at if dialogue.whole else None, before), place, weight))
        made.append((features(read_turn(Turn(None, turn.text), lexicon)), place, alone_weight))
        before = now
    return made


def steps_between(dialogues: Iterable[tuple[Dialogue, float]]) -> dict[str, np.ndarray]:
    """Return, by pair of speakers, how much likelier a stage is after another than at any time (log, smoothed)."""
    follows: dict[str, np.ndarray] = {}
    at_all: dict[str, np.ndarray] = {}
    for dialogue, weight in dialogues:
        pairs = zip(dialogue.turns, dialogue.stages, dialogue.turns[1:], dialogue.stages[1:], strict=False)
        for turn in zip(dialogue.turns, dialogue.stages, strict=True):
            for who in (turn[0].speaker[0], "?"):
                at_all.setdefault(who, np.ones(len(STAGES)))[STAGES.index(turn[1])] += weight
        for turn, stage, then, after in pairs:
            for one in (turn.speaker[0], "?"):
                for other in (then.speaker[0], "?"):
                    table = follows.setdefault(one + other, np.full((len(STAGES), len(STAGES)), 0.5))
                    table[STAGES.index(stage), STAGES.index(after)] += weight
    return {
        pair: np.log(table / table.sum(1, keepdims=True)) - np.log(at_all[pair[1]] / at_all[pair[1]].sum())
        for pair, table in follows.items()
    }


def train(public: Sequence[Dialogue], written: Sequence[Dialogue], cues: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the model as it is written to the file."""
    lexicon = make_lexicon(cues)
    made = [example for dialogue in public for example in examples(dialogue, lexicon, 1.0, ALONE_WEIGHT)]
    made += [example for dialogue in written for example in examples(dialogue, lexicon, WRITTEN_WEIGHT, WRITTEN_WEIGHT)]
    seen = Counter(name for found, _, _ in made for name in found)
    vectorizer = DictVectorizer()
    matrix = vectorizer.fit_transform(
        [{name: value for name, value in found.items() if seen[name] >= 2 * SEEN_AT_LEAST} for found, _, _ in made]
    )
    regression = LogisticRegression(C=REGULARISATION, max_iter=150, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stops a little before full convergence; the figures do not change any more
        regression.fit(matrix, [place for _, place, _ in made], sample_weight=[weight for _, _, weight in made])
    # a constant for all stages changes nothing, and everybody speaks as somebody: the intercepts go there
    weights = (regression.coef_ - regression.coef_.mean(0)).T
    names = vectorizer.get_feature_names_out()
    for row in np.flatnonzero(np.char.startswith(names.astype(str), "who:")):
        weights[row] += regression.intercept_ - regression.intercept_.mean()
    kept = np.flatnonzero(np.abs(weights).max(1) >= NEGLIGIBLE)
    steps = steps_between([(dialogue, 1.0) for dialogue in public] + [(one, WRITTEN_WEIGHT) for one in written])
    return {
        "format": FORMAT,
        "stages": list(STAGES),
        "history_weight": HISTORY_WEIGHT,
        "cues": {cue: list(phrases) for cue, phrases in cues.items()},
        "steps": {pair: np.rint(table / WEIGHT_UNIT).astype(int).tolist() for pair, table in sorted(steps.items())},
        "weights": {str(names[row]): np.rint(weights[row] / WEIGHT_UNIT).astype(int).tolist() for row in kept},
    }


def answers(values: Mapping[str, Any], dialogues: Iterable[Dialogue]) -> list[tuple[str, Mapping[str, float], str]]:
    """Return, for every turn with what came before it, its label, the probabilities and the stage answered."""
    model, stages = StageModel.from_json(values, "trained"), StageSet.of()
    found: list[tuple[str, Mapping[str, float], str]] = []
    for dialogue in dialogues:
        for end, label in enumerate(dialogue.stages, 1):
            reading = read_stage(dialogue.turns[:end], model, stages, whole=dialogue.whole)
            found.append((label, reading.probabilities, reading.likeliest))
    return found


def cross_validate(
    public: Sequence[Dialogue], written: Sequence[Dialogue], cues: Mapping[str, Sequence[str]]
) -> tuple[Scores, Scores]:
    """Return what is reached on dialogues left out of training, five times a fifth: public ones, written ones."""
    of_public: list[tuple[str, Mapping[str, float], str]] = []
    of_written: list[tuple[str, Mapping[str, float], str]] = []
    groups = np.arange(len(public))
    for fold, (kept, left) in enumerate(GroupKFold(FOLDS).split(groups, groups=groups)):
        rest = [one for at, one in enumerate(written) if at % FOLDS != fold]
        values = train([public[at] for at in kept], rest, cues)
        of_public += answers(values, [public[at] for at in left])
        of_written += answers(values, [one for at, one in enumerate(written) if at % FOLDS == fold])
    return score(of_public), score(of_written)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("units", nargs="?", type=Path, default=os.environ.get(DIALOGUES), help="labelled utterances")
    parser.add_argument("--out", type=Path, default=MODEL, help="where the weights go")
    parser.add_argument("--dry-run", action="store_true", help="measure only")
    chosen = parser.parse_args(arguments)
    if chosen.units is None:
        parser.error(f"name UNITS.CSV, or set {DIALOGUES}")

    public, cues = read_units(chosen.units), read_lexicon()
    written = read_sentences(WRITTEN / "sentences.yaml") + read_dialogues(WRITTEN / "dialogues.yaml")
    of_public, of_written = cross_validate(public, written, cues)
    print(f"public dialogues, left out in turn       {of_public}")
    print(f"written for training, left out in turn   {of_written}")
    values = train(public, written, cues)
    print(f"forty business dialogues, never trained on  {score(answers(values, read_dialogues(HELD_OUT)))}")
    without = train(public, [], {})
    print(f"  the same without lexicon and sentences    {score(answers(without, read_dialogues(HELD_OUT)))}")
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=False)
    print(f"{len(values['weights'])} features, {len(text.encode()) / 1e6:.2f} MB")
    if not chosen.dry_run:
        chosen.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
