"""What a governed tool tells listeners, and what it hands down, is what the bare tool does."""

import asyncio
from contextvars import ContextVar
from uuid import UUID

import pytest
from langchain_core.callbacks import (
    BaseCallbackHandler,
    CallbackManager,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool, tool
from langchain_core.tracers.context import collect_runs
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client, get_current_run_tree
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from salesboost_tools.governed import govern
from tests.governed.side_by_side import WAYS, as_tool_call, both, invoking, plain

RUN_ID = UUID(int=7)


def _structured(func, afunc, **settings):
    return lambda: StructuredTool.from_function(func, afunc, name="outer", description="Runs more.", **settings)


# ---------------------------------------------------------------- settings and configs


def _double(x: int) -> int:
    return 2 * x


async def _double_later(x: int) -> int:
    return 2 * x


doubles = _structured(_double, _double_later, tags=["own"], metadata={"own": 1, "both": "tool"})

CONFIGS = {
    "empty": {},
    "tags and metadata": {"tags": ["given", "own"], "metadata": {"given": 2, "both": "config"}},
    "a name and an id": {"run_name": "renamed", "run_id": RUN_ID},
    "configurable": {"configurable": {"thread_id": "t", "user_id": 7, "model": "m", "api_key": "k"}},
    "a caller that is no caller": {"configurable": {"user_id": {"no": "text"}, "thread_id": 1.5}},
    "unknown keys": {"caller_role": "coach"},
    "limits": {"recursion_limit": 3, "max_concurrency": 1},
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("way", WAYS)
def test_a_config_is_taken_as_by_the_bare_tool(config, way):
    bare, governed = both(doubles, way, invoking(as_tool_call("outer", {"x": 1}), config))
    assert governed == bare


CALLS = {
    "with_config": lambda tool, method, heard: getattr(
        tool.with_config(tags=["bound"], callbacks=heard, run_name="bound"), method
    )({"x": 1}, {"tags": ["given"]}),
    "bound arguments": lambda tool, method, heard: getattr(tool.bind(more="event"), method)(
        {"x": 1}, {"callbacks": heard}
    ),
    "batch": lambda tool, method, heard: getattr(tool, method.replace("invoke", "batch"))(
        [{"x": 1}, {"x": 2}, {"x": "three"}],
        {"callbacks": heard, "max_concurrency": 1, "tags": ["batch"]},
        return_exceptions=True,
    ),
    "within a sequence": lambda tool, method, heard: getattr(
        RunnableLambda(lambda x: {"x": x}) | tool | RunnableLambda(str), method
    )(1, {"callbacks": heard, "tags": ["sequence"]}),
    "a manager for callbacks": lambda tool, method, heard: getattr(tool, method)(
        {"x": 1}, {"callbacks": CallbackManager(heard, inheritable_handlers=heard, parent_run_id=RUN_ID, tags=["m"])}
    ),
    "run, with everything it takes": lambda tool, method, heard: getattr(tool, method.replace("invoke", "run"))(
        {"x": 1},
        verbose=True,
        start_color="blue",
        color="red",
        callbacks=heard,
        tags=["given"],
        metadata={"given": 1},
        run_name="renamed",
        run_id=RUN_ID,
        config={"configurable": {"given": 1}},
        tool_call_id="call-1",
        more="event",
    ),
    "run, with nothing but the input": lambda tool, method, heard: getattr(tool, method.replace("invoke", "run"))(
        {"x": 1}, callbacks=heard
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("way", WAYS)
def test_a_roundabout_call_is_heard_as_that_of_the_bare_tool(call, way):
    bare, governed = both(doubles, way, call)
    assert governed == bare
    assert governed.events


@pytest.mark.parametrize("way", WAYS)
def test_the_tools_own_callbacks_hear_it_and_nobody_else_does(way):
    def call(tool, method, heard):
        tool.callbacks = heard
        return getattr(tool, method)({"x": 1})

    bare, governed = both(doubles, way, call)
    assert governed == bare
    assert governed.events == ["on_tool_start", "on_tool_end"]


# ---------------------------------------------------------------- what a tool runs in turn


@tool
def inner(x: int) -> int:
    """Add one."""
    return x + 1


def _runs_more(x: int) -> str:
    dispatch_custom_event("half way", {"x": x})
    return RunnableLambda(lambda given: inner.invoke({"x": given}), name="link").invoke(x)


async def _runs_more_later(x: int) -> str:
    await adispatch_custom_event("half way", {"x": x})

    async def link(given: int) -> int:
        return await inner.ainvoke({"x": given})

    first = await RunnableLambda(link, name="link").ainvoke(x)
    second = await asyncio.create_task(inner.ainvoke({"x": first}))
    return f"{first} {second}"


def _starts_a_task(x: int):
    return asyncio.ensure_future(RunnableLambda(lambda given: given + 1, name="link").ainvoke(x))


class RunsMoreByItsManager(BaseTool):
    name: str = "outer"
    description: str = "Runs more."

    def _run(self, x: int, config: RunnableConfig, run_manager=None) -> int:
        return inner.invoke({"x": x}, {"callbacks": run_manager.get_child("tagged"), "tags": config["tags"]})

    async def _arun(self, x: int, config: RunnableConfig, run_manager=None) -> int:
        return await inner.ainvoke({"x": x}, {"callbacks": run_manager.get_child("tagged"), "tags": config["tags"]})


def _fails_inside(x: int) -> int:
    return RunnableLambda(lambda given: given["missing"], name="link").invoke({"x": x})


NESTING = {
    "runnables and tools": _structured(_runs_more, _runs_more_later),
    "a task": _structured(_double, _starts_a_task),
    "by the run manager": RunsMoreByItsManager,
    "a sync tool": _structured(_runs_more, None),
    "a failing runnable": _structured(_fails_inside, None),
}


@pytest.mark.parametrize("make", NESTING.values(), ids=NESTING)
@pytest.mark.parametrize(
    "config", [{}, {"tags": ["t"], "metadata": {"m": 1}, "run_name": "n"}], ids=["plain", "config"]
)
@pytest.mark.parametrize("way", WAYS)
def test_what_a_tool_runs_in_turn_is_its_child(make, config, way):
    bare, governed = both(make, way, invoking({"x": 1}, config))
    assert governed == bare
    assert len(governed.events) >= 2


@pytest.mark.parametrize("way", WAYS)
def test_listeners_of_the_config_hear_nested_tools_while_those_of_the_tool_do_not(way):
    def call(tool, method, heard):
        tool.callbacks = heard[:1]
        return getattr(tool, method)({"x": 1}, {"callbacks": heard[1:]})

    bare, governed = both(_structured(_runs_more, _runs_more_later), way, call)
    assert governed == bare
    assert [event for event, _, _ in governed.heard[0]].count("on_tool_start") == 1
    assert [event for event, _, _ in governed.heard[1]].count("on_tool_start") > 1


@pytest.mark.parametrize("listened_to", [True, False], ids=["heard", "unheard"])
@pytest.mark.parametrize("way", WAYS)
def test_a_tool_finds_the_same_config_around_it(way, listened_to):
    def look_around(x: int) -> list:
        config = ensure_config()
        return [sorted(config), config["tags"], config["metadata"], config["configurable"], config["recursion_limit"]]

    async def look_around_later(x: int) -> list:
        return look_around(x)

    given = {"tags": ["t"], "metadata": {"m": 1}, "configurable": {"c": 1}, "recursion_limit": 9, "run_name": "n"}

    def call(tool, method, heard):
        return getattr(tool, method)({"x": 1}, {**given, "callbacks": heard if listened_to else None})

    def call_run(tool, method, heard):
        async def alater(_):
            return await tool.arun({"x": 1}, config={"configurable": {"c": 2}})

        within = RunnableLambda(lambda _: tool.run({"x": 1}, config={"configurable": {"c": 2}}), afunc=alater)
        return getattr(within, method)(1, given)

    for do in (call, call_run):
        bare, governed = both(_structured(look_around, look_around_later), way, do)
        assert governed == bare
        assert governed.outcome[0] == "returned"


# ---------------------------------------------------------------- context variables

_mood: ContextVar[str] = ContextVar("mood", default="calm")


def _change(x: int) -> str:
    before = _mood.get()
    _mood.set("changed")
    return before


async def _change_later(x: int) -> str:
    before = _mood.get()
    _mood.set("changed")
    await asyncio.sleep(0)
    assert _mood.get() == "changed"
    return before


async def _change_and_fail(x: int) -> str:
    _mood.set("changed")
    raise ValueError(_mood.get())


def _change_before_it_awaits(x: int):
    _mood.set("changed")
    return _double_later(x)


@pytest.mark.parametrize("listened_to", [True, False], ids=["heard", "unheard"])
@pytest.mark.parametrize("coroutine", [None, _change_later, _change_and_fail, _change_before_it_awaits])
@pytest.mark.parametrize("way", WAYS)
def test_what_a_tool_sets_it_sets_for_itself(way, coroutine, listened_to):
    make = _structured(_change, coroutine)

    def call(tool, method, heard):
        config = {"callbacks": heard if listened_to else None}
        if method == "invoke":
            _mood.set("given")
            answer = tool.invoke({"x": 1}, config)
            return answer, _mood.get()

        async def go():
            _mood.set("given")
            try:
                answer = await tool.ainvoke({"x": 1}, config)
            except ValueError as error:
                answer = str(error)
            return answer, _mood.get()

        return go()

    bare, governed = both(make, way, call)
    assert governed == bare
    assert governed.outcome[1][1][1] == plain("given")


class SetsTheMood(BaseCallbackHandler):
    run_inline = True

    def on_tool_start(self, *args, **kwargs):
        _mood.set("set by a listener")


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_sees_what_an_inline_listener_set(way):
    def call(tool, method, heard):
        return getattr(tool, method)({"x": 1}, {"callbacks": [SetsTheMood()]})

    bare, governed = both(_structured(_change, _change_later), way, call)
    assert governed == bare
    assert governed.outcome[1] == "set by a listener"


async def _ask_a_database(x: int) -> list:
    """Ask through SQLAlchemy, which steps in and out of greenlets."""
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.connect() as connection:
        _mood.set("asking")
        moods = [await connection.run_sync(lambda _: _mood.get())]
        answer = (await connection.execute(text("select :x + 1"), {"x": x})).scalar_one()
        moods.append(await connection.run_sync(lambda _: _mood.get()))
    await engine.dispose()
    return [answer, *moods]


def test_a_tool_whose_library_switches_greenlets_keeps_its_context():
    bare, governed = both(_structured(None, _ask_a_database), "async", invoking({"x": 1}))
    assert governed == bare
    assert governed.outcome[1] == plain([2, "asking", "asking"])


# ---------------------------------------------------------------- tracers


class TracerThatKeepsItToItself(LangChainTracer):
    """Traces as LangSmith's tracer does, and sends nothing anywhere."""

    def __init__(self):
        super().__init__(client=Client(api_url="http://localhost", api_key="none", auto_batch_tracing=False))
        self.done = []

    def _persist_run_single(self, run):
        pass

    def _update_run_single(self, run):
        self.done.append((run.name, run.run_type, run.error, run.parent_run_id is not None))


@pytest.mark.parametrize("way", WAYS)
def test_a_tracer_sees_the_run_around_what_the_tool_traces(way):
    tracers = []

    def trace(x: int) -> str:
        parent = get_current_run_tree()
        return f"{parent.name} {parent.id in {run.id for tracer in tracers for run in tracer.run_map.values()}}"

    async def trace_later(x: int) -> str:
        return trace(x)

    def call(tool, method, heard):
        tracers[:] = [TracerThatKeepsItToItself()]
        return getattr(tool, method)({"x": 1}, {"callbacks": tracers})

    bare, governed = both(_structured(trace, trace_later), way, call)
    assert governed == bare
    assert governed.outcome == ("returned", "outer True")
    assert tracers[0].done == [("outer", "tool", None, False)]


def test_collected_runs_are_those_of_the_bare_tool():
    def collected(tool):
        with collect_runs() as runs:
            tool.invoke({"x": 1})
        return [(run.name, run.run_type, run.inputs, run.outputs, run.error) for run in runs.traced_runs]

    bare = doubles()
    assert collected(govern(bare)) == collected(bare)
    assert len(collected(bare)) == 1
