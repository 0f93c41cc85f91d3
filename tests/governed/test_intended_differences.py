"""Where the bare tool leaves a run open, or cannot be called at all, the governed one differs on purpose."""

import asyncio
import threading
from contextvars import ContextVar

import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException, tool

from salesboost_tools.core.errors import UpstreamError
from salesboost_tools.governed import govern
from tests.doubles import RunLedger
from tests.governed.side_by_side import (
    WAYS,
    AsyncListener,
    InlineListener,
    ThreadListener,
    as_tool_call,
    both,
    invoking,
    look,
)

MODELS_CALL = as_tool_call("any", {"x": 1})


def _heard(make, way, given=MODELS_CALL):
    """Return how both tools came out, which is the same, and what was heard of the bare and the governed one."""
    bare, governed = both(make, way, invoking(given))
    assert governed.outcome == bare.outcome
    return bare.events, governed.events


def _break(error):
    raise RuntimeError("a bug")


def _fails(**settings):
    def fails(x: int) -> str:
        """Fail."""
        raise ToolException("no")

    async def fails_later(x: int) -> str:
        """Fail."""
        raise ToolException("no")

    return lambda: StructuredTool.from_function(fails, fails_later, **settings)


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (_fails(handle_tool_error=_break), MODELS_CALL),
        (_fails(handle_validation_error=_break), as_tool_call("any", {"x": "one"})),
    ],
    ids=["tool error", "validation error"],
)
@pytest.mark.parametrize("way", WAYS)
def test_an_error_handler_that_fails_closes_the_run(make, given, way):
    bare, governed = _heard(make, way, given)
    assert bare == ["on_tool_start"]
    assert governed == ["on_tool_start", "on_tool_error"]


class Unspeakable:
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_cannot_be_put_into_words_closes_the_run(way):
    @tool
    def unspeakable(x: int):
        """Return it."""
        return Unspeakable()

    bare, governed = _heard(lambda: unspeakable, way)
    assert bare == ["on_tool_start"]
    assert governed == ["on_tool_start", "on_tool_error"]


def test_the_end_of_the_program_closes_the_run():
    @tool
    def leaves(x: int) -> str:
        """Leave."""
        raise SystemExit(1)

    bare, governed = _heard(lambda: leaves, "sync")
    assert bare == ["on_tool_start"]
    assert governed == ["on_tool_start", "on_tool_error"]


# ---------------------------------------------------------------- cancellation


def _waiting_tool(began, may_end, *, in_thread):
    def waits(x: int) -> str:
        """Wait."""
        began.set()
        may_end.wait(10)
        return "ended"

    async def waits_later(x: int) -> str:
        """Wait."""
        began.set()
        await asyncio.Event().wait()
        return "ended"

    return StructuredTool.from_function(waits, None if in_thread else waits_later)


async def _cancelled(wrap, *, in_thread, callbacks):
    began, may_end = threading.Event(), threading.Event()
    task = asyncio.create_task(
        wrap(_waiting_tool(began, may_end, in_thread=in_thread)).ainvoke({"x": 1}, {"callbacks": callbacks})
    )
    await asyncio.to_thread(began.wait, 5)
    task.cancel()
    try:
        with pytest.raises(asyncio.CancelledError):
            await task
        return [*callbacks[0].errors] if callbacks else []
    finally:
        may_end.set()


@pytest.mark.parametrize("in_thread", [True, False], ids=["in a thread", "on the loop"])
async def test_cancellation_closes_the_run_at_once(in_thread):
    ledger = RunLedger()
    assert await _cancelled(lambda bare: bare, in_thread=in_thread, callbacks=[ledger]) == []
    ledger = RunLedger()
    errors = await _cancelled(govern, in_thread=in_thread, callbacks=[ledger])
    assert [type(error) for error in errors] == [asyncio.CancelledError]
    assert ledger.every_run_closed_once()


@pytest.mark.parametrize("in_thread", [True, False], ids=["in a thread", "on the loop"])
async def test_cancellation_passes_where_nobody_listens(in_thread):
    assert await _cancelled(govern, in_thread=in_thread, callbacks=[]) == []


class CancelsAtTheStart(AsyncCallbackHandler):
    """Ends the task it is heard in."""

    async def on_tool_start(self, *args, **kwargs):
        raise asyncio.CancelledError


async def test_cancellation_while_the_start_is_told_closes_the_run():
    ledger = RunLedger()
    with pytest.raises(asyncio.CancelledError):
        await govern(_fails()()).ainvoke({"x": 1}, {"callbacks": [ledger, CancelsAtTheStart()]})
    assert ledger.every_run_closed_once()


class ThrownAway:
    """Awaits a coroutine until something is so, and then throws it away."""

    def __init__(self, coroutine, when):
        self._coroutine = coroutine
        self._when = when

    def __await__(self):
        steps = self._coroutine.__await__()
        while True:
            waiting_for = steps.send(None)
            if self._when():
                steps.close()
                return
            yield waiting_for


LISTENERS = {"unheard": [], "heard": [InlineListener, AsyncListener, ThreadListener]}


@pytest.mark.parametrize("listeners", LISTENERS.values(), ids=LISTENERS)
async def test_a_call_that_is_thrown_away_ends_in_its_own_context_and_closes_the_run(listeners):
    mood = ContextVar("mood", default="calm")
    moods = []

    @tool
    async def waits(x: int) -> str:
        """Wait."""
        mood.set("waiting")
        moods.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            moods.append(mood.get())
        return "ended"

    heard = [listener() for listener in listeners]
    await ThrownAway(govern(waits).ainvoke({"x": 1}, {"callbacks": heard}), lambda: moods == ["began"])
    assert moods == ["began", "waiting"]
    assert mood.get() == "calm"
    for listener in heard:
        assert [event for event, _, _ in listener.log.events] == ["on_tool_start", "on_tool_error"]


# ---------------------------------------------------------------- listeners that stop a run


class Stops(BaseCallbackHandler):
    """May stop a run, and does."""

    run_inline = True

    def __init__(self, error=RuntimeError, raise_error=True):
        self.error = error
        self.raise_error = raise_error

    def on_tool_start(self, *args, **kwargs):
        raise self.error("stop")


async def _stopped(wrapped, way, callbacks, error):
    config = {"callbacks": callbacks}
    with pytest.raises(error):
        wrapped.invoke({"x": 1}, config) if way == "sync" else await wrapped.ainvoke({"x": 1}, config)


@pytest.mark.parametrize("way", WAYS)
async def test_a_listener_that_stops_the_run_closes_it_for_those_who_heard_of_it(way):
    before, after = RunLedger(), RunLedger()
    await _stopped(_fails()(), way, [before, Stops(), after], RuntimeError)
    assert not before.failed

    before, after = RunLedger(), RunLedger()
    await _stopped(govern(_fails()()), way, [before, Stops(), after], RuntimeError)
    assert before.every_run_closed_once()
    assert not after.started
    assert not after.failed


def test_the_end_of_the_program_at_the_start_closes_the_run():
    ledger = RunLedger()
    with pytest.raises(KeyboardInterrupt):
        govern(_fails()()).invoke({"x": 1}, {"callbacks": [Stops(ValueError, raise_error=False), ledger, Quits()]})
    assert ledger.every_run_closed_once()


class Quits(BaseCallbackHandler):
    """Ends the program while it is told of a start."""

    def on_tool_start(self, *args, **kwargs):
        raise KeyboardInterrupt


# ---------------------------------------------------------------- what the bare tool cannot do


@pytest.mark.parametrize("way", WAYS)
def test_a_model_reads_what_an_error_says_to_models(way):
    @tool
    def fails(x: int) -> str:
        """Fail."""
        raise UpstreamError("GET https://crm/42 gave 503", for_model="The CRM is down. Go on without it.")

    fails.handle_tool_error = True
    bare, governed = both(lambda: fails, way, invoking(MODELS_CALL))
    assert bare.outcome[1][1]["content"] == "GET https://crm/42 gave 503"
    assert governed.outcome[1][1]["content"] == "The CRM is down. Go on without it."
    assert governed.outcome[1][1]["status"] == bare.outcome[1][1]["status"] == "error"


@pytest.mark.parametrize("way", WAYS)
def test_a_function_that_does_not_tell_its_parameters_can_be_called(way):
    largest = Tool(name="largest", func=max, description="The last letter.")
    assert look(largest, way, invoking("abc")).outcome[0] == "raised"
    assert look(govern(largest), way, invoking("abc")).outcome == ("returned", "c")


async def test_an_arun_that_gives_something_else_to_await_is_awaited():
    class GivesAFuture(BaseTool):
        name: str = "future"
        description: str = "Gives a future."

        def _run(self, x: int) -> int:
            return x

        def _arun(self, x: int):
            return asyncio.ensure_future(asyncio.sleep(0, x))

    with pytest.raises(TypeError, match="coroutine"):
        await GivesAFuture().ainvoke({"x": 1})
    assert await govern(GivesAFuture()).ainvoke({"x": 1}) == 1


async def test_an_arun_of_ones_own_is_used_also_without_a_coroutine_function():
    class RunsLater(StructuredTool):
        async def _arun(self, *args, config: RunnableConfig, run_manager=None, **kwargs):
            return "later"

    bare = RunsLater.from_function(lambda x: "now", name="runs", description="Runs.")
    assert await bare.ainvoke({"x": 1}) == "now"
    assert await bare.arun({"x": 1}) == await govern(bare).ainvoke({"x": 1}) == "later"


@pytest.mark.parametrize("way", WAYS)
def test_what_a_generator_raises_to_end_itself_is_an_error_all_the_same(way):
    @tool
    def exhausted(x: int) -> str:
        """Ask an empty iterator."""
        return next(iter(()))

    bare, governed = both(lambda: exhausted, way, invoking({"x": 1}))
    assert governed.outcome == bare.outcome
    assert governed.events == bare.events == ["on_tool_start", "on_tool_error"]
