"""A context for the tool alone: what it sets in context variables, it sets for itself."""

from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context
from types import CoroutineType
from typing import Any


class Inside:
    """Awaits something inside a context of its own, without the task that LangChain spends on it.

    A task would cost a third of a governed call. Stepping the coroutine with `Context.run` gives the same isolation
    within the caller's task, so cancellation and `asyncio.timeout` reach the tool directly.
    """

    __slots__ = ("_context", "_coroutine")

    def __init__(self, context: Context, awaitable: Awaitable[Any]) -> None:
        self._context = context
        self._coroutine: Coroutine[Any, Any, Any] = (
            awaitable if type(awaitable) is CoroutineType else _as_coroutine(awaitable)
        )

    def __await__(self) -> Generator[Any, Any, Any]:
        run, coroutine = self._context.run, self._coroutine
        step, argument = coroutine.send, None
        while True:
            try:
                waiting_for = run(step, argument)
            except StopIteration as done:
                return done.value
            try:
                argument = yield waiting_for
                step = coroutine.send
            except GeneratorExit:
                run(coroutine.close)
                raise
            except BaseException as error:  # noqa: BLE001  (cancellation above all: the tool hears it first)
                step, argument = coroutine.throw, error


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
