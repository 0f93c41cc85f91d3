"""Telephone numbers: one canonical form (E.164), and an error that says what is wrong with any other."""

from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult
from phonenumbers.timezone import time_zones_for_number

from salesboost_tools.core.errors import ToolInputError
from salesboost_tools.tools.argument import wrong_input

_UNKNOWN_ZONE = "Etc/Unknown"

_NO_TEXTS: Final = {
    PhoneNumberType.TOLL_FREE: "a toll-free number",
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.PAGER: "a pager",
    PhoneNumberType.UAN: "a company access number",
    PhoneNumberType.VOICEMAIL: "a voice mailbox",
}

_UNREADABLE: Final = {
    NumberParseException.INVALID_COUNTRY_CODE: (
        "has no known country code; write it with a plus and the country code, for example +14155550123"
    ),
    NumberParseException.NOT_A_NUMBER: "is not a telephone number",
    NumberParseException.TOO_SHORT_AFTER_IDD: "ends after the international prefix",
    NumberParseException.TOO_SHORT_NSN: "is too short",
    NumberParseException.TOO_LONG: "is too long: E.164 allows fifteen digits",
}

_WRONG_LENGTH: Final = {
    ValidationResult.TOO_SHORT: "has too few digits",
    ValidationResult.TOO_LONG: "has too many digits",
    ValidationResult.INVALID_LENGTH: "has a wrong number of digits",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that texts can be sent to.

    Attributes:
        e164: A plus, the country code and the number: '+14155550123'.
        region: ISO 3166 code of the country, for example 'US'.
        time_zones: IANA names of every zone the number may be in, at least one.
    """

    e164: str
    region: str
    time_zones: tuple[str, ...]


def read_phone(text: str, *, default_region: str | None = None) -> Phone:
    """Return a number in its canonical form.

    Args:
        text: As a person writes it, with spaces, brackets, hyphens.
        default_region: ISO 3166 code of the country of numbers without a plus; None to demand the plus.

    Raises:
        ToolInputError: It is no number, or none that takes texts; the message says what is wrong and does not repeat
            the number.
    """
    try:
        number = phonenumbers.parse(text, default_region)
    except NumberParseException as error:
        raise _wrong(_UNREADABLE[error.error_type]) from None
    country = phonenumbers.region_code_for_country_code(number.country_code or 0)
    if number.extension:
        raise _wrong("has an extension, and a text cannot be sent to one; leave the extension out")
    length = phonenumbers.is_possible_number_with_reason(number)
    if length in _WRONG_LENGTH:
        raise _wrong(f"{_WRONG_LENGTH[length]} for {country} (country code +{number.country_code})")
    if not phonenumbers.is_valid_number(number):
        raise _wrong(f"is not in use in {country} (country code +{number.country_code}): no such area or mobile code")
    kind = _NO_TEXTS.get(phonenumbers.number_type(number))
    if kind is not None:
        raise _wrong(f"is {kind}, which takes no texts; ask for a mobile number")
    zones = tuple(zone for zone in time_zones_for_number(number) if zone != _UNKNOWN_ZONE)
    if not zones:
        raise _wrong("is in no known time zone, so nobody can tell whether it is night there")
    region = phonenumbers.region_code_for_number(number) or country
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), region, zones)


def _wrong(what: str) -> ToolInputError:
    return wrong_input(f"The number {what}.")
