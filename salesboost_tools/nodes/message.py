"""What all calls of one message share, set up once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast
from uuid import UUID

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolRuntime
from langgraph.runtime import Runtime

from salesboost_tools.core.call import Caller
from salesboost_tools.governed.caller import caller_of
from salesboost_tools.nodes.lanes import Lane
from salesboost_tools.nodes.stock import ToolCallRequest

InputType = Literal["list", "dict", "tool_calls"]
RuntimeOf = Callable[[ToolCall], Any]
"""Makes the `ToolRuntime` of a call; asked only for tools that want one."""

_FROM_THE_GRAPH = frozenset(field.name for field in fields(ToolRuntime)) & {
    "context",
    "store",
    "stream_writer",
    "execution_info",
    "server_info",
}


@dataclass(slots=True)
class Message:
    """The calls of a message and what they have in common.

    Attributes:
        calls: In the order the model asked for them.
        input_type: The form in which the node was called, which is the form it answers in.
        config: The node's config, completed.
        callbacks: `CallbackManager` or `AsyncCallbackManager`.
        runtime: LangGraph's, for tools that want it.
        state: The graph's state, for tools that want it.
        tools: All tools of the node, for tools that want them.
        lanes: Which calls run side by side.
        width: How many lanes run at once.
        equal: For each call, what it has in common with equal reads of the message; None for nothing.
        under_way: How many calls are being answered in this event loop; hedges count as calls.
        came_s: When it came, by `time.perf_counter`; told only where somebody measures.
        caller: Who asks.
        run_id: The run's id that the config asks for, until a call has it.
        served: The variants that answered equal reads, by what those have in common.
    """

    calls: Sequence[ToolCall]
    input_type: InputType
    config: RunnableConfig
    callbacks: Any
    runtime: Runtime[Any]
    state: Any = None
    tools: list[BaseTool] = field(default_factory=list[BaseTool])
    lanes: Sequence[Lane] = ()
    width: int = 1
    equal: Sequence[str | None] = ()
    under_way: int = 0
    came_s: float = 0.0
    caller: Caller = field(init=False)
    run_id: UUID | None = field(default=None, init=False)
    served: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _shared: Any = field(default=None, init=False)
    _configs: dict[int, RunnableConfig] = field(default_factory=dict[int, RunnableConfig], init=False)
    _belongs_to: "Message | None" = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.caller = caller_of(self.config)
        self.run_id = self.config.pop("run_id", None)

    @classmethod
    def of_request(
        cls, callbacks: Any, request: ToolCallRequest, within: "Message | InputType", config: RunnableConfig
    ) -> "Message":
        """Return the surroundings of a single call that a wrapper lets through.

        Args:
            callbacks: The kind of manager.
            request: What is let through.
            within: The message that the call belongs to; the form of the answer, if it belongs to none.
            config: The call's.
        """
        whole = within if isinstance(within, Message) else None
        form = whole.input_type if whole else cast("InputType", within)
        message = cls([request.tool_call], form, ensure_config(config), callbacks, Runtime())
        if whole:
            message._belongs_to, message.equal = whole, whole.equal
        return message

    @property
    def _whole(self) -> "Message":
        """The message that a single call, let through by a wrapper, belongs to."""
        return self._belongs_to or self

    def give(self, call: ToolCall, config: RunnableConfig) -> None:
        """Let a call have a config of its own."""
        self._configs[id(call)] = config

    def config_of(self, call: ToolCall) -> RunnableConfig:
        """Return a call's config: a copy, for a tool may write into it."""
        own = self._configs.get(id(call)) if self._configs else None
        return _copied(self.config) if own is None else ensure_config(own)

    def run_id_of(self, call: ToolCall) -> UUID | None:
        """Return the run's id that the config asks for: as in LangChain's batches the first call gets it, once."""
        if (run_id := self._asked_run_id(call)) is not None:
            self._whole.run_id = None
        return run_id

    def _asked_run_id(self, call: ToolCall) -> UUID | None:
        whole = self._whole
        return None if whole.run_id is None or call["id"] != whole.calls[0]["id"] else whole.run_id

    def manager_of(self, tool: BaseTool) -> Any:
        """Return the callbacks of a tool's run: one manager for all tools that bring nothing of their own."""
        if tool.callbacks or tool.tags or tool.metadata or tool.verbose:
            return self._configure(tool.callbacks, tool.verbose, tool.tags, tool.metadata)
        if self._shared is None:
            self._shared = self._configure(None, False, None, None)  # noqa: FBT003  (LangChain's own order)
        return self._shared

    def _configure(self, callbacks: Any, verbose: bool, tags: Any, metadata: Any) -> Any:  # noqa: FBT001
        config = self.config
        return self.callbacks.configure(
            config.get("callbacks"), callbacks, verbose, config.get("tags"), tags, config.get("metadata"), metadata
        )

    def runtime_of(self, call: ToolCall) -> ToolRuntime[Any, Any]:
        """Return what a tool may have injected: state, store, stream and its own call's id."""
        given: dict[str, Any] = {name: getattr(self.runtime, name, None) for name in _FROM_THE_GRAPH}
        if "tools" in ToolRuntime.__dataclass_fields__:
            given["tools"] = self.tools
        config = self.config_of(call)
        if (run_id := self._asked_run_id(call)) is not None:
            config["run_id"] = run_id
        return ToolRuntime(state=self.state, tool_call_id=call["id"], config=config, **given)

    def has_room(self) -> bool:
        """Return whether one more call may run beside those under way."""
        return self._whole.under_way < self._whole.width

    # ------------------------------------------------------------ equal reads of a group

    def served_by(self, call: ToolCall) -> str | None:
        """Return the variant that answered an equal call before; None if there was none."""
        served = self._whole.served
        name = self._name_of(call) if served else None
        return None if name is None else served.get(name)

    def note_server(self, call: ToolCall, answer: ToolMessage) -> None:
        """Remember which variant answered a call, for those that are its equals."""
        name, variant = self._name_of(call), answer.response_metadata.get("variant")
        if name is not None and variant is not None:
            self._whole.served[name] = variant

    def _name_of(self, call: ToolCall) -> str | None:
        asked = zip(self._whole.calls, self.equal, strict=False)
        return next((name for one, name in asked if one["id"] == call["id"]), None)  # a wrapper may hand on a copy


def _copied(config: RunnableConfig) -> RunnableConfig:
    """Return a copy of a config that is complete: what `ensure_config` would return, for a third of its time."""
    copied = cast("dict[str, Any]", config.copy())
    for name in ("tags", "metadata", "callbacks", "configurable"):
        value = copied[name]
        if value is not None:
            copied[name] = value.copy()
    return cast("RunnableConfig", copied)
