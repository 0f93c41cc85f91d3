"""How one tool's input becomes its arguments, decided once.

LangChain looks at the schema's annotations again on every call. What it finds cannot change between two calls, so it is
looked up here once; a schema with anything unusual about it is still parsed by LangChain itself.
"""

# This folder is the one place that knows LangChain's private parts; a differential test holds it to them.
# pyright: reportPrivateUsage=false

import inspect
from collections.abc import Callable, Iterable
from typing import Any, cast

from langchain_core.tools import BaseTool, Tool
from langchain_core.tools.base import FILTERED_ARGS, InjectedToolCallId
from langchain_core.tools.base import (
    _is_injected_arg_type as is_injected,
)
from langchain_core.tools.base import get_all_basemodel_annotations as annotations_of
from langchain_core.utils.pydantic import get_fields
from pydantic import BaseModel, RootModel

Parsed = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and named arguments for the tool."""

Parse = Callable[[Any, str | None], Parsed]
"""Takes the input (a dict, or text) and the tool call's id."""


def plan_parse(tool: BaseTool) -> Parse:
    """Return the cheapest function that parses this tool's input exactly as LangChain does."""
    schema = tool.args_schema
    stock = type(tool)._to_args_and_kwargs is BaseTool._to_args_and_kwargs and (
        type(tool)._parse_input is BaseTool._parse_input
    )
    if not stock:
        return tool._to_args_and_kwargs
    if isinstance(schema, type) and issubclass(schema, BaseModel) and _is_plain(tool, schema):
        if not schema.model_fields:
            return _nothing
        return _plan_model(tool, schema)
    return tool._to_args_and_kwargs


def hidden_arguments(tool: BaseTool) -> frozenset[str]:
    """Return the names that come from the system and not from the model: handlers and callbacks never see them."""
    hidden = set(FILTERED_ARGS) | set(tool._injected_args_keys)
    schema = tool.args_schema
    if isinstance(schema, type):
        hidden |= {name for name, kind in annotations_of(schema).items() if is_injected(kind)}
    return frozenset(hidden)


def lone_argument(tool: BaseTool) -> str:
    """Return the name under which handlers see a text input: the first argument's, as if it had come in a dict."""
    schema = tool.args_schema
    names: Iterable[str] = ()
    if isinstance(schema, dict):
        names = schema.get("properties", ())
    elif schema is not None:
        names = get_fields(schema)
    elif not isinstance(tool, Tool):  # the function behind a `Tool` gets its argument by position, whatever its name
        names = inspect.signature(tool._run).parameters
    return next(iter(names), "tool_input")


def as_given(tool_input: Any, _id: str | None) -> Parsed:
    """Leave the input alone: the tool parses it itself, in its own way."""
    if isinstance(tool_input, dict):
        return (), dict(cast(dict[str, Any], tool_input))
    return (tool_input,), {}


def _is_plain(tool: BaseTool, schema: type[BaseModel]) -> bool:
    """True if the validated model's own fields are what LangChain's dump of it would name."""
    needs_call_id = "tool_call_id" in tool._injected_args_keys or any(
        is_injected(kind, injected_type=InjectedToolCallId) for kind in annotations_of(schema).values()
    )
    decorators = schema.__pydantic_decorators__
    return not (
        needs_call_id
        or issubclass(schema, RootModel)
        or decorators.computed_fields
        or decorators.model_serializers
        or schema.model_dump is not BaseModel.model_dump
        or schema.model_validate.__func__ is not BaseModel.model_validate.__func__  # type: ignore[attr-defined]
        or schema.model_config.get("serialize_by_alias")
        or any(field.exclude or getattr(field, "exclude_if", None) for field in schema.model_fields.values())
    )


def _nothing(_input: Any, _id: str | None) -> Parsed:
    return (), {}


def _plan_model(tool: BaseTool, schema: type[BaseModel]) -> Parse:
    injected = tuple(tool._injected_args_keys)
    count = len(schema.model_fields)
    # pydantic makes fields of these names for *args and **kwargs; they are arguments only when somebody gave them
    synthetic = tuple(name for name in ("args", "kwargs") if name in schema.model_fields)

    def parse(tool_input: Any, tool_call_id: str | None) -> Parsed:
        if not isinstance(tool_input, dict):
            return tool._to_args_and_kwargs(tool_input, tool_call_id)
        model = schema.__pydantic_validator__.validate_python(tool_input)  # all that `model_validate` does here
        named = dict(model.__dict__)
        if len(named) != count or type(model) is not schema:  # validators made something else of it
            return tool._to_args_and_kwargs(cast(dict[str, Any], tool_input), tool_call_id)
        if model.__pydantic_extra__:
            named.update(model.__pydantic_extra__)
        for name in synthetic:
            if name not in tool_input and name not in model.model_fields_set:
                del named[name]
        for name in injected:
            if name in tool_input:
                named[name] = tool_input[name]
        return (), named

    return parse
