"""The answer that is no value."""

from typing import Final


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""Nothing is stored; any value may be stored, None too."""
