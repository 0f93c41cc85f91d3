"""Equal reads of one message are made once; each keeps a run and a tool_call_id of its own."""

from collections import Counter
from collections.abc import Generator, Hashable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from langchain_core.messages import ToolCall as AskedCall

from salesboost_tools.core.cache_key import cache_key
from salesboost_tools.core.call import ToolCall
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler
from salesboost_tools.handlers.outcome import is_failure
from salesboost_tools.handlers.shareable import is_shareable, own_copy

_within: ContextVar["Outcomes | None"] = ContextVar("salesboost_equal_reads", default=None)

_PLAIN: Final = frozenset({str, int, float, bool})
"""Types of which equal values are equal to Python, too."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    brought_by: str | None
    result: Any = None
    error: Exception | None = None


class Outcomes:
    """What equal reads of one message brought. They come one after another, so nobody has to wait here.

    Args:
        names: What each of them asks for, by its tool_call_id.
    """

    def __init__(self, names: Mapping[str, Hashable]) -> None:
        self._names = names
        self._known: dict[Hashable, _Outcome] = {}

    def place_of(self, call: ToolCall) -> Hashable | None:
        """Return under which name a call's outcome is kept; None if no other call is its equal.

        What was asked for alike may have been changed by a wrapper or a handler, for one call and not for another.
        """
        name = self._names.get(call.tool_call_id) if call.tool_call_id else None
        return None if name is None else (call.name, name, cache_key(call.name, None, None, call.args))

    def told(self, call: ToolCall, place: Hashable) -> bool:
        """Return whether an equal call has come before; if so, this one is told that it need not be made.

        The same call may come again: whoever wraps it tries again.
        """
        known = self._known.get(place)
        if known is None or known.brought_by == call.tool_call_id:
            return False
        call.record.cached = True
        call.emit("cached", how="shared")
        return True

    def get(self, place: Hashable) -> Any:
        """Return the result of an equal call, or raise its error."""
        known = self._known[place]
        if known.error is not None:
            raise known.error
        return own_copy(known.result)

    def keep(self, call: ToolCall, place: Hashable, result: Any) -> None:
        """Keep a result, unless it carries the id of its call."""
        if is_shareable(result):
            self._known[place] = _Outcome(call.tool_call_id, own_copy(result))

    def keep_failure(self, call: ToolCall, place: Hashable, error: Exception) -> None:
        """Keep an error; questions and parents' commands are each call's own."""
        if is_failure(error):
            self._known[place] = _Outcome(call.tool_call_id, error=error)


class EqualReads(ToolHandler):
    """Answers a read with what an equal one of its message brought.

    It stands inside of the cache, and outside of whatever is spent on an attempt.
    """

    order = 45

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Answer from an equal read, or be the one that is made."""
        outcomes = _within.get()
        place = None if outcomes is None else outcomes.place_of(call)
        if outcomes is None or place is None:
            return proceed(call)
        if outcomes.told(call, place):
            return outcomes.get(place)
        try:
            result = proceed(call)
        except Exception as error:
            outcomes.keep_failure(call, place, error)
            raise
        outcomes.keep(call, place, result)
        return result

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Do as `around`."""
        outcomes = _within.get()
        place = None if outcomes is None else outcomes.place_of(call)
        if outcomes is None or place is None:
            return await proceed(call)
        if outcomes.told(call, place):
            return outcomes.get(place)
        try:
            result = await proceed(call)
        except Exception as error:
            outcomes.keep_failure(call, place, error)
            raise
        outcomes.keep(call, place, result)
        return result


EQUAL_READS: Final = EqualReads()
"""Stands around every tool of a node that somebody declared to read."""


def equals_among(calls: Sequence[AskedCall], reads: Sequence[bool]) -> list[str | None]:
    """Return for each call what it has in common with others that ask for the same, None for nothing; [] if none do.

    Args:
        calls: As the model asks for them.
        reads: For each, whether it is declared to change nothing.
    """
    if len(calls) < 2 or len({_sketch(call) for call, read in zip(calls, reads, strict=True) if read}) == sum(reads):
        return []  # which is usual, and known for a quarter of what keys cost
    ids = Counter(call["id"] for call in calls)  # a model may give one twice, which then tells no calls apart
    keys = [
        cache_key(call["name"], None, None, call["args"]) if read and ids[call["id"]] == 1 and call["id"] else None
        for call, read in zip(calls, reads, strict=True)
    ]
    often = Counter(keys)
    equal = [key if key is not None and often[key] > 1 else None for key in keys]
    return equal if any(equal) else []


def _sketch(call: AskedCall) -> Hashable:
    """Return what is the same for all calls that ask for the same, perhaps for others too: nothing nested is seen."""
    args = [(name, value if type(value) in _PLAIN else None) for name, value in call["args"].items()]
    return call["name"], frozenset(args)


@contextmanager
def shared_among(calls: Sequence[AskedCall], equal: Sequence[str | None]) -> Generator[None]:
    """Let equal reads within share what they bring; reads of any other message, also of one inside, do not."""
    names = {str(call["id"]): name for call, name in zip(calls, equal, strict=True) if name} if equal else {}
    token = _within.set(Outcomes(names) if names else None)
    try:
        yield
    finally:
        _within.reset(token)
