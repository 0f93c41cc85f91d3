"""Which field names announce personal data or a secret."""

import re
from enum import Enum
from functools import lru_cache
from typing import Final


class Kind(Enum):
    """What a field holds, and so what may be left of it."""

    EMAIL = "email"
    """First character, dots and the last part of the domain stay."""
    PHONE = "phone"
    """The last two digits stay, and how the number is written."""
    ACCOUNT = "account"
    """A card or bank account: the last four digits stay."""
    IDENTITY = "identity"
    """A number a state gave a person, a date of birth: nothing stays but how it is written."""
    SECRET = "secret"  # noqa: S105  (a kind of field)
    """Nothing stays, not even the length."""


FIELD_KINDS: Final = {
    "email": Kind.EMAIL,
    "emails": Kind.EMAIL,
    "e mail": Kind.EMAIL,
    "email address": Kind.EMAIL,
    "email addresses": Kind.EMAIL,
    "phone": Kind.PHONE,
    "phones": Kind.PHONE,
    "phone number": Kind.PHONE,
    "phone numbers": Kind.PHONE,
    "telephone": Kind.PHONE,
    "telephone number": Kind.PHONE,
    "mobile": Kind.PHONE,
    "mobile number": Kind.PHONE,
    "cell": Kind.PHONE,
    "cellphone": Kind.PHONE,
    "fax": Kind.PHONE,
    "msisdn": Kind.PHONE,
    "iban": Kind.ACCOUNT,
    "card number": Kind.ACCOUNT,
    "credit card": Kind.ACCOUNT,
    "bank account": Kind.ACCOUNT,
    "ssn": Kind.IDENTITY,
    "social security number": Kind.IDENTITY,
    "national id": Kind.IDENTITY,
    "passport": Kind.IDENTITY,
    "passport number": Kind.IDENTITY,
    "date of birth": Kind.IDENTITY,
    "birth date": Kind.IDENTITY,
    "dob": Kind.IDENTITY,
    "password": Kind.SECRET,
    "passwd": Kind.SECRET,
    "pwd": Kind.SECRET,
    "passphrase": Kind.SECRET,
    "password hash": Kind.SECRET,
    "secret": Kind.SECRET,
    "secrets": Kind.SECRET,
    "secret key": Kind.SECRET,
    "token": Kind.SECRET,
    "tokens": Kind.SECRET,
    "api key": Kind.SECRET,
    "apikey": Kind.SECRET,
    "api keys": Kind.SECRET,
    "access key": Kind.SECRET,
    "private key": Kind.SECRET,
    "authorization": Kind.SECRET,
    "cookie": Kind.SECRET,
    "set cookie": Kind.SECRET,
    "cvv": Kind.SECRET,
    "cvc": Kind.SECRET,
}
"""Kind by how a name ends, in lower case with blanks between words: `work_email`, `workEmail` and `X-Work-Email` all
end in `email`. `email_opt_in` and `token_count` do not end so and are left alone."""

_LONGEST = 3
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return a field name's words in lower case, however they are joined."""
    return tuple(word.lower() for word in _WORDS.findall(name))


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind | None:
    """Return what a field of this name holds; None if the name announces nothing."""
    words = words_of(name)
    endings = (" ".join(words[-count:]) for count in range(min(_LONGEST, len(words)), 0, -1))
    return next((FIELD_KINDS[ending] for ending in endings if ending in FIELD_KINDS), None)
