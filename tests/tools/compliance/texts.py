"""The texts that the rules are held to: evasions that have to be found, ordinary sentences that have not.

Both were written for this project. The first 272 evasions and 502 sentences were written before the rules. What follows
them was written later, to see how the rules do on phrases they had not met, and the rules were widened afterwards.
"""

import json
from pathlib import Path

_HERE = Path(__file__).parent


def evasions() -> list[dict[str, str]]:
    """Return evasions: family, how the text is disguised, text."""
    lines = (_HERE / "evasions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def ordinary_sentences() -> list[str]:
    """Return what sellers write every day."""
    lines = (_HERE / "ordinary.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
