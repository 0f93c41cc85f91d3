"""However a call ends, its run is closed exactly once, and status feed and metrics tell the same story."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tools import BaseTool, ToolException
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.types import Command, Interrupt
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, PrivateAttr

from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.handlers.base import ToolHandler
from salesboost_tools.handlers.cache import CacheHandler
from salesboost_tools.handlers.metrics import MetricsHandler
from salesboost_tools.handlers.permission import PermissionHandler
from salesboost_tools.handlers.rate_limit import RateLimitHandler
from salesboost_tools.handlers.retry import RetryHandler
from salesboost_tools.handlers.status import StatusHandler
from salesboost_tools.handlers.timeout import TimeoutHandler
from tests.doubles import Query, RunLedger, ScriptedTool
from tests.governed.attachments import ATTACHMENTS

WAYS = ["sync", "async", "async in a thread"]

STATUS_OF_KIND = {
    "completed": {"success", "cached"},
    "failed": {"error", "refused", "rate_limited", "timeout"},
    "interrupted": {"interrupted"},
    "cancelled": {"cancelled"},
}

ONE_AN_HOUR = "1/hour"


class InThread(ScriptedTool):
    """Knows no async way."""

    _arun = BaseTool._arun


class WaitsForLeave(BaseTool):
    """Does not end before it may."""

    name: str = "waits"
    description: str = "Waits."
    args_schema: type[BaseModel] = Query
    spec: ToolSpec = ToolSpec(effect=Effect.READ)
    _began: threading.Event = PrivateAttr(default_factory=threading.Event)
    _may_end: threading.Event = PrivateAttr(default_factory=threading.Event)
    _doors: list[asyncio.Event] = PrivateAttr(default_factory=list)

    def _run(self, query: str = "q") -> str:
        self._began.set()
        self._may_end.wait(10)
        return "ended"

    async def _arun(self, query: str = "q") -> str:
        self._began.set()
        self._doors.append(asyncio.Event())
        await self._doors[-1].wait()
        return "ended"

    def let_go(self) -> None:
        self._may_end.set()
        for door in self._doors:
            door.set()


class WaitsInThread(WaitsForLeave):
    _arun = BaseTool._arun


class Breaks(ToolHandler):
    """A handler with a bug."""

    order = 30

    def around(self, call, proceed):
        raise RuntimeError("a bug")

    async def aaround(self, call, proceed):
        raise RuntimeError("a bug")


class StopsAtTheStart(BaseCallbackHandler):
    """A foreign handler that may stop a run, and does."""

    raise_error = True
    run_inline = True

    def on_tool_start(self, *args, **kwargs):
        raise RuntimeError("not today")


def _break(error: Exception) -> str:
    raise RuntimeError("an error handler with a bug")


@dataclass(frozen=True)
class Scene:
    """One way for calls to end.

    Attributes:
        script: What the tool does.
        handlers: What stands around it, besides status and metrics.
        statuses: How metrics count the calls; a call stopped before it came to the handlers is not counted.
        calls: How many, one after the other.
        args: What they are given.
        settings: Of the tool.
        listeners: Foreign handlers besides the ledger.
    """

    script: tuple[Any, ...] = ("answer",)
    handlers: Callable[[], list[ToolHandler]] = list
    statuses: tuple[str, ...] = ("success",)
    calls: int = 1
    args: dict[str, Any] = field(default_factory=lambda: {"query": "q"})
    settings: dict[str, Any] = field(default_factory=dict)
    listeners: Callable[[], list[BaseCallbackHandler]] = list


def _spec(**settings: Any) -> dict[str, Any]:
    return {"spec": ToolSpec(effect=Effect.READ, **settings)}


def _retry() -> list[ToolHandler]:
    return [RetryHandler(max_attempts=2, base_delay_s=0, jitter_s=0)]


BAD = {"query": ["no", "text"]}

SCENES = {
    "a plain result": Scene(),
    "a tool error": Scene((ToolException("no"),), statuses=("error",)),
    "a tool error, handled": Scene((ToolException("no"),), statuses=("error",), settings={"handle_tool_error": True}),
    "a bug in the tool": Scene((ZeroDivisionError("no"),), statuses=("error",)),
    "bad arguments": Scene(args=BAD, statuses=()),
    "bad arguments, handled": Scene(args=BAD, statuses=(), settings={"handle_validation_error": True}),
    "a refusal": Scene(
        handlers=lambda: [PermissionHandler()], statuses=("refused",), settings=_spec(allowed_roles=["x"])
    ),
    "a cache miss": Scene(handlers=lambda: [CacheHandler()]),
    "a cache hit": Scene(handlers=lambda: [CacheHandler()], calls=2, statuses=("success", "cached")),
    "a rate limit": Scene(
        handlers=lambda: [RateLimitHandler(default=ONE_AN_HOUR)], calls=2, statuses=("success", "rate_limited")
    ),
    "a retry, then success": Scene((ConnectionError("lost"), "answer"), _retry),
    "retries exhausted": Scene((ConnectionError("lost"),), _retry, ("error",)),
    "an interrupt": Scene((GraphInterrupt((Interrupt("sure?", id="i"),)),), _retry, ("interrupted",)),
    "a command to the parent": Scene((ParentCommand(Command(graph="parent")),), _retry, ("interrupted",)),
    "a handler with a bug": Scene(handlers=lambda: [Breaks()], statuses=("error",)),
    "an error handler with a bug": Scene(
        (ToolException("no"),), statuses=("error",), settings={"handle_tool_error": _break}
    ),
    "a validation error handler with a bug": Scene(args=BAD, statuses=(), settings={"handle_validation_error": _break}),
    "a listener that stops the run": Scene(statuses=(), listeners=lambda: [StopsAtTheStart()]),
    "everything at once": Scene(
        (ConnectionError("lost"), "answer"),
        lambda: [*_retry(), CacheHandler(), RateLimitHandler(), TimeoutHandler(), PermissionHandler()],
        ("success", "cached"),
        calls=2,
    ),
}


class Story:
    """What ledger, status feed and metrics each tell of the same calls."""

    def __init__(self):
        self.ledger = RunLedger()
        self.status = StatusHandler()
        self.registry = CollectorRegistry()
        self.metrics = MetricsHandler(self.registry)

    def attach(self, kind: str, tool: BaseTool, handlers: list[ToolHandler], *more: BaseCallbackHandler) -> Any:
        return ATTACHMENTS[kind](tool, [self.status, self.metrics, *handlers], [self.ledger, *more])

    def check(self, statuses: tuple[str, ...]) -> None:
        """Every run is closed once; status and metrics saw those calls that came as far as the handlers."""
        assert self.ledger.ended + self.ledger.failed == self.ledger.started
        assert set(self.ledger.started.values()) <= {1}
        assert self.counted() == Counter(statuses)
        events = self.status.feed.recent()
        ends = [event for event in events if event.kind in STATUS_OF_KIND]
        assert Counter(event.run_id for event in ends) == Counter(e.run_id for e in events if e.kind == "started")
        assert {event.run_id for event in ends} <= {str(run_id) for run_id in self.ledger.started}
        assert len(ends) == len(statuses)
        told = Counter(kind for status in statuses for kind, those in STATUS_OF_KIND.items() if status in those)
        assert Counter(event.kind for event in ends) == told
        assert (self.status.observer_failures, self.metrics.observer_failures) == (0, 0)

    def counted(self) -> Counter[str]:
        samples = (s for metric in self.registry.collect() for s in metric.samples)
        calls = (s for s in samples if s.name == "salesboost_tool_calls_total")
        return Counter({s.labels["status"]: int(s.value) for s in calls})


attachments = pytest.mark.parametrize("kind", ATTACHMENTS)
ways = pytest.mark.parametrize("way", WAYS)


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
@attachments
@ways
def test_every_run_is_closed_once(scene, kind, way):
    story = Story()
    tool = (InThread if way == "async in a thread" else ScriptedTool)(*scene.script, **scene.settings)
    attached = story.attach(kind, tool, scene.handlers(), *scene.listeners())
    for _ in range(scene.calls):
        try:
            if way == "sync":
                attached.invoke(scene.args)
            else:
                asyncio.run(attached.ainvoke(scene.args))
        except Exception:  # what comes out is tested elsewhere; here, what was told of it
            continue
    story.check(scene.statuses)
    assert len(story.ledger.started) == scene.calls


@attachments
@ways
def test_a_timeout_closes_the_run(kind, way):
    story = Story()
    tool = (WaitsInThread if way == "async in a thread" else WaitsForLeave)()
    attached = story.attach(kind, tool, [TimeoutHandler(0.01)])

    async def go():
        try:
            await attached.ainvoke({"query": "q"})
        finally:
            tool.let_go()

    with pytest.raises(ToolException, match="did not answer within"):
        attached.invoke({"query": "q"}) if way == "sync" else asyncio.run(go())
    tool.let_go()
    story.check(("timeout",))


@attachments
@pytest.mark.parametrize("way", WAYS[1:])
async def test_cancellation_from_outside_closes_the_run(kind, way):
    story = Story()
    tool = (WaitsInThread if way == "async in a thread" else WaitsForLeave)()
    task = asyncio.create_task(story.attach(kind, tool, _retry()).ainvoke({"query": "q"}))
    await asyncio.to_thread(tool._began.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    tool.let_go()
    story.check(("cancelled",))
    assert [type(error) for error in story.ledger.errors] == [asyncio.CancelledError]


@pytest.mark.parametrize("kind", ["govern", "tool.callbacks", "config"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_program_closes_the_run(kind, error):
    story = Story()
    with pytest.raises(error):
        story.attach(kind, ScriptedTool(error), _retry()).invoke({"query": "q"})
    story.check(("cancelled",))
    assert [type(seen) for seen in story.ledger.errors] == [error]


@attachments
@pytest.mark.parametrize("way", WAYS[1:])
async def test_calls_that_share_an_answer_are_a_run_each(kind, way):
    story = Story()
    cache = CacheHandler()
    tool = (WaitsInThread if way == "async in a thread" else WaitsForLeave)()
    attached = story.attach(kind, tool, [cache])
    tasks = [asyncio.create_task(attached.ainvoke({"query": "q"})) for _ in range(2)]
    while not _somebody_follows(cache):  # noqa: ASYNC110  (no event tells of it)
        await asyncio.sleep(0)
    tool.let_go()
    await asyncio.gather(*tasks)
    story.check(("success", "cached"))
    assert len(story.ledger.started) == 2


@attachments
def test_calls_of_threads_that_share_an_answer_are_a_run_each(kind):
    story = Story()
    cache = CacheHandler()
    tool = WaitsForLeave()
    attached = story.attach(kind, tool, [cache])
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(attached.invoke, {"query": "q"}) for _ in range(2)]
        while not _somebody_follows(cache):
            tool._began.wait(0.001)
        tool.let_go()
        for call in calls:
            call.result()
    story.check(("success", "cached"))
    assert len(story.ledger.started) == 2


def _somebody_follows(cache: CacheHandler) -> bool:
    return any(flight._future for flight in list(cache._flights._under_way.values()))
