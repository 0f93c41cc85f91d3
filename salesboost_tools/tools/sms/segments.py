"""How many SMS a text becomes: GSM-7 or UCS-2, exactly.

Source: 3GPP TS 23.038, section 6.2.1 (default alphabet and its extension table); TS 23.040, section 9.2.3.24.1
(concatenated messages: six octets of every part go to the header).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Encoding = Literal["GSM-7", "UCS-2"]

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each."""
EXTENSION: Final = frozenset("\f^{}\\[~]|€")
"""Two septets each: an escape and the character. A part never ends between them."""

GSM7_ALONE: Final = 160
GSM7_PART: Final = 153
UCS2_ALONE: Final = 70
UCS2_PART: Final = 67

_BEYOND_ONE_UNIT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text is sent as.

    Attributes:
        encoding: GSM-7 if every character is in its alphabet, else UCS-2.
        units: Septets (GSM-7) or UTF-16 code units (UCS-2) of the whole text.
        parts: The text of each SMS, at least one; joined they are the text.
    """

    encoding: Encoding
    units: int
    parts: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many SMS are sent and paid for."""
        return len(self.parts)


def segments_of(text: str) -> Segments:
    """Return the SMS a text becomes. A character is never cut in two, so a part may be a unit short of full."""
    if all(character in BASIC or character in EXTENSION for character in text):
        return _split("GSM-7", text, _septets, GSM7_ALONE, GSM7_PART)
    return _split("UCS-2", text, _code_units, UCS2_ALONE, UCS2_PART)


def not_in_gsm7(text: str) -> str:
    """Return the characters that make a text UCS-2, each once, in the order they come."""
    return "".join(dict.fromkeys(each for each in text if each not in BASIC and each not in EXTENSION))


def _septets(character: str) -> int:
    return 2 if character in EXTENSION else 1


def _code_units(character: str) -> int:
    return 2 if ord(character) > _BEYOND_ONE_UNIT else 1


def _split(encoding: Encoding, text: str, size_of: Callable[[str], int], alone: int, part: int) -> Segments:
    sizes = [size_of(character) for character in text]
    units = sum(sizes)
    if units <= alone:
        return Segments(encoding, units, (text,))
    parts: list[str] = []
    start, filled = 0, 0
    for at, size in enumerate(sizes):
        if filled + size > part:
            parts.append(text[start:at])
            start, filled = at, 0
        filled += size
    return Segments(encoding, units, (*parts, text[start:]))
