"""Which methods of a store never wait, so that an event loop may call the sync ones too."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

_Twin = TypeVar("_Twin", bound=Callable[..., Any])
_MARK: Final = "_salesboost_waits_for_nothing"


def at_once(twin: _Twin) -> _Twin:
    """Mark an `a` twin that only calls its sync method, which waits for nothing: callers may save themselves the twin.

    A class that overrides the twin without marking it is asked through the twin again.
    """
    setattr(twin, _MARK, True)
    return twin


def waits_for_nothing(*twins: Callable[..., Any]) -> bool:
    """Return whether all of these are marked."""
    return all(getattr(twin, _MARK, False) for twin in twins)
