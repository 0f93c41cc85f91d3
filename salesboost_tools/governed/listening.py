"""Telling listeners of a run's start, and of its failure, so that each who heard the one hears the other."""

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, BaseCallbackHandler, CallbackManagerForToolRun
from langchain_core.callbacks.manager import ahandle_event, handle_event

from salesboost_tools.handlers.base import ToolHandler


def listeners(callbacks: Sequence[BaseCallbackHandler]) -> Sequence[BaseCallbackHandler]:
    """Return those that want to hear a run's start and end; most ToolHandlers only stand around."""
    return callbacks and [h for h in callbacks if not isinstance(h, ToolHandler) or _hears_runs(type(h))]


def _hears_runs(kind: type[ToolHandler]) -> bool:
    return (
        kind.on_tool_start is not BaseCallbackHandler.on_tool_start
        or kind.on_tool_end is not BaseCallbackHandler.on_tool_end
        or kind.on_tool_error is not BaseCallbackHandler.on_tool_error
    )


def tell_start(
    hearing: Sequence[BaseCallbackHandler],
    opened: CallbackManagerForToolRun,
    serialized: dict[str, Any],
    text: str,
    details: dict[str, Any],
) -> None:
    """Tell listeners that the run has begun. If one of them stops it, those that heard of it hear its end too."""
    for heard, group in enumerate(_groups(hearing)):
        try:
            handle_event(group, "on_tool_start", "ignore_agent", serialized, text, **details)
        except BaseException as error:
            opened.handlers = _who_heard(hearing, heard, group)
            opened.on_tool_error(error, tool_call_id=details["tool_call_id"])
            raise


async def atell_start(
    hearing: Sequence[BaseCallbackHandler],
    opened: AsyncCallbackManagerForToolRun,
    serialized: dict[str, Any],
    text: str,
    details: dict[str, Any],
) -> None:
    """Do what `tell_start` does, in an event loop."""
    for heard, group in enumerate(_groups(hearing)):
        try:
            await ahandle_event(group, "on_tool_start", "ignore_agent", serialized, text, **details)
        except BaseException as error:
            opened.handlers = _who_heard(hearing, heard, group)
            await atell_error(opened, error, details["tool_call_id"])
            raise


def _groups(hearing: Sequence[BaseCallbackHandler]) -> list[list[BaseCallbackHandler]]:
    """All at once; one by one if one of them may raise, to know who has heard."""
    return [[h] for h in hearing] if any(h.raise_error for h in hearing) else [list(hearing)]


def _who_heard(
    hearing: Sequence[BaseCallbackHandler], heard: int, group: Sequence[BaseCallbackHandler]
) -> list[BaseCallbackHandler]:
    return list(hearing[: heard + 1] if len(group) == 1 else hearing)


async def atell_error(opened: AsyncCallbackManagerForToolRun, error: BaseException, tool_call_id: str | None) -> None:
    """Tell listeners that the run has failed, also while its coroutine is being thrown away."""
    if isinstance(error, GeneratorExit):  # nothing can be awaited any more
        opened.get_sync().on_tool_error(error, tool_call_id=tool_call_id)
    else:
        await opened.on_tool_error(error, tool_call_id=tool_call_id)
