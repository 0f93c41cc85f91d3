"""Money as whole minor units of an ISO 4217 currency: what can be counted cannot drift."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from enum import StrEnum

from salesboost_tools.tools.argument import nearest, wrong_input

_TWO_DIGITS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP
COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD
KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK
NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT
TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DIGITS = "CLF UYW"

MINOR_DIGITS: dict[str, int] = {
    **dict.fromkeys(_TWO_DIGITS.split(), 2),
    **dict.fromkeys(_NO_DIGITS.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
    **dict.fromkeys(_FOUR_DIGITS.split(), 4),
}
"""Digits after the point per currency in use. Source: ISO 4217, list one."""

EXACT = Context(prec=60)
"""Wide enough for every product of the allowed arguments: multiplying loses nothing."""


class Rounding(StrEnum):
    """What happens to half a minor unit. A price book declares one."""

    HALF_EVEN = "half-even"
    """To the even neighbour (IEEE 754 and banker's rounding): no drift over many amounts."""
    HALF_UP = "half-up"
    """Away from zero: what most tax offices print."""


_MODE = {Rounding.HALF_EVEN: ROUND_HALF_EVEN, Rounding.HALF_UP: ROUND_HALF_UP}


def digits_of(currency: str) -> int:
    """Return how many digits follow the point in `currency`.

    Raises:
        ToolInputError: Not an ISO 4217 code in use; the nearest one is named.
    """
    try:
        return MINOR_DIGITS[currency]
    except KeyError:
        near = nearest(currency, {code: [code] for code in MINOR_DIGITS})
        hint = f" Nearest: {near}." if near else ""
        raise wrong_input(f"{currency!r} is no ISO 4217 currency code in use.{hint}") from None


def whole(value: Decimal, rounding: Rounding) -> int:
    """Return `value` as a whole number, halves as declared."""
    return int(value.quantize(Decimal(1), rounding=_MODE[rounding], context=EXACT))


def minor_units(amount: Decimal, currency: str, rounding: Rounding) -> int:
    """Return an amount in major units as whole minor units, rounded as declared."""
    return whole(amount.scaleb(digits_of(currency), EXACT), rounding)


def major_units(minor: int, currency: str) -> Decimal:
    """Return whole minor units as an exact amount in major units."""
    return Decimal(minor).scaleb(-digits_of(currency), EXACT)


def money_text(minor: int, currency: str) -> str:
    """Return whole minor units as exact text in major units: 1234567 USD -> '12345.67', 500 JPY -> '500'."""
    return f"{major_units(minor, currency):f}"


def unit_price_text(price: Decimal, currency: str) -> str:
    """Return a unit price exactly, with at least the currency's digits: 41.650 USD -> '41.65', 5 USD -> '5.00'."""
    digits = digits_of(currency)
    exact = price.normalize(EXACT)
    exponent = exact.as_tuple().exponent
    shown = max(digits, -exponent if isinstance(exponent, int) else 0)
    return f"{exact:.{shown}f}"


def share_out(total: int, weights: Sequence[int]) -> list[int]:
    """Split whole minor units by weight so that the parts add up exactly.

    Largest remainder (Hamilton's method); ties go to the earlier part. Every part is within one unit of its exact
    share and, if `total` is at most the sum of the weights, no part exceeds its weight.

    Args:
        total: Minor units to split, 0 or more.
        weights: One per part, 0 or more. All zero: everything goes to the first part.
    """
    weight = sum(weights)
    if not weight:
        return [total, *[0] * (len(weights) - 1)] if weights else []
    parts = [total * part // weight for part in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(total * weights[at] % weight), at))
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return parts
