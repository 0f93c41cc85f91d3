"""What calls raise, kept until their siblings have finished."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from langgraph.errors import GraphInterrupt


@dataclass(frozen=True, slots=True)
class Raised:
    """Stands among the answers for what a call raised."""

    error: Exception


def is_left_open(answers: Iterable[Any]) -> bool:
    """Return whether some call has no answer, so that its message will be run again or not be answered at all."""
    return any(isinstance(answer, Raised) for answer in answers)


def raise_what_was_kept(answers: Iterable[Any]) -> None:
    """Raise, now that all calls are done, what is no answer.

    Args:
        answers: In the order of the calls.

    Raises:
        Exception: The first that is no interrupt: an error that is not to be answered, or a command for a parent graph.
        GraphInterrupt: Several interrupts become one that asks everything.
    """
    interrupted = False
    asked: list[Any] = []
    for answer in answers:
        if not isinstance(answer, Raised):
            continue
        if type(answer.error) is not GraphInterrupt:
            raise answer.error
        interrupted = True
        asked.extend(answer.error.args[0] if answer.error.args else ())
    if interrupted:
        raise GraphInterrupt(asked)
