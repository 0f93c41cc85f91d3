"""A context for the tool alone: what it sets in context variables, it sets for itself."""

from collections.abc import Awaitable, Generator
from contextvars import Context
from types import CoroutineType, coroutine
from typing import Any


@coroutine
def inside(context: Context, awaitable: Awaitable[Any]) -> Generator[Any, Any, Any]:
    """Await something inside a context of its own, without the task that LangChain spends on it.

    A task would cost a third of a governed call. Stepping the coroutine with `Context.run` gives the same isolation
    within the caller's task, so cancellation and `asyncio.timeout` reach the tool directly.
    """
    stepped: Any = awaitable
    if type(awaitable) is not CoroutineType:
        stepped = _as_coroutine(awaitable)
    sent: Any = None
    thrown: BaseException | None = None
    while True:
        try:
            waiting_for = context.run(stepped.send, sent) if thrown is None else context.run(stepped.throw, thrown)
        except StopIteration as done:
            return done.value
        try:
            sent, thrown = (yield waiting_for), None
        except GeneratorExit:
            context.run(stepped.close)
            raise
        except BaseException as error:  # noqa: BLE001  (cancellation above all: the tool hears it first)
            thrown = error


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
