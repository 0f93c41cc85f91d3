"""One call as LangChain hands it over."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.runnables import RunnableConfig

from salesboost_tools.core.call import Caller, CallRecord


@dataclass(slots=True)
class Request:
    """One call as LangChain hands it over.

    Attributes:
        tool_input: A dict of arguments, or text.
        config: The caller's config, made complete by LangChain; None if the tool was run directly.
        tool_call_id: The model's id for this call.
        run_id: Id for the run; None makes one.
        run_name: Name for the run in traces.
        start_color: Passed on to the start event.
        color: Passed on to the end event.
        extra: Further keyword arguments, passed on to the events.
        caller: Who asks, where it is known already; None reads it from the config.
        record: Where the caller wants to read afterwards what happened.
        executor: Threads for a sync tool in an async run; None takes the event loop's own.
    """

    tool_input: Any
    config: RunnableConfig | None = None
    tool_call_id: str | None = None
    run_id: UUID | None = None
    run_name: str | None = None
    start_color: str | None = "green"
    color: str | None = "green"
    extra: Mapping[str, Any] | None = None
    caller: Caller | None = None
    record: CallRecord | None = None
    executor: Executor | None = None
