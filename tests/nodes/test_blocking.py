"""A tool or wrapper that blocks its thread does not hold up the event loop."""

import asyncio
import threading
from contextvars import ContextVar

import pytest
from langchain_core.tools import tool

from salesboost_tools.governed import govern
from salesboost_tools.handlers.timeout import TimeoutHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from tests.nodes.messages import answers, asks, call, calls


class Heart:
    """A task that beats on the event loop; after three beats it opens the gate that a blocked thread waits for."""

    def __init__(self):
        self.gate = threading.Event()
        self._shut = threading.Event()

    async def __aenter__(self):
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()

    def block(self) -> str:
        """Block this thread until the heart has beaten three times since."""
        self._shut.set()
        return "alive" if self.gate.wait(5) else "the loop stood still"

    async def _beat(self):
        beats = 0
        while beats < 3:
            beats += self._shut.is_set()
            await asyncio.sleep(0)
        self.gate.set()


def blocking_tool(heart: Heart):
    @tool
    def blocking() -> str:
        """Blocks."""
        return heart.block()

    return blocking


@pytest.mark.parametrize("width", [1, 5])
@pytest.mark.parametrize("governed", [False, True])
async def test_the_loop_goes_on_while_a_sync_tool_blocks(width, governed):
    async with Heart() as heart:
        tool_ = blocking_tool(heart)
        node = ToolFanOut([govern(tool_, TimeoutHandler()) if governed else tool_], max_concurrency=width)
        messages = await answers(node, "async", *calls("blocking", "blocking"))
    assert [message.content for message in messages] == ["alive", "alive"]


async def test_the_loop_goes_on_while_a_sync_wrapper_blocks():
    async with Heart() as heart:

        def wrapper(request, execute):
            heart.block()
            return execute(request)

        node = ToolFanOut([blocking_tool(heart)], wrap_tool_call=wrapper)
        messages = await answers(node, "async", *calls("blocking"))
    assert messages[0].content == "alive"


async def test_threads_see_the_context_of_whoever_called_and_change_only_their_own():
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")

    @tool
    def whose() -> str:
        """Says whose call it is."""
        seen = tenant.get()
        tenant.set("a tool")
        return seen

    tenant.set("acme")
    messages = await answers(ToolFanOut([whose]), "async", *calls("whose", "whose"))
    assert [message.content for message in messages] == ["acme", "acme"]
    assert tenant.get() == "acme"


async def test_a_queued_call_that_is_cancelled_in_time_never_takes_a_thread():
    started = []

    @tool
    def blocking() -> str:
        """Notes that it was started."""
        started.append(1)
        return "done"

    task = asyncio.create_task(ToolFanOut([blocking]).ainvoke(asks(*calls("blocking"))))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not started


async def test_a_node_finds_as_many_threads_waiting_as_it_runs_calls_at_once():
    together, used = threading.Barrier(40), []

    @tool
    def meet(number: int) -> str:
        """Wait for the others."""
        used.append(threading.current_thread())
        together.wait(5)
        return "met"

    node = ToolFanOut([meet], max_concurrency=40)
    for _ in range(3):
        waiting = set(threading.enumerate())
        used.clear()
        messages = await answers(node, "async", *[call("meet", f"c{number}", number=number) for number in range(40)])
        assert {message.content for message in messages} == {"met"}
        assert len(set(used)) == 40
    assert waiting.issuperset(used)
