"""How well and how fast stages are told: the shipped model on forty business dialogues, and the time of a call.

python -m benchmarks.stages                the dialogues in tests/tools/stage/b2b_dialogues.yaml, and the speed
python scripts/train_stage_classifier.py --dry-run UNITS.CSV     also cross-validation on the training data
"""

import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import yaml

from salesboost_tools.tools.stage import StageClassifier, StageSet, StageTurn, Turn
from salesboost_tools.tools.stage.classifier import read_stage
from salesboost_tools.tools.stage.model import shipped_model

DIALOGUES = Path(__file__).parents[1] / "tests" / "tools" / "stage" / "b2b_dialogues.yaml"
TARGET_MS = 1.0
CALLS = 500


def told(dialogues):
    """Return (label, answer, probability of the answer) for each turn, given all turns up to it."""
    model, stages = shipped_model(), StageSet.of()
    found = []
    for dialogue in dialogues:
        turns = [Turn(turn["by"], turn["text"]) for turn in dialogue["turns"]]
        for end, turn in enumerate(dialogue["turns"], 1):
            reading = read_stage(turns[:end], model, stages)
            found.append((turn["stage"], reading.likeliest, reading.probabilities[reading.likeliest]))
    return found


def median_ms(work):
    """Return the median time of a call in ms."""
    times_ms = []
    for _ in range(CALLS):
        started = time.perf_counter()
        work()
        times_ms.append((time.perf_counter() - started) * 1000)
    return statistics.median(times_ms)


def main():
    """Print both; return 1 if a call takes longer than it may."""
    dialogues = yaml.safe_load(DIALOGUES.read_text(encoding="utf-8"))
    found = told(dialogues)
    rows = defaultdict(lambda: [0, 0, 0])
    for label, answer, _ in found:
        rows[label][0] += 1
        rows[answer][1] += 1
        rows[label][2] += label == answer
    print(f"{len(dialogues)} dialogues, {len(found)} turns")
    for stage, (labelled, answered, right) in rows.items():
        print(f"  {stage:<20}recall {right / labelled:.2f}   precision {right / max(1, answered):.2f}   ({labelled})")
    accuracy = sum(right for _, _, right in rows.values()) / len(found)
    f1 = statistics.mean(2 * right / (labelled + answered) for labelled, answered, right in rows.values())
    print(f"  accuracy {accuracy:.3f}   macro-F1 {f1:.3f}")

    tool = StageClassifier()
    tool.prepare()
    longest = max(dialogues, key=lambda dialogue: len(dialogue["turns"]))["turns"]
    history = [StageTurn(speaker=turn["by"], text=turn["text"]) for turn in longest]
    message_ms = median_ms(lambda: tool._run(message="Your price is higher than what we pay now."))
    history_ms = median_ms(lambda: tool._run(history=history))
    print(f"a message {message_ms:.2f} ms, a history of {len(history)} turns {history_ms:.2f} ms (median)")
    return 1 if max(message_ms, history_ms) > TARGET_MS else 0


if __name__ == "__main__":
    sys.exit(main())
