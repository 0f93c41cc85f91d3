"""Ids for new records: made without asking the database, so that many writers never wait for a counter."""

from datetime import UTC, datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no letters that read like digits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND_BITS = 45
RANDOM_BITS = 55


def record_id(prefix: str, now: datetime, random_bits: int) -> str:
    """Return an id that sorts by time: 'CON-01JZ5…', twenty characters after the prefix.

    45 bits of milliseconds (until the year 3084) and 55 random bits, as in ULID. Two ids of one millisecond are equal
    with probability 2**-55.

    Args:
        prefix: What kind of record: ACT, CON.
        now: The present moment, aware.
        random_bits: 55 of them, as a whole number.
    """
    milliseconds = int((now - _EPOCH).total_seconds() * 1000)
    number = (milliseconds & (1 << _MILLISECOND_BITS) - 1) << RANDOM_BITS | random_bits & (1 << RANDOM_BITS) - 1
    digits = [_ALPHABET[number >> shift & 31] for shift in range(_MILLISECOND_BITS + RANDOM_BITS - 5, -1, -5)]
    return f"{prefix}-{''.join(digits)}"
