"""Test doubles, named for what they do."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field, PrivateAttr

from salesboost_tools.core.spec import Effect, ToolSpec


class FakeClock:
    """Stands still until it is told to advance."""

    def __init__(self, now_s: float = 1000.0):
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


class Query(BaseModel):
    query: str = "q"


class ScriptedTool(BaseTool):
    """Answers with what it was given, in turn, the last one for ever; an exception in the script is raised.

    Sync and async calls draw from the same script. `started` counts calls, `seen` holds the queries.
    """

    name: str = "scripted"
    description: str = "Answers from a script."
    args_schema: type[BaseModel] = Query
    script: tuple[Any, ...] = ("answer",)
    spec: ToolSpec = Field(default_factory=lambda: ToolSpec(effect=Effect.READ))
    _seen: list[str] = PrivateAttr(default_factory=list)

    def __init__(self, *script: Any, **kwargs: Any):
        super().__init__(script=script or ("answer",), **kwargs)

    @property
    def started(self) -> int:
        return len(self._seen)

    @property
    def seen(self) -> list[str]:
        return self._seen

    def _next(self, query: str) -> Any:
        step = self.script[min(len(self._seen), len(self.script) - 1)]
        self._seen.append(query)
        if isinstance(step, BaseException) or (isinstance(step, type) and issubclass(step, BaseException)):
            raise step
        return step(query) if callable(step) else step

    def _run(self, query: str = "q") -> Any:
        return self._next(query)

    async def _arun(self, query: str = "q") -> Any:
        await asyncio.sleep(0)
        return self._next(query)


class RunLedger(BaseCallbackHandler):
    """Writes down every run that starts and every way it ends."""

    run_inline = True

    def __init__(self):
        self.started: Counter[UUID] = Counter()
        self.ended: Counter[UUID] = Counter()
        self.failed: Counter[UUID] = Counter()
        self.errors: list[BaseException] = []
        self.outputs: list[Any] = []

    def on_tool_start(self, serialized, input_str, *, run_id, **kwargs):
        self.started[run_id] += 1

    def on_tool_end(self, output, *, run_id, **kwargs):
        self.ended[run_id] += 1
        self.outputs.append(output)

    def on_tool_error(self, error, *, run_id, **kwargs):
        self.failed[run_id] += 1
        self.errors.append(error)

    def every_run_closed_once(self) -> bool:
        """True if at least one run started and each has exactly one end or error."""
        closed = self.ended + self.failed
        return bool(self.started) and closed == self.started and set(self.started.values()) == {1}
