"""Personal data that is known by how it looks: numbers with check digits or a fixed grouping.

Read from folded text, so full-width and look-alike digits are plain ones already. Signs and single blanks between
digits do not matter. Every expression begins at a digit or a rare word and scans what follows once.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from salesboost_tools.core.text_patterns import has_valid_check_digit

Span = tuple[int, int]
_BETWEEN = r"[ ._/*·-]{0,3}"
_DIGITS = re.compile(rf"(?<![\w.+-])\d(?:{_BETWEEN}\d){{7,39}}+(?:{_BETWEEN}x)?+")
_GROUPED_SSN = re.compile(r"(?<!\d)(?!9)\d{3}[ ._/-]{1,2}\d\d[ ._/-]{1,2}\d{4}(?!\d)")
_IBAN = re.compile(rf"(?<!\w)[a-z]{_BETWEEN}[a-z]{_BETWEEN}\d{_BETWEEN}\d(?:{_BETWEEN}[a-z0-9]){{11,30}}+")
_IBAN_LETTERS = 4
_IBAN_DIGITS_AT_LEAST = 8
_IBAN_LENGTHS: Final = {
    code: int(length)
    for length, codes in {
        "15": "no", "16": "be", "18": "dk fi fk fo gl nl sd", "19": "mk si", "20": "at ba ee kz lt lu mn xk",
        "21": "ch cr hr li lv", "22": "bg bh de gb ge ie me rs va", "23": "ae gi il iq om so tl",
        "24": "ad cz es md pk ro sa se sk tn vg", "25": "ly pt st", "26": "is tr", "27": "bi dj fr gr it mc mr sm",
        "28": "al az by cy do gt hn hu lb ni pl", "29": "br eg ps qa ua", "30": "jo kw mu ye", "31": "mt sc",
        "32": "lc", "33": "ru",
    }.items()
    for code in codes.split()
}  # fmt: skip
"""Country -> letters and digits of its accounts (ISO 13616 registry). Many codes are words: 'at', 'no', 'is'."""
_SPELT_DIGITS: Final = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "零": "0", "一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7",
    "八": "8", "九": "9",
}  # fmt: skip
_SPELT = re.compile(
    r"(?:\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b[ ,.-]{0,3}|[零一二三四五六七八九] ?){9,19}+"
)
_SPELT_ONE = re.compile("|".join(_SPELT_DIGITS))
_CHINESE_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHINESE_CHECKS: Final = "10x98765432"


def cards(text: str) -> Iterator[Span]:
    """Yield payment card numbers: 13 to 19 digits whose check digit is right (ISO/IEC 7812-1)."""
    for found in _DIGITS.finditer(text):
        for end in _ends_of_groups(found):
            digits = _only_digits(text[found.start() : end])
            if 13 <= len(digits) <= 19 and digits[0] in "23456" and has_valid_check_digit(digits):
                yield found.start(), end
                break
    for span, digits in _spelt(text):
        if 13 <= len(digits) <= 19 and has_valid_check_digit(digits):
            yield span


def social_security_numbers(text: str) -> Iterator[Span]:
    """Yield US social security numbers in their grouping 3-2-4; areas 000, 666 and 9xx were never given out."""
    for found in _GROUPED_SSN.finditer(text):
        digits = _only_digits(found.group())
        if digits[:3] not in {"000", "666"} and digits[3:5] != "00" and digits[5:] != "0000":
            yield found.span()
    for span, digits in _spelt(text):
        if len(digits) == 9:
            yield span


def bank_accounts(text: str) -> Iterator[Span]:
    """Yield international bank account numbers: as long as their country has them, check digits right (ISO 13616).

    An ordinary sentence can begin like one ("at 15 per cent for ..."), and of 97 one has the right check digits; so
    there have to be digits enough, too.
    """
    for found in _IBAN.finditer(text):
        account = re.sub(r"[^a-z0-9]", "", found.group())
        length = _IBAN_LENGTHS.get(account[:2], len(account) + 1)
        if length > len(account) or len(_only_digits(account[:length])) < _IBAN_DIGITS_AT_LEAST:
            continue
        end = _end_of(found, length)
        if _is_iban(account[:length]) and not text[end : end + 1].isdigit():
            yield found.start(), end


def chinese_identity_numbers(text: str) -> Iterator[Span]:
    """Yield numbers of Chinese identity cards whose check digit is right (GB 11643-1999)."""
    for found in _DIGITS.finditer(text):
        number = re.sub(r"[^0-9x]", "", found.group())
        if len(number) == 18 and number[:17].isdigit():
            total = sum(weight * int(digit) for weight, digit in zip(_CHINESE_WEIGHTS, number, strict=False))
            if _CHINESE_CHECKS[total % 11] == number[17]:
                yield found.span()


SHAPES: Final[Mapping[str, Callable[[str], Iterator[Span]]]] = {
    "card": cards,
    "social_security_number": social_security_numbers,
    "bank_account": bank_accounts,
    "chinese_identity_number": chinese_identity_numbers,
}
"""Name in a rule -> where such numbers stand in folded text."""


def _ends_of_groups(found: re.Match[str]) -> Iterator[int]:
    """Yield where groups of digits end, the last one first: another number may follow the one that is meant."""
    text = found.string
    for place in range(found.end(), found.start(), -1):
        if text[place - 1].isdigit() and not text[place : place + 1].isalnum():
            yield place


def _only_digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _spelt(text: str) -> Iterator[tuple[Span, str]]:
    for found in _SPELT.finditer(text):
        yield found.span(), "".join(_SPELT_DIGITS[word] for word in _SPELT_ONE.findall(found.group()))


def _is_iban(account: str) -> bool:
    turned = account[_IBAN_LETTERS:] + account[:_IBAN_LETTERS]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _end_of(found: re.Match[str], length: int) -> int:
    """Return where the `length`-th letter or digit of a match ends."""
    seen = 0
    for place, character in enumerate(found.group(), start=found.start()):
        seen += character.isalnum()
        if seen == length:
            return place + 1
    return found.end()
