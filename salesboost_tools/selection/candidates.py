"""What may be chosen from: a group, the name of one, or a bare sequence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.tools import BaseTool

from salesboost_tools.core.errors import ConfigurationError, ToolCallError
from salesboost_tools.selection.group import ToolGroup, may_explore

UNNAMED_GROUP = "(unnamed)"
"""Bare sequences are all learnt about here: a tool is known by its name, whatever it stands beside."""

_SEQUENCES_KEPT = 1024


@dataclass(frozen=True, slots=True)
class BareGroup:
    """A sequence of tools or names, seen as a group."""

    variants: tuple[Any, ...]
    names: tuple[str, ...]
    explore: bool
    name: str = UNNAMED_GROUP


class Candidates:
    """Turns whatever a caller chooses from into a group, and remembers groups by name.

    Sequences of names are remembered too, since a caller that has no groups brings the same one every time.
    """

    def __init__(self) -> None:
        self._groups: dict[str, ToolGroup] = {}
        self._sequences: dict[tuple[Any, ...], BareGroup] = {}

    def groups(self) -> list[ToolGroup]:
        """Return the groups seen so far."""
        return list(self._groups.values())

    def of(self, tool_group: ToolGroup | str | Sequence[BaseTool | str]) -> ToolGroup | BareGroup:
        """Return the group meant.

        Raises:
            ConfigurationError: The name is unknown, or the sequence is empty or holds a name twice.
        """
        if not isinstance(tool_group, list):
            if isinstance(tool_group, ToolGroup):
                self._groups[tool_group.name] = tool_group
                return tool_group
            if isinstance(tool_group, str):
                return self._named(tool_group)
        members = tuple(tool_group)
        try:
            return self._sequences[members]
        except (KeyError, TypeError):  # not seen yet, or of tools: they cannot be hashed
            return self._new(members)

    def _named(self, name: str) -> ToolGroup:
        group = self._groups.get(name)
        if group is None:
            raise ConfigurationError(f"no group {name!r} was used here before; known: {sorted(self._groups)}")
        return group

    def _new(self, members: tuple[BaseTool | str, ...]) -> BareGroup:
        names = tuple([member if isinstance(member, str) else member.name for member in members])
        if not names or len(set(names)) < len(names):
            raise ConfigurationError(
                f"a sequence to choose from needs at least one tool and each once; got {list(names)}"
            )
        tools = [member for member in members if not isinstance(member, str)]
        if tools:
            return BareGroup(members, names, may_explore(tools))
        if len(self._sequences) >= _SEQUENCES_KEPT:
            self._sequences.clear()
        group = self._sequences[members] = BareGroup(members, names, explore=True)
        return group


def mask(group: ToolGroup | BareGroup, available: Iterable[BaseTool | str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of a group's tools that may serve and of those that may not, in their order.

    Args:
        group: What is chosen from.
        available: Tools or names that may serve; strangers to the group mean nothing.

    Raises:
        ToolCallError: None of the group may serve.
    """
    allowed = {tool if isinstance(tool, str) else tool.name for tool in available}
    arms = tuple([name for name in group.names if name in allowed])
    if not arms:
        raise ToolCallError(
            f"no tool of `{group.name}` is available: of {list(group.names)} none is in {sorted(allowed)}",
            for_model="No tool for this is available right now. Continue without it, or try again later.",
            retryable=True,
        )
    return arms, tuple([name for name in group.names if name not in allowed])
