"""LangGraph's `stream_mode="custom"`: who reads it, and telling them."""

from collections.abc import Callable
from typing import Any, Final

from langchain_core.runnables.config import var_child_runnable_config

Writer = Callable[[Any], None]

_RUNTIME: Final = "__pregel_runtime"
"""Where LangGraph keeps the runtime among what is configurable; `langgraph.config.get_stream_writer` looks there."""

_DO_NOTHING: Final[Writer] = lambda _: None  # noqa: E731  (its code is what counts)
_CODE_OF_NOTHING = _DO_NOTHING.__code__.co_code


def stream_writer() -> Writer | None:
    """Return the stream writer of the graph this runs in; None outside of graphs, and where nobody reads the stream.

    A graph whose custom stream nobody reads has a writer too: a function without a body, known by its code.
    """
    config = var_child_runnable_config.get()
    if config is None:
        return None
    runtime = config.get("configurable", {}).get(_RUNTIME)
    writer: Writer | None = getattr(runtime, "stream_writer", None)
    code = getattr(writer, "__code__", None)
    return None if code is not None and code.co_code == _CODE_OF_NOTHING else writer
