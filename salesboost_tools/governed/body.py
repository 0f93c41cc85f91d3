"""The innermost part of a governed call: the tool itself, with its arguments and in a context of its own."""

from collections.abc import Awaitable
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForToolRun,
    CallbackManager,
    CallbackManagerForToolRun,
)
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import (
    patch_config,
    run_in_executor,
    set_config_context,
    var_child_runnable_config,
)

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.write_key import WRITE_KEY
from salesboost_tools.governed.children import AsyncChild, SyncChild
from salesboost_tools.governed.context import inside
from salesboost_tools.governed.plan import Named, Plan, Positional
from salesboost_tools.governed.request import Request

_COMPLETED = frozenset({"tags", "metadata", "callbacks", "recursion_limit", "configurable"})
"""What a config has for certain once LangChain has completed it."""


@dataclass(slots=True)
class ToolBody:
    """What a tool needs to run once a call has come through all handlers.

    A class and not a function inside a function: of a thousand calls that wait Python's collector looks at each part,
    and a closure has one for every name it closes over.

    Attributes:
        plan: How to call the tool.
        request: The call as it came.
        args: The arguments handlers saw; if a call still holds this very dict, they changed nothing.
        positional: Arguments for the tool by position.
        named: Arguments for the tool by name, injected ones included.
        traced: Somebody hears of runs, so the tool's context is set up for tracing too.
    """

    plan: Plan
    request: Request
    args: Named
    positional: Positional
    named: Named
    traced: bool

    def given(self, call: ToolCall) -> tuple[Positional, Named]:
        """Return what the tool gets: its own arguments, or those that a handler put in their place."""
        if call.args is self.args:
            return self.positional, self.named
        injected = {name: value for name, value in self.named.items() if name not in self.args}
        given = {**injected, **call.args}
        if not self.positional:
            return (), given
        first = given.pop(self.plan.lone_key)
        return ((first,) if len(self.positional) == 1 else tuple(first)), given

    def child_config(self, child: CallbackManager | AsyncCallbackManager) -> RunnableConfig:
        """Return the config of whatever the tool itself runs."""
        config = self.request.config
        if config is None or not config.keys() >= _COMPLETED:
            return patch_config(config, callbacks=child)
        patched = config.copy()  # whoever inherits it copies what is inside
        patched["callbacks"] = child
        patched.pop("run_name", None)
        patched.pop("run_id", None)
        return patched


@dataclass(slots=True)
class SyncBody(ToolBody):
    """Runs the tool in this thread."""

    opened: CallbackManagerForToolRun

    def __call__(self, call: ToolCall) -> Any:
        """Run the tool for a call that has come through all handlers."""
        at, by = self.given(call)
        child = self.child_config(SyncChild.of(self.opened))
        if self.traced:
            with set_config_context(child) as context:
                return self._within(_keyed(context, call), at, by)
        return self._within(_keyed(_context_of(child), call), at, by)

    def _within(self, context: Context, at: Positional, by: Named) -> Any:
        request = self.request
        return context.run(self.plan.call, at, by, self.opened, request.config, request.tool_call_id)


@dataclass(slots=True)
class AsyncBody(ToolBody):
    """Runs the tool in this event loop; one that is sync only, in a thread."""

    opened: AsyncCallbackManagerForToolRun

    async def __call__(self, call: ToolCall) -> Any:
        """Run the tool for a call that has come through all handlers."""
        at, by = self.given(call)
        child = self.child_config(AsyncChild.of(self.opened))
        if self.traced:
            with set_config_context(child) as context:
                return await self._within(_keyed(context, call), at, by)
        return await self._within(_keyed(_context_of(child), call), at, by)

    def _within(self, context: Context, at: Positional, by: Named) -> Awaitable[Any]:
        plan, opened, request = self.plan, self.opened, self.request
        if plan.acall is not None:
            awaitable = context.run(plan.acall, at, by, opened, request.config, request.tool_call_id)
            return inside(context, awaitable)
        arguments = (plan.call, at, by, opened.get_sync(), request.config, request.tool_call_id)
        # a thread cannot be stopped: when the call is cancelled it still is in its context, so it gets one of its own
        return run_in_executor(request.executor, context.copy().run, *arguments)


def _context_of(child: RunnableConfig) -> Context:
    """Return a context in which LangChain finds the config of whatever the tool itself runs."""
    context = copy_context()
    context.run(var_child_runnable_config.set, child)
    return context


def _keyed(context: Context, call: ToolCall) -> Context:
    """Tell the tool under which key it writes, if somebody sees to it that the call happens once."""
    if call.idempotency_key is not None:
        context.run(WRITE_KEY.set, (call.name, call.idempotency_key))
    return context
