"""Equivalent tools behind one name that a model sees."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools.base import ArgsSchema
from langchain_core.utils.function_calling import convert_to_openai_tool

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.core.spec import Effect, ToolSpec
from salesboost_tools.selection.arguments import argument_differences

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class ToolGroup:
    """Equivalent tools behind one name. A model is shown the name, one description and the arguments they share.

    Args:
        name: What the model calls: letters, digits, `_` and `-`, at most 64 of them.
        variants: The tools, the default first. Their names differ, their arguments agree: the same properties, types
            and required ones. Wording and default values may differ.
        description: What the model reads; None takes the first variant's.
        explore: Whether a policy chooses. False: the first available variant serves. None: only if every variant's
            `spec` says that it always reads; a group that may write needs an explicit True.

    Raises:
        ConfigurationError: A rule above is broken; the message says which.
    """

    __slots__ = ("args_schema", "by_name", "description", "explore", "name", "names", "parameters", "variants")

    name: str
    description: str
    variants: tuple[BaseTool, ...]
    names: tuple[str, ...]
    """The variants' names, in order."""
    by_name: Mapping[str, BaseTool]
    args_schema: ArgsSchema | None
    """The first variant's arguments as LangChain validates them, injected ones included."""
    parameters: Mapping[str, Any]
    """The arguments a model is shown, as JSON Schema."""
    explore: bool
    """Whether a policy chooses."""

    def __init__(
        self, name: str, variants: Iterable[BaseTool], description: str | None = None, *, explore: bool | None = None
    ) -> None:
        variants = tuple(variants)
        _refuse_wrong_names(name, [variant.name for variant in variants])
        first = variants[0]
        parameters = _parameters(first)
        for variant in variants[1:]:
            differences = argument_differences(parameters, _parameters(variant))
            if differences:
                raise ConfigurationError(
                    f"the variants `{first.name}` and `{variant.name}` of the group `{name}` take different arguments: "
                    + "; ".join(differences)
                )
        self.name = name
        self.variants = variants
        self.names = tuple(variant.name for variant in variants)
        self.by_name = MappingProxyType(dict(zip(self.names, variants, strict=True)))
        self.description = first.description if description is None else description
        self.args_schema = first.args_schema
        self.parameters = MappingProxyType(parameters)
        self.explore = may_explore(variants) if explore is None else explore

    def __repr__(self) -> str:
        return f"ToolGroup({self.name!r}, variants={list(self.names)}, explore={self.explore})"

    @property
    def definition(self) -> dict[str, Any]:
        """The group as a model's API wants a tool: `model.bind_tools([group.definition])`."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


def may_explore(tools: Sequence[object]) -> bool:
    """Return whether every tool always reads; a tool whose attribute `spec` is no `ToolSpec` is taken for a write."""
    specs = [getattr(tool, "spec", None) for tool in tools]
    return all(isinstance(spec, ToolSpec) and spec.effect is Effect.READ for spec in specs)


def _parameters(tool: BaseTool) -> dict[str, Any]:
    return convert_to_openai_tool(tool)["function"].get("parameters", {"type": "object", "properties": {}})


def _refuse_wrong_names(group: str, variants: Sequence[str]) -> None:
    if not _NAME.fullmatch(group):
        raise ConfigurationError(f"a group's name is 1 to 64 letters, digits, `_` or `-`; got {group!r}")
    if not variants:
        raise ConfigurationError(f"the group `{group}` needs at least one variant")
    twice = sorted({name for name in variants if variants.count(name) > 1})
    if twice:
        raise ConfigurationError(f"the variants of the group `{group}` need different names; more than once: {twice}")
