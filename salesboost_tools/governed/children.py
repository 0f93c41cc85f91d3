"""The callbacks of what a tool runs in turn, put together when somebody asks for them: most tools run nothing."""

from typing import Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForToolRun,
    CallbackManager,
    CallbackManagerForToolRun,
)


class _LaterChild:
    """Becomes, when it is first asked for anything, what the tool's run manager makes of itself for its children.

    A call that waits holds one object then instead of seven.
    """

    _opened: CallbackManagerForToolRun | AsyncCallbackManagerForToolRun

    @classmethod
    def of(cls, opened: CallbackManagerForToolRun | AsyncCallbackManagerForToolRun) -> Self:
        """Return the callbacks for the children of a run."""
        child = cls.__new__(cls)
        child._opened = opened
        return child

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or "handlers" in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__.update(self._opened.get_child().__dict__)
        return getattr(self, name)


class SyncChild(_LaterChild, CallbackManager):
    """For the children of a run in this thread."""


class AsyncChild(_LaterChild, AsyncCallbackManager):
    """For the children of a run in an event loop."""
