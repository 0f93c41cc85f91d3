"""Threads for sync tools in async runs."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

from salesboost_tools.handlers.daemon_threads import THREADS, Outcome

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ThreadPerCall(Executor):
    """Starts every call at once in a thread of its own; who submits keeps to a bound.

    A pool of fixed size would be used up for good by a few tools that hang, and its threads would hold up the end of
    the program.
    """

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Start a call and return its future."""
        future: Future[_T] = Future()
        THREADS.run(_Promised(future, partial(fn, *args, **kwargs)))
        return future


class _Promised(Outcome):
    """Tells through a future; a call whose future is cancelled before its thread runs is not made."""

    __slots__ = ("_future",)

    def __init__(self, future: Future[Any], function: Callable[[], Any]) -> None:
        super().__init__(function)
        self._future = future

    def run(self) -> None:
        if self._future.set_running_or_notify_cancel():
            super().run()

    def tell(self) -> None:
        future, error = self._future, self._error
        del self._future, self._error  # the error's traceback holds this outcome, which must not hold the error
        if future.cancelled():
            return
        if error is None:
            future.set_result(self._result)
        else:
            future.set_exception(error)


THREAD_PER_CALL = ThreadPerCall()
"""Shared by all nodes: it holds nothing of its own."""
