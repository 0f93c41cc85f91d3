"""Whatever happens to Redis, reads are answered, no write is made twice, and nothing but our own errors is raised."""

import asyncio
import threading
import time
from collections import Counter

import pytest
from langchain_core.tools import BaseTool
from pydantic import BaseModel, PrivateAttr

from salesboost_tools import (
    CacheHandler,
    CircuitBreakerHandler,
    Effect,
    IdempotencyHandler,
    MaskingHandler,
    RateLimitHandler,
    RetryHandler,
    StatusHandler,
    TimeoutHandler,
    ToolCallError,
    ToolSpec,
    govern,
)
from tests.doubles import ScriptedTool
from tests.state.redis.test_faults import LONGEST_S, quick, use_until

OUTAGE_S = 0.3


class Letter(BaseModel):
    to: str


class SendLetter(BaseTool):
    """Counts what it has sent."""

    name: str = "send_letter"
    description: str = "Sends a letter."
    args_schema: type[BaseModel] = Letter
    spec: ToolSpec = ToolSpec(effect=Effect.WRITE)
    _sent: Counter = PrivateAttr(default_factory=Counter)

    @property
    def sent(self):
        return self._sent

    def _run(self, to):
        self._sent[to] += 1
        return f"sent to {to}"

    async def _arun(self, to):
        await asyncio.sleep(0)
        return self._run(to)


class Office:
    """Reads and writes through the usual handlers over one state, and writes down how each call ended."""

    def __init__(self, state):
        handlers = (
            StatusHandler(),
            MaskingHandler(),
            IdempotencyHandler(state, wait_s=0.05),
            CacheHandler(state, default_ttl_s=0.05),
            RetryHandler(3, 0, jitter_s=0),
            CircuitBreakerHandler(),
            RateLimitHandler(state, default="1000000/second", when_down="open"),  # writes are for their records to stop
            TimeoutHandler(30),
        )
        self.letters = SendLetter()
        self._send = govern(self.letters, *handlers)
        self._look_up = govern(ScriptedTool(lambda query: query, name="look_up"), *handlers)
        self.reads, self.writes = Counter(), Counter()
        self.took_s = []
        self._number = 0
        self._lock = threading.Lock()

    def calls(self):
        """Return two writes, the second being the first once more, and two reads."""
        with self._lock:
            self._number += 1
            to = f"letter-{self._number}"
        write = {"name": "send_letter", "args": {"to": to}, "id": to, "type": "tool_call"}
        read = {"query": f"q{self._number % 7}"}
        place = {"configurable": {"thread_id": "conversation-1"}}
        return [(tool, given, place) for tool, given in ((self._send, write), (self._look_up, read)) for _ in range(2)]

    def work(self):
        for tool, given, place in self.calls():
            begin_s = time.monotonic()
            try:
                self._note(tool, begin_s, tool.invoke(given, place))
            except Exception as error:
                self._note(tool, begin_s, error)

    async def awork(self):
        for tool, given, place in self.calls():
            begin_s = time.monotonic()
            try:
                self._note(tool, begin_s, await tool.ainvoke(given, place))
            except Exception as error:
                self._note(tool, begin_s, error)

    def _note(self, tool, begin_s, end):
        self.took_s.append(time.monotonic() - begin_s)
        kind = (
            "answered" if not isinstance(end, Exception) else "refused" if isinstance(end, ToolCallError) else repr(end)
        )
        (self.reads if tool is self._look_up else self.writes)[kind] += 1


async def killed_and_started_empty(server, proxy):
    server.kill()
    await asyncio.sleep(OUTAGE_S)
    await asyncio.to_thread(server.start)


async def hung(server, proxy):
    server.hang()
    await asyncio.sleep(OUTAGE_S)
    server.go_on()


async def emptied(server, proxy):
    for _ in range(10):
        server.command("FLUSHALL")
        server.command("SCRIPT", "FLUSH")
        await asyncio.sleep(OUTAGE_S / 10)


async def slow(server, proxy):
    proxy.delay_s = 0.2
    await asyncio.sleep(OUTAGE_S)
    proxy.delay_s = 0.0


async def full(server, proxy):
    server.command("CONFIG", "SET", "maxmemory", "1")
    await asyncio.sleep(OUTAGE_S)
    server.command("CONFIG", "SET", "maxmemory", "0")


async def another_password(server, proxy):
    server.command("CONFIG", "SET", "requirepass", "other")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await asyncio.sleep(OUTAGE_S)
    server.kill()
    await asyncio.to_thread(server.start)


async def something_else_under_every_key(server, proxy):
    nonsense = (
        "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('DEL', key) redis.call('LPUSH', key, 'x') end"
    )
    for _ in range(10):
        server.command("EVAL", nonsense, "0")
        await asyncio.sleep(OUTAGE_S / 10)
    server.command("FLUSHALL")


FAULTS = (killed_and_started_empty, hung, emptied, slow, full, another_password, something_else_under_every_key)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_calls_that_are_under_way_when_it_happens(server, proxy, fault):
    state = quick(f"redis://127.0.0.1:{proxy.port}/0" if fault is slow else server.url)
    office, stop = Office(state), threading.Event()

    def work():
        while not stop.is_set():
            office.work()

    async def awork():
        while not stop.is_set():
            await office.awork()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    tasks = [asyncio.create_task(awork()) for _ in range(3)]
    try:
        await asyncio.sleep(0.1)
        await fault(server, proxy)
        await asyncio.to_thread(use_until, state)
        await asyncio.sleep(0.1)
    finally:
        stop.set()
        await asyncio.gather(*tasks)
        for thread in threads:
            await asyncio.to_thread(thread.join, 10)

    assert set(office.reads) == {"answered"}
    assert set(office.writes) <= {"answered", "refused"}
    assert set(office.letters.sent.values()) == {1}
    assert sorted(office.took_s)[len(office.took_s) * 95 // 100] < LONGEST_S  # the machine may be busy now and then
    before = office.writes["answered"]
    office.work()
    await office.awork()
    assert office.writes["answered"] == before + 4
    await state.aclose()


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("fault", [emptied, killed_and_started_empty], ids=lambda fault: fault.__name__)
async def test_a_write_asked_for_again_after_everything_was_lost_is_not_made_again(server, fault, way):
    state = quick(server.url)
    letters = SendLetter()
    send = govern(letters, IdempotencyHandler(state))
    asked = {"name": "send_letter", "args": {"to": "Dana"}, "id": "c1", "type": "tool_call"}
    config = {"configurable": {"thread_id": "t"}}
    answers = []
    for _ in range(2):
        answers.append(send.invoke(asked, config) if way == "sync" else await send.ainvoke(asked, config))
        await fault(server, None)
        await asyncio.to_thread(use_until, state)
    assert [answer.content for answer in answers] == ["sent to Dana"] * 2
    assert letters.sent == {"Dana": 1}
    await state.aclose()
