"""How far the calls of a message have come, kept with the graph's checkpoint: what has finished is not run again."""

import asyncio
import json
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from langchain_core.messages import ToolCall
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.errors import GraphInterrupt

from salesboost_tools.nodes.pregel import Desk, Place
from salesboost_tools.nodes.raised import Raised

CHANNEL: Final = "salesboost_call"
"""What is kept is a write to a channel that no graph has, by a task that no graph has: LangGraph passes over it."""

_NOT_KEPT: Final = "how a call ended could not be kept; if its node is run again, so is the call"

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Past:
    """What is kept of a call.

    Attributes:
        entries: How many entries there are.
        answer: Its answer, in a list; empty while there is none.
        replies: What people told it.
        question: The id of the question it waits with.
        waits: It ended with a question.
    """

    entries: int = 0
    answer: Sequence[Any] = ()
    replies: Sequence[Any] = ()
    question: str | None = None
    waits: bool = False


class Progress:
    """The calls of one message, in a graph that has a checkpointer.

    A call that has finished is answered from here when the node is run again: after a question was answered, after an
    error, after a crash. Every call is asked and answered apart from the others.

    Failures to keep something are logged: what happened has happened, and its answer is given all the same.

    Args:
        place: The node's.
        config: The node's.
        calls: In the order of the message.
        at_once: Keep every answer when it is there. False: only if the message ends without all its answers.
    """

    def __init__(self, place: Place, config: RunnableConfig, calls: Sequence[ToolCall], *, at_once: bool) -> None:
        self._place = place
        self._config = config
        self._calls = calls
        self._at_once = at_once and not place.keeps_at_exit
        self._past = [_Past() for _ in calls]
        self._desks: dict[int, Desk] = {}
        self._unkept: dict[int, Any] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self.under_way: set[int] = set()
        """Calls that were started and have not ended."""

    def recall(self) -> None:
        """Read what was kept, if the node may have been run before."""
        if self._place.may_be_again:
            self._read(self._place.checkpointer.get_tuple(self._place.checkpoint))

    async def arecall(self) -> None:
        """Do as `recall`."""
        if self._place.may_be_again:
            self._read(await self._place.checkpointer.aget_tuple(self._place.checkpoint))

    def finished(self, position: int) -> Sequence[Any]:
        """Return the answer of a call that has finished before, in a list; an empty one if it has not."""
        return self._past[position].answer

    def has_asked(self, position: int) -> bool:
        """Return whether a call ended with a question before."""
        return self._past[position].waits

    @contextmanager
    def at_desk(self, position: int) -> Generator[RunnableConfig]:
        """Surround a call with a place of its own; yields its config."""
        past, answers = self._past[position], self._place.answers
        told = past.question is not None and answers is not None and past.question in answers
        replies = [*past.replies, answers[past.question]] if told and answers and past.question else past.replies
        desk = self._desks[position] = Desk(self._config, position, replies, may_be_told=past.waits and answers is None)
        self.under_way.add(position)
        token = var_child_runnable_config.set(desk.config)
        try:
            yield desk.config
        finally:
            var_child_runnable_config.reset(token)

    # ------------------------------------------------------------ keeping

    def note(self, position: int, answer: Any) -> None:
        """Remember how a call ended."""
        self.under_way.discard(position)
        self._unkept[position] = answer

    def ended(self, position: int, answer: Any) -> None:
        """Remember how a call ended, and keep it if that is to be done at once."""
        self.note(position, answer)
        if self._at_once:
            self.keep()

    def aended(self, position: int, answer: Any) -> None:
        """Do as `ended`; nobody waits for it but `settled`."""
        self.note(position, answer)
        if self._at_once and (kept := self._take()):
            task = asyncio.create_task(self._aput(kept))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    def keep(self) -> None:
        """Keep everything that is not kept yet."""
        for task_id, entry in self._take():
            try:
                self._place.checkpointer.put_writes(self._place.checkpoint, [(CHANNEL, entry)], task_id)
            except Exception:
                _logger.warning(_NOT_KEPT, exc_info=True)

    async def akeep(self) -> None:
        """Do as `keep`, and wait for what is under way."""
        await self._aput(self._take())
        await self.settled()

    async def settled(self) -> None:
        """Wait until everything that was to be kept at once is kept."""
        if self._keeping:
            await asyncio.wait(self._keeping)

    async def _aput(self, kept: list[tuple[str, Any]]) -> None:
        for task_id, entry in kept:
            try:
                await self._place.checkpointer.aput_writes(self._place.checkpoint, [(CHANNEL, entry)], task_id)
            except Exception:
                _logger.warning(_NOT_KEPT, exc_info=True)

    def _take(self) -> list[tuple[str, Any]]:
        """Return what is to be kept, each under the task id that stands for it."""
        taken: list[tuple[str, Any]] = []
        for position in list(self._unkept):
            entry = self._entry(position, self._unkept.pop(position))
            if entry is not None:
                taken.append((self._id_of(position, self._past[position].entries), entry))
        return taken

    def _entry(self, position: int, answer: Any) -> Any:
        """Return what is kept of a call; None for an error that is raised: whoever runs the node again tries again."""
        if not isinstance(answer, Raised):
            return {"answer": answer}
        if not isinstance(answer.error, GraphInterrupt):
            return None
        desk = self._desks[position]
        asked: Sequence[Any] = answer.error.args[0] if answer.error.args else ()
        question = asked[0].id if asked and desk.waits else None
        return {"question": question, "replies": desk.replies}

    # ------------------------------------------------------------ reading

    def _read(self, saved: CheckpointTuple | None) -> None:
        entries = (
            {task_id: entry for task_id, channel, entry in (saved.pending_writes or ()) if channel == CHANNEL}
            if saved
            else {}
        )
        for position, past in enumerate(self._past if entries else ()):
            while (entry := entries.get(self._id_of(position, past.entries))) is not None:
                past.entries += 1
                if "answer" in entry:
                    past.answer = [entry["answer"]]
                else:
                    past.replies, past.question, past.waits = entry["replies"], entry["question"], True

    def _id_of(self, position: int, number: int) -> str:
        call = self._calls[position]
        asked = json.dumps(
            call["args"], skipkeys=True, default=_kind
        )  # some models number their calls anew in every message
        return str(uuid5(NAMESPACE_OID, f"{self._place.name}/{position}/{call['name']}/{call['id']}/{asked}/{number}"))


def _kind(value: Any) -> str:
    return type(value).__name__
