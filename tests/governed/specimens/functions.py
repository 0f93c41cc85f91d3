"""Tools made of functions."""

import asyncio
import functools
from typing import Any

from langchain_core.callbacks import Callbacks
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool, Tool, tool
from pydantic import BaseModel

from tests.governed.side_by_side import Specimen


@tool
def doubles(x: int) -> int:
    """Double a number."""
    return 2 * x


@tool
async def doubles_later(x: int) -> int:
    """Double a number."""
    await asyncio.sleep(0)
    return 2 * x


@tool("named", return_direct=True, parse_docstring=True)
def documented(x: int, unit: str = "kg") -> str:
    """Weigh.

    Args:
        x: How much.
        unit: Of what.
    """
    return f"{x} {unit}"


@tool
def wants_callbacks(x: int, callbacks: Callbacks = None) -> str:
    """Look at the callbacks."""
    return f"{x} {type(callbacks).__name__} {callbacks.parent_run_id is not None}"


@tool
async def wants_callbacks_later(x: int, callbacks: Callbacks = None) -> str:
    """Look at the callbacks."""
    return f"{x} {type(callbacks).__name__} {callbacks.parent_run_id is not None}"


@tool
def wants_config(x: int, settings: RunnableConfig) -> str:
    """Look at the config."""
    return f"{x} {sorted(settings)} {settings['configurable']} {len(settings['callbacks'])}"


@tool
async def wants_config_later(x: int, settings: RunnableConfig) -> str:
    """Look at the config."""
    return f"{x} {sorted(settings)} {settings['configurable']} {len(settings['callbacks'])}"


@tool
def wants_both(x: int, config: RunnableConfig, callbacks: Callbacks = None) -> str:
    """Look at both."""
    return f"{x} {config['recursion_limit']} {type(callbacks).__name__}"


@tool
def has_a_run_manager(x: int, run_manager: Any = None) -> str:
    """Look at the run manager."""
    return f"{x} {run_manager}"


@tool
def variadic(x: int, *args: int, **kwargs: Any) -> str:
    """Take anything."""
    return f"{x} {args} {kwargs}"


@tool
def only_named(**kwargs: Any) -> str:
    """Take anything by name."""
    return str(kwargs)


@tool
def nothing_wanted() -> str:
    """Take nothing."""
    return "nothing"


@tool
def counts_to(x: int) -> Any:
    """Return a generator."""
    return (number for number in range(x))


@tool
def optional(x: int | None = None, y: list[int] | None = None) -> str:
    """Take little."""
    return f"{x} {y}"


class Doubler:
    def __call__(self, x: int) -> int:
        """Double a number."""
        return 2 * x

    def method(self, x: int) -> int:
        """Double a number."""
        return 2 * x


class LateDoubler:
    async def __call__(self, x: int) -> int:
        """Double a number."""
        return 2 * x


class Number(BaseModel):
    x: int


def _plus(x: int, y: int) -> int:
    """Add."""
    return x + y


async def _plus_later(x: int, y: int) -> int:
    """Add."""
    return x + y


async def _text_later(text: str) -> str:
    return text + " later"


def _future_of(x: int) -> Any:
    """Return something that can be awaited, but is no coroutine."""
    return asyncio.ensure_future(asyncio.sleep(0, 2 * x))


def _structured(func: Any = None, coroutine: Any = None, **more: Any) -> StructuredTool:
    more = {"name": "structured", "description": "Do something.", **more}
    return StructuredTool.from_function(func, coroutine, **more)


def _simple(func: Any, **more: Any) -> Tool:
    return Tool(name="simple", func=func, description="Do something.", **more)


SPECIMENS = {
    "a sync function": Specimen(lambda: doubles),
    "an async function": Specimen(lambda: doubles_later),
    "a documented function, returned directly": Specimen(lambda: documented),
    "a function that wants callbacks": Specimen(lambda: wants_callbacks),
    "an async function that wants callbacks": Specimen(lambda: wants_callbacks_later),
    "a function that wants the config": Specimen(lambda: wants_config),
    "an async function that wants the config": Specimen(lambda: wants_config_later),
    "a function that wants config and callbacks": Specimen(lambda: wants_both),
    "a function with a run manager of its own": Specimen(lambda: has_a_run_manager),
    "*args and **kwargs": Specimen(lambda: variadic),
    "*args and **kwargs, given": Specimen(lambda: variadic, {"x": 1, "args": [2], "kwargs": {"y": 3}}),
    "only **kwargs": Specimen(lambda: only_named, {"x": 1}, {"kwargs": "no"}),
    "only **kwargs, given": Specimen(lambda: only_named, {"kwargs": {"x": 1}}, {"kwargs": "no"}),
    "no arguments": Specimen(lambda: nothing_wanted, {}, {"x": 1}),
    "optional arguments": Specimen(lambda: optional, {"y": [1, 2]}),
    "a function that returns a generator": Specimen(lambda: counts_to),
    "sync and async": Specimen(lambda: _structured(_plus, _plus_later), {"x": 1, "y": 2}),
    "async only": Specimen(lambda: _structured(None, _plus_later), {"x": 1, "y": 2}),
    "a partial": Specimen(lambda: _structured(functools.partial(_plus, y=2), args_schema=Number)),
    "an async partial": Specimen(
        lambda: _structured(functools.partial(_plus, y=2), functools.partial(_plus_later, y=2), args_schema=Number)
    ),
    "an object that can be called": Specimen(lambda: _structured(Doubler(), args_schema=Number)),
    "an object that can be called and awaited": Specimen(
        lambda: _structured(Doubler(), LateDoubler(), args_schema=Number)
    ),
    "a method": Specimen(lambda: _structured(Doubler().method)),
    "a future instead of a coroutine": Specimen(lambda: _structured(Doubler().method, _future_of)),
    "an async function that is none": Specimen(lambda: _structured(_plus, _plus), {"x": 1, "y": 2}),
    "extras, tags and metadata": Specimen(
        lambda: _structured(_plus, extras={"defer": True}, tags=["own"], metadata={"own": 1}), {"x": 1, "y": 2}
    ),
    "a verbose one": Specimen(lambda: _structured(_plus, verbose=True), {"x": 1, "y": 2}),
    "a simple tool": Specimen(lambda: _simple(str.upper), {"tool_input": "a"}, {"a": 1, "b": 2}),
    "a simple tool of any key": Specimen(lambda: _simple(lambda text: text * 2), {"whatever": "a"}, {}),
    "a simple async tool": Specimen(lambda: _simple(str.lower, coroutine=_text_later), {"tool_input": "a"}, {}),
    "a simple tool that is async only": Specimen(lambda: _simple(None, coroutine=_text_later), {"tool_input": "a"}, {}),
    "a simple tool with a schema": Specimen(lambda: _simple(abs, args_schema=Number)),
    "a simple tool that wants callbacks": Specimen(
        lambda: _simple(lambda text, callbacks: f"{text} {type(callbacks).__name__}"), {"tool_input": "a"}, {}
    ),
}
