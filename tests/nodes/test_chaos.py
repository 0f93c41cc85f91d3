"""Failures, delays, cancellations, questions and answers at random: every promise holds all the same.

Every call is answered exactly once, with its own id, in order; every write is executed at most once; every run is
closed; no task is left. The short form runs always, the long one under `make soak`.
"""

import asyncio
import random
from collections import Counter

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.governed import govern
from salesboost_tools.handlers.approval import ApprovalHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.nodes.fan_out import ToolFanOut
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector
from tests.doubles import RunLedger
from tests.nodes.messages import asks, call, graph_of

CALLS = 20
READ, WRITE = ToolSpec(effect=Effect.READ), ToolSpec(effect=Effect.WRITE)
BY_ACCOUNT = ToolSpec(effect=Effect.WRITE, conflicts_with=lambda args: f"account {args['n'] % 3}")
NAMES = ("read", "search", "blocks", "write", "notes", "sms", "asks", "plain")
WRITES = {"write", "notes", "sms"}
FATES = ("answers", "answers", "answers", "fails", "is slow", "is late")


class Chaos:
    """One fan-out, its tools, and what became of its calls."""

    def __init__(self, seed: int, size: int):
        self.rng = random.Random(seed)
        self.executed: Counter[int] = Counter()
        self.asked = [call(self.rng.choice(NAMES), f"c{n}", n=n, fate=self.rng.choice(FATES)) for n in range(size)]
        self.ledger = RunLedger()
        self.graph = graph_of(self.node(), checkpointer=InMemorySaver())
        self.config = {"configurable": {"thread_id": f"t{seed}"}, "callbacks": [self.ledger]}

    def node(self) -> ToolFanOut:
        async def happen(n: int, fate: str) -> str:
            self.executed[n] += 1
            await asyncio.sleep({"is slow": 0.002, "is late": 5}.get(fate, 0))
            if fate == "fails":
                raise ConnectionError(f"down {n}")
            return f"done {n}"

        def described(name: str, ask: bool = False):
            @tool(name, description="Do something.")
            async def does(n: int, fate: str) -> str:
                return await happen(n, fate) + (f" {interrupt(n)}" if ask else "")

            return does

        @tool
        def blocks(n: int, fate: str) -> str:
            """Hold up a thread."""
            self.executed[n] += 1
            if fate == "fails":
                raise ConnectionError(f"down {n}")
            return f"done {n}"

        async def at_once(seconds: float) -> None:
            pass

        status, retry = StatusHandler(), RetryHandler(asleep=at_once)
        search = [govern(described(name), status, spec=READ) for name in ("words", "meaning")]
        return ToolFanOut(
            [
                govern(described("read"), status, retry, spec=READ),
                govern(blocks, status, spec=READ),
                govern(described("write"), status, retry, spec=WRITE),
                govern(described("notes"), status, spec=BY_ACCOUNT),
                govern(described("sms"), status, ApprovalHandler(), retry, spec=WRITE),
                described("asks", ask=True),
                described("plain"),
            ],
            groups=[ToolGroup("search", search)],
            selector=ToolSelector(seed=1),
            hedge=True,
            max_concurrency=self.rng.choice([1, 3, 8]),
            call_deadline_s=0.05,
        )

    async def run(self) -> list[ToolMessage]:
        given = asks(*self.asked)
        while True:
            running = asyncio.create_task(self.graph.ainvoke(given, self.config))
            if self.rng.random() < 0.5:
                await asyncio.sleep(self.rng.random() * 0.02)
                running.cancel()
            try:
                result = await running
            except asyncio.CancelledError:
                state = await self.graph.aget_state(self.config)
                if state.next:
                    given = None
                elif state.values:  # it had come to its end
                    return self.answers(state.values)
                continue  # with the same again, if not even the input was kept
            questions = result.get("__interrupt__")
            if not questions:
                return self.answers(result)
            answered = self.rng.sample(questions, self.rng.randint(1, len(questions)))
            given = Command(resume={question.id: self.rng.random() < 0.7 for question in answered})

    @staticmethod
    def answers(state) -> list[ToolMessage]:
        return [message for message in state["messages"] if isinstance(message, ToolMessage)]


async def survive(seed: int, size: int = CALLS) -> None:
    before = asyncio.all_tasks()
    chaos = Chaos(seed, size)
    messages = await chaos.run()
    assert [message.tool_call_id for message in messages] == [asked["id"] for asked in chaos.asked]
    for asked, message in zip(chaos.asked, messages, strict=True):
        n, fate = asked["args"]["n"], asked["args"]["fate"]
        assert message.name == asked["name"]
        if message.status == "success":
            assert message.content.startswith(f"done {n}"), (seed, asked, message)
            assert fate in ("answers", "is slow") or asked["name"] == "blocks"
        if asked["name"] in WRITES:
            assert chaos.executed[n] <= 1, (seed, asked)
    assert chaos.ledger.every_run_closed_once()
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("seed", range(12))
async def test_a_fan_out_survives_chaos(seed):
    await survive(seed)


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_small_messages_survive_chaos_too(size):
    for seed in range(30):
        await survive(seed, size)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_two_hundred_fan_outs_of_twenty_calls_survive_chaos():
    for seed in range(1000, 1200):
        await survive(seed)
