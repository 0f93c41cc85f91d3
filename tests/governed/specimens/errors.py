"""Tools that fail, and all the ways to say what then."""

from typing import Any

from langchain_core.tools import StructuredTool, ToolException
from pydantic import BaseModel, ValidationError

from tests.governed.side_by_side import Specimen


class Number(BaseModel):
    x: int


class Wrapped(ToolException):
    """An error of a tool's own."""


def _to_blocks(error: Any) -> list[Any]:
    return [{"type": "text", "text": f"it failed: {error}"}, "twice"]


def _validation_error() -> ValidationError:
    try:
        Number(x="seven")
    except ValidationError as error:
        return error
    raise AssertionError


TOOL_ERRORS = {
    "plain": lambda: ToolException("it failed"),
    "of its own class": lambda: Wrapped("it failed", 2),
    "without a text": ToolException,
    "with an object": lambda: ToolException({"code": 7}),
}
OTHER_ERRORS = {
    "ValueError": lambda: ValueError("wrong"),
    "KeyError": lambda: KeyError("gone"),
    "StopAsyncIteration": lambda: StopAsyncIteration("over"),
    "NotImplementedError": lambda: NotImplementedError("never"),
    "TimeoutError": lambda: TimeoutError("late"),
    "an exception group": lambda: ExceptionGroup("two", [ValueError("a"), ToolException("b")]),
    "a validation error of its own": _validation_error,
}
HANDLERS: dict[str, Any] = {
    "False": False,
    "None": None,
    "True": True,
    "text": "sorry",
    "empty text": "",
    "a function": lambda error: f"it said {error}",
    "a function that gives blocks": _to_blocks,
    "a function that gives an object": lambda error: {"code": 7},
    "a class": str,
}


def failing(error: Any, **settings: Any) -> StructuredTool:
    """Return a tool that raises what `error` makes."""

    def fail(x: int) -> Any:
        raise error()

    async def fail_later(x: int) -> Any:
        raise error()

    return StructuredTool.from_function(fail, fail_later, name="failing", description="Fails.", **settings)


SPECIMENS = {
    **{
        f"an error {kind}, handled by {how}": Specimen(lambda e=error, h=handler: failing(e, handle_tool_error=h))
        for how, handler in HANDLERS.items()
        for kind, error in TOOL_ERRORS.items()
        if kind == "plain" or how in ("True", "a function")
    },
    **{
        f"a {kind}": Specimen(lambda e=error: failing(e, handle_tool_error=True))
        for kind, error in OTHER_ERRORS.items()
    },
    **{
        f"validation handled by {how}": Specimen(
            lambda h=handler: failing(OTHER_ERRORS["a validation error of its own"], handle_validation_error=h)
        )
        for how, handler in HANDLERS.items()
        if how != "a function that gives blocks"
    },
    "an error with artifacts": Specimen(
        lambda: failing(TOOL_ERRORS["plain"], handle_tool_error=True, response_format="content_and_artifact")
    ),
}
