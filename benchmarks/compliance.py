"""`python -m benchmarks.compliance`: how many evasions are found, how many ordinary sentences are flagged, how fast.

Where SALESBOOST_DIALOGUES names a CSV file with a column `text`, what others said in conversations is checked as well:
the rules were not written with it in view.
"""

import csv
import os
import time
from collections import Counter
from datetime import date
from pathlib import Path

from salesboost_tools.tools.compliance.checker import Scope
from salesboost_tools.tools.compliance.tool import shipped_checker
from tests.tools.compliance.texts import evasions, ordinary_sentences

DIALOGUES = "SALESBOOST_DIALOGUES"
DETECTED_AT_LEAST, FALSE_ALARMS_AT_MOST = 0.95, 0.02


def main() -> int:
    began = time.perf_counter()
    checker, scope = shipped_checker(), Scope(day=date(2026, 6, 30))
    print(
        f"{len(checker.rules)} rules, {len(checker.patterns)} patterns; opened in {time.perf_counter() - began:.2f} s"
    )
    disguised, ordinary = evasions(), ordinary_sentences()
    missed = [each for each in disguised if not checker.finds(each["text"], scope)]
    flagged = [text for text in ordinary if checker.finds(text, scope)]
    detection, alarms = 1 - len(missed) / len(disguised), len(flagged) / len(ordinary)
    print(f"evasions found:      {detection:7.2%} of {len(disguised)} (target: at least {DETECTED_AT_LEAST:.0%})")
    print(f"ordinary, flagged:   {alarms:7.2%} of {len(ordinary)} (target: at most {FALSE_ALARMS_AT_MOST:.0%})")
    for name in ("family", "how"):
        count, lost = Counter(each[name] for each in disguised), Counter(each[name] for each in missed)
        print(f"by {name}: " + ", ".join(f"{key} {count[key] - lost[key]}/{count[key]}" for key in sorted(count)))
    flagged += _flagged_in_dialogues(checker, scope)
    for text in (*(each["text"] for each in missed), *flagged):
        print(f"  wrong: {text}")
    whole = "\n".join(ordinary)
    for letters in (100, 1_000, 5_000, 10_000, 20_000):
        print(f"{letters:6,} letters: {_ms(lambda text=whole[:letters]: checker.finds(text, scope)):7.2f} ms")
    return 0 if detection >= DETECTED_AT_LEAST and alarms <= FALSE_ALARMS_AT_MOST else 1


def _flagged_in_dialogues(checker, scope) -> list[str]:
    if DIALOGUES not in os.environ:
        print(f"said by others:      skipped, {DIALOGUES} names no file")
        return []
    with Path(os.environ[DIALOGUES]).open(encoding="utf-8", newline="") as file:
        said = [row["text"] for row in csv.DictReader(file)]
    flagged = [text for text in said if checker.finds(text, scope)]
    print(f"said by others:      {len(flagged) / len(said):7.2%} of {len(said)} flagged")
    return flagged


def _ms(work) -> float:
    tries = []
    for _ in range(5):
        began = time.process_time()
        work()
        tries.append(time.process_time() - began)
    return 1000 * min(tries)


if __name__ == "__main__":
    raise SystemExit(main())
