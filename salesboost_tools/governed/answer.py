"""The message that answers a tool call, made without the detour through validation where there is nothing to validate.

Making a `ToolMessage` is the dearest step of a plain call that LangChain leaves to be saved.
"""

# This folder is the one place that knows LangChain's private parts; a differential test holds it to them.
# pyright: reportPrivateUsage=false

from typing import Any, Final

from langchain_core.messages import ToolMessage
from langchain_core.tools.base import (
    _format_output as format_output,
)

_GIVEN: Final = {"content", "artifact", "tool_call_id", "name", "status"}
_STATUSES: Final = frozenset({"success", "error"})


def formatted(content: Any, artifact: Any, tool_call_id: str | None, name: str, status: str) -> Any:
    """Return the answer to a call as LangChain does: a `ToolMessage` if the call has an id, else the content."""
    if type(content) is str and type(tool_call_id) is str and _IS_LIKE_LANGCHAINS and status in _STATUSES:
        return _made(content, artifact, tool_call_id, name, status)
    return format_output(content, artifact, tool_call_id, name, status)


def _made(content: str, artifact: Any, tool_call_id: str, name: str, status: str) -> ToolMessage:
    """Put a message together of values that are known to be of the right kinds."""
    message = ToolMessage.__new__(ToolMessage)
    values = {
        **_DEFAULTS,
        "content": content,
        "artifact": artifact,
        "tool_call_id": tool_call_id,
        "name": name,
        "status": status,
    }
    for field, make in _FACTORIES:
        values[field] = make()
    set_on = object.__setattr__
    set_on(message, "__dict__", values)
    set_on(message, "__pydantic_fields_set__", _GIVEN.copy())
    set_on(message, "__pydantic_extra__", {})
    set_on(message, "__pydantic_private__", None)
    return message


def _validated(content: str, artifact: Any, tool_call_id: str, name: str, status: str) -> ToolMessage:
    return ToolMessage(content, artifact=artifact, tool_call_id=tool_call_id, name=name, status=status)


_DEFAULTS: Final[dict[str, Any]] = dict(_validated("", None, "", "", "success").__dict__)
_FACTORIES: Final[tuple[tuple[str, Any], ...]] = tuple(
    (name, field.default_factory) for name, field in ToolMessage.model_fields.items() if field.default_factory
)


def _is_like_langchains() -> bool:
    """Return whether both ways make the same message; a later LangChain may do more than put values together."""
    values = ("found", {"score": 1}, "call_1", "look_up", "error")
    made, validated = _made(*values), _validated(*values)
    attributes = ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
    return all(getattr(made, name) == getattr(validated, name) for name in attributes)


_IS_LIKE_LANGCHAINS: Final = _is_like_langchains()
