"""Threads for sync tools in async runs."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar

from salesboost_tools.handlers.daemon_threads import THREADS

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
        THREADS.start(_fulfil, future, fn, args, kwargs)
        return future


def _fulfil(future: Future[Any], function: Callable[..., Any], args: Any, kwargs: Any) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001  (raised again where the future is awaited)
        future.set_exception(error)
    finally:
        del future  # or the error's traceback would hold what holds the error


THREAD_PER_CALL = ThreadPerCall()
"""Shared by all nodes: it holds nothing of its own."""
