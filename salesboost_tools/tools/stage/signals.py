"""What is noticed in a turn: its words, the cues of the lexicon, who speaks, what was said before.

Training and answering both go through `features`, so that a weight always meets what it was learnt from.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Speaker = Literal["seller", "prospect"]
Lexicon = Mapping[str, Mapping[str, str]]
"""First word -> phrase of up to three words that begins with it -> the cue it is a sign of, such as `too_expensive`."""

MOST_WORDS = 250
"""A turn is read this far. Even a long mail says what it is about before."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[$€£]?\d+(?:[.,:]\d+)*%?|[?!$%€£]")
_POSITIONS = (1, 2, 4, 7, 11, 16, 22, 30)
_QUESTION_WORDS = frozenset({"what", "how", "who", "which", "where", "when", "why"})
_NODDING = """
    absolutely ah aha all alright cool exactly fine good got great hm hmm huh i indeed it mhm nice oh ok okay perfect
    right see sounds sure uh um understood well yeah yep yes yup ! ?
"""
_NODS = frozenset(_NODDING.split())
_FORMS = {
    **dict.fromkeys(("you", "your"), "you"),
    **dict.fromkeys(("we", "our", "us"), "we"),
    **dict.fromkeys(("i", "my", "me"), "i"),
    **dict.fromkeys(("but", "not"), "negation"),
    "?": "question",
}
_TEXT_WEIGHT, _CUE_WEIGHT, _BEFORE_WEIGHT, _CUE_BEFORE_WEIGHT = 3.0, 1.0, 1.0, 0.8


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said or wrote; `speaker` is None if that is not known."""

    speaker: Speaker | None
    text: str


@dataclass(frozen=True, slots=True)
class Signals:
    """What is noticed in one turn.

    Attributes:
        speaker: "s", "p", or "?" if not known.
        words: In order, lower case; numbers and question marks count as words.
        cues: Cue -> the words that gave it.
    """

    speaker: str
    words: tuple[str, ...]
    cues: Mapping[str, str]

    @property
    def is_nod(self) -> bool:
        """True for "okay", "yes, I see" and the like: heard, and nothing said."""
        return "short" in self.cues and _NODS.issuperset(self.words)


def make_lexicon(cues: Mapping[str, Iterable[str]]) -> Lexicon:
    """Return the lexicon, given the phrases of each cue; a phrase under several cues counts for the first."""
    lexicon: dict[str, dict[str, str]] = {}
    for cue, phrases in cues.items():
        for phrase in phrases:
            lexicon.setdefault(phrase.split(" ")[0], {}).setdefault(phrase, cue)
    return lexicon


def read_turn(turn: Turn, lexicon: Lexicon) -> Signals:
    """Return what is noticed in a turn."""
    text = unicodedata.normalize("NFKC", turn.text).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    words = tuple(match[0] for match, _ in zip(_WORD.finditer(text), range(MOST_WORDS), strict=False))
    return Signals(turn.speaker[0] if turn.speaker else "?", words, _cues(words, lexicon))


def _cues(words: tuple[str, ...], lexicon: Lexicon) -> dict[str, str]:
    found: dict[str, str] = {}
    for at, word in enumerate(words):
        begun = lexicon.get(word)
        if begun is not None:
            for phrase in (word, " ".join(words[at : at + 2]), " ".join(words[at : at + 3])):
                if phrase in begun:
                    found[begun[phrase]] = phrase
        form = _form(word)
        if form:
            found.setdefault(form, word)
    if words and words[0] in _QUESTION_WORDS:
        found["question_word"] = words[0]
    if len(words) <= 4:
        found["short"] = ""
    return found


def _form(word: str) -> str:
    if word in _FORMS:
        return _FORMS[word]
    if word.endswith("n't"):
        return "negation"
    return "number" if word[0].isdigit() or word[0] in "$€£" else ""


def features(now: Signals, position: int | None = None, before: Signals | None = None) -> dict[str, float]:
    """Return the features of a turn by name.

    Args:
        now: The turn.
        position: How many turns came before; None if that is not known.
        before: The turn before it.

    Returns:
        `w:` words and pairs of words, `s:`/`p:` words by speaker, `q:` cues, `b:` words and cues of the turn before,
        the rest who speaks, how far on, how long. Words weigh less in longer turns.
    """
    who, words = now.speaker, now.words
    said = {f"w:{word}" for word in words}
    framed = ("<", *words, ">")
    said.update(f"w:{one} {other}" for one, other in pairwise(framed))
    if who != "?":
        said.update(f"{who}:{word}" for word in words)
    made = dict.fromkeys(said, _TEXT_WEIGHT / math.sqrt(len(said)))
    for cue in now.cues:
        made[f"q:{cue}"] = made[f"q{who}:{cue}"] = _CUE_WEIGHT
    made[f"who:{who}"] = 1.0
    made["length"] = min(len(words), 30) / 30
    if position is not None:
        made["placed"] = 1.0
        for step in _POSITIONS:
            if position >= step:
                made[f"from:{step}"] = made[f"from:{step}{who}"] = 1.0
    if before is not None:
        made[f"after:{before.speaker}{who}"] = 1.0
        heard = set(before.words)
        for word in heard:
            made[f"b{before.speaker}:{word}"] = _BEFORE_WEIGHT / math.sqrt(len(heard))
        for cue in before.cues:
            made[f"bq{before.speaker}{who}:{cue}"] = _CUE_BEFORE_WEIGHT
    return made
