"""How amounts, days and roles read."""

from collections.abc import Sequence
from decimal import Decimal

ROLES = {
    "economic_buyer": "economic buyer",
    "champion": "champion",
    "technical_buyer": "technical buyer",
    "procurement": "procurement",
    "user": "user",
    "influencer": "influencer",
    "": "role unknown",
}
ROLE_ORDER = tuple(ROLES)


def money(amount: Decimal | str, currency: str) -> str:
    """Return an exact amount with thousands marked, `350,064.00 USD`."""
    return f"{Decimal(amount):,} {currency}"


def per_cent(fraction: Decimal | str) -> str:
    """Return a share in per cent with at most one digit, `17.3 %`."""
    return f"{Decimal(fraction) * 100:.1f}".removesuffix(".0") + " %"


def counted(number: int, what: str) -> str:
    """Return a number with its noun, `1 day`, `2 days`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def times(number: int) -> str:
    """Return `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def listed(words: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def said(words: str) -> str:
    """Return a reason or role as it reads in a sentence: `total_cost` -> `total cost`."""
    return words.replace("_", " ")


def quoted(text: str) -> str:
    """Return words somebody else wrote, in quotation marks; marks inside become single ones."""
    return f"“{text.replace(chr(34), chr(39))}”"


def shortened(text: str, most: int) -> str:
    """Return a text cut at a word if it is longer than so many letters."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(",;:- ") + "…"
