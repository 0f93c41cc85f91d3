"""Fold characters to what a reader takes them for, and remember where each of them stood.

NFKC first (full width, mathematical, circled letters); then letters that look like Latin ones, accents, small capitals,
invisible and combining characters. Every folded character knows its place in the original text.
"""

# ruff: noqa: RUF001  (look-alikes are what this is about)
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_READ_AS: Final = {
    "a": "аαɑɐʌᎪꓮ∂",
    "b": "вьъβɓʙƀЬᏴꓐ฿",
    "c": "сςϲɔƈᏟꓚ¢ⅽ",
    "d": "ԁđɗɖδᎠꓓժ",
    "e": "еёєεɛәǝҽᎬꓰ€℮э",
    "f": "ƒғꞙꓝꬵϝ",
    "g": "ɡɠցǥɢᏀꓖ",
    "h": "һћħɦнհʜɥᎻꓧⱨ",
    "i": "іїӏιıɩɪɨᎥꓲ",
    "j": "јϳʝȷյᎫꓙ",
    "k": "кκқҟƙĸᏦꓗ",
    "l": "ⅼłɭʟլℓᏞꓡ£ⱡ",
    "m": "мɱʍᎷꓟ",
    "n": "пηոռɳɲŋпꓠ∩ɴ",
    "o": "оοօøơɵσөᴑꓳᴏ",
    "p": "рρþƥքᏢꓑ₽",
    "q": "ԛզգɋ",
    "r": "гɾʀɹᏒꓣя",
    "s": "ѕʂꜱᏚꓢട",
    "t": "тτŧʈƭʇԵᎢꓔ†",
    "u": "υսʊцμꓴ∪ᴜ",
    "v": "νѵʋᏙꓦ∨",
    "w": "ԝωѡшщɯաᎳꓪ₩",
    "x": "хχҳ×ꓫ",
    "y": "уγүұყʏʎɣꓬ¥",
    "z": "зʐʑʒᏃꓜ",
    "ae": "æ",
    "oe": "œ",
    "ss": "ß",
    "th": "ð",
    "/": "∕⁄",
    "-": "‐‑‒–—−﹘",
    "'": "‘’ʼ′`´",
    '"': "“”„«»",
}
"""What a reader of English takes characters for; not what they mean to those who write them."""
LOOK_ALIKES: Final = {character: letter for letter, characters in _READ_AS.items() for character in characters}

_NAMED = re.compile(
    r"(?:LATIN (?:SMALL LETTER|CAPITAL LETTER|LETTER SMALL CAPITAL|SUBSCRIPT SMALL LETTER)"
    r"|MODIFIER LETTER (?:SMALL|CAPITAL)|NEGATIVE (?:SQUARED|CIRCLED) LATIN CAPITAL LETTER"
    r"|REGIONAL INDICATOR SYMBOL LETTER|TAG LATIN (?:SMALL|CAPITAL) LETTER|TAG DIGIT)"
    r"(?: (?:DOTLESS|SCRIPT|TURNED|REVERSED|SIDEWAYS|LONG|OPEN|BARRED))* ([A-Z])(?: WITH .+)?"
)
"""Letters whose Unicode name says which Latin letter they are a form of."""
_INVISIBLE = frozenset({"Cf", "Mn", "Me", "Cc", "Co", "Cn", "Cs"})
_BLANKS = frozenset("\t\n\r\v\f\x1c\x1d\x1e\x1f\x85")
_HANGUL_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")  # drawn as nothing

_PARTS_AT_MOST = 4
"""A character that stands for more letters (a whole phrase, in Arabic) is left as it is."""


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; `starts[i]` and `ends[i]` are the original span of its i-th character."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the folded characters from `start` to `end` (exclusive, not empty) stood."""
        return self.starts[start], self.ends[end - 1]


def fold(text: str) -> Folded:
    """Return text as it is read. Linear in its length; each character is folded on its own."""
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for place, character in enumerate(text):
        for letter in folded_character(character):
            letters.append(letter)
            starts.append(place)
            ends.append(place + 1)
    return Folded("".join(letters), tuple(starts), tuple(ends))


@lru_cache(maxsize=8192)
def folded_character(character: str) -> str:
    """Return what one character is read as: lower case, nothing for an invisible one, often itself."""
    if character.isascii():
        if character.isprintable():
            return character.lower()
        return "\n" if character in "\n\r" else " " if character in _BLANKS else ""
    tag = _tag(character)
    if tag is not None:
        return tag
    if character in _HANGUL_FILLERS:
        return ""
    parts = unicodedata.normalize("NFKC", character)
    return character if len(parts) > _PARTS_AT_MOST else "".join(_folded(part) for part in parts)


def _folded(character: str) -> str:
    if character in LOOK_ALIKES:
        return LOOK_ALIKES[character]
    for lowered in character.lower():
        if lowered in LOOK_ALIKES:
            return LOOK_ALIKES[lowered]
    bare = [part for part in unicodedata.normalize("NFKD", character) if unicodedata.category(part) not in _INVISIBLE]
    return "".join(_bare(part) for part in bare)


def _bare(character: str) -> str:
    if character.isspace():
        return "\n" if character in "\u2028\u2029" else " "
    lowered = character.lower()
    if character.isascii():
        return lowered
    if lowered in LOOK_ALIKES:
        return LOOK_ALIKES[lowered]
    if (digit := unicodedata.decimal(character, None)) is not None:
        return str(digit)
    named = _NAMED.fullmatch(unicodedata.name(character, ""))
    return named[1].lower() if named else lowered


def _tag(character: str) -> str | None:
    """Return what a tag character spells: invisible to people, readable to a model."""
    point = ord(character)
    if 0xE0020 <= point <= 0xE007E:
        return chr(point - 0xE0000).lower()
    return None
