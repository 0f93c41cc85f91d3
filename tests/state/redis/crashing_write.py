"""A worker that makes one governed write and dies at a step of it, as if somebody had pulled the plug."""

import asyncio
import contextlib
import os
import signal
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel

from salesboost_tools.core.errors import IdempotencyError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.idempotency import IdempotencyHandler
from salesboost_tools.state.redis import RedisState

LEASE_S = 0.15
PATIENT = {"connect_timeout_s": 1.0, "operation_timeout_s": 2.0}
STEPS = (
    "before the claim",
    "after the claim",
    "before the effect",
    "after the effect",
    "before the report",
    "at the end",
)


class Letter(BaseModel):
    to: str


class SendLetter(BaseTool):
    """Sends by appending a line to a file, in one system call: it has happened or it has not."""

    name: str = "send_letter"
    description: str = "Sends a letter."
    args_schema: type[BaseModel] = Letter
    spec: ToolSpec = ToolSpec(effect=Effect.WRITE)
    outbox: str
    dies_at: str = ""
    pause_s: float = 0.0

    def _run(self, to: str) -> str:
        die_if(self.dies_at == "before the effect")
        self._send(to)
        die_if(self.dies_at == "after the effect")
        return f"sent to {to}"

    async def _arun(self, to: str) -> str:
        await asyncio.sleep(self.pause_s)
        answer = self._run(to)
        await asyncio.sleep(self.pause_s)
        return answer

    def _send(self, to: str) -> None:
        file = os.open(self.outbox, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, f"{to}\n".encode())
        os.close(file)


def die_if(now: bool) -> None:
    if now:
        os.kill(os.getpid(), signal.SIGKILL)


class DyingRecords:
    """The records of a process that dies before or after it has asked them something."""

    def __init__(self, records: Any, dies_at: str):
        self._records = records
        self._dies_at = dies_at

    def begin(self, *arguments: Any) -> Any:
        die_if(self._dies_at == "before the claim")
        claim = self._records.begin(*arguments)
        die_if(self._dies_at == "after the claim")
        return claim

    def finish(self, *arguments: Any) -> Any:
        die_if(self._dies_at == "before the report")
        heard = self._records.finish(*arguments)
        die_if(self._dies_at == "at the end")
        return heard

    async def abegin(self, *arguments: Any) -> Any:
        die_if(self._dies_at == "before the claim")
        claim = await self._records.abegin(*arguments)
        die_if(self._dies_at == "after the claim")
        return claim

    async def afinish(self, *arguments: Any) -> Any:
        die_if(self._dies_at == "before the report")
        heard = await self._records.afinish(*arguments)
        die_if(self._dies_at == "at the end")
        return heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)


def call_of(letter: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the call a model makes and the conversation it makes it in: the same again when a graph is resumed."""
    call = {"name": "send_letter", "args": {"to": letter}, "id": f"call-{letter}", "type": "tool_call"}
    return call, {"configurable": {"thread_id": "conversation-1", "tenant_id": "acme"}}


def send(
    place: tuple[str, str, str], letter: str, way: str, *, dies_at: str = "", pause_s: float = 0.0, ready: Any = None
) -> None:
    """Send a letter under an idempotency key.

    Args:
        place: The Redis URL, the prefix of keys, the outbox.
        letter: Which; it stands for its address as well.
        way: "sync" or "async".
        dies_at: One of STEPS, or nowhere.
        pause_s: Seconds that sending takes, before its effect and after it.
        ready: A pipe that hears when all is set up and the write begins.
    """
    url, prefix, outbox = place
    state = RedisState(url, prefix=prefix, **PATIENT)
    state.records = DyingRecords(state.records, dies_at)
    tool = govern(
        SendLetter(outbox=outbox, dies_at=dies_at, pause_s=pause_s), IdempotencyHandler(state, lease_s=LEASE_S)
    )
    call, config = call_of(letter)
    if ready is not None:
        ready.send("ready")
    with contextlib.suppress(IdempotencyError):
        if way == "sync":
            tool.invoke(call, config)
        else:
            asyncio.run(tool.ainvoke(call, config))
