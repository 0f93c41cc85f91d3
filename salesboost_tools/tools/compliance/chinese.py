"""Chinese characters as the rules write them: traditional ones made simple, and how each of them sounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources.abc import Traversable

import yaml


def is_han(character: str) -> bool:
    """Return whether a character is a Chinese one."""
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf" or character == "\u3007"


@dataclass(frozen=True, slots=True)
class Han:
    """What is known of single characters.

    Attributes:
        simple: Traditional character, or one that stands in for another -> the simplified one.
        sounds: Simplified character -> its reading in Pinyin, without tones.
    """

    simple: Mapping[str, str]
    sounds: Mapping[str, str]

    def sound(self, text: str) -> str | None:
        """Return how Chinese text sounds, run together; letters sound as they are. None if a reading is unknown."""
        heard = [self.sounds.get(letter) if is_han(letter) else letter for letter in text]
        return None if None in heard else "".join(part for part in heard if part)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_han(source: Traversable) -> Han:
    """Return the characters of a file: `traditional` and `simplified` side by side, and `sounds`."""
    return _parsed(source.read_text(encoding="utf-8"))


@lru_cache(maxsize=8)
def _parsed(text: str) -> Han:
    known = yaml.load(text, Loader=_LOADER)  # noqa: S506  (a safe loader)
    simple = dict(zip("".join(known["traditional"]), "".join(known["simplified"]), strict=True))
    sounds = {character: sound for sound, characters in known["sounds"].items() for character in characters}
    return Han(simple, sounds)
