"""LangChain's custom events: who listens for them where this runs, and telling them in order."""

import asyncio
from collections import deque
from typing import Any, Final, cast
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.callbacks.manager import ahandle_event, handle_event
from langchain_core.runnables.config import var_child_runnable_config

_DEAF: Final[tuple[Any, ...]] = (
    BaseCallbackHandler.on_custom_event,
    AsyncCallbackHandler.on_custom_event,  # pyright: ignore[reportUnknownMemberType]  (a bare dict in LangChain)
)
"""What a handler has that does not listen."""


def custom_event_listeners() -> tuple[list[BaseCallbackHandler], UUID | None]:
    """Return the handlers around this place that do something with custom events, and the run it belongs to."""
    config = var_child_runnable_config.get()
    callbacks: Any = None if config is None else config.get("callbacks")
    if not callbacks:
        return [], None
    handlers: list[Any] = getattr(callbacks, "handlers", callbacks)
    return [handler for handler in handlers if _listens(handler)], getattr(callbacks, "parent_run_id", None)


def _listens(handler: Any) -> bool:
    kind = cast("Any", type(handler))
    return kind.on_custom_event not in _DEAF and not handler.ignore_custom_event


def tell(listeners: list[BaseCallbackHandler], name: str, data: dict[str, Any], run_id: UUID) -> None:
    """Tell listeners of an event, in a sync call."""
    handle_event(listeners, "on_custom_event", "ignore_custom_event", name, data, run_id=run_id)


class EventLine:
    """The events of one async call on their way to listeners, which may be async: one after another, in order.

    Events are handed in without waiting; whoever ends the call waits until they have arrived.
    """

    __slots__ = ("_carrier", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[list[BaseCallbackHandler], str, dict[str, Any], UUID]] = deque()
        self._carrier: asyncio.Task[None] | None = None

    def tell(self, listeners: list[BaseCallbackHandler], name: str, data: dict[str, Any], run_id: UUID) -> None:
        """Hand in an event, in the event loop of the call."""
        self._waiting.append((listeners, name, data, run_id))
        if self._carrier is None or self._carrier.done():
            self._carrier = asyncio.create_task(self._carry())

    async def arrived(self) -> None:
        """Wait until everything handed in has been told."""
        if self._carrier is not None:
            await self._carrier

    async def _carry(self) -> None:
        while self._waiting:
            listeners, name, data, run_id = self._waiting.popleft()
            await ahandle_event(listeners, "on_custom_event", "ignore_custom_event", name, data, run_id=run_id)
