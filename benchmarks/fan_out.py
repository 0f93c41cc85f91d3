"""A message of many calls: ToolFanOut beside ToolNode with plain tools."""

import asyncio
from collections.abc import Iterator
from itertools import count

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
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
    slow_stock = block(ToolNode([take_ten_ms]), "take_ten_ms", 300, 2)
    slow_ours = block(ToolFanOut([take_ten_ms], max_concurrency=300), "take_ten_ms", 300, 2)
    yield compare(
        "fan-out of 300 that take 10 ms",
        "ToolNode, plain",
        slow_stock,
        slow_ours,
        times=2,
        per=300,
        target=0.40,
        wall=True,
    )
    loop.close()


def _call(name: str, number: int) -> dict:
    return {"name": name, "args": {"number": number}, "id": f"call_{number}", "type": "tool_call"}
