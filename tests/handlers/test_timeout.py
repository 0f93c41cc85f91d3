"""Every attempt has a time limit; a write that ran out of time is unknown, not failed."""

import asyncio
import contextvars
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from langchain_core.tools import tool as make_tool
from langgraph.errors import GraphInterrupt

from salesboost_tools.core.errors import ConfigurationError, ToolTimeoutError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.timeout import TimeoutHandler
from tests.doubles import ScriptedTool
from tests.handlers.doubles import PATIENCE_S, READ, WRITE, GatedTool, until

SOON_S = 0.02
Q = {"query": "q"}


@pytest.fixture
def hanging():
    tool = GatedTool()
    yield tool
    tool.open()


async def late(ask, governed, query="q"):
    with pytest.raises(ToolTimeoutError) as raised:
        await ask(governed, query)
    return raised.value


# ---------------------------------------------------------------- in time


async def test_a_call_that_answers_in_time_is_untouched(ask):
    assert await ask(govern(ScriptedTool(), TimeoutHandler(PATIENCE_S))) == "answer"


async def test_an_error_that_comes_in_time_is_untouched(ask):
    error = ValueError("no")
    with pytest.raises(ValueError, match="no") as raised:
        await ask(govern(ScriptedTool(error), TimeoutHandler(PATIENCE_S)))
    assert raised.value is error


async def test_an_interrupt_passes_untouched(ask):
    interrupt = GraphInterrupt(())
    with pytest.raises(GraphInterrupt) as raised:
        await ask(govern(ScriptedTool(interrupt), TimeoutHandler(PATIENCE_S)))
    assert raised.value is interrupt


async def test_a_time_limit_of_the_tools_own_is_not_mistaken_for_ours(ask):
    own = TimeoutError("the provider's")
    with pytest.raises(TimeoutError) as raised:
        await ask(govern(ScriptedTool(own), TimeoutHandler(PATIENCE_S)))
    assert raised.value is own


# ---------------------------------------------------------------- too late


async def test_a_call_that_hangs_comes_back_when_its_time_is_up(ask, hanging):
    begun_s = time.monotonic()
    error = await late(ask, govern(hanging, TimeoutHandler(SOON_S)))
    assert SOON_S <= time.monotonic() - begun_s < PATIENCE_S
    assert hanging.started == 1
    assert error.timeout_s == SOON_S


async def test_an_async_tool_is_really_cancelled(hanging):
    with pytest.raises(ToolTimeoutError):
        await govern(hanging, TimeoutHandler(SOON_S)).ainvoke(Q)
    assert hanging.cancelled == 1


async def test_a_sync_tool_goes_on_unheeded(hanging):
    answered = threading.Event()
    hanging.outcome = lambda query: answered.set()
    with pytest.raises(ToolTimeoutError):
        govern(hanging, TimeoutHandler(SOON_S)).invoke(Q)
    assert not answered.is_set()
    hanging.open()
    assert answered.wait(PATIENCE_S)


async def test_a_read_that_ran_out_of_time_may_be_repeated(ask, hanging):
    error = await late(ask, govern(hanging, TimeoutHandler(SOON_S)), "Dana's salary")
    assert error.retryable
    assert not error.outcome_unknown
    assert str(error) == "`gated` did not answer within 0.02 s (setting TOOL_TIMEOUT)"
    assert error.for_model == "`gated` took too long. Continue without it, or ask for less."


@pytest.mark.parametrize("spec", [WRITE, ToolSpec(effect=lambda args: Effect.WRITE)])
async def test_a_write_that_ran_out_of_time_says_that_its_outcome_is_unknown(ask, hanging, spec):
    error = await late(ask, govern(hanging, TimeoutHandler(SOON_S), spec=spec))
    assert error.outcome_unknown
    assert not error.retryable
    assert "it may have happened all the same" in str(error)
    assert error.for_model == (
        "`gated` took too long. It is not known whether it took effect. Do not repeat it; check first."
    )


async def test_an_error_that_the_tool_makes_of_its_cancellation_does_not_hide_that_time_ran_out():
    @make_tool
    async def converting(query: str) -> str:
        """Make another error of a cancellation, as some client libraries do."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("cancelled") from None
        return query

    with pytest.raises(ToolTimeoutError) as raised:
        await govern(converting, TimeoutHandler(SOON_S), spec=WRITE).ainvoke(Q)
    assert raised.value.outcome_unknown


async def test_a_tool_that_interrupts_while_it_is_cancelled_interrupts():
    @make_tool
    async def interrupting(query: str) -> str:
        """Interrupt at the last moment."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise GraphInterrupt(()) from None
        return query

    with pytest.raises(GraphInterrupt):
        await govern(interrupting, TimeoutHandler(SOON_S), spec=READ).ainvoke(Q)


async def test_a_cancellation_from_outside_is_no_time_limit(hanging):
    call = asyncio.create_task(govern(hanging, TimeoutHandler(PATIENCE_S)).ainvoke(Q))
    await until(lambda: hanging.started == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert hanging.cancelled == 1


# ---------------------------------------------------------------- which limit holds


async def test_the_tools_own_limit_comes_before_the_handlers(ask, hanging):
    governed = govern(hanging, TimeoutHandler(PATIENCE_S), spec=ToolSpec(effect=Effect.READ, timeout_s=SOON_S))
    assert (await late(ask, governed)).timeout_s == SOON_S
    spec = ToolSpec(effect=Effect.READ, timeout_s=PATIENCE_S)
    assert await ask(govern(ScriptedTool(), TimeoutHandler(1e-9), spec=spec)) == "answer"


async def test_without_any_limit_the_tool_runs_where_it_was_called(ask):
    threads = []
    tool = ScriptedTool(lambda query: threads.append(threading.current_thread()))
    await ask(govern(tool, TimeoutHandler(None)))
    assert threads == [threading.main_thread()]


async def test_a_tool_may_have_all_the_time_in_the_world(ask):
    spec = ToolSpec(effect=Effect.READ, timeout_s=float("inf"))
    assert await ask(govern(ScriptedTool(), TimeoutHandler(), spec=spec)) == "answer"


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_limit_that_is_none_is_refused(seconds):
    with pytest.raises(ConfigurationError, match="seconds, above 0, or None"):
        TimeoutHandler(seconds)


# ---------------------------------------------------------------- threads


async def test_the_tool_sees_the_callers_context_variables(ask):
    variable = contextvars.ContextVar("variable", default="unset")
    variable.set("set by the caller")
    tool = ScriptedTool(lambda query: variable.get())
    assert await ask(govern(tool, TimeoutHandler(PATIENCE_S))) == "set by the caller"


async def test_what_the_tool_sets_it_sets_for_itself(ask):
    variable = contextvars.ContextVar("variable", default="unset")
    await ask(govern(ScriptedTool(lambda query: variable.set("by the tool")), TimeoutHandler(PATIENCE_S)))
    assert variable.get() == "unset"


def test_calls_one_after_another_need_no_new_thread_whatever_handler_they_have():
    threads = []
    tool = ScriptedTool(lambda query: threads.append(threading.current_thread()))
    govern(tool, TimeoutHandler(PATIENCE_S)).invoke(Q)
    at_first = threading.active_count()
    for _ in range(20):
        govern(tool, TimeoutHandler(PATIENCE_S)).invoke(Q)
    assert threading.active_count() <= at_first
    assert threading.main_thread() not in threads
    assert all(thread.daemon for thread in threads)


def test_the_program_ends_although_a_call_hangs():
    program = """
        import threading
        from salesboost_tools.core.errors import ToolTimeoutError
        from salesboost_tools.governed import govern
        from salesboost_tools.handlers.timeout import TimeoutHandler
        from langchain_core.tools import tool

        @tool
        def hanging(query: str) -> str:
            "Hang."
            threading.Event().wait()

        try:
            govern(hanging, TimeoutHandler(0.01)).invoke({"query": "q"})
        except ToolTimeoutError:
            print("ends")
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=50, check=True
    )
    assert (ended.stdout, ended.stderr) == ("ends\n", "")
