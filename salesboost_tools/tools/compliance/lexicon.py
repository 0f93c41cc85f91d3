"""The words that rules are made of, and how a disguised word is recognised as one of them.

A disguise is only taken off if a word of the rules is found beneath it: ordinary text stays as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, product
from typing import Final

_ENDINGS: Final = (
    "", "s", "d", "ed", "es", "ing", "er", "ers", "ly", "y", "ion", "ions", "e", "al", "able", "n", "t", "ment",
)  # fmt: skip
_STANDS_FOR: Final = {
    "4": "a", "@": "a", "8": "b", "(": "c", "<": "c", "3": "e", "6": "gb", "9": "g", "#": "h", "1": "il", "!": "il",
    "|": "li", "0": "o", "5": "s", "$": "s", "7": "t", "+": "t", "2": "z", "%": "x", "^": "a",
}  # fmt: skip
LEET: Final = frozenset(_STANDS_FOR)
"""Digits and signs that stand for letters."""
_READINGS_AT_MOST = 64
_LONG_ENOUGH_FOR_A_SLIP = 7
_LONGEST_WORD = 24
_LONGEST_DISGUISE = 40
_SHORTEST_STEM = 4
_LONGEST_ENDING = 3


def forms(stem: str) -> Iterator[str]:
    """Yield the words that a stem may stand for; some of them are no words, which does no harm."""
    for ending in _ENDINGS:
        yield stem + ending
    yield from (stem + stem[-1:] + ending for ending in ("ed", "ing", "er", "ers"))
    if stem.endswith("e"):
        yield from (stem[:-1] + ending for ending in ("ing", "ion", "ions", "able", "al"))
    if stem.endswith("y"):
        yield from (stem[:-1] + ending for ending in ("ies", "ied", "ier"))


def plain_letters(text: str) -> Iterator[str]:
    """Yield what text with digits and signs in place of letters may say, 64 readings at most."""
    choices = [_STANDS_FOR.get(character, character) for character in text]
    yield from ("".join(letters) for letters in islice(product(*choices), _READINGS_AT_MOST))


def unstretched(word: str) -> tuple[str, str]:
    """Return a word with letters that stand three times or more in a row cut to one, and to two."""
    return _cut(word, 1), _cut(word, 2)


def _cut(word: str, most: int) -> str:
    kept: list[str] = []
    at = 0
    while at < len(word):
        end = at
        while end < len(word) and word[end] == word[at]:
            end += 1
        run = end - at
        kept.append(word[at] * (min(run, most) if run > 2 else run))
        at = end
    return "".join(kept)


@dataclass(frozen=True)
class Lexicon:
    """Words of the rules, and common words that are left alone.

    Args:
        words: Words of the rules, inflected forms included, lower case.
        common: Words that need no second look.
        stems: What words of the rules may begin with, whatever follows.
    """

    words: frozenset[str]
    common: frozenset[str]
    stems: frozenset[str] = frozenset()
    recognised: Callable[[str], str | None] = field(init=False, repr=False, compare=False)
    """Returns the known word that a disguised one stands for, None if there is none; the latest are remembered."""
    _slips: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        slips: dict[str, str] = {}
        for word in sorted(self.words, key=len, reverse=True):
            if len(word) >= _LONG_ENOUGH_FOR_A_SLIP:
                slips.update(dict.fromkeys(_without_one_letter(word), word))
        object.__setattr__(self, "_slips", slips)
        object.__setattr__(self, "recognised", lru_cache(maxsize=4096)(self._meant_by))

    def knows(self, word: str) -> bool:
        """Return whether a word needs no second look."""
        return word in self.words or word in self.common or self._begins_like_a_rule(word)

    def _begins_like_a_rule(self, word: str) -> bool:
        return word.isalpha() and any(
            word[:end] in self.stems for end in range(max(_SHORTEST_STEM, len(word) - _LONGEST_ENDING), len(word))
        )

    def _meant_by(self, word: str) -> str | None:
        """Try, in this order: as it is, signs read as letters, stretched letters, one letter wrong."""
        if len(word) > _LONGEST_DISGUISE:
            return None
        if self.knows(word):
            return word
        readings = [word] if word.isalpha() else [text for text in plain_letters(word) if text.isalpha()]
        for reading in readings:
            for letters in dict.fromkeys((reading, *unstretched(reading))):
                if self.knows(letters):
                    return letters
        for reading in readings:
            for letters in dict.fromkeys((reading, *unstretched(reading))):
                if (slip := self._without_slip(letters)) is not None:
                    return slip
        return None

    def split(self, letters: str, *, gaps: bool) -> list[str] | None:
        """Return letters that were run together, or spaced out, as words; None if that cannot be done.

        Fewest words, longest first (dynamic programming over the places; at most 24 letters a word).

        Args:
            letters: Without blanks.
            gaps: Whether letters that belong to no known word may stay, as words of their own.
        """
        costs: list[float | None] = [0.0]
        begins = [0]
        for end in range(1, len(letters) + 1):
            least, begin = None, end
            for start in range(max(0, end - _LONGEST_WORD), end):
                so_far = costs[start]
                cost = None if so_far is None else self._cost(letters[start:end], gaps=gaps)
                if so_far is not None and cost is not None and (least is None or so_far + cost < least):
                    least, begin = so_far + cost, start
            costs.append(least)
            begins.append(begin)
        if costs[-1] is None:
            return None
        parts: list[str] = []
        end = len(letters)
        while end:
            parts.append(letters[begins[end] : end])
            end = begins[end]
        return parts[::-1]

    def _cost(self, word: str, *, gaps: bool) -> float | None:
        if word in self.words:
            return 1.0 + 1.0 / len(word)
        if word in self.common and (len(word) > 1 or word in "ai"):
            return 1.1 + 1.0 / len(word)
        return 3.0 + 2.0 * len(word) if gaps else None

    def _without_slip(self, letters: str) -> str | None:
        """Return the word of the rules that differs by one letter too many, too few or wrong."""
        if len(letters) < _LONG_ENOUGH_FOR_A_SLIP - 1:
            return None
        for candidate in (letters, *_without_one_letter(letters)):
            meant = self._slips.get(candidate) or (candidate if candidate in self.words else None)
            if (
                meant is not None
                and len(meant) >= _LONG_ENOUGH_FOR_A_SLIP
                and meant[0] == letters[0]
                and abs(len(meant) - len(letters)) <= 1
            ):
                return meant
        return None


def lexicon_of(stems: Iterable[str], words: Iterable[str], common: Iterable[str]) -> Lexicon:
    """Return the lexicon of rules that are written with these stems and words."""
    known = frozenset(stems)
    inflected = (form for stem in known for form in forms(stem))
    return Lexicon(frozenset(inflected) | frozenset(words), frozenset(common), known)


def _without_one_letter(word: str) -> Iterator[str]:
    yield from (word[:at] + word[at + 1 :] for at in range(len(word)))
