"""Runs a tool bare and governed on the same input, and writes down everything that can be seen of either."""

import asyncio
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from salesboost_tools.governed import govern

WAYS = ("sync", "async")

_ADDRESS = re.compile(r"0x[0-9a-f]+")
_EVENTS = [
    f"on_{what}_{when}"
    for what in ("tool", "chain", "retriever", "chat_model", "llm")
    for when in ("start", "end", "error")
] + ["on_custom_event"]


@dataclass(frozen=True)
class Specimen:
    """A tool to look at.

    Attributes:
        make: Makes it anew: some tools remember.
        args: Arguments it takes.
        bad: Arguments it does not take.
    """

    make: Callable[[], BaseTool]
    args: Mapping[str, Any] = field(default_factory=lambda: {"x": 7})
    bad: Mapping[str, Any] = field(default_factory=lambda: {"x": "seven"})


@dataclass
class Log:
    """Events in the sequence in which one handler heard them; run ids are numbered as they appear."""

    events: list[Any] = field(default_factory=list)
    _numbers: dict[UUID, int] = field(default_factory=dict)

    def note(self, event: str, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        for name in ("parent_run_id", "run_id"):
            if named.get(name):
                named[name] = self._numbers.setdefault(named[name], len(self._numbers))
        if named.get("metadata"):
            named["metadata"] = {k: v for k, v in named["metadata"].items() if not k.endswith("checkpoint_ns")}
        self.events.append((event, plain(given), plain(named)))


def _noting(event: str) -> Any:
    def hear(self: Any, *given: Any, **named: Any) -> None:
        self.log.note(event, given, named)

    return hear


def _anoting(event: str) -> Any:
    async def hear(self: Any, *given: Any, **named: Any) -> None:
        self.log.note(event, given, named)

    return hear


class InlineListener(BaseCallbackHandler):
    """Hears every event where it happens."""

    run_inline = True

    def __init__(self):
        self.log = Log()


class ThreadListener(BaseCallbackHandler):
    """Hears the events of async runs in a thread."""

    def __init__(self):
        self.log = Log()


class AsyncListener(AsyncCallbackHandler):
    """Hears every event in a coroutine."""

    def __init__(self):
        self.log = Log()


for _event in _EVENTS:
    setattr(InlineListener, _event, _noting(_event))
    setattr(ThreadListener, _event, _noting(_event))
    setattr(AsyncListener, _event, _anoting(_event))


@dataclass(frozen=True)
class Seen:
    """What one call let be seen: how it came out, and what each listener heard."""

    outcome: tuple[Any, ...]
    heard: tuple[list[Any], ...]

    @property
    def events(self) -> list[str]:
        """Names of the events in their sequence."""
        return [event for event, _, _ in self.heard[0]]


def plain(value: Any) -> Any:
    """Return something that is equal for equal things: errors and iterators as what they hold, no addresses."""
    if isinstance(value, BaseException):
        return type(value), plain(str(value))
    if isinstance(value, str):
        return _ADDRESS.sub("0x", value)
    if isinstance(value, types.GeneratorType):
        return "generator", list(value)
    if isinstance(value, tuple | list):
        return type(value), [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, BaseModel):
        return type(value), plain(value.__dict__)
    if type(value).__eq__ is object.__eq__:
        return type(value), plain(repr(value))
    return type(value), value


def look(tool: BaseTool, way: str, call: Callable[..., Any]) -> Seen:
    """Make one call with all three listeners and return what could be seen of it.

    Args:
        tool: Bare or governed.
        way: "sync" or "async".
        call: Takes the tool, "invoke" or "ainvoke" and the listeners; makes the call.
    """
    listeners = [InlineListener(), ThreadListener(), AsyncListener()]
    try:
        if way == "sync":
            returned = call(tool, "invoke", listeners)
        else:

            async def go() -> Any:
                return await call(tool, "ainvoke", listeners)

            returned = asyncio.run(go())
    except BaseException as error:
        outcome = ("raised", plain(error))
    else:
        outcome = ("returned", plain(returned))
    return Seen(outcome, tuple(listener.log.events for listener in listeners))


def both(make: Callable[[], BaseTool], way: str, call: Callable[..., Any]) -> tuple[Seen, Seen]:
    """Return what is seen of the bare tool and of the governed one."""
    return look(make(), way, call), look(govern(make()), way, call)


def invoking(given: Any, config: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Return a call of `invoke` or `ainvoke` with this input and the listeners in the config."""

    def call(tool: BaseTool, method: str, listeners: list[BaseCallbackHandler]) -> Any:
        own = given.copy() if isinstance(given, dict) else given
        return getattr(tool, method)(own, {**(config or {}), "callbacks": listeners})

    return call


def as_tool_call(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's call."""
    return {"name": name, "args": dict(args), "id": "call-1", "type": "tool_call"}
