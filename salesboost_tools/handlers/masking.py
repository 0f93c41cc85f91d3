"""Take personal data and secrets out of results before anybody sees them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from langchain_core.messages import ToolMessage
from langgraph.types import Command

from salesboost_tools.core.call import ToolCall
from salesboost_tools.core.masking import USUAL_MASKS, MaskRules, mask
from salesboost_tools.handlers.base import AsyncProceed, Proceed, ToolHandler


class MaskingHandler(ToolHandler):
    """Masks results: by the names of fields and by how text looks, with rules of its own for each tool.

    It stands outside of whatever answers a call (the cache, stored results of writes, the tool), so that every answer
    is masked, and a change of the rules also holds for what was stored before. It stands inside of whatever watches
    (status, metrics), so that a preview of the result shows what the caller gets. What is stored is not masked: stored
    results are as confidential as the tools are.

    Masked are text, plain data, models and dataclasses, in tuples of content and artifact both; of a `ToolMessage` its
    content and artifact, of a `Command` the messages it brings. Ids of calls and messages stay. A result that cannot
    be looked through because it is nested too deeply is not handed out: the call fails (closed).

    Args:
        rules: For tools that have none of their own.
        by_tool: Rules by tool name; None leaves that tool's results as they are.
    """

    order = 15

    def __init__(
        self, rules: MaskRules = USUAL_MASKS, *, by_tool: Mapping[str, MaskRules | None] | None = None
    ) -> None:
        self._rules = rules
        self._by_tool = dict(by_tool or {})

    def around(self, call: ToolCall, proceed: Proceed) -> Any:
        """Mask what comes back."""
        return masked_result(proceed(call), self.rules_of(call))

    async def aaround(self, call: ToolCall, proceed: AsyncProceed) -> Any:
        """Mask what comes back."""
        return masked_result(await proceed(call), self.rules_of(call))

    def rules_of(self, call: ToolCall) -> MaskRules | None:
        """Return the rules for a call's result; None if it stays as it is."""
        return self._by_tool.get(call.name, self._rules)


def masked_result(result: Any, rules: MaskRules | None) -> Any:
    """Return a tool's result masked; the same object if there was nothing to mask."""
    if rules is None:
        return result
    if isinstance(result, ToolMessage):
        return _masked_message(result, rules)
    if isinstance(result, Command):
        return _masked_command(cast("Command[Any]", result), rules)
    if isinstance(result, list) and any(isinstance(part, ToolMessage | Command) for part in cast("list[Any]", result)):
        return [masked_result(part, rules) for part in cast("list[Any]", result)]
    return mask(result, rules)


def _masked_message(message: ToolMessage, rules: MaskRules) -> ToolMessage:
    content, artifact = mask(message.content, rules), mask(message.artifact, rules)
    if content is message.content and artifact is message.artifact:
        return message
    return message.model_copy(update={"content": content, "artifact": artifact})


def _masked_command(command: Command[Any], rules: MaskRules) -> Command[Any]:
    """Mask the messages of an update; what else it tells the graph is not for the model."""
    update = _with_messages_masked(command.update, rules)
    return command if update is command.update else replace(command, update=update)


def _with_messages_masked(part: Any, rules: MaskRules) -> Any:
    if isinstance(part, ToolMessage):
        return _masked_message(part, rules)
    if isinstance(part, dict):
        update = cast("dict[Any, Any]", part)
        return {name: _with_messages_masked(value, rules) for name, value in update.items()}
    if type(part) in (list, tuple):
        return type(part)([_with_messages_masked(one, rules) for one in cast("list[Any]", part)])
    return part
