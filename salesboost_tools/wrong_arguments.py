"""What is wrong with a tool's arguments, in words that also say what is allowed."""

from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

_PROBLEMS_AT_MOST = 10
_NAME_AT_MOST = 60
_AUTHORS_WORDS = "value_error"

Schema = Mapping[str, Any]
_UNKNOWN: Schema = {}


def explained(name: str, tool: BaseTool | None, error: ValidationError) -> str:
    """Return a sentence per problem. Values that were given are not repeated.

    A name that does not exist is answered with those that do, a missing one with its choices; and if names at the top
    are wrong, all of them are told.

    Args:
        name: What the tool is called.
        tool: The tool, for its schema; None if nobody knows it.
        error: What validation found.
    """
    schema = _schema_of(tool)
    problems = error.errors(include_url=False, include_input=False)
    wrong = [_problem(each, schema) for each in problems[:_PROBLEMS_AT_MOST]]
    if len(problems) > _PROBLEMS_AT_MOST:
        wrong.append(f"and {len(problems) - _PROBLEMS_AT_MOST} more")
    said = f"The arguments of `{name}` are wrong. {'; '.join(wrong)}"
    about_names = any(len(each["loc"]) == 1 and each["type"] in {"missing", "extra_forbidden"} for each in problems)
    names = _names(schema) if about_names else ""
    return f"{said.rstrip('.')}. It takes {names}." if names else said


def _problem(found: Mapping[str, Any], schema: Schema) -> str:
    place = ".".join(str(step)[:_NAME_AT_MOST] for step in found["loc"])
    if found["type"] == _AUTHORS_WORDS:  # the sentence of whoever wrote the tool stands for itself
        said = found["msg"].removeprefix("Value error, ")
        return f"{place}: {said}" if place else said
    if found["type"] == "missing":
        choices = _choices(_at(schema, found["loc"], schema))
        return f"{place}: {found['msg']}" + (f", one of {', '.join(choices)}" if choices else "")
    if found["type"] == "extra_forbidden" and len(found["loc"]) > 1:
        names = _names(_at(schema, found["loc"][:-1], schema))
        return f"{place}: {found['msg']}" + (f", only {names}" if names else "")
    return f"{place or 'payload'}: {found['msg']}"


def _schema_of(tool: BaseTool | None) -> Schema:
    if tool is None:
        return _UNKNOWN
    schema = tool.tool_call_schema
    if isinstance(schema, dict):
        return schema
    return schema.model_json_schema() if issubclass(schema, BaseModel) else _UNKNOWN


def _at(schema: Schema, path: Iterable[int | str], whole: Schema) -> Schema:
    """Return the schema of what stands at a place; an empty one if that cannot be told."""
    for step in path:
        found = next((each for each in _forms(schema, whole) if "properties" in each or "items" in each), _UNKNOWN)
        schema = found.get("items", _UNKNOWN) if isinstance(step, int) else found.get("properties", {}).get(step, {})
    return next((each for each in _forms(schema, whole) if each.get("type") != "null"), _UNKNOWN)


def _forms(schema: Schema, whole: Schema) -> list[Schema]:
    """Return a schema with its reference followed, or all that it may be instead."""
    if "$ref" in schema:
        return _forms(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    several = schema.get("anyOf")
    return [form for each in several for form in _forms(each, whole)] if several else [schema]


def _choices(schema: Schema) -> list[str]:
    return [repr(choice) for choice in schema.get("enum", ())]


def _names(schema: Schema) -> str:
    needed = schema.get("required", ())
    names = schema.get("properties", {})
    return ", ".join(f"{name} (needed)" if name in needed else name for name in names)
