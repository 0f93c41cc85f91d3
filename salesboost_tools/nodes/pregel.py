"""Where in LangGraph a node is run. LangGraph has no public names for that; no other module of the nodes knows these.

What is read is the same that a subgraph inherits from its parent. A test compares it with the installed version.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver

CHECKPOINTER: Final = "__pregel_checkpointer"
SCRATCHPAD: Final = "__pregel_scratchpad"
SEND: Final = "__pregel_send"
RESUMING: Final = "__pregel_resuming"
RESUME_MAP: Final = "__pregel_resume_map"
DURABILITY: Final = "__pregel_durability"
RESUME: Final = "__resume__"
_NAMESPACE: Final = "checkpoint_ns"
_CHECKPOINTS: Final = "checkpoint_map"

Writes = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """A node's place in a graph that has a checkpointer.

    Attributes:
        checkpointer: Where the graph keeps what happened.
        checkpoint: Names the checkpoint of the step under way; it stays the same when the step is run again.
        name: The node's own in that step, or that of the call it is run in; it stays the same too.
        may_be_again: The step may have been run before: the graph is resumed, or the node retried.
        keeps_at_exit: The graph keeps nothing before it ends (`durability="exit"`).
        answers: What people said, by the id of the question; None if the graph was resumed without ids, or not at all.
    """

    checkpointer: BaseCheckpointSaver[Any]
    checkpoint: RunnableConfig
    name: str
    may_be_again: bool
    keeps_at_exit: bool
    answers: Mapping[str, Any] | None

    @classmethod
    def of(cls, config: RunnableConfig) -> "Place | None":
        """Return the place of a node with this config; None outside of graphs and where nothing is kept."""
        known = config.get("configurable", {})
        checkpointer = known.get(CHECKPOINTER)
        parents: Mapping[str, str] | None = known.get(_CHECKPOINTS)
        thread_id, namespace = known.get("thread_id"), known.get(_NAMESPACE)
        if not isinstance(checkpointer, BaseCheckpointSaver) or thread_id is None or known.get(SCRATCHPAD) is None:
            return None
        if not parents or not isinstance(namespace, str):
            return None
        parent = max((name for name in parents if _lies_in(namespace, name)), key=len, default=None)
        if parent is None:
            return None
        kept_under = min((name for name in parents if parents[name] == parents[parent]), key=len)  # not a task's caller
        checkpoint = {"thread_id": thread_id, _NAMESPACE: kept_under, "checkpoint_id": parents[parent]}
        return cls(
            checkpointer,  # pyright: ignore[reportUnknownArgumentType]
            {"configurable": checkpoint},
            namespace,
            bool(known.get(RESUMING)),
            known.get(DURABILITY) == "exit",
            known.get(RESUME_MAP),
        )


class Desk:
    """A place of its own for one call: its questions have ids of their own, and its answers reach it alone.

    Without it, LangGraph numbers the questions of a node in the order in which they happen to be asked.

    Args:
        config: The node's.
        number: Which call of the message it is.
        replies: What it was told before, and is told now.
        may_be_told: Whether an answer that came without an id is for this call.
    """

    def __init__(self, config: RunnableConfig, number: int, replies: Sequence[Any], *, may_be_told: bool) -> None:
        known = config.get("configurable", {})
        self._asked = count()
        self._questions = 0
        self._pad = replace(
            known[SCRATCHPAD],
            interrupt_counter=self._next_question,
            subgraph_counter=count().__next__,
            resume=list(replies),
            **({} if may_be_told else {"get_null_resume": _nothing}),
        )
        own = {SCRATCHPAD: self._pad, SEND: self._sent(known.get(SEND)), _NAMESPACE: f"{known[_NAMESPACE]}|{number}"}
        self.config: RunnableConfig = {**config, "configurable": {**known, **own}}

    @property
    def replies(self) -> list[Any]:
        """What it has been told so far, in the order of its questions."""
        return list(self._pad.resume)

    @property
    def waits(self) -> bool:
        """True if its last question has no answer; a question that a graph inside of it asked is not its own."""
        return self._questions > len(self._pad.resume)

    def _next_question(self) -> int:
        number = next(self._asked)
        self._questions = number + 1
        return number

    @staticmethod
    def _sent(send: Callable[[Writes], None] | None) -> Callable[[Writes], None] | None:
        """Return what passes on everything but answers: those are kept with their call, not with the node."""
        if send is None:
            return None
        return lambda writes: send(rest) if (rest := [w for w in writes if w[0] != RESUME]) else None


def _lies_in(namespace: str, parent: str) -> bool:
    return parent == "" or namespace.startswith(f"{parent}|")


def _nothing(consume: bool = False) -> None:  # noqa: ARG001, FBT001, FBT002  (LangGraph's signature)
    return None
