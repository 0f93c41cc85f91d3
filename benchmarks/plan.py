"""The performance plan: percentiles of single calls, parallel beside sequential, hit beside miss, batches, memory.

Absolute figures of this machine, beside the figures that were asked for at the start; real tools over the shipped data.
"""

import asyncio
import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from langchain_core.tools import tool
from rich.console import Console
from rich.table import Table

from benchmarks.calls import SPEC, call_of, look_up_async, usual_handlers
from salesboost_tools import MemoryState, SalesToolkit, Settings, ToolExecutor, govern
from salesboost_tools.core.rate import Bucket

ROLE = "coach"
CONFIG = {"configurable": {"caller_role": ROLE}}
NUMBERS = count(1)
TIMES = 400
BATCHES, PER_BATCH = 20, 5


@dataclass(frozen=True)
class Row:
    """One line of the table: milliseconds, unless `unit` says otherwise."""

    name: str
    values: tuple[float, ...]
    """P50, P95, P99; or one value."""
    target: str = ""
    met: bool | None = None
    unit: str = "ms"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        given: dict[str, Any] = {"data_dir": Path(folder), "rate_limit_enabled": False, "health_timeout": 10}
        given["allowed_roles"] = {name: [ROLE] for name in FRESH}
        loop = asyncio.new_event_loop()
        cached, uncached = SalesToolkit(Settings(**given)), SalesToolkit(Settings(**given, cache_enabled=False))
        try:
            yield from _rows(cached, uncached, loop)
        finally:
            cached.close()
            uncached.close()
            loop.close()


def _rows(toolkit: SalesToolkit, uncached: SalesToolkit, loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
    executors = {True: toolkit.executor(), False: uncached.executor()}

    async def done(name: str, payload: dict[str, Any], *, cached: bool = True) -> None:
        answer = await executors[cached].execute(name, payload, ROLE)
        assert answer["ok"], answer["error"]

    for name, payload in FRESH.items():
        took = _timed(loop, lambda name=name, payload=payload: done(name, payload(), cached=False))
        yield _percentiles(f"single call, {name}", took, below=100)
    once = FRESH["price_calculator"]()
    hits = _timed(loop, lambda: done("price_calculator", once))
    yield _percentiles("cache hit, price_calculator", hits, below=1)
    misses = _timed(loop, lambda: done("price_calculator", FRESH["price_calculator"]()))
    ratio = statistics.median(misses) / statistics.median(hits)
    yield Row("cache miss over cache hit, price_calculator", (ratio,), unit="x")
    yield from _slow_tool(loop)
    yield _limit_check()
    yield from _health(toolkit, loop)
    yield from _parallel(loop)
    yield _batches(uncached, loop)
    yield from _full_cache(loop)
    yield from _memory(loop)


FRESH: dict[str, Callable[[], dict[str, Any]]] = {
    "price_calculator": lambda: {"lines": [{"sku": "PIPE-TEAM", "quantity": next(NUMBERS) % 90_000 + 1}]},
    "crm_integration": lambda: {
        "operation": "list",
        "record_type": "deal",
        "stalled_days": next(NUMBERS) % 3000,
        "limit": 3,
    },
    "knowledge_retriever": lambda: {"query": f"data residency and retention {next(NUMBERS)}"},
    "compliance_check": lambda: {"text": f"We guarantee {next(NUMBERS)} % returns, risk-free."},
    "stage_classifier": lambda: {"message": f"Could you send me a quote for {next(NUMBERS)} seats?"},
    "competitor_analysis": lambda: {"category": "crm"},
    "profile_reader": lambda: {"subject": "account", "who": "ACC-0042"},
    "sms_outreach": lambda: {"operation": "history"},
}
"""Arguments by tool; those of the first five were never sent before."""


def _timed(loop: asyncio.AbstractEventLoop, make: Callable[[], Awaitable[Any]], times: int = TIMES) -> list[float]:
    """Return how many milliseconds each call took, one after another."""

    async def run() -> list[float]:
        took: list[float] = []
        for _ in range(max(5, times // 10)):
            await make()
        for _ in range(times):
            started = time.perf_counter()
            await make()
            took.append((time.perf_counter() - started) * 1e3)
        return took

    gc.collect()
    return loop.run_until_complete(run())


def _percentiles(name: str, took_ms: list[float], *, below: float | None = None) -> Row:
    cuts = statistics.quantiles(took_ms, n=100, method="inclusive")
    values = (cuts[49], cuts[94], cuts[98])
    if below is None:
        return Row(name, values)
    return Row(name, values, f"P95 < {below:g} ms", values[1] < below)


def _slow_tool(loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
    """A tool that waits 20 ms, as a provider would: what a hit saves."""
    governed = govern(wait_twenty_ms, *usual_handlers(), spec=SPEC)
    misses = _timed(loop, lambda: governed.ainvoke(call_of("wait_twenty_ms", next(NUMBERS)), CONFIG), 50)
    hits = _timed(loop, lambda: governed.ainvoke(call_of("wait_twenty_ms", 0), CONFIG))
    yield _percentiles("miss, a tool that takes 20 ms", misses)
    yield _percentiles("hit, the same tool", hits, below=1)


def _limit_check() -> Row:
    limits, bucket = MemoryState().limits, Bucket(5, 12_000_000_000)
    took = []
    for number in range(20_000):
        started = time.perf_counter()
        limits.take(f"tool:{number % 50}", bucket)
        took.append((time.perf_counter() - started) * 1e3)
    return _percentiles("rate limit check", took, below=0.5)


def _health(toolkit: SalesToolkit, loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
    async def probed() -> dict[str, float]:
        report = await toolkit.health.check_all(refresh=True)
        return {name: health.probed.seconds * 1e3 for name, health in report.tools.items() if health.probed}

    rounds = [loop.run_until_complete(probed()) for _ in range(20)]
    for name in rounds[0]:
        yield _percentiles(f"health, {name}", [found[name] for found in rounds], below=50)
    yield _percentiles("health, all tools at once", _timed(loop, lambda: toolkit.health.check_all(refresh=True), 20))


def _parallel(loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
    executor = ToolExecutor([govern(wait_twenty_ms, *usual_handlers(), spec=SPEC)])

    async def five(width: int) -> float:
        calls = [{"name": "wait_twenty_ms", "payload": {"number": next(NUMBERS)}} for _ in range(5)]
        started = time.perf_counter()
        answers = await executor.execute_parallel(calls, ROLE, width)
        assert all(answer["ok"] for answer in answers)
        return (time.perf_counter() - started) * 1e3

    sequential = statistics.median(loop.run_until_complete(five(1)) for _ in range(15))
    parallel = statistics.median(loop.run_until_complete(five(5)) for _ in range(15))
    yield Row("five calls of 20 ms, one after another", (sequential,))
    yield Row("five calls of 20 ms, side by side", (parallel,))
    gain = sequential / parallel
    yield Row("gain of five side by side", (gain,), "≥ 3 x", gain >= 3, "x")


def _batches(toolkit: SalesToolkit, loop: asyncio.AbstractEventLoop) -> Row:
    """Twenty batches of five real calls each, all at once."""
    executor = toolkit.executor()

    async def batch() -> float:
        named = list(FRESH.items())[:PER_BATCH]
        calls = [{"name": name, "payload": payload()} for name, payload in named]
        started = time.perf_counter()
        answers = await executor.execute_parallel(calls, ROLE, PER_BATCH)
        wrong = [answer["error"] for answer in answers if not answer["ok"]]
        assert not wrong, wrong
        return (time.perf_counter() - started) * 1e3

    async def all_at_once() -> list[float]:
        return await asyncio.gather(*[batch() for _ in range(BATCHES)])

    took = [ms for _ in range(5) for ms in loop.run_until_complete(all_at_once())]
    return _percentiles(f"a batch of {PER_BATCH} real calls, {BATCHES} batches at once", took)


def _full_cache(loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
    """A cache that holds as many results as it may."""
    governed = govern(look_up_async, *usual_handlers(), spec=SPEC)  # 1,000 entries by default

    async def fill() -> None:
        for number in range(1000):
            await governed.ainvoke(call_of("look_up_async", number), CONFIG)

    loop.run_until_complete(fill())
    held, fresh = count(), count(1000)
    hits = _timed(loop, lambda: governed.ainvoke(call_of("look_up_async", next(held) % 1000), CONFIG), 900)
    yield _percentiles("hit in a cache of 1,000 entries", hits, below=1)
    evicting = _timed(loop, lambda: governed.ainvoke(call_of("look_up_async", next(fresh)), CONFIG), 1000)
    yield _percentiles("miss that evicts one of 1,000 entries", evicting)


def _memory(loop: asyncio.AbstractEventLoop) -> Iterator[Row]:
    governed = govern(look_up_async, *usual_handlers(), spec=SPEC)
    numbers = count()

    async def call(times: int) -> None:
        for _ in range(times):
            await governed.ainvoke(call_of("look_up_async", next(numbers)), CONFIG)

    loop.run_until_complete(call(100))
    gc.collect()
    tracemalloc.start()
    loop.run_until_complete(call(1000))
    gc.collect()
    filled, _ = tracemalloc.get_traced_memory()
    loop.run_until_complete(call(5000))
    gc.collect()
    later, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Row("memory of a cache of 1,000 small results", (filled / 1e6,), unit="MB")
    grown = (later - filled) / 5000
    yield Row("memory kept per call after that", (grown,), "< 100 B", grown < 100, "B")


@tool
async def wait_twenty_ms(number: int) -> str:
    """Wait twenty milliseconds."""
    await asyncio.sleep(0.02)
    return "done"


def print_table(console: Console) -> int:
    """Measure, print every figure beside what was asked for, and return how many miss it."""
    table = Table(title="The performance plan (wall clock of this machine)")
    for heading in ("measured", "P50", "P95", "P99", "unit", "asked for", ""):
        table.add_column(heading, justify="right" if heading.startswith("P") else "left")
    missed = 0
    for row in rows():
        missed += row.met is False
        values = [f"{value:,.3f}" for value in row.values] + [""] * (3 - len(row.values))
        told = "" if row.met is None else "met" if row.met else "MISSED"
        table.add_row(row.name, *values, row.unit, row.target, told)
    console.print(table)
    return missed
