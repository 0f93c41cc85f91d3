"""A message of many calls: ToolFanOut beside ToolNode with plain tools."""

import asyncio
import time
from collections.abc import Iterator
from itertools import count

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime

from benchmarks.calls import SPEC, look_up_async, usual_handlers
from benchmarks.measure import Figure, compare
from salesboost_tools import ToolFanOut, govern

CONFIG = {"configurable": {"caller_role": "coach", "__pregel_runtime": Runtime()}}
BLOCKS = 9
RUNS = {1: 200, 10: 40, 100: 5, 1000: 1}
TARGETS = {1: (0.70, 0.85), 10: (0.35, 0.50), 100: (0.20, 0.35), 1000: (0.20, 0.35)}


@tool
async def take_ten_ms(number: int) -> str:
    """Wait ten milliseconds."""
    await asyncio.sleep(0.01)
    return "done"


@tool
def block_ten_ms(number: int) -> str:
    """Hold up a thread for ten milliseconds."""
    time.sleep(0.01)
    return "done"


@tool
async def take_hundred_ms(number: int) -> str:
    """Wait a tenth of a second."""
    await asyncio.sleep(0.1)
    return "done"


def figures() -> Iterator[Figure]:
    loop = asyncio.new_event_loop()
    numbers = count()

    def message(name, size):
        return {"messages": [AIMessage("", tool_calls=[_call(name, next(numbers)) for _ in range(size)])]}

    def block(node, name, size, times):
        """Messages are made beforehand: making one costs about as much as answering it."""
        ready = [message(name, size) for _ in range(BLOCKS * times + max(1, times // 10))]

        async def run(times):
            for _ in range(times):
                await node.ainvoke(ready.pop(), CONFIG)

        return lambda times: loop.run_until_complete(run(times))

    stock, plain = ToolNode([look_up_async]), ToolFanOut([look_up_async])
    governed = ToolFanOut([govern(look_up_async, *usual_handlers(), spec=SPEC)])
    for size, times in RUNS.items():
        for kind, node, target in zip(("plain", "governed"), (plain, governed), TARGETS[size], strict=True):
            peer = block(stock, "look_up_async", size, times)
            ours = block(node, "look_up_async", size, times)
            name = f"fan-out of {size}, {kind} tools"
            yield compare(name, "ToolNode, plain", peer, ours, times=times, per=size, target=target)
    yield growth(  # its hundred thousand calls are gone with it, or they would lie about while the rest is measured
        "a call in a fan-out of 10,000",
        "of 100",
        block(plain, "look_up_async", 100, 5),
        block(plain, "look_up_async", 10_000, 1),
    )
    wide = ToolFanOut([take_ten_ms], max_concurrency=1000)
    ours = block(wide, "take_ten_ms", 1000, 1)
    stock_1000 = block(ToolNode([take_ten_ms]), "take_ten_ms", 1000, 1)
    name = "fan-out of 1000 that take 10 ms"
    yield compare(name, "ToolNode, plain", stock_1000, ours, times=1, per=1000, target=0.20, wall=True)

    async def gather():
        await asyncio.gather(*[asyncio.sleep(0.01) for _ in range(1000)])

    bare = lambda times: [loop.run_until_complete(gather()) for _ in range(times)]  # noqa: E731
    ours = block(wide, "take_ten_ms", 1000, 1)
    yield compare(name, "bare gather", bare, ours, times=1, per=1000, target=3.5, wall=True)
    ours = block(ToolFanOut([block_ten_ms], max_concurrency=50), "block_ten_ms", 100, 3)
    ideal = lambda times: [time.sleep(0.02) for _ in range(times)]  # noqa: E731
    name = "fan-out of 100 that block 10 ms, 50 at once"
    yield compare(name, "twice 10 ms", ideal, ours, times=3, per=100, target=1.5, wall=True)
    one_by_one = block(ToolFanOut([take_hundred_ms], parallel=False), "take_hundred_ms", 5, 1)
    ours = block(ToolFanOut([take_hundred_ms]), "take_hundred_ms", 5, 1)
    name = "fan-out of 5 that take 100 ms"
    yield compare(name, "one by one", one_by_one, ours, times=1, per=5, target=1 / 4.8, wall=True, blocks=5)
    yield from kept()
    loop.close()


def growth(name: str, peer_name: str, hundred, many) -> Figure:
    """Compare what one call costs in a small and in a large fan-out; linear growth is a ratio of about 1."""
    spent = []
    for block, calls, times in ((hundred, 100, 5), (many, 10_000, 1)):
        block(1)
        per_call = []
        for _ in range(5):
            started = time.process_time()
            block(times)
            per_call.append((time.process_time() - started) / times / calls * 1e6)
        spent.append(sorted(per_call)[2])
    return Figure(name, peer_name, spent[0], spent[1], spent[1] / spent[0], 1.5)


def kept() -> Iterator[Figure]:
    """Measure a graph that keeps what has finished beside one that runs it again."""
    numbers = count()

    def block(node):
        graph = StateGraph(MessagesState)
        graph.add_node("tools", node)
        graph.add_edge(START, "tools")
        compiled = graph.compile(checkpointer=InMemorySaver())
        loop = asyncio.new_event_loop()

        async def run(times):
            for _ in range(times):
                message = AIMessage("", tool_calls=[_call("look_up_async", next(numbers)) for _ in range(20)])
                config = {"configurable": {"thread_id": str(next(numbers))}}
                await compiled.ainvoke({"messages": [message]}, config)

        return lambda times: loop.run_until_complete(run(times))

    stock, ours = block(ToolNode([look_up_async])), block(ToolFanOut([look_up_async]))
    name = "fan-out of 20 in a graph with a checkpointer"
    yield compare(name, "ToolNode, plain", stock, ours, times=10, per=20, target=None)


def _call(name: str, number: int) -> dict:
    return {"name": name, "args": {"number": number}, "id": f"call_{number}", "type": "tool_call"}
