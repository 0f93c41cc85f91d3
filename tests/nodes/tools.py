"""Tools that do one thing worth watching."""

import asyncio
import threading
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, ConfigDict, PrivateAttr

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from tests.nodes.messages import Crowd

READ = ToolSpec(effect=Effect.READ)
WRITE = ToolSpec(effect=Effect.WRITE)


class Nothing(BaseModel):
    model_config = ConfigDict(extra="allow")


class WatchedTool(BaseTool):
    """Base of the tools below: takes no argument that matters, and may say what it is."""

    description: str = "A tool."
    args_schema: type[BaseModel] = Nothing
    spec: ToolSpec | None = None


class MeetingTool(WatchedTool):
    """Returns once as many calls as its crowd holds are inside at once."""

    name: str = "meeting"
    _crowd: Crowd = PrivateAttr()

    def __init__(self, crowd: Crowd, **settings: Any):
        super().__init__(**settings)
        self._crowd = crowd

    def _run(self, **_: Any) -> str:
        self._crowd.meet()
        return "met"

    async def _arun(self, **_: Any) -> str:
        await self._crowd.ameet()
        return "met"


class BlockingMeetingTool(MeetingTool):
    """The same without an async way: it blocks the thread it runs in."""

    _arun = BaseTool._arun


class HangingTool(WatchedTool):
    """Hangs until it is cancelled, or, in a thread, released; counts both."""

    name: str = "hanging"
    _released: threading.Event = PrivateAttr(default_factory=threading.Event)
    _began: threading.Event = PrivateAttr(default_factory=threading.Event)
    _cancelled: list[bool] = PrivateAttr(default_factory=list)
    _count: list[int] = PrivateAttr(default_factory=list)

    @property
    def started(self) -> int:
        return len(self._count)

    @property
    def cancelled(self) -> int:
        return len(self._cancelled)

    def release(self) -> None:
        self._released.set()

    def forget(self) -> None:
        """Let the next call be waited for as if it were the first."""
        self._began.clear()

    async def wait_until_it_began(self) -> None:
        assert await asyncio.to_thread(self._began.wait, 5)

    def _run(self, **_: Any) -> str:
        self._count.append(1)
        self._began.set()
        assert self._released.wait(5)
        return "released"

    async def _arun(self, **_: Any) -> str:
        self._count.append(1)
        self._began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._cancelled.append(True)
            raise


class BlockingHangingTool(HangingTool):
    """The same without an async way: it blocks the thread it runs in."""

    _arun = BaseTool._arun


class StubbornTool(HangingTool):
    """Takes no notice of being cancelled."""

    async def _arun(self, **_: Any) -> str:
        self._count.append(1)
        self._began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self._cancelled.append(True)
        return "stayed"


class SelfCancellingTool(WatchedTool):
    """Raises CancelledError although nobody cancelled it."""

    name: str = "self_cancelling"

    def _run(self, **_: Any) -> str:
        raise asyncio.CancelledError("of its own accord")

    async def _arun(self, **_: Any) -> str:
        raise asyncio.CancelledError("of its own accord")


def diary_tool(diary: list[str], name: str, spec: ToolSpec | None = None) -> BaseTool:
    """Return a tool that writes its beginning and its end, a few turns of the event loop later, into a diary."""

    def sync(what: str) -> str:
        diary.append(f"{what} begins")
        diary.append(f"{what} ends")
        return what

    async def inside(what: str) -> str:
        diary.append(f"{what} begins")
        for _ in range(3):
            await asyncio.sleep(0)
        diary.append(f"{what} ends")
        return what

    made = StructuredTool.from_function(sync, inside, name=name, description="Writes into a diary.")
    return made if spec is None else govern(made, spec=spec)
