"""`ToolFanOut`: LangGraph's ToolNode, bounded, ordered, isolated, resumable, and several times cheaper."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import UNSPECIFIED
from salesboost_tools.handlers.daemon_threads import THREADS
from salesboost_tools.nodes.availability import HealthView
from salesboost_tools.nodes.choice import Choice
from salesboost_tools.nodes.equal_reads import equals_among, shared_among
from salesboost_tools.nodes.failure import HandleToolErrors, late_message, unknown_outcome
from salesboost_tools.nodes.lanes import (
    NOT_STARTED,
    UNFINISHED,
    arun_lanes,
    conflict_of,
    is_declared_write,
    lanes_of,
    run_lanes,
    write_lanes,
)
from salesboost_tools.nodes.measured import FanOutMetrics, Measured
from salesboost_tools.nodes.message import Message
from salesboost_tools.nodes.one_call import OneCall
from salesboost_tools.nodes.pregel import Place
from salesboost_tools.nodes.progress import Progress
from salesboost_tools.nodes.raised import is_left_open
from salesboost_tools.selection.group import ToolGroup
from salesboost_tools.selection.selector import ToolSelector


class ToolFanOut(OneCall):
    """Runs all tool calls of a message; takes ToolNode's place in any graph.

    What it adds:

    - At most `max_concurrency` calls at once, also of blocking tools in async runs; answers in the order of the calls.
    - A failing call becomes its own error message and its siblings finish.
    - Reads run side by side, equal ones are made once; declared writes run one after another in the order asked, unless
      their specs say that they are independent (`ToolSpec.conflicts_with`). A tool without a `ToolSpec` runs beside
      others as in ToolNode: a node that takes ToolNode's place must not slow down a graph whose tools nobody described.
    - In a graph with a checkpointer, a message that is run again (a question was answered, an error mended, a crash
      survived) runs only those calls that had not finished. Each question has its own id and gets its own answer.
    - What is late becomes an error message that says so. Nothing keeps running after the node has ended, but for
      threads of sync tools that came too late or were cancelled, which nobody can stop.
    - A call to a group's name is answered by one of its variants.

    Args:
        tools: Tools or functions, as ToolNode takes them; governed ones bring their handlers.
        groups: Equivalent tools behind one name each; a group answers in place of a tool of its name.
        selector: Chooses among the variants of a group and learns; None takes the first one that works.
        health: Knows which variants had better not be asked, for example a `ToolHealthChecker`; None: nobody.
        hedge: Whether, in async runs, a read of a group that takes longer than 95 of 100 is asked of a second variant
            too, if the bound leaves room for one more call. The first answer wins, the other is cancelled.
        max_concurrency: How many calls run at once, at least 1; `config["max_concurrency"]` may lower it.
        parallel: False runs the calls one after another.
        deadline_s: Seconds for the whole message, above 0; None for no limit.
        call_deadline_s: Seconds for each call, from its start, retries and waits included; None for no limit.
        name: The node's name.
        tags: The node's tags.
        handle_tool_errors: As ToolNode takes it, but True by default: failures are isolated.
        messages_key: The state's key for messages.
        wrap_tool_call: As ToolNode takes it.
        awrap_tool_call: As ToolNode takes it.
        metrics: Is told of the size of messages, the calls under way and how long they waited, under the node's name:
            `MetricsHandler.metrics`. None: nobody is.

    Raises:
        ConfigurationError: A number is out of range, or two different tools, or two groups, share a name.
    """

    def __init__(
        self,
        tools: Sequence[BaseTool | Callable[..., Any]] = (),
        *,
        groups: Sequence[ToolGroup] = (),
        selector: ToolSelector | None = None,
        health: HealthView | None = None,
        hedge: bool = False,
        max_concurrency: int = 5,
        parallel: bool = True,
        deadline_s: float | None = None,
        call_deadline_s: float | None = None,
        name: str = "tools",
        tags: list[str] | None = None,
        handle_tool_errors: HandleToolErrors = True,
        messages_key: str = "messages",
        wrap_tool_call: Any = None,
        awrap_tool_call: Any = None,
        metrics: FanOutMetrics | None = None,
    ) -> None:
        if max_concurrency < 1:
            raise ConfigurationError(f"max_concurrency is 1 or more; got {max_concurrency}")
        for named, seconds in (("deadline_s", deadline_s), ("call_deadline_s", call_deadline_s)):
            if seconds is not None and not seconds > 0:
                raise ConfigurationError(f"{named} is seconds, above 0, or None; got {seconds!r}")
        tools, groups = list(tools), list(groups)  # an iterator gives them but once
        _refuse_shared_names("tools", [(_name_of(tool), tool) for tool in tools])
        _refuse_shared_names("groups", [(group.name, group) for group in groups])
        super().__init__(
            tools,
            {group.name: Choice(group, selector, health, hedged=hedge) for group in groups},
            name=name,
            tags=tags,
            handle_tool_errors=handle_tool_errors,
            messages_key=messages_key,
            wrap_tool_call=wrap_tool_call,
            awrap_tool_call=awrap_tool_call,
        )
        self._max_concurrency = max_concurrency
        THREADS.keep(max_concurrency)  # starting one takes the event loop longer than all else of a blocking call
        self._parallel = parallel
        self._deadline_s = deadline_s
        self._call_deadline_s = call_deadline_s
        self._measured = None if metrics is None else Measured(metrics, name)

    # ------------------------------------------------------------ a message

    def _func(self, input: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None) -> Any:  # noqa: A002
        message = self._open(CallbackManager, input, config, runtime)
        progress = self._progress_of(message)
        if progress is not None:
            progress.recall()
            _part_those_that_asked(message, progress)

        def answer(position: int) -> Any:
            call = message.calls[position]
            if progress is None:
                return self._counted(message, call)
            if finished := progress.finished(position):
                return finished[0]
            with progress.at_desk(position) as own:
                message.give(call, own)
                answered = self._counted(message, call)
            progress.ended(position, answered)
            return answered

        with shared_among(message.calls, message.equal):
            answers = run_lanes(message.lanes, answer, message.width, self._deadline_s)
        ordered = self._ordered(message, answers)
        if progress is not None and is_left_open(ordered):
            self._note_unknown(message, progress)
            progress.keep()
        return self._close(message, ordered)

    async def _afunc(self, input: Any, config: RunnableConfig, runtime: Runtime[Any] | None = None) -> Any:  # noqa: A002
        message = self._open(AsyncCallbackManager, input, config, runtime)
        progress = self._progress_of(message)
        if progress is not None:
            await progress.arecall()
            _part_those_that_asked(message, progress)

        def answer(position: int) -> Awaitable[Any]:
            return self._acounted(message, message.calls[position])

        async def answer_once(position: int) -> Any:
            assert progress is not None, "asked for only where finished calls are kept"
            if finished := progress.finished(position):
                return finished[0]
            with progress.at_desk(position) as own:
                message.give(message.calls[position], own)
                answered = await answer(position)
            progress.aended(position, answered)
            return answered

        answering = answer if progress is None else answer_once
        ordered: list[Any] = []  # stays empty if somebody cancels
        try:
            with shared_among(message.calls, message.equal):
                answers = await arun_lanes(message.lanes, answering, message.width, self._deadline_s)
            ordered = self._ordered(message, answers)
        finally:
            if progress is not None and (not ordered or is_left_open(ordered)):
                self._note_unknown(message, progress)
                await progress.akeep()
            elif progress is not None:
                await progress.settled()
        return self._close(message, ordered)

    def _open(self, kind: Any, given: Any, config: RunnableConfig, runtime: Runtime[Any] | None) -> Message:
        """Do once what all calls of a message share, and decide which of them run beside each other."""
        message = self._opened(kind, given, config, runtime)
        calls = message.calls
        writes = [self._writes(call) for call in calls]
        kept_to = (
            write_lanes(writes, [self._conflict_of(call) for call in calls]) if any(writes) else [None] * len(calls)
        )
        if len(calls) > 1:
            message.equal = equals_among(calls, [self._reads(call) for call in calls])
            if message.equal:
                kept_to = [lane or equal for lane, equal in zip(kept_to, message.equal, strict=True)]
        asked = config.get("max_concurrency")
        message.lanes = lanes_of(kept_to, parallel=self._parallel)
        message.width = min(self._max_concurrency, max(1, asked)) if asked else self._max_concurrency
        if self._measured is not None:
            message.came_s = self._measured.message(len(calls))
        return message

    def _progress_of(self, message: Message) -> Progress | None:
        """Return what keeps calls that have finished; None if nothing can be kept, or need be.

        LangGraph itself keeps the answer of a single call, but only when the node has ended, and nothing of one that is
        cut off. That will do unless it is a write.
        """
        if len(message.calls) < 2 and not any(self._writes(call) for call in message.calls):
            return None
        place = Place.of(message.config)
        if place is None:
            return None
        reads_only = all(self._reads(call) for call in message.calls)
        return Progress(place, message.config, message.calls, at_once=not reads_only)

    def _ordered(self, message: Message, answers: dict[int, Any]) -> list[Any]:
        """Put the answers in the order of the calls."""
        ordered: list[Any] = []
        for position, call in enumerate(message.calls):
            answer = answers.get(position, NOT_STARTED)
            missing = answer is NOT_STARTED or answer is UNFINISHED
            ordered.append(self._late(call, answer, self._deadline_s) if missing else answer)
        return ordered

    def _note_unknown(self, message: Message, progress: Progress) -> None:
        """See to it that what was cut off and may have taken effect is not run again."""
        for position in tuple(progress.under_way):
            call = message.calls[position]
            if not self._reads(call):
                progress.note(position, unknown_outcome(call, f"`{call['name']}` was cut off."))

    # ------------------------------------------------------------ a call in time

    def _counted(self, message: Message, call: ToolCall) -> Any:
        if self._measured is None:
            return self._in_time(message, call)
        with self._measured.call(message.came_s):
            return self._in_time(message, call)

    def _acounted(self, message: Message, call: ToolCall) -> Awaitable[Any]:
        answered = self._aanswered(message, call) if self._call_deadline_s is None else self._ain_time(message, call)
        return answered if self._measured is None else self._ameasured(message, answered, self._measured)

    def _in_time(self, message: Message, call: ToolCall) -> Any:
        if self._call_deadline_s is None:
            return self._answered(message, call)
        outcome = THREADS.start(self._answered, message, call)
        return outcome.get() if outcome.wait(self._call_deadline_s) else self._late(call, None, self._call_deadline_s)

    async def _ain_time(self, message: Message, call: ToolCall) -> Any:
        try:
            async with asyncio.timeout(self._call_deadline_s):
                return await self._aanswered(message, call)
        except TimeoutError:  # the limit's own: a call keeps what it raises to itself
            return self._late(call, None, self._call_deadline_s)

    async def _ameasured(self, message: Message, answered: Awaitable[Any], measured: Measured) -> Any:
        with measured.call(message.came_s):
            return await answered

    def _late(self, call: ToolCall, answer: object, limit_s: float | None) -> ToolMessage:
        return late_message(call, limit_s, started=answer is not NOT_STARTED, reads=self._reads(call))

    # ------------------------------------------------------------ what is known of a call

    def _writes(self, call: ToolCall) -> bool:
        choice = self._choices.get(call["name"])
        if choice is not None:
            return choice.writes(call["args"])
        return is_declared_write(self._tool_named(call["name"]), call["args"])

    def _reads(self, call: ToolCall) -> bool:
        """Return whether somebody said that a call changes nothing; one that reaches no tool does not either."""
        tool = self._tool_named(call["name"])
        choice = self._choices.get(call["name"])
        described = tool is None or (tool.spec is not UNSPECIFIED if choice is None else choice.is_described)
        return described and not self._writes(call)

    def _conflict_of(self, call: ToolCall) -> str | None:
        return None if call["name"] in self._choices else conflict_of(self._tool_named(call["name"]), call["args"])


def _part_those_that_asked(message: Message, progress: Progress) -> None:
    """Let equal reads that wait for an answer share nothing: each has one of its own."""
    message.equal = [None if progress.has_asked(n) else equal for n, equal in enumerate(message.equal)]


def _name_of(tool: BaseTool | Callable[..., Any]) -> str:
    return tool.name if isinstance(tool, BaseTool) else getattr(tool, "__name__", repr(tool))


def _refuse_shared_names(kind: str, named: Sequence[tuple[str, object]]) -> None:
    first = dict(reversed(named))
    shared = sorted({name for name, one in named if one is not first[name]})
    if shared:
        raise ConfigurationError(f"{kind} of one node need different names; more than one is called: {shared}")
