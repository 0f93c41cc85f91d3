"""What may be handed to more than one caller, and what says that there is nothing."""

import copy
from collections.abc import Mapping
from typing import Any

from langchain_core.messages.tool import ToolOutputMixin

_IMMUTABLE = (str, int, float, bool, bytes, type(None))


def is_shareable(result: Any) -> bool:
    """True unless a result carries the id of one call: messages and commands do."""
    parts = result if isinstance(result, list | tuple) else (result,)  # pyright: ignore[reportUnknownVariableType]
    return not any(isinstance(part, ToolOutputMixin) for part in parts)  # pyright: ignore[reportUnknownVariableType]


def own_copy(value: Any) -> Any:
    """Return a value the receiver may change without changing what others hold."""
    return value if type(value) in _IMMUTABLE else copy.deepcopy(value)


def says_nothing_found(result: Any) -> bool:
    """True for None, "", [], {} and a dict whose `answer_found` is False; 0 and False are answers."""
    if result is None:
        return True
    if isinstance(result, str | list | Mapping) and not result:
        return True
    return isinstance(result, Mapping) and result.get("answer_found") is False  # pyright: ignore[reportUnknownMemberType]
