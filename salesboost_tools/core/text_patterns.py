"""Personal data and secrets in running text: what they look like, and what is left of them.

Every pattern begins with a character that is rare in text, looks back for a boundary only there, and scans what follows
once: the time grows with the length of the text and not with its square. A mask never matches a pattern again, so
masking twice is masking once.
"""

import re
from typing import Final

HIDDEN: Final = "********"
"""Stands for a secret of any length."""

_HOST = re.compile(r"@(?:[\w-]++\.)+[^\W\d_][\w-]+")
_IN_LOCAL_PART = "._+%-"
_RARE_BEFORE_AT = frozenset("!#$&'*/=?^`{|}~\"")
"""May end a local part too (RFC 5322, 3.2.3), but far more often stands around an address; stays where it is."""
_NOT_BETWEEN_PARTS = re.compile(r"[^.@\s,;<>]")
_ASSIGNED = re.compile(
    r"\b(?P<field>(?:\w+[_-])?(?:password|passwd|pwd|secret|token|(?:api|access|secret)[_-]?key))=[^\s\"'&;,]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"[bB](?<![\w-].)(?:[eE]arer|[aA]sic|EARER|ASIC) +(?=[\w.~+/-]*\d)[\w.~+/-]{12,}=*+")
_SCHEME_MARKS = ("earer ", "asic ", "EARER ", "ASIC ")
_JWT = re.compile(r"eyJ(?<![\w-]...)[\w-]{8,}\.[\w-]{8,}\.[\w-]*+")
_KEY = re.compile(
    r"[sgxAp](?<![\w-].)(?:k-[\w-]{16,}|h[pousr]_\w{20,}|ox[abeprs]-[\w-]{10,}|KIA[0-9A-Z]{16}|at-[a-z]{2}\d-[\w-]{20,})"
)
_KEY_MARKS = ("sk-", "_", "xox", "AKIA", "pat-")
_CARD = re.compile(r"[2-6](?<![\w.+*-].)\d(?:[ -]?\d){11,17}(?![\w*]|[-.]\d)")
_E164 = re.compile(r"\+(?<![\w+*].)[1-9](?:\d{9,14}|(?:[ .\-]?\(?\d\)?){7,14})(?![\w*])")
_BRACKETED = re.compile(r"\((?<![\w*+].)\d{3}\) ?\d{3}[ .-]\d{4}(?![\w*]|[.-]\d)")
_GROUPED = re.compile(r"\d(?<![\w+*.-].)(?:(?<=1)[ .-]\d{3}|\d\d)[ .-]\d{3}[ .-]\d{4}(?![\w*]|[.-]\d)")
_SSN = re.compile(r"\d(?<![\w+*.-].)(?<!9)\d\d(?<!000)(?<!666)-(?!00)\d\d-(?!0000)\d{4}(?![\w*]|[.-]\d)")
_THREE_AND_MORE = re.compile(r"\d(?<![\d,].)\d\d[ .-]\d\d")
"""What social security numbers and grouped phone numbers have in common, and other numbers rarely have."""

_AMOUNT_AFTER = re.compile(r"\s?(?:%|[$€£¥₹]|USD|EUR|GBP|CHF|JPY|CNY|CAD|AUD)", re.IGNORECASE)
_DECIMAL = re.compile(r"\+\d+\.\d{1,2}")
_DIGITS = re.compile(r"\d")


def mask_patterns(text: str) -> str:
    """Return the text with e-mail addresses, phone and card numbers, tokens and keys masked; itself if it has none."""
    masked = text
    if "@" in text:
        masked = _mask_addresses(masked)
    if "=" in text:
        masked = _ASSIGNED.sub(_masked_assignment, masked)
    if "eyJ" in text:
        masked = _JWT.sub(HIDDEN, masked)
    if any(mark in text for mark in _KEY_MARKS):
        masked = _KEY.sub(HIDDEN, masked)
    if _DIGITS.search(text):
        if any(mark in text for mark in _SCHEME_MARKS):
            masked = _BEARER.sub(_masked_bearer, masked)
        masked = _CARD.sub(_masked_card, masked)
        if "+" in text:
            masked = _E164.sub(_masked_international, masked)
        if "(" in text:
            masked = _BRACKETED.sub(_masked_phone, masked)
        if _THREE_AND_MORE.search(masked):
            masked = _SSN.sub(_masked_ssn, masked)
            masked = _GROUPED.sub(_masked_phone, masked)
    return masked


def mask_email(text: str) -> str:
    """Mask an address: `dana@acme.com` becomes `d***@****.com`; text without an @ is masked throughout."""
    local, at, domain = text.rpartition("@")
    if not at:
        return mask_all(text)
    hosts, dot, last = domain.rpartition(".")
    first = local[:1] if len(local) > 1 else ""
    last = last if dot and last.isalpha() else _NOT_BETWEEN_PARTS.sub("*", last)
    return f"{first}{_NOT_BETWEEN_PARTS.sub('*', local[len(first) :])}@{_NOT_BETWEEN_PARTS.sub('*', hosts)}{dot}{last}"


def mask_places(text: str, kept: int, least: int) -> str:
    """Mask letters and digits except the last `kept` of them.

    Args:
        text: How it is written otherwise stays.
        kept: How many stay readable, if there are at least `least`; else none does.
        least: Digits, letters and masked ones are counted, so that masking again changes nothing.
    """
    places = [place for place, character in enumerate(text) if character.isalnum() or character == "*"]
    readable = set(places[-kept:]) if len(places) >= least else set[int]()
    hidden = set(places) - readable
    return "".join("*" if place in hidden else character for place, character in enumerate(text))


def mask_all(text: str) -> str:
    """Mask every letter and digit."""
    return "".join("*" if character.isalnum() else character for character in text)


def has_valid_check_digit(digits: str) -> bool:
    """Return whether the digits of a card number add up (Luhn; ISO/IEC 7812-1, annex B)."""
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _mask_addresses(text: str) -> str:
    """Mask e-mail addresses: each is found by its host, then read backwards from the @."""
    parts: list[str] = []
    done = 0
    for host in _HOST.finditer(text):
        start = host.start()
        while start > done and (text[start - 1].isalnum() or text[start - 1] in _IN_LOCAL_PART):
            start -= 1
        follows_another = bool(parts) and start == done
        if start < host.start() or follows_another or text[start - 1 : start] in _RARE_BEFORE_AT:
            parts += text[done:start], mask_email(text[start : host.end()])
            done = host.end()
    return "".join((*parts, text[done:])) if parts else text


def _masked_assignment(found: re.Match[str]) -> str:
    return f"{found['field']}={HIDDEN}"


def _masked_bearer(found: re.Match[str]) -> str:
    return f"{found.group().partition(' ')[0]} {HIDDEN}"


def _masked_card(found: re.Match[str]) -> str:
    number = found.group()
    return mask_places(number, 4, 13) if has_valid_check_digit(re.sub(r"\D", "", number)) else number


def _masked_ssn(found: re.Match[str]) -> str:
    return mask_all(found.group())


def _masked_phone(found: re.Match[str]) -> str:
    return mask_places(found.group(), 2, 7)


def _masked_international(found: re.Match[str]) -> str:
    number = found.group()
    if _DECIMAL.fullmatch(number) or _AMOUNT_AFTER.match(found.string, found.end()):
        return number
    return mask_places(number, 2, 7)
