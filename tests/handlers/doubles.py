"""Test doubles for handlers, named for what they do."""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field, PrivateAttr

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.handlers.base import ToolHandler
from tests.doubles import Query

READ = ToolSpec(effect=Effect.READ)
WRITE = ToolSpec(effect=Effect.WRITE)

PATIENCE_S = 10.0
"""No test waits that long unless something is broken."""


class EventLedger(ToolHandler):
    """Writes down what handlers report of a call, and the call it happened to."""

    order = 1

    def __init__(self):
        self.calls: list[ToolCall] = []
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def observe(self, call, event, details):
        self.calls.append(call)
        self.events.append((event, details))

    def of(self, event: str) -> list[Mapping[str, Any]]:
        return [details for name, details in self.events if name == event]


class GatedTool(BaseTool):
    """Counts who comes in, holds everybody until the gate is opened, then answers or raises `outcome`."""

    name: str = "gated"
    description: str = "Answers when it is let."
    args_schema: type[BaseModel] = Query
    outcome: Any = "answer"
    spec: ToolSpec = Field(default_factory=lambda: READ)
    _started: int = PrivateAttr(default=0)
    _cancelled: int = PrivateAttr(default=0)
    _open: threading.Event = PrivateAttr(default_factory=threading.Event)

    @property
    def started(self) -> int:
        return self._started

    @property
    def cancelled(self) -> int:
        return self._cancelled

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.clear()

    def _run(self, query: str = "q") -> Any:
        self._started += 1
        assert self._open.wait(PATIENCE_S), "nobody opened the gate"
        return self._answer(query)

    async def _arun(self, query: str = "q") -> Any:
        self._started += 1
        try:
            while not self._open.is_set():  # noqa: ASYNC110  (a thread may open the gate)
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._cancelled += 1
            raise
        return self._answer(query)

    def _answer(self, query: str) -> Any:
        outcome = self.outcome
        if isinstance(outcome, BaseException) or (isinstance(outcome, type) and issubclass(outcome, BaseException)):
            raise outcome
        return outcome(query) if callable(outcome) else outcome


async def turns(count: int = 50) -> None:
    """Let every task that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Any) -> None:
    """Let tasks and threads go on until something is so."""
    limit_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit_s, "it never came to be so"
        await asyncio.sleep(0)


class Caller:
    """Makes one sync call in a thread of its own; `answer` is what it got or what was raised."""

    def __init__(self, function: Any, *args: Any, **kwargs: Any):
        self.answer: Any = None

        def call() -> None:
            try:
                self.answer = function(*args, **kwargs)
            except BaseException as error:
                self.answer = error

        self.thread = threading.Thread(target=call, daemon=True)
        self.thread.start()

    def wait(self) -> Any:
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive(), "the call never came back"
        return self.answer


class Naps:
    """Takes seconds to sleep and writes them down instead."""

    def __init__(self):
        self.taken_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.taken_s.append(seconds)

    async def asleep(self, seconds: float) -> None:
        self.taken_s.append(seconds)
