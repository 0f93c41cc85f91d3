"""Handlers composed around one tool, outermost first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler

from salesboost_tools.core.call import Emit, ToolCall
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler, notify

_CHAINS_KEPT = 64


class Chain:
    """A fixed set of handlers around whatever a call's body is; one chain serves any number of calls.

    Handlers stand in ascending `order`; those of equal order keep the sequence in which they were given. A handler
    given twice stands once.

    Attributes:
        handlers: Outermost first.
        sink: Where calls send their events; None when nobody observes.

    Raises:
        ConfigurationError: A handler has no `order`, or cannot be hashed.
    """

    __slots__ = ("acall", "call", "handlers", "sink")

    def __init__(self, handlers: Iterable[ToolHandler]) -> None:
        self.handlers = tuple(sorted(dict.fromkeys(_with_companions(handlers)), key=lambda handler: handler.order))
        self.call: Proceed = _run_body
        self.acall: AsyncProceed = _run_body
        for handler in reversed(self.handlers):
            kind = type(handler)
            if kind.around is not ToolHandler.around or kind.aaround is not ToolHandler.aaround:
                self.call = partial(_step, handler.around, self.call)
                self.acall = partial(_step, handler.aaround, self.acall)
        observers = tuple(h for h in self.handlers if type(h).observe is not ToolHandler.observe)
        self.sink: Emit | None = partial(_tell, observers) if observers else None


class JoinedChains:
    """The chains that come of a fixed set of handlers and those found among the callbacks of a call.

    Args:
        handlers: Those that always stand there.
    """

    __slots__ = ("_handlers", "_joined", "alone")

    def __init__(self, handlers: Iterable[ToolHandler]) -> None:
        self._handlers = tuple(handlers)
        self.alone = Chain(self._handlers)
        self._joined: dict[tuple[int, ...], Chain] = {}

    def with_those_in(self, callbacks: Sequence[BaseCallbackHandler]) -> Chain:
        """Return the chain for a call with these callbacks."""
        if not callbacks:
            return self.alone
        found = tuple(handler for handler in callbacks if isinstance(handler, ToolHandler))
        if not found:
            return self.alone
        key = tuple(map(id, found))  # the chain keeps its handlers alive, so their ids stay theirs
        chain = self._joined.get(key)
        if chain is None:
            if len(self._joined) >= _CHAINS_KEPT:  # handlers made anew for every call must not pile up
                self._joined.clear()
            chain = self._joined[key] = Chain((*self._handlers, *found))
        return chain


class NoChains(JoinedChains):
    """No handlers, whatever comes with a call: they stand around it elsewhere."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(())

    def with_those_in(self, callbacks: Sequence[BaseCallbackHandler]) -> Chain:  # noqa: ARG002
        """Return the chain of none."""
        return self.alone


def _with_companions(handlers: Iterable[ToolHandler]) -> Iterator[ToolHandler]:
    for handler in handlers:
        yield _fit(handler)
        yield from map(_fit, handler.companions())


def _fit(handler: ToolHandler) -> ToolHandler:
    name = type(handler).__name__
    if not isinstance(getattr(handler, "order", None), int):
        raise ConfigurationError(f"{name} has no `order`; set it on the class, a whole number (smaller is outer)")
    if type(handler).__hash__ is None:  # pyright: ignore[reportUnnecessaryComparison]
        raise ConfigurationError(
            f"{name} cannot be hashed, and LangChain merges callbacks through a set; write @dataclass(eq=False)"
        )
    return handler


def _step(around: Any, proceed: Any, call: ToolCall) -> Any:
    return around(call, proceed)


def _tell(observers: tuple[ToolHandler, ...], call: ToolCall, event: str, details: Mapping[str, Any]) -> None:
    notify(observers, call, event, details)


def _run_body(call: ToolCall) -> Any:
    call.record.attempts += 1
    return call.body(call)
